// The kinds of events that checks look at in a pair of answers. Pure. What is looked at (which way a mean moved, which
// bins have more than they had) is read out of the evidence of the alarm, and stays as it is from then on. Where the
// twin has a baseline it is read by its own: what is asked is whether only the new version moved away from what is
// usual to it, since two versions that are both right have distributions of their own.
import type { Bins } from '../../domain/records.ts';
import type { Reference } from '../baseline/reference.ts';
import { binOf } from '../statistics/bins.ts';
import { populationStability } from '../statistics/statistics.ts';
import type { AnswerView, PairEvent } from '../pairs/paired-change.ts';

/** Graded changes are held within so many limits, so that half of the limit is this part of the range. */
const LIMITS_HELD = 2;
const HALF_LIMIT = 1 / (2 * LIMITS_HELD);

/** Reads the number that a check compares out of an answer; NaN when there is none. */
type Read = (answer: AnswerView) => number;

// In parts of the limits that it is held within; null when it is no number.
const gradedChange = (change: number, limit: number): number | null =>
  (Number.isFinite(change) ? Math.max(-1, Math.min(1, change / (LIMITS_HELD * limit))) : null);

/** The change of a number, upwards with a `sign` of 1: half of `limit`, in the number's unit, is the margin. */
export const amountEvent = (limit: number, sign: number, read: Read, readTwin: Read): PairEvent => ({
  margin: HALF_LIMIT, change: (fresh, twin) => gradedChange(sign * (read(fresh) - readTwin(twin)), limit),
});

/** Whether one version's answer has a mark and the other's has not. `margin`: of the difference of both shares. */
export const markEvent = (
  margin: number, isMarked: (answer: AnswerView) => boolean, isTwinMarked: (answer: AnswerView) => boolean,
): PairEvent => ({ margin, change: (fresh, twin) => Number(isMarked(fresh)) - Number(isTwinMarked(twin)) });

/**
 * The change into the bins that hold more than the baseline's share; an answer of the twin is as much in them as those
 * of the same rank in the new version's baseline are. A shape at its limit moves so much less into them as the root of
 * its population stability is smaller, and half of that is the margin. Null when no bin has more.
 */
export function binsEvent(
  { edges, counts: baseline }: Bins, counts: readonly number[], psi: number, read: Read, twinBins: Bins,
): PairEvent | null {
  const total = (of: readonly number[]): number => of.reduce((sum, count) => sum + count, 0);
  const [rows, samples] = [total(baseline), total(counts)];
  const gains = baseline.map((count, bin) => counts[bin]! / samples - count / rows);
  const moved = gains.reduce((sum, gain) => sum + Math.max(0, gain), 0);
  if (!(moved > 0)) return null;
  const atLimit = moved * Math.min(1, Math.sqrt(psi / populationStability(baseline, counts)));
  const isGaining = gains.map((gain) => gain > 0);
  const ofTwin = partsBy(twinBins.counts, baseline, isGaining);
  return {
    margin: atLimit / 2,
    change: (fresh, twin) => {
      const [value, other] = [read(fresh), read(twin)];
      if (!Number.isFinite(value) || !Number.isFinite(other)) return null;
      return Number(isGaining[binOf(edges, value)]) - ofTwin[binOf(twinBins.edges, other)]!;
    },
  };
}

// By the bins of one baseline, which part of those of the same rank lies in the marked bins of another. A bin that is
// empty in its baseline, as those outside of its range, has a rank and no width: a marked bin at that rank is enough.
function partsBy(counts: readonly number[], other: readonly number[], isMarked: readonly boolean[]): number[] {
  const ranksOf = (of: readonly number[]): (readonly [number, number])[] => {
    const total = of.reduce((sum, count) => sum + count, 0);
    let below = 0;
    return of.map((count) => [below / total, (below += count) / total] as const);
  };
  const marked = ranksOf(other).filter((_, bin) => isMarked[bin]);
  return ranksOf(counts).map(([from, to]) => {
    if (to === from) return Number(marked.some(([low, high]) => low <= from && from <= high));
    const common = marked.reduce((sum, [low, high]) => sum + Math.max(0, Math.min(to, high) - Math.max(from, low)), 0);
    return Math.min(1, common / (to - from));
  });
}

/** The change of the squared distance of a number from the mean of the numbers before it, each version's its own. */
export function squaresEvent(limit: number, sign: number, read: Read, readTwin: Read): PairEvent {
  const ofFresh = squaresOf(read);
  const ofTwin = squaresOf(readTwin);
  return {
    margin: HALF_LIMIT, change: (fresh, twin) => gradedChange(sign * (ofFresh(fresh) - ofTwin(twin)), limit),
  };
}

// NaN for the first number, and for what is none.
function squaresOf(read: Read): Read {
  let [sum, count] = [0, 0];
  return (answer) => {
    const value = read(answer);
    const square = (value - sum / count) ** 2;
    if (Number.isFinite(value)) [sum, count] = [sum + value, count + 1];
    return square;
  };
}

/** Kinds whose answers are one number and, of classes, an index. */
const HAS_ONE_NUMBER: readonly Reference['kind'][] = ['score', 'regression', 'scalar', 'classes'];

/**
 * Tells answers apart that differ in their class, or by more than so many baseline deviations: two versions that
 * saturate differ in the last digits. Others, and such without a baseline, are told apart by any difference.
 */
export const differsBy = (sigmas: number, baseline: Reference | null) => (a: AnswerView, b: AnswerView): boolean => {
  if (baseline === null || !HAS_ONE_NUMBER.includes(baseline.kind)) return a.hash !== b.hash;
  return a.classIndex !== b.classIndex || Math.abs(a.value - b.value) > sigmas * baseline.standardDeviation;
};

/**
 * Whether only one version gave its usual answer where the other has one of its own: one that it gives to few
 * questions (`isRare`), so that two versions that saturate, each at its ends, are alike; or any other.
 */
export function constantEvent(
  margin: number, ownAnswer: 'isRare' | 'isUnusual', differs: (a: AnswerView, b: AnswerView) => boolean,
): PairEvent {
  const [ofFresh, ofTwin] = [new AnswersSoFar(), new AnswersSoFar()];
  return {
    margin,
    change: (fresh, twin) => {
      const [a, b] = [ofFresh.note(fresh.hash), ofTwin.note(twin.hash)];
      if (a === null || b === null) return null;
      const hasOwn = ({ isRare, isUsual }: NonNullable<typeof a>): boolean =>
        (ownAnswer === 'isRare' ? isRare : !isUsual);
      if (!differs(fresh, twin)) return 0;
      return Number(a.isUsual && hasOwn(b)) - Number(b.isUsual && hasOwn(a));
    },
  };
}

/** An answer to more of the questions than this is no rare one. */
const RARE_SHARE = 0.1;
/** Different answers that are told apart; further ones count as rare. */
const ANSWERS_MAX = 4_096;

class AnswersSoFar {
  readonly #counts = new Map<number, number>();
  #answers = 0;
  #usual: number | null = null;

  /** What an answer is by those before it, null for the first; then it is one of them. */
  note(hash: number): { readonly isUsual: boolean; readonly isRare: boolean } | null {
    const before = this.#counts.get(hash) ?? 0;
    const usual = this.#usual;
    const told = usual === null
      ? null : { isUsual: hash === usual, isRare: before <= this.#answers * RARE_SHARE };
    this.#answers += 1;
    if (this.#counts.size < ANSWERS_MAX || before > 0) this.#counts.set(hash, before + 1);
    if (usual === null || before + 1 > (this.#counts.get(usual) ?? 0)) this.#usual = hash;
    return told;
  }
}
