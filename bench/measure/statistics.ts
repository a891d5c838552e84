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

/** The median of the ratios of one round each: what a machine does to both in a round falls out. */
export function medianRatio(over: readonly number[], under: readonly number[]): number {
  return median(over.map((value, round) => value / (under[round] ?? NaN)));
}

/** What is lost of the throughput, in percent, and how far the rounds agree about it: see `spread`. */
export function lostPercent(
  over: readonly number[], under: readonly number[],
): { readonly lost: number; readonly agreement: string } {
  const ratios = over.map((value, round) => value / (under[round] ?? NaN));
  const halfSpan = (spread(ratios) * 100).toFixed(1);
  return {
    lost: (1 - median(ratios)) * 100,
    agreement: `throughput lost, by round: half the span between the quartiles of ${ratios.length} is ${halfSpan} %`,
  };
}
