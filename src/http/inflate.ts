// Compressed request bodies: gzip, and deflate with the zlib wrapper. Main thread; what is not small is inflated on the
// thread pool of Node, piece by piece, and the limit is checked after each piece, so a bomb costs no more than that.
// Invariant: the bytes counted in the front's state are given back on every way out: delivery, refusal, abort.
import { createGunzip, createInflate, gunzipSync, inflateSync } from 'node:zlib';
import type { Gunzip, Inflate } from 'node:zlib';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import type { LastgoodError } from '../base/errors.ts';
import type { Ticket } from '../batch/submit.ts';

export type BodyEncoding = 'gzip' | 'deflate';

/** For the Accept-Encoding header of a refusal. */
export const BODY_ENCODINGS = 'gzip, deflate';

/** Bodies up to this size, of up to that many inflated bytes, are inflated at once: the pool's detour costs more. */
const SMALL_BYTES_MAX = 4 * 1024;
const SMALL_INFLATED_BYTES_MAX = 64 * 1024;
const PIECE_BYTES = 64 * 1024;

/** The encoding that a Content-Encoding header names, null for none; throws UNSUPPORTED_MEDIA_TYPE for any other. */
export function bodyEncoding(header: string): BodyEncoding | null {
  if (header === '') return null;
  switch (header.toLowerCase()) {
    case 'identity':
      return null;
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return 'deflate';
    default: {
      const got = `Content-Encoding "${header.slice(0, 40)}"`;
      throw lastgoodError('UNSUPPORTED_MEDIA_TYPE', { got, wanted: 'gzip, deflate or none' });
    }
  }
}

/** Inflates a small body; returns null when it, or what is in it, is not small. Throws INVALID_REQUEST. */
export function inflateSmall(encoding: BodyEncoding, body: Uint8Array): Uint8Array | null {
  if (body.length > SMALL_BYTES_MAX) return null;
  const options = { maxOutputLength: SMALL_INFLATED_BYTES_MAX };
  try {
    return encoding === 'gzip' ? gunzipSync(body, options) : inflateSync(body, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw damaged(encoding, error);
  }
}

interface InflationPorts {
  /** Most bytes that the body may have when it is inflated. */
  readonly limitBytes: number;
  /** Counts bytes that are held for this body; returns BODIES_FULL, and has counted none, when there are too many. */
  hold(bytes: number): LastgoodError | null;
  release(bytes: number): void;
  /** Called once with all of it, unless it is cancelled or fails. */
  deliver(body: Uint8Array): void;
  /** INVALID_REQUEST, BODY_TOO_LARGE or BODIES_FULL. */
  fail(error: LastgoodError): void;
}

/** Inflates one body away from the main thread; `body` is copied. */
export class Inflation implements Ticket {
  readonly #encoding: BodyEncoding;
  readonly #ports: InflationPorts;
  readonly #stream: Gunzip | Inflate;
  #pieces: Buffer[] = [];
  #inflatedBytes = 0;
  #heldBytes = 0;
  #isOver = false;

  constructor(encoding: BodyEncoding, body: Uint8Array, ports: InflationPorts) {
    this.#encoding = encoding;
    this.#ports = ports;
    const options = { chunkSize: PIECE_BYTES };
    this.#stream = encoding === 'gzip' ? createGunzip(options) : createInflate(options);
    this.#stream.on('data', (piece: Buffer) => this.#take(piece));
    this.#stream.on('end', () => this.#finish());
    this.#stream.on('error', (error) => this.#fail(damaged(this.#encoding, error)));
    if (this.#hold(body.length)) this.#stream.end(Buffer.from(body));
  }

  /** The client went away. */
  cancel(): void {
    this.#end();
  }

  #take(piece: Buffer): void {
    if (this.#isOver) return;
    const { limitBytes } = this.#ports;
    this.#inflatedBytes += piece.length;
    if (this.#inflatedBytes > limitBytes) {
      this.#fail(lastgoodError('BODY_TOO_LARGE', { got: `more than ${limitBytes} inflated`, limitBytes }));
    } else if (this.#hold(piece.length)) {
      this.#pieces.push(piece);
    }
  }

  #hold(bytes: number): boolean {
    const refusal = this.#ports.hold(bytes);
    if (refusal === null) this.#heldBytes += bytes;
    else this.#fail(refusal);
    return refusal === null;
  }

  #finish(): void {
    if (this.#isOver) return;
    const pieces = this.#pieces;
    const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    this.#end();
    this.#ports.deliver(body);
  }

  #fail(error: LastgoodError): void {
    if (this.#isOver) return;
    this.#end();
    this.#ports.fail(error);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pieces = [];
    this.#ports.release(this.#heldBytes);
    this.#stream.destroy();
  }
}

function damaged(encoding: BodyEncoding, error: unknown): LastgoodError {
  return lastgoodError('INVALID_REQUEST', { reason: `the body is no ${encoding} data (${reasonOf(error)})` });
}
