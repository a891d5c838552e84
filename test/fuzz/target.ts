// What a fuzzer needs to know of a decoder. A target makes good messages and knows what they mean, looks at anything
// else with `check`, and throws when the decoder breaks its promise: a right result, or an error that is the client's.
import assert from 'node:assert/strict';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { Random } from '../protocols/random.ts';

export interface FuzzTarget {
  readonly name: string;
  /** A well-formed message; the target checks at once that the decoder takes it for what it is. */
  readonly good: (random: Random) => Uint8Array | Promise<Uint8Array>;
  /** Gives the decoder any bytes. */
  readonly check: (bytes: Uint8Array, random: Random) => void | Promise<void>;
}

/** The result of `decode`, or null when it refused the bytes as the client's fault; what else it throws is a bug. */
export function outcome<T>(decode: () => T): { readonly value: T } | null {
  try {
    return { value: decode() };
  } catch (error) {
    if (isLastgoodError(error) && error.status >= 400 && error.status < 500) return null;
    throw error;
  }
}

const MARGIN_BYTES = 16;

/**
 * Decodes the bytes where they lie in a slab: in shared memory, with other bytes before and behind them. Twice, with
 * different neighbours: a result that depends on them was read out of bounds, and neighbours that change were written.
 */
export function decodeInPlace<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): { readonly value: T } | null {
  const [first, second] = [0x39, 0x5d].map((neighbour) => {
    const memory = new Uint8Array(new SharedArrayBuffer(bytes.length + 2 * MARGIN_BYTES)).fill(neighbour);
    memory.set(bytes, MARGIN_BYTES);
    const result = outcome(() => decode(memory.subarray(MARGIN_BYTES, MARGIN_BYTES + bytes.length)));
    assert.ok(Buffer.from(memory.subarray(MARGIN_BYTES, -MARGIN_BYTES)).equals(bytes), 'the message was changed');
    memory.fill(neighbour, MARGIN_BYTES, MARGIN_BYTES + bytes.length);
    assert.ok(memory.every((byte) => byte === neighbour), 'bytes beside the message were changed');
    return result;
  });
  assert.deepEqual(first, second, 'the result depends on bytes beside the message');
  return first ?? null;
}

/** The value that JSON.parse reads from the bytes, or undefined when they are no JSON in UTF-8. */
export function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
  } catch {
    return undefined;
  }
}

/** Whether the JSON in the bytes has more members than were read from it. */
export function namesTwice(bytes: Uint8Array, value: unknown): boolean {
  const written = Buffer.from(bytes).toString().replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
  return written > membersOf(value);
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, one) => sum + membersOf(one), own);
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
