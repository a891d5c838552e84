// What both sides of a comparison compute in the same way: the baseline once, from all its rows, and the windows row by
// row. Pure.
import type { Distribution } from '../../domain/records.ts';
import { isShare } from '../../domain/prediction.ts';
import { binsOf } from './bins.ts';

/** Predictions further than so many baseline deviations from its mean count as that far: one outlier moves little. */
export const SPREAD_PULL = 4;
/** The same for the mean, in limits: no single answer of fifty can move it over the limit. */
export const MEAN_PULL_LIMITS = 2.5;

/** Returns `value` held within ±`limit`. */
export function pulled(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}

/** Entropy of a score and its complement, 0 (sure) … 1 (even); NaN outside 0…1 by more than float32 explains. */
export function scoreEntropy(score: number): number {
  if (!isShare(score, 2)) return NaN;
  if (score <= 0 || score >= 1) return 0;
  return -(score * Math.log(score) + (1 - score) * Math.log1p(-score)) / Math.LN2;
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

/** Deviation (in the values' unit) and kurtosis of values that were pulled in around `mean`. */
export function pulledSpread(
  values: readonly number[], mean: number, deviation: number,
): { standardDeviation: number; kurtosis: number } {
  if (!(deviation > 0)) return { standardDeviation: 0, kurtosis: 3 };
  const near = values.map((value) => pulled((value - mean) / deviation, SPREAD_PULL));
  const about = moments(near);
  const fourth = near.reduce((sum, z) => sum + (z - about.mean) ** 4, 0) / near.length;
  const variance = about.standardDeviation ** 2;
  return {
    standardDeviation: about.standardDeviation * deviation,
    kurtosis: variance > 0 ? fourth / variance ** 2 : 3,
  };
}

/** Describes one number per row; null without rows. */
export function distributionOf(values: readonly number[]): Distribution | null {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const { mean, standardDeviation } = moments(sorted);
  return { mean, standardDeviation, bins: binsOf(sorted, standardDeviation) };
}
