// Numbers for the documentation: how right a version is on held-out rows, and how far its answers lie from its own
// baseline. The engine's judge has its own statistics; these are only to choose and describe the demo models.
import type { Head } from './mlp.ts';
import type { Answer } from './runner.ts';

const BINS = 10;
// Half a row stands in for an empty bin, so that the sum stays finite.
const EMPTY_BIN_ROWS = 0.5;

export interface Quality {
  /** Share of right classes, or root mean squared error; over the rows with a finite answer. */
  readonly score: number;
  /** Shares of all rows. */
  readonly failed: number;
  readonly nonFinite: number;
}

export interface Distance {
  /** |mean - baseline mean| in baseline standard deviations, of the score (of the top probability for classes). */
  readonly meanShift: number;
  /** Standard deviation over the baseline's. */
  readonly spread: number;
  /** Population stability index on the baseline's deciles. */
  readonly psi: number;
  /** Largest change of a class share; null when the answer has no classes. */
  readonly classShift: number | null;
}

const isFinite = (answer: Answer): answer is readonly number[] => answer?.every(Number.isFinite) === true;
const classOf = (answer: readonly number[]): number => answer.indexOf(Math.max(...answer));

/** Compares answers with labels. */
export function qualityOf(head: Head, answers: readonly Answer[], labels: readonly number[]): Quality {
  let total = 0;
  let counted = 0;
  answers.forEach((answer, index) => {
    if (!isFinite(answer)) return;
    const label = labels[index]!;
    counted += 1;
    if (head === 'number') total += (answer[0]! - label) ** 2;
    else total += (head === 'probability' ? Number(answer[0]! >= 0.5) : classOf(answer)) === label ? 1 : 0;
  });
  const mean = counted === 0 ? Number.NaN : total / counted;
  return {
    score: head === 'number' ? Math.sqrt(mean) : mean,
    failed: answers.filter((answer) => answer === null).length / answers.length,
    nonFinite: answers.filter((answer) => answer !== null && !isFinite(answer)).length / answers.length,
  };
}

function meanAndDeviation(values: readonly number[]): readonly [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
}

function shares(values: readonly number[], edges: readonly number[]): number[] {
  const counts = Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[edges.filter((edge) => value > edge).length]! += 1;
  return counts.map((count) => Math.max(count, EMPTY_BIN_ROWS) / values.length);
}

/** Measures how far finite answers lie from a baseline. */
export function distanceOf(head: Head, answers: readonly Answer[], baseline: readonly (readonly number[])[]): Distance {
  const finite = answers.filter(isFinite);
  const summarise = (answer: readonly number[]): number => (head === 'classes' ? Math.max(...answer) : answer[0]!);
  const expected = baseline.map(summarise);
  const got = finite.map(summarise);
  const sorted = expected.toSorted((left, right) => left - right);
  const deciles = Array.from({ length: BINS - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / BINS)]!);
  const edges = [...new Set(deciles)];
  const expectedShares = shares(expected, edges);
  const psi = shares(got, edges).reduce((sum, share, bin) => {
    const wanted = expectedShares[bin]!;
    return sum + (share - wanted) * Math.log(share / wanted);
  }, 0);
  const [mean, deviation] = meanAndDeviation(expected);
  const [gotMean, gotDeviation] = meanAndDeviation(got);
  return {
    meanShift: Math.abs(gotMean - mean) / deviation, spread: gotDeviation / deviation, psi,
    classShift: head === 'classes' ? classShift(finite, baseline) : null,
  };
}

function classShift(answers: readonly (readonly number[])[], baseline: readonly (readonly number[])[]): number {
  const share = (rows: readonly (readonly number[])[], wanted: number): number =>
    rows.filter((row) => classOf(row) === wanted).length / rows.length;
  return Math.max(...baseline[0]!.map((_, index) => Math.abs(share(answers, index) - share(baseline, index))));
}
