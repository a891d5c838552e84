// spread: do the answers draw together, or apart, around the same mean? Compared as a ratio of standard deviations,
// with far answers pulled in so that one wild answer decides nothing.
import { ANSWER } from '../baseline/columns.ts';
import type { Reference } from '../baseline/reference.ts';
import type { AnswerView } from '../pairs/paired-change.ts';
import { pulled, SPREAD_PULL } from '../statistics/distribution.ts';
import { varianceLimits } from '../statistics/chance.ts';
import { numberText } from '../types/number-text.ts';
import { chanceOf, isMeasured } from './check.ts';
import { driftCheck } from './drift-check.ts';
import { squaresEvent } from './paired-events.ts';

/** Root mean square of what was pulled in from which most of it was, in the baseline's deviations. */
const FAR = 0.75 * SPREAD_PULL;

export const spread = driftCheck({
  name: 'spread', title: 'spread', layer: 2, cause: 'drift', unit: 'ratio', subject: 'spread',
  concerns: isMeasured,
  lacks: (reference) => (reference.spread.standardDeviation > 0 ? null : 'all answers of the baseline are equal'),
  limits: ({ checks: { spread: { low, high } } }, reference) => ({
    low, high, baseline: {
      standardDeviation: reference?.spread.standardDeviation ?? 0, kurtosis: reference?.spread.kurtosis ?? 3,
    },
  }),
  limitOf: ({ high }) => high,
  numbers: ({ total, samples }, { standardDeviation: scale }) => {
    const squares = total(ANSWER.spreadSquares) - total(ANSWER.spreadSum) ** 2 / samples;
    return {
      standardDeviation: Math.sqrt(Math.max(0, squares) / Math.max(1, samples - 1)) * scale,
      // In the baseline's deviations, like what was pulled in.
      distance: Math.sqrt(total(ANSWER.spreadSquares) / samples),
    };
  },
  test: ({ low, high, chance, rows, baseline }) => {
    const ratioOf = (deviation: number): number => deviation / baseline.standardDeviation;
    return {
      exceedsLimit: ({ standardDeviation }) => ratioOf(standardDeviation) < low || ratioOf(standardDeviation) > high,
      exceedsChance: ({ standardDeviation, ...worth }) => {
        const variance = ratioOf(standardDeviation) ** 2;
        const allowed = varianceLimits({ low, high, kurtosis: baseline.kurtosis }, { chance, worth, rows });
        return variance < allowed.low || variance > allowed.high;
      },
    };
  },
  measure: ({ baseline, low, high }, { standardDeviation, distance = 0 }) => {
    const value = standardDeviation / baseline.standardDeviation;
    const isOver = value < low || value > high;
    // Where nearly all of them were pulled in, their spread is what that has left of it.
    const seen = distance > FAR
      ? `the answers are at least ${numberText(distance)} standard deviations from the baseline's mean, too far to ` +
        `tell their spread: it is at least ${numberText(value)} times the baseline's`
      : `the spread of the answers is ${numberText(value)} times the baseline's`;
    const text = `${seen}, ${isOver ? 'outside' : 'within'} ${low} to ${high}`;
    return { value, limit: value < low ? low : high, isOver, text };
  },
  detectionLimit: (context) => {
    const { low, high } = context.options.checks.spread;
    const kurtosis = context.reference?.spread.kurtosis ?? 3;
    const limits = varianceLimits({ low, high, kurtosis }, chanceOf(context));
    const [from, to] = [Math.sqrt(Math.max(0, limits.low)), Math.sqrt(limits.high)];
    const below = from > 0 ? `below ${numberText(from)} or ` : '';
    return { value: to, text: `a spread ${below}above ${numberText(to)} times` };
  },
  pairEvent: ({ baseline, low, high }, { standardDeviation: now }, { own, twin }) => {
    const isHigh = now > baseline.standardDeviation;
    // In deviations that were usual, after far answers are pulled in.
    const by = ({ mean, standardDeviation: scale, spread: usual }: Reference) => ({ value }: AnswerView): number =>
      pulled((value - mean) / scale, SPREAD_PULL) * (scale / usual.standardDeviation);
    const limit = Math.abs((isHigh ? high : low) ** 2 - 1);
    return squaresEvent(limit, isHigh ? 1 : -1, by(own), by(twin.spread.standardDeviation > 0 ? twin : own));
  },
});
