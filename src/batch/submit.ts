// What the front end and the library need to know of a model's queue; types only.
import type { EntryKind } from '../protocols/protocol.ts';

/** Gets the one answer of a request. */
export interface ReplySink {
  /** What the client calls its request beside the body; empty or not there when it does not say. */
  readonly requestId?: string;
  /**
   * Who asks, as in sources.ts; not there when that is not known. Called before the answer only, and seldom: it may
   * cost a microsecond.
   */
  source?(): number;
  /**
   * Called exactly once, unless the ticket was cancelled before. `body` may lie in shared memory that is re-used after
   * this call returns: send or copy it now. `headerBytes` is the length of a leading JSON part when raw tensors follow
   * it, else 0.
   */
  answer(status: number, body: Uint8Array, headerBytes: number): void;
}

/** A request that was accepted. */
export interface Ticket {
  /** The client went away: the answer is not wanted, and a run that has not begun is skipped. */
  cancel(): void;
}

/** One model's queue. */
export interface Submitter {
  /** Throws QUEUE_FULL or DRAINING when `submit` would: asked before a body is read, so that a refusal costs little. */
  assertRoom(kind: EntryKind): void;
  /**
   * Copies `body` and accepts the request, or throws QUEUE_FULL, DRAINING or NO_ACTIVE_VERSION.
   * `receivedUs` is the monotonic time at which the request's last byte came in. `headerBytes`: see EntryKind.
   * `timeoutUs` is how long the client is ready to wait, if that is less than the model's deadline.
   */
  submit(
    kind: EntryKind, body: Uint8Array, sink: ReplySink, receivedUs: number, headerBytes?: number, timeoutUs?: number,
  ): Ticket;
}
