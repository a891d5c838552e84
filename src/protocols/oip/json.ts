// Reads the `data` of one tensor, nested or flat, from JSON bytes into a typed array. Pure; worker thread.
// Two paths with one meaning: the fast one scans numbers and finishes only when every value fits; at anything else the
// array is read in full, and the error names the first value that does not fit.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Datatype } from '../../domain/records.ts';
import { SCAN_MODES, nestedRank, scanArray } from '../json/array-scan.ts';
import type { ScanMode } from '../json/array-scan.ts';
import { FloatScanner } from '../json/number-scan.ts';
import { WANTED, storeElement } from '../json/element.ts';
import { CUT_NESTING_MAX, readCutArray } from '../json/json-values.ts';
import { describeValue } from '../json/value.ts';
import type { CutArray, JsonValue } from '../json/value.ts';
import { createElements, shapeText } from '../../domain/datatype.ts';
import type { TensorData } from '../../domain/datatype.ts';

/** First letters of the tokens NaN and Infinity. */
const UPPER_N = 0x4e;
const UPPER_I = 0x49;

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

/** Returns the elements in the array of `bytes`; throws INVALID_JSON or INVALID_REQUEST. */
export function readJsonData(bytes: Uint8Array, array: CutArray, tensor: DeclaredTensor): TensorData {
  const { start, end } = array;
  const { name, datatype, elements } = tensor;
  if (datatype === 'FP16') {
    throw invalid(`input "${name}" is FP16, which has no JSON form; wanted it as binary data`);
  }
  // Each value but the last takes two bytes at least: a shape cannot make us allocate more than the body has.
  if (elements > (end - start) >> 1) throw wrongCount(tensor, null);
  const data = createElements(datatype, elements);
  const mode = SCAN_MODES[datatype];
  const text = bytes.subarray(start, end);
  if (mode !== undefined) {
    if (isWhole(strict.reset(text), data, tensor, mode)) return data;
    const isFloat = mode === 'single' || mode === 'double';
    const hasTokens = isFloat && (text.includes(UPPER_N) || text.includes(UPPER_I));
    if (hasTokens && isWhole(lenient.reset(text), data, tensor, mode)) return data;
  }
  return parseData(readCutArray(bytes, array), tensor, data);
}

/** Whether the elements of a type can be scanned: all but texts, truth values and half-precision numbers. */
export const isScanned = (datatype: Datatype): boolean => SCAN_MODES[datatype] !== undefined;

/**
 * Reads the array that begins at `start`, if it holds just the tensor's elements as JSON writes numbers, flat or
 * nested; null when anything does not fit. `end` is the first byte behind it.
 */
export function scanJsonData(
  bytes: Uint8Array, start: number, tensor: DeclaredTensor,
): { readonly data: TensorData; readonly end: number } | null {
  const { datatype, elements } = tensor;
  const mode = SCAN_MODES[datatype];
  if (mode === undefined || elements > (bytes.length - start) >> 1) return null;
  const data = createElements(datatype, elements);
  strict.reset(bytes).at = start;
  return scans(strict, data, tensor, mode) ? { data, end: strict.at } : null;
}

function isWhole(scanner: FloatScanner, data: TensorData, tensor: DeclaredTensor, mode: ScanMode): boolean {
  return scans(scanner, data, tensor, mode) && scanner.space() === -1;
}

const scans = (scanner: FloatScanner, data: TensorData, { shape }: DeclaredTensor, mode: ScanMode): boolean =>
  scanArray(scanner, data, 0, shape, mode, CUT_NESTING_MAX);

function parseData(array: readonly JsonValue[], tensor: DeclaredTensor, data: TensorData): TensorData {
  const { name, datatype, elements } = tensor;
  const flat = flattened(array, tensor);
  if (flat.length !== elements) throw wrongCount(tensor, flat.length);
  const bad = flat.findIndex((value, index) => !storeElement(datatype, data, index, value));
  if (bad < 0) return data;
  throw invalid(`value ${bad} of input "${name}" is ${describeValue(flat[bad])}; wanted ${WANTED[datatype]}`);
}

// The same forms as scanArray takes. The nesting was bounded when the array was cut out.
function flattened(parsed: readonly JsonValue[], { name, shape }: DeclaredTensor): readonly JsonValue[] {
  let depth = 0;
  for (let level: unknown = parsed; Array.isArray(level); level = (level as unknown[])[0]) depth += 1;
  if (depth === 1) return parsed;
  const rank = Math.max(1, nestedRank(shape));
  const flat: JsonValue[] = [];
  const visit = (level: JsonValue, axis: number): void => {
    if (axis === rank) {
      flat.push(level);
      return;
    }
    // A shape without dimensions is written as an array of one.
    if (!Array.isArray(level) || level.length !== (axis < 0 ? 1 : shape[axis] ?? 1)) {
      throw invalid(`input "${name}" has nested arrays that are not of its shape; wanted ${shapeText(shape)}, ` +
        'nested or flat');
    }
    for (const one of level as readonly JsonValue[]) visit(one, axis + 1);
  };
  visit(parsed, Math.min(0, rank - depth));
  return flat;
}

function wrongCount({ name, shape, elements }: DeclaredTensor, got: number | null): LastgoodError {
  const found = got === null ? 'fewer' : String(got);
  return invalid(`input "${name}" has ${found} values; wanted ${elements} for its shape ${shapeText(shape)}`);
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
