// Rows that nobody asked for, to find out with what a model does to rows (see stack-probe.ts). No two of them hold the
// same set of values, however many columns there are, so nothing that is read from all of them together, a sum, a
// largest value, a scale, is the same for another selection. Pure, but for the search for sizes that a model takes.
import { performance } from 'node:perf_hooks';
import type { Datatype, Signature } from '../../domain/records.ts';
import { numberToHalf } from '../../domain/half.ts';
import { createElements, elementBytes, elementCount } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, Tensor, TensorData } from '../../domain/datatype.ts';
import type { Session } from './session.ts';

/**
 * How bold the values are. Floats: wide ones are of both signs and of six orders of magnitude, one order per row;
 * narrow ones lie in 0.1…0.9, where logarithms, roots and tables are at home. Integers: wide as well, or from 0 to 6
 * as for a short table, or 0 and 1 as for a mask.
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

/**
 * What the shapes leave open: which inputs have a place for rows, and the size of other open dimensions, or the shape
 * of each input as a row has it that the model is known to take.
 */
export interface MadeUpShape {
  readonly hasRows: readonly boolean[];
  readonly openSize: OpenSize;
}
export type OpenSize = number | readonly (readonly number[])[];

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
    const shape = declared.map((size, axis) =>
      (axis === 0 && isStacked ? rows.length : size < 0 ? sizeOf(openSize, input, axis) : size));
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
    const row = shape.slice(1).map((size, at) => (size < 0 ? sizeOf(openSize, input, at + 1) : size));
    return hasRows[input]! ? sum + elementCount(row) * Math.max(1, elementBytes(datatype)) : sum;
  }, 0);
}

const sizeOf = (openSize: OpenSize, input: number, axis: number): number =>
  (typeof openSize === 'number' ? openSize : openSize[input]![axis]!);

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

// Of another number of words in the next row, because what pads some texts does it to the longest.
const textOf = ({ row: { number }, share, manner }: Value): string =>
  (manner.floats === 'wide'
    ? `made up ${'of many words '.repeat(number % FEW)}${share}` : String(Math.floor(FEW * share)));

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

/** Tried with every manner of made-up rows. */
export const OPEN_SIZES = [2, 1, 4, 32];
/** Tried with zeros alone, when the model refuses those: every small one, and the usual ones of images and windows. */
const MORE_SIZES: readonly number[] = [
  ...Array.from({ length: 62 }, (_, at) => at + 3), 80, 96, 112, 128, 160, 192, 224, 256, 299, 320, 384, 416, 448, 512,
];
/** Of one row; a model of open images is not asked for large ones, each of which may take it long. */
const ELEMENTS_MAX = 2 ** 18;
const SEARCH_MS_MAX = 1_500;

/** Whether any dimension is open beside that of the rows, for which the inputs of `hasRows` have their first one. */
const hasOpenSizes = ({ inputs }: Signature, hasRows: readonly boolean[]): boolean =>
  inputs.some(({ shape }, input) => shape.some((size, axis) => size < 0 && !(axis === 0 && hasRows[input]!)));

interface Wanted {
  readonly hasRows: readonly boolean[];
  /** Inputs of runs of one row that the model is known to take. */
  readonly known?: readonly (readonly Tensor[])[];
  /** Whether the model may be asked with sizes that nobody ever asked it with. */
  readonly isSearched: boolean;
}

/** What to try one after the other, until the model takes a row of it; one size when none is open. */
export async function* openSizes(
  session: Session, { hasRows, known = [], isSearched }: Wanted,
): AsyncGenerator<OpenSize> {
  if (!hasOpenSizes(session.signature, hasRows)) {
    yield OPEN_SIZES[0]!;
    return;
  }
  yield* OPEN_SIZES;
  const [row] = known;
  if (row !== undefined) yield row.map(({ shape }) => shape);
  if (!isSearched) return;
  const found = await searchedSize((size) => takesZeros(session, hasRows, size));
  if (found !== null) yield found;
}

/** The first size that is taken of those that few models are so particular about; null when none is, or not soon. */
export async function searchedSize(isTaken: (size: number) => Promise<boolean>): Promise<number | null> {
  const beginMs = performance.now();
  for (const size of MORE_SIZES) {
    if (await isTaken(size)) return size;
    if (performance.now() - beginMs > SEARCH_MS_MAX) return null;
  }
  return null;
}

async function takesZeros(session: Session, hasRows: readonly boolean[], size: number): Promise<boolean> {
  const { inputs, outputs } = session.signature;
  const shapes = inputs.map(({ shape }, input) =>
    shape.map((own, axis) => (own >= 0 ? own : axis === 0 && hasRows[input]! ? 1 : size)));
  if (shapes.reduce((sum, shape) => sum + elementCount(shape), 0) > ELEMENTS_MAX) return false;
  const zeros = inputs.map(({ datatype }, input) =>
    ({ data: createElements(datatype, elementCount(shapes[input]!)), shape: shapes[input]! }));
  return session.runWhole(zeros, outputs.map((_, index) => index)).then(() => true, () => false);
}
