// Counts in fixed buckets, as Prometheus histograms are: plain data, so that they cross threads and add up. Pure.
// Invariant: the counts are per bucket, not cumulative; the last bucket is everything above the largest bound.

/** Upper bounds, each included in its bucket, ascending. */
export type Bounds = readonly number[];

/** Of durations, in µs: 100 µs to 30 s, about three to a decade. */
export const DURATION_BOUNDS_US: Bounds = [
  100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1e6, 2.5e6, 5e6, 10e6, 30e6,
];

/** Of the rows of one run. */
export const ROW_BOUNDS: Bounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

export interface Histogram {
  readonly counts: Float64Array;
  sum: number;
}

export function newHistogram(bounds: Bounds): Histogram {
  return { counts: new Float64Array(bounds.length + 1), sum: 0 };
}

/** Counts one value. */
export function record(histogram: Histogram, bounds: Bounds, value: number): void {
  // From below: most durations lie in the first few buckets.
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
  histogram.counts[bucket]! += 1;
  histogram.sum += value;
}

/** Adds the counts of `from`, which has the same bounds. */
export function addHistogram(into: Histogram, from: Histogram): void {
  for (let bucket = 0; bucket < into.counts.length; bucket += 1) into.counts[bucket]! += from.counts[bucket]!;
  into.sum += from.sum;
}

/** How many values were counted. */
export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
