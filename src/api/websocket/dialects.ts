// The subprotocols of the WebSocket: what a frame is, which queue it goes to, and how it is refused. Main thread; no
// state. A frame is passed on as bytes: of JSON only those members are looked for that name the queue, the time to wait
// in it and the id; of floats only the id is read.
import { monotonicUs } from '../../base/clock.ts';
import { lastgoodError } from '../../base/errors.ts';
import type { ReplySink, Submitter, Ticket } from '../../batch/submit.ts';
import { floatErrorFrame, floatFrameId } from '../../protocols/f32/frame.ts';
import { topLevelMember } from '../../protocols/json/member-scan.ts';
import { idIn, refusalJson } from '../../protocols/json/refusal.ts';
import { FRAME_LENGTH_BYTES, frameJson, frameJsonBytes, oipErrorFrame } from '../../protocols/oip/frame.ts';
import { timeoutIn } from '../../protocols/oip/parameters.ts';
import { EntryKind, PROTOCOLS } from '../../protocols/protocol.ts';
import type { ServingApi } from '../serving-api.ts';

/** A name may be written with escapes. */
const BACKSLASH = 0x5c;

/** What the URL of a socket names: the model, and the version if it is not to be whichever is active. */
export interface SocketTarget {
  readonly model: string | undefined;
  readonly version: string | undefined;
}

export interface SocketDialect {
  /** As a client offers it. */
  readonly protocol: string;
  /** Frames in both directions are binary. */
  readonly isBinary: boolean;
  /** Checks the upgrade of a socket whose URL names `target`; throws what its client has to know at once. */
  accept(api: ServingApi, target: SocketTarget): void;
  /** Hands a frame to its queue; `frame` is valid only during the call. What it throws is answered with `refusal`. */
  submit(api: ServingApi, target: SocketTarget, frame: Buffer, reply: ReplySink): Ticket;
  refusal(frame: Buffer, error: unknown): Uint8Array;
}

const json: SocketDialect = {
  protocol: PROTOCOLS[EntryKind.socketJson].name,
  isBinary: false,
  accept: (api, { model, version }) => {
    // What is named in the URL must be there now; without it, each frame may name its own.
    if (model !== undefined || version !== undefined) api.models.served(model).queueOf(version);
  },
  submit: (api, target, frame, reply) =>
    queueFor(api, target, textIn(frame, 'model')).submit(EntryKind.socketJson, frame, reply, monotonicUs()),
  refusal: (frame, error) => refusalJson(error, idIn(frame)).bytes,
};

// A version of the URL is one of the URL's model, or of the default one.
function queueFor(api: ServingApi, target: SocketTarget, model?: string, version?: string): Submitter {
  return model === undefined || model === target.model
    ? api.models.served(target.model).queueOf(version ?? target.version)
    : api.models.served(model).queueOf(version);
}

// Of most frames nothing more than this is asked for, and two searches in native code say that it is not there.
function textIn(frame: Buffer, key: string): string | undefined {
  if (!frame.includes(`"${key}"`) && !frame.includes(BACKSLASH)) return undefined;
  const text = topLevelMember(frame, key);
  if (text === undefined || typeof text === 'string') return text;
  throw lastgoodError('INVALID_REQUEST', { reason: `"${key}" is not a text; wanted a name` });
}

const floats: SocketDialect = {
  protocol: PROTOCOLS[EntryKind.floatFrame].name,
  isBinary: true,
  accept: (api, { model, version }) => api.assertFloats(model, version),
  submit: (api, { model, version }, frame, reply) =>
    queueFor(api, { model, version }).submit(EntryKind.floatFrame, frame, reply, monotonicUs()),
  refusal: (frame, error) => floatErrorFrame(error, floatFrameId(frame)).bytes,
};

const oip: SocketDialect = {
  protocol: PROTOCOLS[EntryKind.oipFrame].name,
  isBinary: true,
  accept: (api, target) => json.accept(api, target),
  submit: (api, target, frame, reply) => {
    const jsonBytes = frameJsonBytes(frame);
    const body = frame.subarray(FRAME_LENGTH_BYTES);
    const named = body.subarray(0, jsonBytes);
    const queue = queueFor(api, target, textIn(named, 'model_name'), textIn(named, 'model_version'));
    return queue.submit(
      EntryKind.oipFrame, body, reply, monotonicUs(), jsonBytes, timeoutIn(body, jsonBytes));
  },
  refusal: (frame, error) => oipErrorFrame(error, idIn(frameJson(frame))).bytes,
};

/** What a client speaks that offers no subprotocol. */
export const DEFAULT_DIALECT = json;
export const SOCKET_DIALECTS: readonly SocketDialect[] = [json, floats, oip];
