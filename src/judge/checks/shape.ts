// shape: are the answers distributed as in the baseline, bin by bin? Compared as population stability.
import type { Baseline } from '../../domain/records.ts';
import type { Reference } from '../baseline/reference.ts';
import { countInBins } from '../statistics/bins.ts';
import { psiLimit } from '../statistics/chance.ts';
import { populationStability } from '../statistics/statistics.ts';
import { numberText } from '../types/number-text.ts';
import { BINS_USUAL, chanceOf, isMeasured, smallestSeen } from './check.ts';
import { anyShapeTest, binNames, driftCheck, shapeOf } from './drift-check.ts';
import { binsEvent } from './paired-events.ts';

const SHIFT_SIGMAS_MAX = 8;

// By how many deviations all answers have to move, upwards or downwards, to be that far from the baseline.
function shiftOf(
  psi: number, samples: number, { values, standardDeviation }: Baseline, { bins: { edges, counts } }: Reference,
): number | null {
  if (!(standardDeviation > 0)) return null;
  const psiAt = (sigmas: number): number => {
    const moved = countInBins(edges, values.map((value) => value + sigmas * standardDeviation));
    return populationStability(counts, moved.map((count) => (count * samples) / values.length));
  };
  return smallestSeen(0, SHIFT_SIGMAS_MAX, (sigmas) => psiAt(sigmas) > psi && psiAt(-sigmas) > psi);
}

export const shape = driftCheck({
  name: 'shape', title: 'shape', layer: 2, cause: 'drift', unit: 'psi', subject: 'the shape of the answers',
  concerns: isMeasured,
  limits: ({ checks }, reference) => ({
    psi: checks.shape.psi,
    baseline: { edges: [...(reference?.bins.edges ?? [])], counts: [...(reference?.bins.counts ?? [])] },
  }),
  limitOf: ({ psi }) => psi,
  numbers: ({ totals }, { layout }) => ({ counts: totals(layout.values) }),
  test: ({ baseline, psi, chance, rows }) =>
    anyShapeTest(({ counts, ...worth }) => [shapeOf(baseline.counts, counts, { psi, chance, worth, rows })], psi),
  measure: ({ baseline, psi, chance, rows }, { counts, ...worth }) => {
    const { psi: value, limit } = shapeOf(baseline.counts, counts, { psi, chance, worth, rows });
    const isOver = value > limit;
    const text = `answers are distributed ${isOver ? 'differently from' : 'like'} the baseline: ` +
      `PSI ${numberText(value, limit)} is ${isOver ? 'over' : 'within'} the limit of ${numberText(limit)}`;
    return { value, limit, isOver, text };
  },
  histograms: ({ baseline: { edges, counts }, psi, chance, rows }, window) => [{
    title: 'shape', names: binNames(edges, counts.length), baseline: counts, window: window.counts, psi, chance,
    worth: window, rows,
  }],
  detectionLimit: (context) => {
    const { options, samples, baseline, reference } = context;
    const { chance, worth, rows } = chanceOf(context);
    const bins = reference?.bins.counts.length ?? BINS_USUAL;
    const value = psiLimit(options.checks.shape.psi, chance, bins, worth, rows);
    const shift = baseline === null || reference === null ? null : shiftOf(value, samples, baseline, reference);
    const as = shift === null ? '' : `, as when all answers move by ${numberText(shift)} standard deviations`;
    return { value, text: `PSI ${numberText(value)}${as}` };
  },
  pairEvent: ({ baseline, psi }, { counts }, { twin }) =>
    binsEvent(baseline, counts, psi, ({ value }) => value, twin.bins),
});
