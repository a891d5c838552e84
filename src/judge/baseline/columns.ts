// Which counter lies in which column of the windows. Pure. Failures and latencies have windows of their own, so that a
// new baseline empties only those of the answers: bins of the prediction value, of the entropy, one counter per class,
// bins of each projection of a vector.
// The first column is the one that is never 0 when anything else is not.

/** Columns of the windows of requests. */
export const RATE = {
  /** Requests that speak of the version: answered or failed, not the client's faults and not those of a long queue. */
  requests: 0,
  errors: 1,
  /** Requests that count for latency: after the first ones, or after a while. */
  timed: 2,
  slow: 3,
  /** Requests with an answer. */
  answers: 4,
  nonFinite: 5,
  /** Requests after the whole warm-up: after the first ones and after a while. */
  warmTimed: 6,
  warmSlow: 7,
} as const;
export const RATE_COLUMNS = 8;

/** Columns of the windows of answers. */
export const ANSWER = {
  /** Predictions that count for the distribution. */
  values: 0,
  /** Sum of deviations from the baseline's mean, pulled in as the mean check reads them. */
  meanSum: 1,
  /** Sum and sum of squares of deviations, pulled in as the spread check reads them. */
  spreadSum: 2,
  spreadSquares: 3,
  entropies: 4,
  entropySum: 5,
} as const;
const FIXED = 6;

/** Columns of the windows of inputs. */
export const INPUT = {
  /** Rows that were kept and are compared. */
  rows: 0,
  /** From here on the bins of each watched column. */
  columns: 1,
} as const;

/** Classes that are counted one by one: the most frequent ones of the baseline; all others share a counter. */
export const CLASSES_COUNTED = 30;

/** A run of columns. */
export interface Columns {
  readonly from: number;
  readonly length: number;
}

export interface ColumnLayout {
  readonly values: Columns;
  readonly entropies: Columns;
  readonly classes: Columns;
  /** One run of columns per fixed direction of vectors. */
  readonly projections: readonly Columns[];
  readonly count: number;
}

/** Lays the bins and classes out after the fixed columns. */
export function layoutOf(
  valueBins: number, entropyBins: number, classes: number, projectionBins: readonly number[],
): ColumnLayout {
  const values = { from: FIXED, length: valueBins };
  const entropies = { from: values.from + values.length, length: entropyBins };
  const perClass = { from: entropies.from + entropies.length, length: classes };
  let count = perClass.from + perClass.length;
  const projections = projectionBins.map((length) => {
    const columns = { from: count, length };
    count += length;
    return columns;
  });
  return { values, entropies, classes: perClass, projections, count };
}
