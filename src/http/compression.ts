// Compressed answers, for clients that ask for them. Main thread; the work is done on the thread pool of Node.
// Bound: COMPRESSING_BYTES_MAX of answers are copied for it at once; beyond it answers go out as they are.
import { deflate, gzip } from 'node:zlib';
import type { FrontState } from './state.ts';

/** Smaller answers are not worth it: they fit a handful of packets. */
export const COMPRESSED_BYTES_MIN = 16 * 1024;
const COMPRESSING_BYTES_MAX = 64 * 1024 * 1024;
/** Raw float tensors hardly shrink; then the client is spared the inflating. */
const SHARE_MAX = 0.9;
/** The fastest: numbers as text shrink to less than half with it, and slower levels gain little. */
const LEVEL = 1;

export type AnswerEncoding = 'gzip' | 'deflate';

/** The encoding that an Accept-Encoding header allows, or null. */
export function encodingFor(accepted: string): AnswerEncoding | null {
  if (accepted === '') return null;
  const allowed = new Map(accepted.toLowerCase().split(',').map((one) => {
    const [name = '', ...parameters] = one.split(';').map((part) => part.trim());
    return [name, parameters.every((parameter) => !/^q=0(\.0*)?$/.test(parameter))] as const;
  }));
  const isAllowed = (name: AnswerEncoding): boolean => allowed.get(name) ?? allowed.get('*') ?? false;
  return isAllowed('gzip') ? 'gzip' : isAllowed('deflate') ? 'deflate' : null;
}

/**
 * Compresses a copy of `body` and calls `done` later, with what is to be sent. Returns false, and never calls it, when
 * too much is being compressed.
 */
export function compress(
  state: FrontState, encoding: AnswerEncoding, body: Uint8Array,
  done: (body: Uint8Array, encoding: AnswerEncoding | null) => void,
): boolean {
  const { length } = body;
  if (state.compressingBytes + length > COMPRESSING_BYTES_MAX) return false;
  state.compressingBytes += length;
  const copy = Buffer.from(body);
  const work = encoding === 'gzip' ? gzip : deflate;
  work(copy, { level: LEVEL }, (error, packed) => {
    state.compressingBytes -= length;
    if (error === null && packed.length < length * SHARE_MAX) done(packed, encoding);
    else done(copy, null);
  });
  return true;
}
