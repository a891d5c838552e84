// The only code that touches an HTTP response after its route handler has returned. Main thread.
// Invariant: the abort handler is registered before anything else, and after an answer or an abort the response
// is never used again (any use may throw); so a request gets exactly one answer or none.
import { STATUS_CODES } from 'node:http';
import { errorBody, isLastgoodError } from '../base/errors.ts';
import { UNKNOWN_SOURCE } from '../shared-memory/source-ids.ts';
import type { ReplySink, Ticket } from '../batch/submit.ts';
import { JSON_TYPE, TENSOR_HEADER, TENSOR_TYPE } from './answer-heads.ts';
import { type AnswerEncoding, COMPRESSED_BYTES_MIN, compress, encodingFor } from './compression.ts';
import type { HttpResponse, PreparedHead } from './driver.ts';
import { EventStream } from './event-stream.ts';
import { readableBy } from './origins.ts';
import { SlowAnswer } from './slow-answer.ts';
import { countRefusal, type FrontState } from './state.ts';

const RETRY_AFTER_SECONDS = '1';

const STATUS_LINES = new Map<number, string>(
  Object.entries(STATUS_CODES).map(([status, text]) => [Number(status), `${status} ${text ?? ''}`]),
);

/** Larger answers, which may be compressed too, are handed over as the client reads them, and counted until it has. */
const WATCHED_BYTES_MIN = COMPRESSED_BYTES_MIN;

const NO_CONTENT = 204;
const TOO_MANY_REQUESTS = 429;

const encoder = new TextEncoder();

// What `sendPlain` sends. `cork` calls it at once, so one place does for all, and no closure is made for an answer.
let plainResponse: HttpResponse | null = null;
let plainHead: PreparedHead | null = null;
const EMPTY = new Uint8Array(0);
let plainBody: Uint8Array = EMPTY;

function sendPlain(): void {
  plainResponse!.writeStatus(plainHead!);
  plainResponse!.end(plainBody);
}

/** A response header beyond the usual ones. */
export type ExtraHeader = readonly [name: string, value: string];

const NO_HEADERS: readonly ExtraHeader[] = [];

interface FailOptions {
  /** Closes the connection after the answer: what follows on it cannot be trusted or is not wanted. */
  readonly close?: boolean;
  readonly header?: ExtraHeader;
}

interface EncodedError {
  readonly status: number;
  readonly bytes: Uint8Array;
}

// Under overload one full queue refuses thousands of requests a second, with one and the same error.
const encodedRefusals = new WeakMap<object, EncodedError>();

function encodedError(error: unknown): EncodedError {
  const known = typeof error === 'object' && error !== null ? encodedRefusals.get(error) : undefined;
  if (known !== undefined) return known;
  const { status, body } = errorBody(error);
  const encoded = { status, bytes: encoder.encode(JSON.stringify(body)) };
  if (status === TOO_MANY_REQUESTS && isLastgoodError(error)) encodedRefusals.set(error, encoded);
  return encoded;
}

// A request that is refused for its own sake may come again when that is over.
function retryHeader(error: unknown): ExtraHeader | undefined {
  const seconds = isLastgoodError(error) ? error.details?.['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' ? ['Retry-After', String(seconds)] : undefined;
}

/** The one answer of an HTTP request. */
export class Reply implements ReplySink {
  readonly #response: HttpResponse;
  readonly #state: FrontState;
  readonly #withoutBody: boolean;
  #slow: SlowAnswer | null = null;
  #stream: EventStream | null = null;
  #contentType = JSON_TYPE;
  #permitted = NO_HEADERS;
  #isOver = false;
  /**
   * Answered, aborted, or what is to be answered is decided and sent on a later turn: nothing more may be done for the
   * request. Set here only.
   */
  done = false;
  /** Whom to tell when the client goes away. */
  ticket: Ticket | undefined;
  /** Large answers may be compressed in what this Accept-Encoding header allows. */
  acceptEncoding = '';
  /** What the client calls its request; empty when it does not say. */
  requestId = '';
  /** Of the header that says who asks; empty without one. */
  sourceValue = '';
  /** Of the web page that may read the answer; empty when no page has to be told. */
  origin = '';
  /**
   * The connection ends with the answer, which leaves on a later turn: behind a chunked body may stand trailers, which
   * the addon takes for the next request. While an answer is outstanding it closes the connection at those.
   */
  closes = false;

  /** `withoutBody` is true for HEAD: same headers, no bytes. */
  constructor(response: HttpResponse, state: FrontState, withoutBody = false) {
    this.#response = response;
    this.#state = state;
    this.#withoutBody = withoutBody;
    state.inFlight += 1;
    response.onAborted(() => {
      this.#abort();
    });
  }

  /** Who asks; of a request that is over nobody knows. */
  source(): number {
    return this.done ? UNKNOWN_SOURCE : this.#state.sources.of(this.#response.getRemoteAddress(), this.sourceValue);
  }

  /** Hands the body's chunks to `handler`, also after an answer; each chunk is valid only during the call. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void {
    this.#response.onData(handler);
  }

  /**
   * Sends JSON bytes, with raw tensors behind the first `headerBytes` of them if that is not 0; `body` may lie in
   * shared memory, it is copied during the call.
   */
  answer(status: number, body: Uint8Array, headerBytes = 0): void {
    if (this.done) return;
    const isPlain = status === 200 && body.length < WATCHED_BYTES_MIN && this.#contentType === JSON_TYPE &&
      this.origin === '' && !this.closes;
    if (!isPlain || this.#withoutBody || this.#state.draining) {
      const isLater = body.length >= COMPRESSED_BYTES_MIN && this.#compress(status, body, headerBytes);
      if (!isLater) this.#sendInTurn(status, body, false, undefined, headerBytes);
      return;
    }
    // The common answer, without what the others need.
    this.#finish();
    const { heads } = this.#state;
    plainResponse = this.#response;
    plainHead = headerBytes === 0 ? heads.json : heads.tensor(headerBytes);
    plainBody = body;
    plainResponse.cork(sendPlain);
    plainResponse = null;
  }

  #compress(status: number, body: Uint8Array, headerBytes: number): boolean {
    const wanted = this.#withoutBody ? null : encodingFor(this.acceptEncoding);
    if (wanted === null) return false;
    this.done = compress(this.#state, wanted, body, (packed, encoding) => {
      this.#send(status, packed, false, undefined, headerBytes, encoding);
    });
    return this.done;
  }

  /** Sends `value` as JSON. */
  json(status: number, value: unknown): void {
    this.answer(status, encoder.encode(JSON.stringify(value)));
  }

  /** Sends text of another type than JSON. */
  text(status: number, contentType: string, text: string): void {
    this.#contentType = contentType;
    this.answer(status, encoder.encode(text));
  }

  /** Sends the JSON body of `error`; anything but a LastgoodError is answered as INTERNAL. */
  fail(error: unknown, options?: FailOptions): void {
    if (this.done) return;
    countRefusal(this.#state, error);
    const { status, bytes } = encodedError(error);
    this.#sendInTurn(status, bytes, options?.close === true, options?.header ?? retryHeader(error));
  }

  /** Sends what lies ready in memory, with headers of the caller's in place of the usual ones. */
  ready(status: number, headers: readonly ExtraHeader[], body: Uint8Array): void {
    if (this.done) return;
    this.#finish();
    const response = this.#response;
    response.cork(() => {
      this.#head(status, headers);
      if (this.#withoutBody) {
        response.writeHeader('Content-Length', String(body.length));
        response.endWithoutBody();
      } else if (body.length >= WATCHED_BYTES_MIN && !this.#state.draining) this.#sendSlowly(body);
      else response.end(body, this.#state.draining);
    });
  }

  /** Begins an answer that has no end of its own, and is in flight no more; null when there is no client for it. */
  stream(headers: readonly ExtraHeader[]): EventStream | null {
    if (this.done) return null;
    this.#finish();
    let stream: EventStream | null = null;
    this.#response.cork(() => {
      this.#head(200, headers);
      if (this.#withoutBody) this.#response.endWithoutBody();
      else stream = new EventStream(this.#response);
    });
    this.#stream = stream;
    return stream;
  }

  #head(status: number, headers: readonly ExtraHeader[]): void {
    if (status !== 200) this.#response.writeStatus(STATUS_LINES.get(status) ?? `${status} Status ${status}`);
    for (const [name, value] of headers) this.#response.writeHeader(name, value);
  }

  /** Tells a browser what a page may send. */
  permit(headers: readonly ExtraHeader[]): void {
    this.#permitted = headers;
    this.#sendInTurn(NO_CONTENT, EMPTY, false, undefined);
  }

  // One that closes not now: answered inside the addon's parser, the connection would stay open until all bytes that
  // have come in are parsed, and what a client hid behind a doubtful body would run as its next request. While an
  // answer is outstanding, the addon closes the connection at the first byte of another request.
  #sendInTurn(
    status: number, body: Uint8Array, close: boolean, header: ExtraHeader | undefined, headerBytes = 0,
  ): void {
    if (!close && !this.closes) {
      this.#send(status, body, false, header, headerBytes);
      return;
    }
    this.done = true;
    const kept = Uint8Array.from(body);
    setImmediate(() => {
      this.#send(status, kept, close, header, headerBytes);
    });
  }

  #send(
    status: number, body: Uint8Array, close: boolean, header: ExtraHeader | undefined, headerBytes = 0,
    encoding: AnswerEncoding | null = null,
  ): void {
    if (this.#isOver) return;
    this.#finish();
    const response = this.#response;
    const state = this.#state;
    const closing = close || this.closes || state.draining;
    response.cork(() => {
      // 200 is what the driver writes by itself.
      if (status !== 200) response.writeStatus(STATUS_LINES.get(status) ?? `${status} Status ${status}`);
      if (headerBytes === 0) {
        if (status !== NO_CONTENT) response.writeHeader('Content-Type', this.#contentType);
      } else {
        response.writeHeader('Content-Type', TENSOR_TYPE);
        response.writeHeader(TENSOR_HEADER, String(headerBytes));
      }
      if (encoding !== null) {
        response.writeHeader('Content-Encoding', encoding);
        response.writeHeader('Vary', 'Accept-Encoding');
      }
      for (const [name, value] of this.origin === '' ? [] : readableBy(this.origin)) response.writeHeader(name, value);
      for (const [name, value] of this.#permitted) response.writeHeader(name, value);
      if (status === 429 || status === 503) response.writeHeader('Retry-After', RETRY_AFTER_SECONDS);
      if (header !== undefined) response.writeHeader(header[0], header[1]);
      const isSlow = !this.#withoutBody && body.length >= WATCHED_BYTES_MIN && !close && !state.draining;
      if (status === NO_CONTENT && !closing) response.endWithoutBody();
      else if (isSlow) {
        // What is handed over slowly cannot be told to close: the client is.
        if (this.closes) response.writeHeader('Connection', 'close');
        this.#sendSlowly(body);
      }
      else if (!this.#withoutBody) response.end(body, closing);
      else if (closing) response.end('', true);
      else {
        // By hand: told the length, an old build of the addon waits for that many bytes and stays busy.
        response.writeHeader('Content-Length', String(body.length));
        response.endWithoutBody();
      }
    });
  }

  #sendSlowly(body: Uint8Array): void {
    const slow = new SlowAnswer(this.#response, this.#state.unread);
    if (!slow.send(body)) this.#slow = slow;
  }

  #abort(): void {
    this.#slow?.aborted();
    this.#stream?.aborted();
    // An abort can still be reported after an answer that waited to be sent.
    if (this.#isOver) return;
    const { ticket } = this;
    this.#finish();
    ticket?.cancel();
  }

  #finish(): void {
    this.#isOver = true;
    this.done = true;
    this.ticket = undefined;
    this.#state.inFlight -= 1;
  }
}
