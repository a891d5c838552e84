// Turns the predictions of a version that is known good into its baseline. Pure. Predictions that are not finite are
// left out and not counted in `rows`; without a single finite one there is no baseline but an error. Equal predictions
// (or only one) make a baseline with a standard deviation of 0, which the drift check answers with "inconclusive".
import { lastgoodError } from '../errors.ts';
import type { Baseline, OutputKind } from '../registry/records.ts';
import { predictionOf } from '../wire/prediction.ts';

/** Sorted values that a baseline keeps at most. */
export const BASELINE_VALUES_MAX = 2_000;

export interface BaselineAbout {
  /** The output that the predictions are read from. */
  readonly output: string;
  readonly kind: OutputKind;
  readonly source: Baseline['source'];
  readonly createdAtMs: number;
  /** Where the rows came from, for error messages. */
  readonly origin: string;
}

/** Computes the baseline of answered rows; throws INVALID_BASELINE when none has a finite prediction. */
export function computeBaseline(rows: readonly ArrayLike<number>[], about: BaselineAbout): Baseline {
  const values: number[] = [];
  const classCounts: number[] = [];
  for (const row of rows) {
    const { value, classIndex } = predictionOf(about.kind, row);
    if (!Number.isFinite(value)) continue;
    values.push(value);
    if (classIndex < 0) continue;
    while (classCounts.length < row.length) classCounts.push(0);
    classCounts[classIndex]! += 1;
  }
  return baselineOfPredictions(values, classCounts, about);
}

/** Computes the baseline of predictions that were captured live; throws INVALID_BASELINE when none is finite. */
export function baselineOfPredictions(
  predictions: readonly number[],
  classCounts: readonly number[],
  about: BaselineAbout,
): Baseline {
  const { output, kind, source, createdAtMs, origin } = about;
  const sorted = predictions.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const min = sorted[0];
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) {
    throw lastgoodError('INVALID_BASELINE', {
      path: origin,
      reason: `output "${output}" has no finite prediction; wanted at least one row, better 1,000`,
    });
  }
  const { mean, standardDeviation } = moments(sorted);
  if (!Number.isFinite(standardDeviation) || !Number.isFinite(mean)) {
    throw lastgoodError('INVALID_BASELINE', {
      path: origin,
      reason: `output "${output}" has predictions from ${min} to ${max}; wanted a spread that fits a number`,
    });
  }
  const classTotal = classCounts.reduce((sum, count) => sum + count, 0);
  return {
    source, output, kind, rows: sorted.length, mean, standardDeviation, min, max,
    values: thin(sorted, BASELINE_VALUES_MAX),
    ...(kind === 'classes' && classTotal > 0 ? { classShares: classCounts.map((count) => count / classTotal) } : {}),
    createdAtMs,
  };
}

/** Returns the mean and the sample standard deviation (n - 1); 0 for a single value or equal ones. */
export function moments(values: readonly number[]): { mean: number; standardDeviation: number } {
  // Welford's recurrence: no sum that grows, so rows far from 0 keep their digits.
  let mean = 0;
  let squares = 0;
  let count = 0;
  for (const value of values) {
    count += 1;
    const before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  return { mean, standardDeviation: count < 2 ? 0 : Math.sqrt(Math.max(0, squares) / (count - 1)) };
}

/** Returns at most `count` of the sorted values at even ranks, the first and the last among them. */
export function thin(sorted: readonly number[], count: number): number[] {
  if (sorted.length <= count) return [...sorted];
  const step = (sorted.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => sorted[Math.round(index * step)]!);
}
