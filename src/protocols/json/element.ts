// One value of a request as one element of a tensor, and what an error says of a value that is none. Pure; any thread.
import { isUtf8 } from 'node:buffer';
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import { isCarriedText } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';
import { HALF_INFINITY_BITS, numberToHalf } from '../../domain/half.ts';
import type { Datatype } from '../../domain/records.ts';

const GOT_CHARACTERS_MAX = 40;

const INTEGER_RANGES: Readonly<Partial<Record<Datatype, readonly [min: number, max: number]>>> = {
  UINT8: [0, 0xff], UINT16: [0, 0xffff], UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f], INT16: [-0x8000, 0x7fff], INT32: [-0x8000_0000, 0x7fff_ffff],
};
/** What an element of each datatype has to be, for errors. */
export const WANTED: Readonly<Record<Datatype, string>> = {
  BOOL: 'true, false, 0 or 1', BYTES: 'a text without U+0000 and without half a surrogate pair',
  FP16: 'a number that FP16 can hold',
  FP32: 'a number that FP32 can hold', FP64: 'a number that FP64 can hold', INT8: 'an integer that INT8 can hold',
  INT16: 'an integer that INT16 can hold',
  INT32: 'an integer that INT32 can hold', INT64: 'an integer that INT64 can hold (beyond 2^53 in plain digits)',
  UINT8: 'an integer that UINT8 can hold', UINT16: 'an integer that UINT16 can hold',
  UINT32: 'an integer that UINT32 can hold', UINT64: 'an integer that UINT64 can hold (beyond 2^53 in plain digits)',
};

/** Stores a JSON value as one element; returns false when the datatype cannot hold it. */
export function storeElement(datatype: Datatype, data: TensorData, index: number, value: unknown): boolean {
  if (Array.isArray(data)) {
    if (typeof value !== 'string' || !isCarriedText(value)) return false;
    data[index] = value;
    return true;
  }
  switch (datatype) {
    case 'BOOL':
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) return false;
      (data as NumericArray)[index] = Number(value);
      return true;
    case 'INT64':
    case 'UINT64': {
      // Larger ones have lost their last digits in JSON.parse.
      if (!Number.isSafeInteger(value)) return false;
      const integer = BigInt(value as number);
      (data as BigArray)[index] = integer;
      return data[index] === integer;
    }
    case 'FP16': {
      if (typeof value !== 'number') return false;
      const bits = numberToHalf(value);
      (data as NumericArray)[index] = bits;
      return (bits & HALF_INFINITY_BITS) !== HALF_INFINITY_BITS;
    }
    default: {
      if (typeof value !== 'number') return false;
      const range = INTEGER_RANGES[datatype];
      if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) return false;
      (data as NumericArray)[index] = value;
      return Number.isFinite(data[index]);
    }
  }
}

/** The text in `bytes`; of others the runtime would see something else than what was sent. */
export function readText(bytes: Uint8Array, input: string, index: number): string {
  if (!isUtf8(bytes)) {
    throw invalid(`text ${index} of input "${input}" is no valid UTF-8; wanted UTF-8, the runtime carries only text`);
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  if (isCarriedText(text)) return text;
  throw invalid(`text ${index} of input "${input}" is ${describeValue(text)}; wanted ${WANTED.BYTES}`);
}

/** A text as an error repeats it: long ones are cut. */
export const clipped = (text: string): string =>
  text.length > GOT_CHARACTERS_MAX ? `${text.slice(0, GOT_CHARACTERS_MAX)}...` : text;

/** Names a JSON value in a sentence; long texts are cut. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value));
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
