// confidence: is the version surer of its answers, or less sure, than in the baseline? Compared by the mean of their
// entropy and by its distribution, each by itself.
import { ANSWER } from '../baseline/columns.ts';
import type { AnswerView } from '../pairs/paired-change.ts';
import { meanLimit } from '../statistics/chance.ts';
import { scoreEntropy } from '../statistics/distribution.ts';
import { populationStability } from '../statistics/statistics.ts';
import { numberText } from '../types/number-text.ts';
import { chanceOf } from './check.ts';
import { binNames, driftCheck, shapeOf } from './drift-check.ts';
import { amountEvent, binsEvent } from './paired-events.ts';

const shiftOf = (
  mean: number, baseline: { readonly mean: number; readonly standardDeviation: number },
): number => Math.abs(mean - baseline.mean) / baseline.standardDeviation;

export const confidence = driftCheck({
  name: 'confidence', title: 'confidence', layer: 2, cause: 'drift', unit: 'deviations', subject: 'confidence',
  concerns: (reference) => (reference?.entropy ?? null) !== null,
  lacks: ({ entropy }) => {
    if (entropy === null) return 'the answers are no scores';
    return entropy.standardDeviation > 0 ? null : 'all answers of the baseline are equally sure';
  },
  limits: ({ checks }, reference) => {
    const { mean = 0, standardDeviation = 0, bins } = reference?.entropy ?? {};
    return {
      shift: checks.confidence.shift, psi: checks.shape.psi,
      baseline: { mean, standardDeviation, edges: [...(bins?.edges ?? [])], counts: [...(bins?.counts ?? [])] },
    };
  },
  limitOf: ({ shift }) => shift,
  numbers: ({ total, totals }, { layout }) => ({
    mean: total(ANSWER.entropySum) / Math.max(1, total(ANSWER.entropies)), counts: totals(layout.entropies),
  }),
  test: ({ baseline, shift, psi, chance, rows }) => ({
    exceedsLimit: ({ mean, counts }) =>
      shiftOf(mean, baseline) >= shift || populationStability(baseline.counts, counts) > psi,
    exceedsChance: ({ mean, counts, ...worth }) => {
      if (shiftOf(mean, baseline) > meanLimit(shift, { chance, worth, rows })) return true;
      const test = shapeOf(baseline.counts, counts, { psi, chance, worth, rows });
      return test.psi > test.limit;
    },
  }),
  measure: ({ baseline, shift, psi, chance, rows }, { mean, counts, ...worth }) => {
    const value = shiftOf(mean, baseline);
    const test = shapeOf(baseline.counts, counts, { psi, chance, worth, rows });
    const text = `mean entropy ${numberText(mean)} is ${numberText(value, shift)} standard deviations from the ` +
      `baseline's ${numberText(baseline.mean)} (limit ${shift}); its PSI is ${numberText(test.psi, test.limit)} ` +
      `(limit ${numberText(test.limit)})`;
    return { value, limit: shift, isOver: value >= shift || test.psi > test.limit, text };
  },
  histograms: ({ baseline: { edges, counts }, psi, chance, rows }, window) => [{
    title: 'confidence', names: binNames(edges, counts.length), baseline: counts, window: window.counts, psi, chance,
    worth: window, rows,
  }],
  detectionLimit: (context) => {
    const value = meanLimit(context.options.checks.confidence.shift, chanceOf(context));
    return { value, text: `a mean entropy ${numberText(value)} standard deviations off` };
  },
  pairEvent: ({ baseline, shift, psi }, { mean, counts }, { own: { kind }, twin: { entropy: ofTwin } }) => {
    const read = ({ value, entropy }: AnswerView): number => (kind === 'score' ? scoreEntropy(value) : entropy);
    const usual = ofTwin !== null && ofTwin.standardDeviation > 0 ? ofTwin : { ...baseline, bins: baseline };
    if (shiftOf(mean, baseline) < shift) return binsEvent(baseline, counts, psi, read, usual.bins);
    const by = (of: { readonly mean: number; readonly standardDeviation: number }) => (answer: AnswerView): number =>
      (read(answer) - of.mean) / of.standardDeviation;
    return amountEvent(shift, Math.sign(mean - baseline.mean), by(baseline), by(usual));
  },
});
