// The few statistics of the benchmark.

/** The middle value, or the mean of the two middle ones; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? NaN)) / 2;
}

/** Half the span between the quartiles as a share of the median: how far the rounds agree. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return (at(0.75) - at(0.25)) / 2 / median(values);
}

/** The ratios of one round each: what a machine does to both in a round falls out. */
export function roundRatios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, round) => value / (under[round] ?? NaN));
}

/** Standard normal quantile of 95 %. */
const Z95 = 1.6449;

/**
 * What is lost at most, in percent, with 95 % confidence: one-sided, by Student's t on the mean of the rounds' ratios
 * (its quantile by the first two terms of Cornish and Fisher). NaN for fewer than two rounds.
 */
export function lossBound(ratios: readonly number[]): number {
  const freedom = ratios.length - 1;
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / freedom;
  const quantile = Z95 + (Z95 ** 3 + Z95) / (4 * freedom);
  return (1 - mean + quantile * Math.sqrt(variance / ratios.length)) * 100;
}

/** The median of those. */
export function medianRatio(over: readonly number[], under: readonly number[]): number {
  return median(roundRatios(over, under));
}
