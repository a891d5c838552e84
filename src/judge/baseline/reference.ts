// What a window is compared with: a baseline as the suite reads it, with the columns it needs. Pure. Whoever has a
// baseline without bins (of an early version of this program) gets them made from its kept values.
import type { Baseline, Bins, Distribution, InputBaseline } from '../../domain/records.ts';
import { binsOf, countInBins } from '../statistics/bins.ts';
import { distributionOf, pulledSpread, scoreEntropy } from '../statistics/distribution.ts';
import type { ColumnLayout, Columns } from './columns.ts';
import { CLASSES_COUNTED, INPUT, layoutOf } from './columns.ts';

/** With fewer rows the shape of a baseline is not known well enough to blame anybody. */
export const BASELINE_ROWS_MIN = 100;
/** From this on a score speaks for its class. */
const SCORE_MIDDLE = 0.5;
const SCORE_CLASSES = ['below 0.5', '0.5 and above'];

export interface Reference {
  readonly rows: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly source: Baseline['source'];
  readonly kind: Baseline['kind'];
  readonly bins: Bins;
  readonly spread: { readonly standardDeviation: number; readonly kurtosis: number };
  readonly atomShare: number;
  readonly entropy: Distribution | null;
  /** Bins per fixed direction of vectors; empty for other answers and for baselines of early versions. */
  readonly projections: readonly Bins[];
  /** Rows per counted class, the last for all others; null when answers have no classes. */
  readonly classes: { readonly names: readonly string[]; readonly counts: readonly number[] } | null;
  /** Class index, or label, to counter; one that is not in it goes to the last one. */
  readonly classSlots: ReadonlyMap<number, number>;
  readonly layout: ColumnLayout;
  /** The inputs that were asked about; null when nobody gave them. */
  readonly inputs: InputReference | null;
}

/** Bins per watched column, the rows without a number behind them, and where their counters lie. */
export interface InputReference {
  readonly rows: number;
  readonly columns: readonly (Bins & { readonly name: string; readonly counters: Columns })[];
  /** Counters of a row of the windows. */
  readonly count: number;
}

/** Says that a baseline is too small to blame anybody; null when it is not. */
export function tooFewRows(rows: number): string | null {
  if (rows >= BASELINE_ROWS_MIN) return null;
  return `the baseline has ${rows} ${rows === 1 ? 'row' : 'rows'}; wanted at least ${BASELINE_ROWS_MIN}`;
}

/** What an operator is told of a version's baseline when drift cannot be judged by it; null when it can. */
export function baselineWarning(baseline: Pick<Baseline, 'rows'> | null): string | null {
  if (baseline === null) return 'no baseline: drift is not judged until it gets one';
  const reason = tooFewRows(baseline.rows);
  // The plain checks of compat count no rows.
  return reason === null ? null : `${reason}: drift is not judged until it gets a larger one, but in mode compat`;
}

/** Reads a baseline; null without one. */
export function referenceOf(baseline: Baseline | null): Reference | null {
  if (baseline === null) return null;
  const { rows, mean, standardDeviation, source, kind, values } = baseline;
  const bins = baseline.bins ?? scaled(binsOf(values, standardDeviation), rows);
  const spread = baseline.spread ?? pulledSpread(values, mean, standardDeviation);
  const entropy = baseline.entropy ?? (kind === 'score' ? distributionOf(values.map(scoreEntropy)) : null);
  const { classes, classSlots } = classesOf(baseline);
  const { projections = [] } = baseline;
  const layout = layoutOf(
    bins.counts.length, entropy?.bins.counts.length ?? 0, classes?.counts.length ?? 0,
    projections.map(({ counts }) => counts.length));
  return {
    rows, mean, standardDeviation, source, kind, bins, spread, entropy, classes, classSlots, projections, layout,
    atomShare: baseline.atomShare ?? 0,
    inputs: baseline.inputs === undefined ? null : inputsOf(baseline.inputs),
  };
}

function inputsOf({ rows, columns }: InputBaseline): InputReference {
  let count = INPUT.columns;
  const laid = columns.map(({ name, bins, nonFinite }) => {
    const counts = [...bins.counts, nonFinite];
    const counters = { from: count, length: counts.length };
    count += counts.length;
    return { name, edges: bins.edges, counts, counters };
  });
  return { rows, columns: laid, count };
}

// Kept values are a thinned sample of the rows.
function scaled({ edges, counts }: Bins, rows: number): Bins {
  const kept = counts.reduce((sum, count) => sum + count, 0);
  return { edges, counts: counts.map((count) => Math.round((count * rows) / kept)) };
}

function classesOf(baseline: Baseline): Pick<Reference, 'classes' | 'classSlots'> {
  const { kind, values, rows, classShares } = baseline;
  if (kind === 'score') {
    const below = countInBins([SCORE_MIDDLE], values)[0]! / values.length;
    const counts = [Math.round(below * rows), rows - Math.round(below * rows)];
    return { classes: { names: SCORE_CLASSES, counts }, classSlots: new Map([[0, 0], [1, 1]]) };
  }
  if (baseline.labels !== undefined) {
    const counted = baseline.labels.slice(0, CLASSES_COUNTED);
    return countedClasses(counted.map(({ value, name, share }) => ({ index: value, name, share })), rows);
  }
  if (classShares === undefined) return { classes: null, classSlots: new Map() };
  const byShare = classShares.map((share, index) => ({ share, index })).sort((a, b) => b.share - a.share);
  const counted = byShare.slice(0, CLASSES_COUNTED).sort((a, b) => a.index - b.index);
  return countedClasses(counted.map(({ index, share }) => ({ index, name: String(index), share })), rows);
}

function countedClasses(
  counted: readonly { readonly index: number; readonly name: string; readonly share: number }[], rows: number,
): Pick<Reference, 'classes' | 'classSlots'> {
  const counts = counted.map(({ share }) => Math.round(share * rows));
  const others = Math.max(0, rows - counts.reduce((sum, count) => sum + count, 0));
  return {
    classes: { names: [...counted.map(({ name }) => name), 'others'], counts: [...counts, others] },
    classSlots: new Map(counted.map(({ index }, slot) => [index, slot])),
  };
}

/** The counter of a prediction's class: by its index or label, or, for a score, by its side. */
export function classSlotOf(reference: Reference, value: number, classIndex: number): number {
  if (reference.kind === 'score') return value >= SCORE_MIDDLE ? 1 : 0;
  const found = reference.classSlots.get(reference.kind === 'labels' ? value : classIndex);
  return found ?? reference.layout.classes.length - 1;
}
