// Collects the body of one request, on the main thread. A body that came in one piece is handed over in place, without
// a copy; pieces go into a private buffer. Every chunk is detached when its callback returns, so nothing is kept of it.
// Invariant: the bytes counted in the front's state are given back on every way out: answer, refusal, abort. What a
// client has announced and not sent counts nothing, so that announcing bodies keeps nobody else from sending one.
import { lastgoodError } from '../base/errors.ts';
import type { Ticket } from '../batch/submit.ts';
import { BODY_ENCODINGS, type BodyEncoding, Inflation, bodyEncoding, inflateSmall } from './inflate.ts';
import type { Reply } from './reply.ts';
import type { MemoryBudget } from '../shared-memory/memory-budget.ts';
import { LENGTH_UNKNOWN, type RequestHead } from './request-head.ts';
import type { FrontState } from './state.ts';

/** First buffer of a body that names no length, and the most of one that does; it doubles from there. */
const FIRST_BUFFER_BYTES = 16 * 1024;
const FIRST_BUFFER_BYTES_MAX = 256 * 1024;

/** Larger ones are refused while the process has no memory for them. */
const SMALL_BODY_BYTES_MAX = FIRST_BUFFER_BYTES_MAX;

/** All unfinished bodies of the front together may have this many times the limit of a single one. */
const RECEIVING_BODIES_MAX = 16;

/**
 * Reads the request's body and calls `deliver` once with all of it, valid only during the call; what `deliver` throws
 * is answered. A gzip or deflate body is inflated before. Answers 413 (as soon as the limit is known to be passed), 415
 * for another encoding, and 429 when too much is being received at once, and closes the connection then.
 */
export function collectBody(
  reply: Reply,
  head: RequestHead,
  state: FrontState,
  limitBytes: number,
  deliver: (body: Uint8Array) => void,
): void {
  const { contentLength } = head;
  let encoding: BodyEncoding | null;
  try {
    encoding = head.contentEncoding === '' ? null : bodyEncoding(head.contentEncoding);
  } catch (error) {
    reply.fail(error, { close: true, header: ['Accept-Encoding', BODY_ENCODINGS] });
    return;
  }
  if (contentLength > limitBytes) {
    reply.fail(lastgoodError('BODY_TOO_LARGE', { got: contentLength, limitBytes }), { close: true });
    return;
  }
  const { memory } = state;
  if (contentLength > SMALL_BODY_BYTES_MAX && memory !== null && isRefused(reply, memory, contentLength)) return;
  const receive = encoding === null ? deliver : inflating(reply, state, encoding, limitBytes, deliver);
  let collector: BodyCollector | null = null;
  const onChunk = (chunk: ArrayBuffer, isLast: boolean): void => {
    // The body goes on coming after an answer that did not wait for it.
    if (reply.done) return;
    if (isLast && collector === null && chunk.byteLength <= limitBytes) {
      try {
        receive(new Uint8Array(chunk));
      } catch (error) {
        reply.fail(error);
      }
      return;
    }
    if (collector === null) {
      collector = new BodyCollector(reply, state, contentLength, limitBytes, receive);
      reply.ticket = collector;
    }
    collector.take(chunk, isLast);
  };
  reply.onData(onChunk);
}

// Before any of it is read.
function isRefused(reply: Reply, memory: MemoryBudget, bytes: number): boolean {
  try {
    memory.assertRoom(bytes);
    return false;
  } catch (error) {
    reply.fail(error, { close: true });
    return true;
  }
}

function hand(reply: Reply, body: Uint8Array, deliver: (body: Uint8Array) => void): void {
  try {
    deliver(body);
  } catch (error) {
    reply.fail(error);
  }
}

// Inflates what it is given and delivers that.
function inflating(
  reply: Reply, state: FrontState, encoding: BodyEncoding, limitBytes: number, deliver: (body: Uint8Array) => void,
): (body: Uint8Array) => void {
  return (body) => {
    const small = inflateSmall(encoding, body);
    if (small !== null && small.length <= limitBytes) {
      deliver(small);
      return;
    }
    const ticket = new Inflation(encoding, body, {
      limitBytes,
      hold: (bytes) => {
        const { receivingBytes } = state;
        const allBytes = limitBytes * RECEIVING_BODIES_MAX;
        if (receivingBytes + bytes > allBytes) {
          return lastgoodError('BODIES_FULL', { receivingBytes, limitBytes: allBytes });
        }
        state.receivingBytes += bytes;
        return null;
      },
      release: (bytes) => (state.receivingBytes -= bytes),
      deliver: (inflated) => hand(reply, inflated, deliver),
      fail: (error) => reply.fail(error),
    });
    reply.ticket = ticket;
  };
}

/** Holds the reply's ticket while the body comes in, so that an abort releases the buffer. */
class BodyCollector implements Ticket {
  readonly #reply: Reply;
  readonly #state: FrontState;
  readonly #contentLength: number;
  readonly #limitBytes: number;
  readonly #deliver: (body: Uint8Array) => void;
  #buffer: Uint8Array | undefined;
  #usedBytes = 0;

  constructor(
    reply: Reply,
    state: FrontState,
    contentLength: number,
    limitBytes: number,
    deliver: (body: Uint8Array) => void,
  ) {
    this.#reply = reply;
    this.#state = state;
    this.#contentLength = contentLength;
    this.#limitBytes = limitBytes;
    this.#deliver = deliver;
  }

  cancel(): void {
    this.#state.receivingBytes -= this.#usedBytes;
    this.#usedBytes = 0;
    this.#buffer = undefined;
  }

  take(chunk: ArrayBuffer, isLast: boolean): void {
    const bytes = new Uint8Array(chunk);
    if (this.#usedBytes + bytes.length > this.#limitBytes) {
      const got = `more than ${this.#limitBytes}`;
      this.#refuse(lastgoodError('BODY_TOO_LARGE', { got, limitBytes: this.#limitBytes }));
    } else if (isLast && this.#buffer === undefined) {
      this.#hand(bytes);
    } else {
      // After `Expect: 100-continue` the first chunk is empty and not the last.
      if (bytes.length > 0 && !this.#append(bytes)) return;
      if (isLast) this.#hand(this.#buffer?.subarray(0, this.#usedBytes) ?? bytes);
    }
  }

  #append(bytes: Uint8Array): boolean {
    const state = this.#state;
    const limitBytes = this.#limitBytes * RECEIVING_BODIES_MAX;
    if (state.receivingBytes + bytes.length > limitBytes) {
      this.#refuse(lastgoodError('BODIES_FULL', { receivingBytes: state.receivingBytes, limitBytes }));
      return false;
    }
    const neededBytes = this.#usedBytes + bytes.length;
    if (neededBytes > SMALL_BODY_BYTES_MAX && state.memory !== null) {
      try {
        state.memory.assertRoom(bytes.length);
      } catch (error) {
        this.#refuse(error);
        return false;
      }
    }
    if (this.#buffer === undefined || neededBytes > this.#buffer.length) {
      // Not from Buffer's pool, and not zeroed: pages that no chunk reaches are never touched.
      const grown = Buffer.allocUnsafeSlow(this.#sizeFor(neededBytes, this.#buffer?.length ?? 0));
      if (this.#buffer !== undefined) grown.set(this.#buffer.subarray(0, this.#usedBytes));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#usedBytes);
    state.receivingBytes += bytes.length;
    this.#usedBytes = neededBytes;
    return true;
  }

  #sizeFor(neededBytes: number, heldBytes: number): number {
    const isKnown = this.#contentLength !== LENGTH_UNKNOWN;
    const firstBytes = isKnown ? Math.min(this.#contentLength, FIRST_BUFFER_BYTES_MAX) : FIRST_BUFFER_BYTES;
    const lastBytes = isKnown ? this.#contentLength : this.#limitBytes;
    return Math.max(neededBytes, Math.min(lastBytes, Math.max(heldBytes * 2, firstBytes)));
  }

  #hand(body: Uint8Array): void {
    hand(this.#reply, body, this.#deliver);
    this.cancel();
  }

  #refuse(error: unknown): void {
    this.cancel();
    this.#reply.fail(error, { close: true });
  }
}
