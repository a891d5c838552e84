// The subprotocols of the WebSocket: what a frame is, which queue it goes to, and how it is refused. Main thread; no
// state. A frame is passed on as bytes: of a text only "model" and "id" are looked for, of floats only the id is read.
import type { ReplySink, Ticket } from '../batch/submit.ts';
import { monotonicUs } from '../clock.ts';
import { errorBody, lastgoodError } from '../errors.ts';
import { EntryKind } from '../shared-memory/slab.ts';
import { floatErrorFrame, floatFrameId } from '../wire/float-frame.ts';
import { topLevelMember } from './frame-scan.ts';
import type { FrontPort } from './port.ts';

export interface SocketDialect {
  /** As a client offers it. */
  readonly protocol: string;
  /** Frames in both directions are binary. */
  readonly isBinary: boolean;
  /** Checks the upgrade of a socket whose URL names `model`; throws what its client has to know at once. */
  accept(port: FrontPort, model: string | undefined): void;
  /** Hands a frame to its queue; `frame` is valid only during the call. What it throws is answered with `refusal`. */
  submit(port: FrontPort, model: string | undefined, frame: Buffer, reply: ReplySink): Ticket;
  refusal(frame: Buffer, error: unknown): Uint8Array;
}

const MODEL_KEY = '"model"';

const json: SocketDialect = {
  protocol: 'lastgood.json',
  isBinary: false,
  accept: (port, model) => {
    // A model named in the URL must exist now; without one, each frame may name its own.
    if (model !== undefined) port.queueOf(model);
  },
  submit: (port, model, frame, reply) =>
    port.queueOf(modelIn(frame) ?? model).submit(EntryKind.socketJson, frame, reply, monotonicUs()),
  refusal: (frame, error) => {
    const { error: text, code } = errorBody(error).body;
    return Buffer.from(JSON.stringify({ id: topLevelMember(frame, 'id') ?? null, error: text, code }));
  },
};

function modelIn(frame: Buffer): string | undefined {
  if (!frame.includes(MODEL_KEY)) return undefined;
  const model = topLevelMember(frame, 'model');
  if (model === undefined || typeof model === 'string') return model;
  throw lastgoodError('INVALID_REQUEST', { reason: '"model" is not a text; wanted the name of a model' });
}

const floats: SocketDialect = {
  protocol: 'lastgood.f32',
  isBinary: true,
  accept: (port, model) => port.assertFloats(model),
  submit: (port, model, frame, reply) =>
    port.queueOf(model).submit(EntryKind.floatFrame, frame, reply, monotonicUs()),
  refusal: (frame, error) => floatErrorFrame(floatFrameId(frame), error).bytes,
};

/** What a client speaks that offers no subprotocol. */
export const DEFAULT_DIALECT = json;
export const SOCKET_DIALECTS: readonly SocketDialect[] = [json, floats];
