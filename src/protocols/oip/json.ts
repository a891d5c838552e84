// Reads the `data` of one tensor, nested or flat, from JSON bytes into a typed array. Pure; worker thread.
// Two paths with one meaning: the fast one scans numbers and finishes only when every value fits; at anything else
// JSON.parse decides what is there, and the error names the first value that does not fit.
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Datatype } from '../../domain/records.ts';
import { FloatScanner } from '../json/number-scan.ts';
import type { NumberMode } from '../json/number-scan.ts';
import { DATA_NESTING_MAX } from './scan.ts';
import type { DataRange } from './scan.ts';
import { WANTED, describeValue, storeElement } from '../json/element.ts';
import { createElements, shapeText } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';

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
    if (isWhole(strict.reset(text), data, tensor, mode)) return data;
    const isFloat = mode === 'single' || mode === 'double';
    const hasTokens = isFloat && (text.includes(UPPER_N) || text.includes(UPPER_I));
    if (hasTokens && isWhole(lenient.reset(text), data, tensor, mode)) return data;
  }
  return parseData(text, tensor, data);
}

/** Whether the elements of a type can be scanned: all but texts, truth values and half-precision numbers. */
export const isScanned = (datatype: Datatype): boolean => MODES[datatype] !== undefined;

/**
 * Reads the array that begins at `start`, if it holds just the tensor's elements as JSON writes numbers, flat or
 * nested; null when anything does not fit. `end` is the first byte behind it.
 */
export function scanJsonData(
  bytes: Uint8Array, start: number, tensor: DeclaredTensor,
): { readonly data: TensorData; readonly end: number } | null {
  const { datatype, elements } = tensor;
  const mode = MODES[datatype];
  if (mode === undefined || elements > (bytes.length - start) >> 1) return null;
  const data = createElements(datatype, elements);
  strict.reset(bytes).at = start;
  return scanNumbers(strict, data, tensor, mode) ? { data, end: strict.at } : null;
}

function isWhole(scanner: FloatScanner, data: TensorData, tensor: DeclaredTensor, mode: NumberMode | 'big'): boolean {
  return scanNumbers(scanner, data, tensor, mode) && scanner.space() === -1;
}

/**
 * Fills `data` from an array that is flat or nested as the shape is; false when anything does not fit. Stands behind
 * the last bracket then. Arrays of one array around the whole say nothing and are allowed.
 */
function scanNumbers(
  scanner: FloatScanner, data: TensorData, { shape, elements }: DeclaredTensor, mode: NumberMode | 'big',
): boolean {
  let opened = 0;
  while (takes(scanner, OPEN_BRACKET)) opened += 1;
  const rank = nestedRank(shape);
  const isFlat = opened === 1;
  if (opened === 0 || opened > DATA_NESTING_MAX || (!isFlat && opened < rank)) return false;
  const length = isFlat ? elements : shape[rank - 1] ?? 1;
  for (let rows = 1; ; rows += 1) {
    const from = (rows - 1) * length;
    const count = mode === 'big'
      ? scanner.bigIntegers(data as BigArray, from, length)
      : scanner.numbers(data as NumericArray, from, length, mode);
    if (count !== length) return false;
    // So many rows are whole arrays of the dimensions before, which end with this row.
    let axis = isFlat ? -1 : rank - 2;
    let closed = 0;
    for (let left = rows; axis >= 0 && left % shape[axis]! === 0; axis -= 1) {
      if (!takes(scanner, CLOSE_BRACKET)) return false;
      left /= shape[axis]!;
      closed += 1;
    }
    if (axis < 0) return closes(scanner, opened - 1 - closed);
    if (!takes(scanner, COMMA)) return false;
    for (; closed >= 0; closed -= 1) if (!takes(scanner, OPEN_BRACKET)) return false;
  }
}

// Dimensions that nest: what stands behind an empty one is never written.
function nestedRank(shape: readonly number[]): number {
  const empty = shape.indexOf(0);
  return empty < 0 ? shape.length : empty + 1;
}

function takes(scanner: FloatScanner, byte: number): boolean {
  if (scanner.space() !== byte) return false;
  scanner.at += 1;
  return true;
}

function closes(scanner: FloatScanner, brackets: number): boolean {
  for (let left = brackets; left > 0; left -= 1) if (!takes(scanner, CLOSE_BRACKET)) return false;
  return true;
}

function parseData(text: Uint8Array, tensor: DeclaredTensor, data: TensorData): TensorData {
  let parsed: unknown[];
  try {
    parsed = JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8')) as unknown[];
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: `the data of input "${tensor.name}": ${reasonOf(error)}` });
  }
  const flat = flattened(parsed, tensor);
  if (flat.length !== tensor.elements) throw wrongCount(tensor, flat.length);
  const bad = flat.findIndex((value, index) => !storeElement(tensor.datatype, data, index, value));
  if (bad < 0) return data;
  throw invalid(`value ${bad} of input "${tensor.name}" is ${describeValue(flat[bad])}; wanted ` +
    WANTED[tensor.datatype]);
}

// The same forms as scanNumbers takes. The nesting was bounded when the array was cut out.
function flattened(parsed: readonly unknown[], { name, shape }: DeclaredTensor): readonly unknown[] {
  let depth = 0;
  for (let level: unknown = parsed; Array.isArray(level); level = (level as unknown[])[0]) depth += 1;
  if (depth === 1) return parsed;
  const rank = Math.max(1, nestedRank(shape));
  const flat: unknown[] = [];
  const visit = (level: unknown, axis: number): void => {
    if (axis === rank) {
      flat.push(level);
      return;
    }
    // A shape without dimensions is written as an array of one.
    if (!Array.isArray(level) || level.length !== (axis < 0 ? 1 : shape[axis] ?? 1)) {
      throw invalid(`input "${name}" has nested arrays that are not of its shape; wanted ${shapeText(shape)}, ` +
        'nested or flat');
    }
    for (const one of level as unknown[]) visit(one, axis + 1);
  };
  visit(parsed, Math.min(0, rank - depth));
  return flat;
}

function wrongCount({ name, shape, elements }: DeclaredTensor, got: number | null): LastgoodError {
  const found = got === null ? 'fewer' : String(got);
  return invalid(`input "${name}" has ${found} values; wanted ${elements} for its shape ${shapeText(shape)}`);
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
