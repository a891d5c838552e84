// One WebSocket: frames in, answers out, in any order. Main thread.
// Invariants: at most SOCKET_IN_FLIGHT_MAX frames wait for an answer; a client that does not read gets its new frames
// refused first, and is disconnected before too much is buffered for it (see outbox.ts); after `closed` its
// channel is never used again.
import { lastgoodError } from '../../base/errors.ts';
import type { ReplySink, Ticket } from '../../batch/submit.ts';
import type { WebSocketChannel, WebSocketHandler } from '../../http/driver.ts';
import { Gathering, OUTBOX_HELD_BACK_BYTES, Outbox } from '../../http/outbox.ts';
import { countRefusal, type FrontState } from '../../http/state.ts';
import type { ServingApi } from '../serving-api.ts';
import type { SocketDialect, SocketTarget } from './dialects.ts';

/** Frames of one socket that may wait for their answers; one more is refused with SOCKET_BUSY. */
export const SOCKET_IN_FLIGHT_MAX = 256;

/** The open WebSockets of one front, and what they share. */
export class OpenSockets {
  readonly gathering = new Gathering();
  readonly #state: FrontState;
  readonly #connections = new Set<Connection>();

  constructor(state: FrontState) {
    this.#state = state;
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    this.#state.sockets = this.#connections.size;
  }

  delete(connection: Connection): void {
    this.#connections.delete(connection);
    this.#state.sockets = this.#connections.size;
  }

  /** Sends every client a close frame. */
  endAll(code: number, reason: string): void {
    for (const connection of [...this.#connections]) connection.end(code, reason);
  }
}

export class Connection implements WebSocketHandler {
  /** Of all its frames; as in batch/sources.ts. */
  readonly source: number;
  readonly #api: ServingApi;
  readonly #state: FrontState;
  readonly #dialect: SocketDialect;
  readonly #target: SocketTarget;
  readonly #open: OpenSockets;
  /** One for each frame that ever waited at the same time; used again and again. */
  readonly #replies: FrameReply[] = [];
  readonly #free: FrameReply[] = [];
  #outbox: Outbox | undefined;

  /** `target` is what the URL names, and who asks. */
  constructor(
    api: ServingApi, state: FrontState, dialect: SocketDialect,
    { source, ...target }: SocketTarget & { readonly source: number }, open: OpenSockets,
  ) {
    this.source = source;
    this.#api = api;
    this.#state = state;
    this.#dialect = dialect;
    this.#target = target;
    this.#open = open;
  }

  opened(channel: WebSocketChannel): void {
    this.#open.add(this);
    this.#outbox = new Outbox(channel, this.#dialect.isBinary, this.#open.gathering, this.#state.unread);
  }

  /** Takes one frame; `message` is valid only during the call. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    const outbox = this.#outbox;
    if (outbox === undefined) return;
    const frame = Buffer.from(message);
    try {
      this.#submit(outbox, frame, isBinary);
    } catch (error) {
      countRefusal(this.#state, error);
      outbox.sendNow(this.#dialect.refusal(frame, error));
    }
  }

  /** Sends the answer of one frame. */
  answered(reply: FrameReply, body: Uint8Array): void {
    this.#finish(reply);
    this.#outbox?.send(body);
  }

  /** The socket is gone: nobody waits for the answers any more. */
  closed(): void {
    this.#open.delete(this);
    this.#outbox?.closed();
    this.#outbox = undefined;
    for (const reply of this.#replies) {
      if (!reply.isWaiting) continue;
      const ticket = reply.ticket;
      this.#finish(reply);
      ticket?.cancel();
    }
  }

  unreadChanged(): void {
    this.#outbox?.countUnread();
  }

  /** Sends a close frame. */
  end(code: number, reason: string): void {
    this.#outbox?.end(code, reason);
  }

  #submit(outbox: Outbox, frame: Buffer, isBinary: boolean): void {
    const dialect = this.#dialect;
    if (isBinary !== dialect.isBinary) {
      const [got, wanted] = isBinary ? ['binary', 'text'] : ['text', 'binary frames'];
      throw lastgoodError('INVALID_REQUEST', { reason: `the frame is ${got}; ${dialect.protocol} takes ${wanted}` });
    }
    if (this.#state.draining) throw lastgoodError('DRAINING');
    const { unreadBytes } = outbox;
    if (unreadBytes > OUTBOX_HELD_BACK_BYTES) {
      const got = `${unreadBytes} bytes of answers are unread`;
      throw lastgoodError('SOCKET_BUSY', { got, limit: `${OUTBOX_HELD_BACK_BYTES} may be` });
    }
    const reply = this.#reply();
    try {
      const ticket = dialect.submit(this.#api, this.#target, frame, reply);
      // A queue that answered at once is done with it.
      if (reply.isWaiting) reply.ticket = ticket;
    } catch (error) {
      this.#finish(reply);
      throw error;
    }
  }

  #reply(): FrameReply {
    let reply = this.#free.pop();
    if (reply === undefined) {
      const waiting = this.#replies.length;
      if (waiting >= SOCKET_IN_FLIGHT_MAX) {
        const got = `${waiting} frames wait for their answers`;
        throw lastgoodError('SOCKET_BUSY', { got, limit: `${SOCKET_IN_FLIGHT_MAX} may` });
      }
      reply = new FrameReply(this);
      this.#replies.push(reply);
    }
    reply.isWaiting = true;
    this.#state.inFlight += 1;
    return reply;
  }

  #finish(reply: FrameReply): void {
    if (!reply.isWaiting) return;
    reply.isWaiting = false;
    reply.ticket = undefined;
    this.#free.push(reply);
    this.#state.inFlight -= 1;
  }
}

/** Waits for the one answer of one frame; the status is in the body. */
class FrameReply implements ReplySink {
  readonly #connection: Connection;
  isWaiting = false;
  ticket: Ticket | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  source(): number {
    return this.#connection.source;
  }

  answer(_status: number, body: Uint8Array): void {
    if (this.isWaiting) this.#connection.answered(this, body);
  }
}
