// Rows that nobody asked for, to find out with what a model does to rows (see stack-probe.ts). No two of them hold the
// same set of values, however many columns there are, so nothing that is read from all of them together, a sum, a
// largest value, a scale, is the same for another selection. Pure.
import type { Datatype, Signature } from '../../domain/records.ts';
import { numberToHalf } from '../../domain/half.ts';
import { createElements, elementBytes, elementCount } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, Tensor, TensorData } from '../../domain/datatype.ts';

/**
 * How bold the values are. Floats: wide ones are of both signs and of six orders of magnitude, one order per row;
 * narrow ones lie in 0.1…0.9, where logarithms, roots and tables are at home. Integers: wide as well, or from 0 to 6 as
 * for a short table, or 0 and 1 as for a mask.
 */
export interface Manner {
  readonly floats: 'wide' | 'narrow';
  readonly integers: 'wide' | 'few' | 'bits';
}

export interface MadeUpRow {
  /** Rows of different numbers differ. */
  readonly number: number;
  /** Stands in place of each float, up to a factor below 2. */
  readonly taint?: number;
}

/** What the shapes leave open: which inputs have a place for rows, and the size of other open dimensions. */
export interface MadeUpShape {
  readonly hasRows: readonly boolean[];
  readonly openSize: number;
}

/** Magnitudes of wide rows, in an order that puts very different ones beside each other; powers of ten. */
const EXPONENTS = [-2, 3, 0, -1, 2, -3, 1];
/** Wide integers are this much larger than wide floats, which are mostly fractions. */
const INTEGER_FACTOR = 100;
const FEW = 7;

/** The inputs of one run of these rows; an input without a place for rows is the same in every run. */
export function madeUpInputs(
  { inputs }: Signature, { hasRows, openSize }: MadeUpShape, rows: readonly MadeUpRow[], manner: Manner,
): Tensor[] {
  return inputs.map(({ datatype, shape: declared }, input) => {
    const isStacked = hasRows[input]!;
    const shape = declared.map((size, axis) => (axis === 0 && isStacked ? rows.length : size < 0 ? openSize : size));
    const data = createElements(datatype, elementCount(shape));
    const perRow = isStacked ? data.length / rows.length : data.length;
    for (let at = 0; at < data.length; at += 1) {
      const row = isStacked ? rows[Math.floor(at / perRow)]! : { number: 0 };
      put(data, at, datatype, { row, share: shareOf(row.number, input, at % perRow), manner });
    }
    return { data, shape };
  });
}

/** Bytes of one row of all inputs that have rows. */
export function madeUpRowBytes({ inputs }: Signature, { hasRows, openSize }: MadeUpShape): number {
  return inputs.reduce((sum, { datatype, shape }, input) => {
    const row = shape.slice(1).map((size) => (size < 0 ? openSize : size));
    return hasRows[input]! ? sum + elementCount(row) * Math.max(1, elementBytes(datatype)) : sum;
  }, 0);
}

interface Value {
  readonly row: MadeUpRow;
  /** In 0…1, another one for each value. */
  readonly share: number;
  readonly manner: Manner;
}

function put(data: TensorData, at: number, datatype: Datatype, value: Value): void {
  if (Array.isArray(data)) data[at] = textOf(value);
  else if (datatype === 'INT64' || datatype === 'UINT64') (data as BigArray)[at] = BigInt(integerOf(value));
  else if (datatype === 'FP16') (data as NumericArray)[at] = numberToHalf(floatOf(value));
  else if (datatype === 'FP32' || datatype === 'FP64') (data as NumericArray)[at] = floatOf(value);
  else (data as NumericArray)[at] = datatype === 'BOOL' ? bitOf(value) : integerOf(value);
}

function floatOf({ row: { number, taint }, share, manner }: Value): number {
  if (taint !== undefined) return taint * (1 + share);
  return manner.floats === 'narrow' ? 0.1 + 0.8 * share : wide(number, share);
}

function integerOf(value: Value): number {
  const { row: { number, taint }, share, manner } = value;
  if (manner.integers === 'bits') return bitOf(value);
  if (manner.integers === 'few') return Math.floor(FEW * share);
  const size = taint === undefined || Number.isNaN(taint) ? wide(number, share) : taint * (1 + share);
  return Math.round(INTEGER_FACTOR * size);
}

const bitOf = ({ share }: Value): number => (share < 0.5 ? 0 : 1);

const textOf = ({ share, manner }: Value): string =>
  manner.floats === 'wide' ? `made up ${share}` : String(Math.floor(FEW * share));

function wide(number: number, share: number): number {
  // The last digits decide the sign, so that rows have both.
  const sign = Math.floor(share * 1e6) % 2 === 0 ? 1 : -1;
  return sign * 10 ** EXPONENTS[number % EXPONENTS.length]! * (1 + share);
}

// A hash as a fraction: the same in every run and every process.
function shareOf(row: number, input: number, column: number): number {
  let hash = Math.imul(row + 1, 0x9e3779b1) ^ Math.imul(column + 1, 0x85ebca6b) ^ Math.imul(input + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
