// Reads the `data` of one tensor, nested or flat, from JSON bytes into a typed array. Pure; worker thread.
// Two paths with one meaning: the fast one scans numbers and finishes only when every value fits; at anything else
// JSON.parse decides what is there, and the error names the first value that does not fit.
import { lastgoodError, reasonOf } from '../base/errors.ts';
import type { LastgoodError } from '../base/errors.ts';
import type { Datatype } from '../registry/records.ts';
import { FloatScanner } from './float-scan.ts';
import type { NumberMode } from './float-scan.ts';
import { DATA_NESTING_MAX } from './oip-scan.ts';
import type { DataRange } from './oip-scan.ts';
import { WANTED, describeValue, storeElement } from './predict-values.ts';
import { createElements, shapeText } from './tensor.ts';
import type { BigArray, NumericArray, TensorData } from './tensor.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
/** First letters of the tokens NaN and Infinity. */
const UPPER_N = 0x4e;
const UPPER_I = 0x49;

const MODES: Readonly<Partial<Record<Datatype, NumberMode | 'big'>>> = {
  FP32: 'single', FP64: 'double', INT8: 'integer', INT16: 'integer', INT32: 'integer', INT64: 'big',
  UINT8: 'integer', UINT16: 'integer', UINT32: 'integer', UINT64: 'big',
};

/** What an input of a request declares. */
export interface DeclaredTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Elements of `shape`. */
  readonly elements: number;
}

const strict = new FloatScanner();
/** Takes the tokens NaN, Infinity and -Infinity, as Triton and TensorFlow Serving do. */
const lenient = new FloatScanner({ nonFinite: true });

/** Returns the elements in `range` of `bytes`; throws INVALID_JSON or INVALID_REQUEST. */
export function readJsonData(bytes: Uint8Array, { start, end }: DataRange, tensor: DeclaredTensor): TensorData {
  const { name, datatype, elements } = tensor;
  if (datatype === 'FP16') {
    throw invalid(`input "${name}" is FP16, which has no JSON form; wanted it as binary data`);
  }
  // Each value but the last takes two bytes at least: a shape cannot make us allocate more than the body has.
  if (elements > (end - start) >> 1) throw wrongCount(tensor, null);
  const data = createElements(datatype, elements);
  const mode = MODES[datatype];
  const text = bytes.subarray(start, end);
  if (mode !== undefined) {
    if (isWhole(strict.reset(text), data, elements, mode)) return data;
    const isFloat = mode === 'single' || mode === 'double';
    const hasTokens = isFloat && (text.includes(UPPER_N) || text.includes(UPPER_I));
    if (hasTokens && isWhole(lenient.reset(text), data, elements, mode)) return data;
  }
  return parseData(text, tensor, data);
}

/** Whether the elements of a type can be scanned: all but texts, truth values and half-precision numbers. */
export const isScanned = (datatype: Datatype): boolean => MODES[datatype] !== undefined;

/**
 * Reads the array that begins at `start`, if it holds just the tensor's elements as JSON writes numbers, in any
 * nesting; null when anything does not fit. `end` is the first byte behind it.
 */
export function scanJsonData(
  bytes: Uint8Array, start: number, { datatype, elements }: DeclaredTensor,
): { readonly data: TensorData; readonly end: number } | null {
  const mode = MODES[datatype];
  if (mode === undefined || elements > (bytes.length - start) >> 1) return null;
  const data = createElements(datatype, elements);
  strict.reset(bytes).at = start;
  return scanNumbers(strict, data, elements, mode) === elements ? { data, end: strict.at } : null;
}

function isWhole(scanner: FloatScanner, data: TensorData, elements: number, mode: NumberMode | 'big'): boolean {
  return scanNumbers(scanner, data, elements, mode) === elements && scanner.space() === -1;
}

// Fills `data` and returns the number of values, or -1 when something does not fit; stops behind the last bracket.
function scanNumbers(scanner: FloatScanner, data: TensorData, elements: number, mode: NumberMode | 'big'): number {
  let depth = 0;
  let count = 0;
  for (;;) {
    if (scanner.space() !== OPEN_BRACKET) return -1;
    scanner.at += 1;
    depth += 1;
    if (depth > DATA_NESTING_MAX) return -1;
    if (scanner.space() === OPEN_BRACKET) continue;
    const added = mode === 'big'
      ? scanner.bigIntegers(data as BigArray, count, elements - count)
      : scanner.numbers(data as NumericArray, count, elements - count, mode);
    if (added < 0) return -1;
    count += added;
    depth -= 1;
    if (depth === 0) return count;
    let byte = scanner.space();
    while (byte === CLOSE_BRACKET) {
      scanner.at += 1;
      depth -= 1;
      if (depth === 0) return count;
      byte = scanner.space();
    }
    if (byte !== COMMA) return -1;
    scanner.at += 1;
  }
}

function parseData(text: Uint8Array, tensor: DeclaredTensor, data: TensorData): TensorData {
  let parsed: unknown[];
  try {
    parsed = JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8')) as unknown[];
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: `the data of input "${tensor.name}": ${reasonOf(error)}` });
  }
  // The nesting was bounded when the array was cut out.
  const flat = parsed.flat(Infinity);
  if (flat.length !== tensor.elements) throw wrongCount(tensor, flat.length);
  const bad = flat.findIndex((value, index) => !storeElement(tensor.datatype, data, index, value));
  if (bad < 0) return data;
  throw invalid(`value ${bad} of input "${tensor.name}" is ${describeValue(flat[bad])}; wanted ` +
    WANTED[tensor.datatype]);
}

function wrongCount({ name, shape, elements }: DeclaredTensor, got: number | null): LastgoodError {
  const found = got === null ? 'fewer' : String(got);
  return invalid(`input "${name}" has ${found} values; wanted ${elements} for its shape ${shapeText(shape)}`);
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
