// One value of a request as one element of a tensor, and what an error says of a value that is none. Pure; any thread.
import { isUtf8 } from 'node:buffer';
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import { hasNonFinite, isCarriedText } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';
import { numberToHalf } from '../../domain/half.ts';
import type { Datatype } from '../../domain/records.ts';
import { WrittenNumber, describeValue } from './value.ts';
import type { JsonValue } from './value.ts';

const INTEGER_RANGES: Readonly<Partial<Record<Datatype, readonly [min: number, max: number]>>> = {
  UINT8: [0, 0xff], UINT16: [0, 0xffff], UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f], INT16: [-0x8000, 0x7fff], INT32: [-0x8000_0000, 0x7fff_ffff],
};
const FLOATS: ReadonlySet<Datatype> = new Set(['FP16', 'FP32', 'FP64']);
/** What an element of each datatype has to be, for errors. */
export const WANTED: Readonly<Record<Datatype, string>> = {
  BOOL: 'true, false, 0 or 1', BYTES: 'a text without U+0000 and without half a surrogate pair',
  FP16: 'a number that FP16 can hold, or null',
  FP32: 'a number that FP32 can hold, or null', FP64: 'a number that FP64 can hold, or null',
  INT8: 'an integer that INT8 can hold', INT16: 'an integer that INT16 can hold',
  INT32: 'an integer that INT32 can hold', INT64: 'an integer that INT64 can hold (beyond 2^53 in plain digits)',
  UINT8: 'an integer that UINT8 can hold', UINT16: 'an integer that UINT16 can hold',
  UINT32: 'an integer that UINT32 can hold', UINT64: 'an integer that UINT64 can hold (beyond 2^53 in plain digits)',
};

/** Stores a JSON value as one element; returns false when the datatype cannot hold it. */
export function storeElement(datatype: Datatype, data: TensorData, index: number, value: JsonValue): boolean {
  if (Array.isArray(data)) {
    if (typeof value !== 'string' || !isCarriedText(value)) return false;
    data[index] = value;
    return true;
  }
  if (FLOATS.has(datatype)) return storeFloat(datatype, data as NumericArray, index, value);
  if (datatype === 'INT64' || datatype === 'UINT64') return storeBig(data as BigArray, index, value);
  if (datatype === 'BOOL') {
    if (typeof value !== 'boolean' && value !== 0 && value !== 1) return false;
    (data as NumericArray)[index] = Number(value);
    return true;
  }
  const [min, max] = INTEGER_RANGES[datatype]!;
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) return false;
  (data as NumericArray)[index] = value as number;
  return true;
}

// A missing value is NaN; a number is rounded to the nearest one, but a finite one never becomes an infinity.
function storeFloat(datatype: Datatype, data: NumericArray, index: number, value: JsonValue): boolean {
  const isWritten = value instanceof WrittenNumber;
  const number = value === null ? NaN : isWritten ? value.value : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') return false;
  data[index] = datatype === 'FP16' ? numberToHalf(number) : number;
  // The words for what is not finite are no text of a number.
  return (!Number.isFinite(number) && !isWritten) || !hasNonFinite(datatype, data, index, index + 1);
}

function storeBig(data: BigArray, index: number, value: JsonValue): boolean {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return false;
  const integer = BigInt(value as bigint | number);
  data[index] = integer;
  return data[index] === integer;
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

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
