// Turns the predictions of a version that is known good into its baseline. Pure. Predictions that are not finite are
// left out and not counted in `rows`; without a single finite one there is no baseline but an error. Equal predictions
// (or only one) make a baseline with a standard deviation of 0, which the drift check answers with "inconclusive".
import { createHash } from 'node:crypto';
import { lastgoodError } from '../../base/errors.ts';
import type { Baseline, Bins, OutputKind } from '../../domain/records.ts';
import { type PredictionSummary, summarizeRow, unknownLabel } from '../../domain/prediction.ts';
import { SequenceReader } from '../../domain/sequence.ts';
import { DIRECTIONS, projectionOf } from '../../domain/projection.ts';
import { binsOf, largestRepeat } from '../statistics/bins.ts';
import { distributionOf, moments, pulledSpread, scoreEntropy } from '../statistics/distribution.ts';

/** Sorted values that a baseline keeps at most. */
export const BASELINE_VALUES_MAX = 2_000;
/** Labels that a baseline keeps at most, the most frequent ones. */
const BASELINE_LABELS_MAX = 1_000;

export interface BaselineAbout {
  /** The output that the predictions are read from. */
  readonly output: string;
  readonly kind: OutputKind;
  readonly source: Baseline['source'];
  readonly createdAtMs: number;
  /** Where the rows came from, for error messages. */
  readonly origin: string;
  /** What labels are called, by their number; those that are not in it are called by that. */
  readonly labelNames?: ReadonlyMap<number, string>;
  /** Numbers of one step of a sequence; 1 by default. */
  readonly width?: number;
}

/** What a baseline is made of: the summaries of answered rows. */
interface SummarizedRows {
  /** Prediction values; those that are not finite are left out. */
  readonly values: readonly number[];
  /** Rows per best class, for `classes`. */
  readonly classCounts: readonly number[];
  /** Normalised entropies, for `classes`. */
  readonly entropies: readonly number[];
  /** Projections per fixed direction, for `vector`; else empty. Those that are not finite are left out. */
  readonly projections: readonly (readonly number[])[];
}

/** Computes the baseline of answered rows; throws INVALID_BASELINE when none has a finite prediction. */
export function computeBaseline(rows: readonly ArrayLike<number>[], about: BaselineAbout): Baseline {
  const values: number[] = [];
  const entropies: number[] = [];
  const classCounts: number[] = [];
  const { kind, width = 1 } = about;
  const hasDirections = kind === 'vector' || kind === 'sequence';
  const projections: number[][] = hasDirections ? Array.from({ length: DIRECTIONS }, () => []) : [];
  const sequences = kind === 'sequence' ? new SequenceReader(width) : null;
  const summary: PredictionSummary = { value: NaN, classIndex: -1, entropy: NaN };
  for (const row of rows) {
    if (sequences === null) summarizeRow(kind, row, 0, row.length, summary);
    else sequences.read(row, 0, row.length, summary);
    const { value, classIndex, entropy } = summary;
    if (!Number.isFinite(value)) continue;
    values.push(value);
    projections.forEach((found, direction) =>
      found.push(sequences?.projection(direction) ?? projectionOf(direction, row, 0, row.length)));
    if (classIndex < 0) continue;
    entropies.push(entropy);
    while (classCounts.length < row.length) classCounts.push(0);
    classCounts[classIndex]! += 1;
  }
  return baselineOfPredictions({ values, classCounts, entropies, projections }, about);
}

/** Computes the baseline of predictions that were captured live; throws INVALID_BASELINE when none is finite. */
export function baselineOfPredictions(rows: SummarizedRows, about: BaselineAbout): Baseline {
  const { output, kind, source, createdAtMs } = about;
  const sorted = rows.values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const { mean, standardDeviation, min, max } = rangeOf(sorted, about);
  const entropy = distributionOf(kind === 'score' ? sorted.map(scoreEntropy) : rows.entropies);
  const directions = kind === 'vector' || kind === 'sequence' ? directionBins(rows.projections) : null;
  const hasClasses = kind === 'classes' && rows.classCounts.some((count) => count > 0);
  const content = {
    source, output, kind, rows: sorted.length, mean, standardDeviation, min, max,
    values: thin(sorted, BASELINE_VALUES_MAX),
    ...(hasClasses ? { classShares: sharesOf(rows.classCounts) } : {}),
    ...(kind === 'labels' ? { labels: labelSharesOf(sorted, about.labelNames) } : {}),
    ...(kind === 'sequence' ? { width: about.width ?? 1 } : {}),
    bins: binsOf(sorted, standardDeviation),
    spread: pulledSpread(sorted, mean, standardDeviation),
    atomShare: largestRepeat(sorted),
    ...(entropy === null ? {} : { entropy }),
    ...(directions === null ? {} : { projections: directions }),
  };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { ...content, createdAtMs, hash };
}

// Null unless every direction has something to make bins of: zeros only point nowhere.
function directionBins(projections: readonly (readonly number[])[]): Bins[] | null {
  const finite = projections.map((values) => values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b));
  if (finite.length === 0 || finite.some((sorted) => sorted.length === 0)) return null;
  return finite.map((sorted) => binsOf(sorted, moments(sorted).standardDeviation));
}

function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}

function labelSharesOf(
  values: readonly number[], names: ReadonlyMap<number, string> | undefined,
): NonNullable<Baseline['labels']> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, BASELINE_LABELS_MAX)
    .map(([value, count]) => ({
      value, name: names?.get(value) ?? unknownLabel(value, names !== undefined), share: count / values.length,
    }));
}

function rangeOf(
  sorted: readonly number[], { origin, output }: BaselineAbout,
): { mean: number; standardDeviation: number; min: number; max: number } {
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
  return { mean, standardDeviation, min, max };
}

/** Returns at most `count` of the sorted values at even ranks, the first and the last among them. */
export function thin(sorted: readonly number[], count: number): number[] {
  if (sorted.length <= count) return [...sorted];
  const step = (sorted.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, index) => sorted[Math.round(index * step)]!);
}
