// The bins that distributions are compared on. Pure. Edges come from a baseline only: its deciles, and around every
// value that alone makes up more than a tenth of it an own bin. Bins are half-open, [edge, next edge); the first and
// the last hold what lies outside the baseline's range, so they are empty on its side.
import type { Bins } from '../../domain/records.ts';

/** Bins of equal share that a baseline is divided into, before those outside and those of frequent values. */
const QUANTILE_BINS = 10;
/** Files hold 6 digits, answers 7: values this close to each other, in their own size or in deviations, are equal. */
const TOLERANCE = 1e-5;
/** Bins with less than this part of a fair share are merged with their neighbour. */
const SHARE_PART_MIN = 0.25;

/** Returns the number of edges that are not above `value`: its bin, from 0 (below all) to edges.length (above all). */
export function binOf(edges: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts values per bin. */
export function countInBins(edges: readonly number[], values: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[binOf(edges, value)]! += 1;
  return counts;
}

/** Makes the bins of a baseline's sorted values; `deviation` is their standard deviation. */
export function binsOf(sorted: readonly number[], deviation: number): Bins {
  const min = sorted[0]!;
  const max = sorted.at(-1)!;
  const tolerance = (value: number): number => TOLERANCE * Math.max(Math.abs(value), deviation, Number.MIN_VALUE);
  const atoms = frequentValues(sorted, tolerance);
  const fixed = new Set([min - tolerance(min), max + tolerance(max)]);
  for (const atom of atoms) fixed.add(atom - tolerance(atom)).add(atom + tolerance(atom));
  const edges = new Set(fixed);
  for (let part = 1; part < QUANTILE_BINS; part += 1) {
    const value = sorted[Math.floor((part * sorted.length) / QUANTILE_BINS)]!;
    if (!atoms.some((atom) => Math.abs(value - atom) <= 2 * tolerance(atom))) edges.add(value - tolerance(value));
  }
  return merged([...edges].sort((a, b) => a - b), fixed, sorted);
}

// Values that alone make up more than the share of a bin.
function frequentValues(sorted: readonly number[], tolerance: (value: number) => number): number[] {
  const frequent: number[] = [];
  let first = 0;
  for (let at = 1; at <= sorted.length; at += 1) {
    const from = sorted[first]!;
    if (at < sorted.length && sorted[at]! - from <= tolerance(from)) continue;
    if ((at - first) * QUANTILE_BINS > sorted.length) frequent.push(from);
    first = at;
  }
  return frequent;
}

// Takes out edges between which too little lies; those around the range and around frequent values stay.
function merged(edges: number[], fixed: ReadonlySet<number>, sorted: readonly number[]): Bins {
  const least = (sorted.length / QUANTILE_BINS) * SHARE_PART_MIN;
  for (;;) {
    const counts = countInBins(edges, sorted);
    const thin = edges.findIndex((edge, at) =>
      !fixed.has(edge) && (counts[at]! < least || counts[at + 1]! < least));
    if (thin < 0) return { edges, counts };
    edges.splice(thin, 1);
  }
}

/** The largest number of equal values, as a share. */
export function largestRepeat(sorted: readonly number[]): number {
  let most = 0;
  let first = 0;
  for (let at = 1; at <= sorted.length; at += 1) {
    if (at < sorted.length && sorted[at] === sorted[first]) continue;
    most = Math.max(most, at - first);
    first = at;
  }
  return sorted.length === 0 ? 0 : most / sorted.length;
}
