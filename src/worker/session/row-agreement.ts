// Whether two answers to the same row are the same answer. Another number of rows in a run is another order of sums, so
// that the last digits of floats may differ; what mixes rows differs in the first. Pure.
import type { Datatype } from '../../domain/records.ts';
import { halfToNumber } from '../../domain/half.ts';
import { shapeText } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';

/**
 * How far numbers may be apart, in shares of the row's largest. `least` is what a chain of layers makes of sums in
 * another order; a model that is seen to do worse, alone and in company, is given more, up to `most`.
 */
export interface Arithmetic {
  readonly least: number;
  readonly most: number;
}
/** Of float32 and float64; of float16, wherever in the model; of integers that stand for floats: a step is 1/127. */
export const SINGLE: Arithmetic = { least: 2 ** -14, most: 2 ** -10 };
export const HALF: Arithmetic = { least: 2 ** -8, most: 2e-2 };
export const QUANTISED: Arithmetic = { least: 2 ** -7, most: 2 ** -5 };
/** More than was seen of it once is given, because rows differ. */
export const SEEN_FACTOR = 8;
/** Rows whose numbers are all smaller are compared as if this were their largest: chances that are as good as none. */
const LARGEST_MIN = 1e-6;

/** Bit for bit. */
export function isSameTensor(left: Tensor, right: Tensor): boolean {
  if (left.data.length !== right.data.length || shapeText(left.shape) !== shapeText(right.shape)) return false;
  for (let at = 0; at < left.data.length; at += 1) if (!Object.is(left.data[at], right.data[at])) return false;
  return true;
}

/** How far apart two answers to a row are: 0 when they are the same, Infinity when no arithmetic explains it. */
export function distanceOf(left: Tensor, right: Tensor, datatype: Datatype): number {
  if (isSameTensor(left, right)) return 0;
  if (left.data.length !== right.data.length || shapeText(left.shape) !== shapeText(right.shape)) return Infinity;
  const isHalf = datatype === 'FP16';
  if (!isHalf && datatype !== 'FP32' && datatype !== 'FP64') return Infinity;
  const numberAt = ({ data }: Tensor, at: number): number =>
    (isHalf ? halfToNumber(data[at] as number) : data[at] as number);
  let largest = LARGEST_MIN;
  let furthest = 0;
  for (let at = 0; at < left.data.length; at += 1) {
    const [one, other] = [numberAt(left, at), numberAt(right, at)];
    if (Number.isFinite(one)) largest = Math.max(largest, Math.abs(one));
    if (Number.isFinite(other)) largest = Math.max(largest, Math.abs(other));
    if (!Object.is(one, other)) furthest = Math.max(furthest,
      isApartForGood(one, other) ? Infinity : Math.abs(one - other));
  }
  return furthest / largest;
}

const isApartForGood = (one: number, other: number): boolean => !Number.isFinite(one) || !Number.isFinite(other);
