// How far two histograms on the same bins are apart. Pure. `baseline` and `window` are counts of equal length; bins
// that are empty on both sides add nothing. Natural logarithms, unless a name says otherwise.

/** What PSI adds to every bin of both sides, so that an empty one stays finite; part of the measure's definition. */
export const PSI_SMOOTHING = 0.5;

type Counts = readonly number[];

function totalOf(counts: Counts): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

function sharesOf(counts: Counts): number[] {
  const total = totalOf(counts);
  return counts.map((count) => count / total);
}

function sumOverBins(p: Counts, q: Counts, term: (p: number, q: number) => number): number {
  let sum = 0;
  for (let bin = 0; bin < p.length; bin += 1) sum += term(p[bin]!, q[bin]!);
  return sum;
}

const relative = (from: number, to: number): number => (from === 0 ? 0 : from * Math.log(from / to));

/** Returns the population stability index Σ (q - p) ln(q / p); Infinity for one empty side without smoothing. */
export function populationStability(baseline: Counts, window: Counts, smoothing = PSI_SMOOTHING): number {
  // Asked for at every look and window, so without arrays in between.
  const ofBaseline = totalOf(baseline) + smoothing * baseline.length;
  const ofWindow = totalOf(window) + smoothing * window.length;
  let sum = 0;
  for (let bin = 0; bin < baseline.length; bin += 1) {
    const p = (baseline[bin]! + smoothing) / ofBaseline;
    const q = (window[bin]! + smoothing) / ofWindow;
    if (p !== q) sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

/** Returns the Jensen-Shannon divergence in bits, in 0…1; needs no smoothing. */
export function jensenShannonBits(baseline: Counts, window: Counts): number {
  const p = sharesOf(baseline);
  const q = sharesOf(window);
  const nats = sumOverBins(p, q, (ofP, ofQ) => {
    const middle = (ofP + ofQ) / 2;
    return (relative(ofP, middle) + relative(ofQ, middle)) / 2;
  });
  return Math.max(0, nats) / Math.LN2;
}

/** Returns the Jensen-Shannon distance to base 2: the root of the divergence in bits. */
export function jensenShannonDistance(baseline: Counts, window: Counts): number {
  return Math.sqrt(jensenShannonBits(baseline, window));
}

/** Returns the largest difference of a bin's shares. */
export function largestShareDifference(baseline: Counts, window: Counts): number {
  const p = sharesOf(baseline);
  const q = sharesOf(window);
  return p.reduce((largest, share, bin) => Math.max(largest, Math.abs(share - q[bin]!)), 0);
}

/** A chi-square statistic with its degrees of freedom. */
interface ChiSquare {
  readonly statistic: number;
  readonly degrees: number;
}

/** Compares the window with the baseline's shares as if they were exact. */
export function chiSquareFit(baseline: Counts, window: Counts): ChiSquare {
  const total = totalOf(window);
  const expected = sharesOf(baseline).map((share) => share * total);
  const term = (wanted: number, got: number): number =>
    wanted === 0 && got === 0 ? 0 : (got - wanted) ** 2 / wanted;
  return { statistic: sumOverBins(expected, window, term), degrees: usedBins(baseline, window) - 1 };
}

/** Asks whether both sides are samples of one law, when the baseline is itself a small sample. */
export function chiSquareHomogeneity(baseline: Counts, window: Counts): ChiSquare {
  const pooled = baseline.map((count, bin) => count + window[bin]!);
  const statistic = chiSquareFit(pooled, baseline).statistic + chiSquareFit(pooled, window).statistic;
  return { statistic, degrees: usedBins(baseline, window) - 1 };
}

const usedBins = (baseline: Counts, window: Counts): number =>
  baseline.filter((count, bin) => count + window[bin]! > 0).length;
