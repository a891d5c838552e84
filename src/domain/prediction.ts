// What one row of a model's answer says, as the few numbers that travel in a sample: shared by the workers, which write
// samples, and the judge, which computes baselines, so that both sides always measure the same thing. Pure.
import type { OutputKind, Signature, TensorSignature } from './records.ts';

/** Rows of class scores add up to 1 within this: files hold rounded numbers. */
const SHARE_SUM_TOLERANCE = 1e-3;
/** What a float32 sum near 1 may be off by for each of its terms. */
const SINGLE_EPSILON = 2 ** -23;
/** Terms that a share is the sum of: the trees of a forest; or the classes, when there are more. */
const TERMS_MIN = 1_024;
/** An output named like this holds class probabilities even when no rows are there to prove it. */
const PROBABILITY_NAME = /prob|softmax/i;

/** The summary of one answered row; `value` is NaN when the row has none (an element is NaN or infinite). */
export interface PredictionSummary {
  /** One number a row: that number. classes: the best class's score. vector, sequence: a Euclidean length. */
  value: number;
  /** Index of the best class (the first of equals), or -1. */
  classIndex: number;
  /** Entropy of the class scores divided by that of even scores, in 0…1; NaN for other kinds. */
  entropy: number;
}

/** Writes the summary of the `length` elements from `offset` into `into`; allocates nothing. */
export function summarizeRow(
  kind: OutputKind,
  data: ArrayLike<number | bigint>,
  offset: number,
  length: number,
  into: PredictionSummary,
): void {
  into.value = NaN;
  into.classIndex = -1;
  into.entropy = NaN;
  if (length === 0) return;
  for (let at = offset; at < offset + length; at += 1) {
    if (!Number.isFinite(Number(data[at]))) return;
  }
  if (kind === 'classes') summarizeClasses(data, offset, length, into);
  else if (kind === 'vector') into.value = euclideanLength(data, offset, length);
  else into.value = Number(data[offset]);
}

function summarizeClasses(
  data: ArrayLike<number | bigint>, offset: number, length: number, into: PredictionSummary,
): void {
  let best = 0;
  let nats = 0;
  for (let index = 0; index < length; index += 1) {
    const share = Number(data[offset + index]);
    if (share > Number(data[offset + best])) best = index;
    if (share > 0) nats -= share * Math.log(share);
  }
  into.value = Number(data[offset + best]);
  into.classIndex = best;
  into.entropy = length < 2 ? 0 : Math.min(1, Math.max(0, nats / Math.log(length)));
}

function euclideanLength(data: ArrayLike<number | bigint>, offset: number, length: number): number {
  let sum = 0;
  for (let at = offset; at < offset + length; at += 1) sum += Number(data[at]) ** 2;
  return Math.sqrt(sum);
}

/** By how much a share that is a sum of float32 numbers may lie outside of 0…1. */
const shareTolerance = (classes: number): number => SINGLE_EPSILON * Math.max(TERMS_MIN, classes);

/**
 * Returns the output that predictions are read from, or null when no output is numeric: one named like probabilities,
 * else the first of a floating-point type (a classifier's label often comes before its scores), else the first.
 */
export function predictionOutput(signature: Signature): TensorSignature | null {
  const numeric = signature.outputs.filter((output) => output.datatype !== 'BYTES');
  const floating = numeric.filter((output) => output.datatype.startsWith('FP'));
  return floating.find((output) => PROBABILITY_NAME.test(output.name)) ?? floating[0] ?? numeric[0] ?? null;
}

/** Elements of one row: the product of all dimensions but the first; -1 when one of them is open. */
export function rowElements(shape: readonly number[]): number {
  const sizes = shape.slice(1);
  return sizes.some((size) => size < 0) ? -1 : sizes.reduce((product, size) => product * size, 1);
}

/** Whether a row of this shape can be one row of class scores: one dimension at most is no 1. */
export const isOneRowOfScores = (shape: readonly number[]): boolean =>
  shape.slice(1).filter((size) => size !== 1).length <= 1;

/**
 * Decides how `output` is read. Texts: as labels. One element a row: a score when every given row lies in 0…1, a
 * regression when one does not, a scalar without rows. Rows of several lengths: a sequence. Several elements: classes
 * when every given row holds shares of 1, or, without rows, when the output is named like probabilities; else vector,
 * as a sequence of class scores is.
 */
export function inferOutputKind(output: TensorSignature, rows?: readonly ArrayLike<number>[]): OutputKind {
  if (output.datatype === 'BYTES') return 'labels';
  const elements = rowElements(output.shape);
  const mayBeClasses = isOneRowOfScores(output.shape);
  if (rows !== undefined && rows.length > 0) {
    if (rows.some((row) => row.length !== rows[0]!.length)) return 'sequence';
    if (elements === 1 || rows.every((row) => row.length === 1)) return rows.every(isScore) ? 'score' : 'regression';
    return mayBeClasses && rows.every(holdsShares) ? 'classes' : 'vector';
  }
  if (elements === 1) return 'scalar';
  return mayBeClasses && PROBABILITY_NAME.test(output.name) ? 'classes' : 'vector';
}

/** Whether a number is a share, as exact as float32 makes it: a forest answers 1.0000001. */
export const isShare = (value: number, classes: number): boolean =>
  value >= -shareTolerance(classes) && value <= 1 + shareTolerance(classes);

const isScore = (row: ArrayLike<number>): boolean => isShare(row[0]!, 2);

function holdsShares(row: ArrayLike<number>): boolean {
  let sum = 0;
  for (let index = 0; index < row.length; index += 1) {
    const share = row[index]!;
    if (!isShare(share, row.length)) return false;
    sum += share;
  }
  return row.length > 1 && Math.abs(sum - 1) <= Math.max(SHARE_SUM_TOLERANCE, shareTolerance(row.length));
}

// Labels as numbers, so that a sample, a kept row and a baseline hold a label as they hold any answer: a number is
// itself, a text stands for a whole number that follows from it alone. Numbers beyond 2^53 are read as the nearest one
// that a double holds.
const HASH_FACTOR = 0x01000193;
const SEED = 0x811c9dc5 | 0;
const OTHER_SEED = 0x2f6e2b1 | 0;
/** Of 52 bits a double holds every value. */
const HIGH_BITS = 0xf_ffff;
const LOW_RANGE = 2 ** 32;

/** The number of a text label: FNV-1a with two seeds, 52 bits of it. Allocates nothing. */
export function labelNumber(text: string): number {
  let low = SEED;
  let high = OTHER_SEED;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, HASH_FACTOR);
    high = Math.imul(high ^ unit, HASH_FACTOR);
  }
  // FNV's low bits mix best at the end: what comes last moves the high ones too.
  high ^= high >>> 15;
  return (high & HIGH_BITS) * LOW_RANGE + (low >>> 0);
}

/** What a label is called that no baseline knows: a number by itself, a text by the number it stands for. */
export const unknownLabel = (value: number, isText: boolean): string => (isText ? `text #${value}` : String(value));
