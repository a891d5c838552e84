// mean_drift: has the mean of the answers moved by more baseline deviations than the service allows? Far answers count
// as that far, so that one wild answer decides nothing.
import { ANSWER } from '../baseline/columns.ts';
import type { AnswerView } from '../pairs/paired-change.ts';
import { meanLimit } from '../statistics/chance.ts';
import { MEAN_PULL_LIMITS, pulled } from '../statistics/distribution.ts';
import { numberText } from '../types/number-text.ts';
import { chanceOf, isMeasured } from './check.ts';
import { driftCheck, sideOf } from './drift-check.ts';
import { amountEvent } from './paired-events.ts';

export const meanDrift = driftCheck({
  name: 'mean_drift', title: 'mean drift', layer: 1, cause: 'drift', unit: 'deviations', subject: 'mean drift',
  concerns: isMeasured,
  lacks: ({ standardDeviation }) => (standardDeviation > 0 ? null : 'all answers of the baseline are equal'),
  limits: ({ driftSigmaLimit: limit }, reference) => ({
    limit, baseline: { mean: reference?.mean ?? 0, standardDeviation: reference?.standardDeviation ?? 0 },
  }),
  limitOf: ({ limit }) => limit,
  numbers: ({ total, samples }) => ({ sigmas: total(ANSWER.meanSum) / samples }),
  test: ({ limit, chance, rows }) => ({
    exceedsLimit: ({ sigmas }) => Math.abs(sigmas) > limit,
    exceedsChance: ({ sigmas, ...worth }) => Math.abs(sigmas) > meanLimit(limit, { chance, worth, rows }),
  }),
  measure: ({ baseline, limit }, { sigmas }) => {
    const value = Math.abs(sigmas);
    // Far predictions count as that far, so the mean is known to be at least there.
    const atLeast = value > limit * MEAN_PULL_LIMITS * (1 - 1e-9) ? 'at least ' : '';
    const text = `mean prediction is ${atLeast}${numberText(value, limit)} standard deviations from the baseline's ` +
      `${numberText(baseline.mean)}, ${sideOf(value > limit)} the limit of ${limit}`;
    return { value, limit, isOver: value > limit, text };
  },
  detectionLimit: (context) => {
    const value = meanLimit(context.options.driftSigmaLimit, chanceOf(context));
    return { value, text: `a mean ${numberText(value)} standard deviations off` };
  },
  pairEvent: ({ baseline, limit }, { sigmas }, { twin }) => {
    const by = ({ mean, standardDeviation }: typeof baseline) => ({ value }: AnswerView): number =>
      pulled((value - mean) / standardDeviation, limit * MEAN_PULL_LIMITS);
    return amountEvent(limit, Math.sign(sigmas), by(baseline), by(twin.standardDeviation > 0 ? twin : baseline));
  },
});
