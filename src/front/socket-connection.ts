// One WebSocket of the `lastgood.json` subprotocol: frames in, answers out, in any order. Main thread.
// Invariants: at most SOCKET_IN_FLIGHT_MAX frames wait for an answer; a client that does not read gets its new frames
// refused first, and is disconnected before more than SOCKET_BACKLOG_BYTES_MAX (or one single answer) is buffered for
// it; after the close handler ran the native socket is never used again.
import type { ReplySink, Ticket } from '../batch/submit.ts';
import { monotonicUs } from '../clock.ts';
import { errorBody, lastgoodError } from '../errors.ts';
import { EntryKind } from '../shared-memory/slab.ts';
import { topLevelMember } from './frame-scan.ts';
import type { FrontPort } from './port.ts';
import type { FrontState } from './state.ts';
import type { UnreadHolder } from './unread-budget.ts';
import type { WebSocket } from './uws-types.ts';

/** Frames of one socket that may wait for their answers; one more is refused with SOCKET_BUSY. */
export const SOCKET_IN_FLIGHT_MAX = 256;
/** With more than this unread by the client, its new frames are refused with SOCKET_BUSY. */
export const SOCKET_HELD_BACK_BYTES = 1024 * 1024;
/** An answer that would leave more than this unread closes the socket with 1013. */
export const SOCKET_BACKLOG_BYTES_MAX = 8 * 1024 * 1024;

/** Close codes of RFC 6455 that the server sends. */
export const CloseCode = { goingAway: 1001, tryAgainLater: 1013 } as const;

const BUFFERED = 0;
const DROPPED = 2;
const MODEL_KEY = '"model"';

export class Connection implements UnreadHolder {
  readonly #port: FrontPort;
  readonly #state: FrontState;
  readonly #model: string | undefined;
  readonly #waiting = new Set<FrameReply>();
  #socket: WebSocket<unknown> | undefined;

  /** `model` is the one named in the URL; a frame may name another. */
  constructor(port: FrontPort, state: FrontState, model: string | undefined) {
    this.#port = port;
    this.#state = state;
    this.#model = model;
  }

  opened(socket: WebSocket<unknown>): void {
    this.#socket = socket;
  }

  /** Takes one frame; `message` is valid only during the call. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#socket === undefined) return;
    const bytes = Buffer.from(message);
    if (isBinary) {
      this.#refuse(null, lastgoodError('INVALID_REQUEST', { reason: 'the frame is binary; lastgood.json takes text' }));
      return;
    }
    try {
      this.#submit(this.#socket, bytes);
    } catch (error) {
      this.#refuse(topLevelMember(bytes, 'id') ?? null, error);
    }
  }

  /** Sends the answer of one frame, or ends a socket whose client does not read. */
  deliver(reply: FrameReply, body: Uint8Array): void {
    this.#waiting.delete(reply);
    this.#send(body);
  }

  /** The socket is gone: nobody waits for the answers any more. */
  closed(): void {
    this.#socket = undefined;
    this.#state.unread.set(this, 0);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const reply of waiting) reply.cancel();
  }

  /** Sends a close frame. */
  end(code: number, reason: string): void {
    this.#socket?.end(code, reason);
  }

  #submit(socket: WebSocket<unknown>, bytes: Buffer): void {
    if (this.#state.draining) throw lastgoodError('DRAINING');
    if (this.#waiting.size >= SOCKET_IN_FLIGHT_MAX) {
      throw lastgoodError('SOCKET_BUSY', {
        got: `${this.#waiting.size} frames wait for their answers`,
        limit: `${SOCKET_IN_FLIGHT_MAX} may`,
      });
    }
    const unreadBytes = socket.getBufferedAmount();
    if (unreadBytes > SOCKET_HELD_BACK_BYTES) {
      throw lastgoodError('SOCKET_BUSY', {
        got: `${unreadBytes} bytes of answers are unread`,
        limit: `${SOCKET_HELD_BACK_BYTES} may be`,
      });
    }
    const queue = this.#port.queueOf(this.#modelOf(bytes));
    const reply = new FrameReply(this, this.#state);
    // Into the set first: nothing can come between, and a queue that answered at once would find it there.
    this.#waiting.add(reply);
    try {
      reply.holdTicket(queue.submit(EntryKind.socketJson, bytes, reply, monotonicUs()));
    } catch (error) {
      this.#waiting.delete(reply);
      reply.cancel();
      throw error;
    }
  }

  #modelOf(bytes: Buffer): string | undefined {
    if (!bytes.includes(MODEL_KEY)) return this.#model;
    const model = topLevelMember(bytes, 'model');
    if (model === undefined) return this.#model;
    if (typeof model === 'string') return model;
    throw lastgoodError('INVALID_REQUEST', { reason: '"model" is not a text; wanted the name of a model' });
  }

  #refuse(id: unknown, error: unknown): void {
    const { body } = errorBody(error);
    this.#send(Buffer.from(JSON.stringify({ id, error: body.error, code: body.code })));
  }

  #send(body: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const unreadBytes = socket.getBufferedAmount();
    const tooMuch = unreadBytes > 0 && unreadBytes + body.length > SOCKET_BACKLOG_BYTES_MAX;
    const sent = tooMuch ? DROPPED : socket.send(body, false);
    if (sent === DROPPED) this.giveUp();
    else if (sent === BUFFERED) this.countUnread();
  }

  /** Tells the front what the client has not read: when something was buffered for it, and when it has read some. */
  countUnread(): void {
    this.#state.unread.set(this, this.#socket?.getBufferedAmount() ?? 0);
  }

  /** Disconnects a client that does not read. */
  giveUp(): void {
    this.#socket?.end(CloseCode.tryAgainLater, 'answers are not read');
  }
}

/** The one answer of one frame; the status is in the body. */
class FrameReply implements ReplySink {
  readonly #connection: Connection;
  readonly #state: FrontState;
  #ticket: Ticket | undefined;
  #done = false;

  constructor(connection: Connection, state: FrontState) {
    this.#connection = connection;
    this.#state = state;
    state.inFlight += 1;
  }

  holdTicket(ticket: Ticket): void {
    if (!this.#done) this.#ticket = ticket;
  }

  answer(_status: number, body: Uint8Array): void {
    if (this.#done) return;
    this.#finish();
    this.#connection.deliver(this, body);
  }

  cancel(): void {
    if (this.#done) return;
    const ticket = this.#ticket;
    this.#finish();
    ticket?.cancel();
  }

  #finish(): void {
    this.#done = true;
    this.#ticket = undefined;
    this.#state.inFlight -= 1;
  }
}
