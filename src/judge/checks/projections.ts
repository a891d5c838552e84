// projections: do vectors point where the baseline's do? Compared along fixed directions, each as population stability.
import { DIRECTIONS } from '../../domain/projection.ts';
import { provenOf, psiLimit } from '../statistics/chance.ts';
import { numberText } from '../types/number-text.ts';
import type { EvidenceOf } from './check.ts';
import { BINS_USUAL } from './check.ts';
import type { DriftWindow, Shape } from './drift-check.ts';
import { anyShapeTest, driftCheck, shapeOf, sumOf } from './drift-check.ts';
import { binsEvent } from './paired-events.ts';

/**
 * The shape of every projection. A row is projected on one direction only, so each has its own part of the window's
 * rows (and of a live baseline's).
 */
export function projectionShapes(
  { baseline, psi, chance }: EvidenceOf<'projections'>, { counts, samples, ...worth }: DriftWindow<'projections'>,
): (Shape & { readonly direction: number })[] {
  return baseline.flatMap((bins, direction) => {
    const seen = sumOf(counts[direction]!);
    if (seen === 0) return [];
    const about = {
      psi, rows: sumOf(bins.counts),
      worth: { effective: (worth.effective * seen) / samples, proven: (provenOf(worth) * seen) / samples },
      // As many tests as directions, so each may fail by chance that much more seldom.
      chance: chance / baseline.length,
    };
    return [{ direction, ...shapeOf(bins.counts, counts[direction]!, about) }];
  });
}

export const projections = driftCheck({
  name: 'projections', title: 'vector shape', layer: 2, cause: 'drift', unit: 'psi',
  subject: 'the shape of the vectors',
  concerns: (reference) => reference?.kind === 'vector' || reference?.kind === 'sequence',
  lacks: (reference) =>
    (reference.projections.length > 0 ? null : 'the baseline does not say where its vectors point'),
  limits: ({ checks }, reference) => ({
    psi: checks.projections.psi,
    baseline: (reference?.projections ?? []).map(({ edges, counts }) => ({ edges: [...edges], counts: [...counts] })),
  }),
  limitOf: ({ psi }) => psi,
  numbers: ({ totals }, { layout }) => ({ counts: layout.projections.map(totals) }),
  test: (evidence) => anyShapeTest((window) => projectionShapes(evidence, window), evidence.psi),
  measure: (evidence, window) => {
    const shapes = projectionShapes(evidence, window);
    const none = { psi: 0, limit: evidence.psi };
    const { psi, limit } = shapes.reduce((a, b) => (b.psi - b.limit > a.psi - a.limit ? b : a), shapes[0] ?? none);
    const isOver = psi > limit;
    const text = isOver
      ? `vectors point elsewhere than the baseline's: PSI ${numberText(psi, limit)} of a projection is over the ` +
        `limit of ${numberText(limit)}`
      : `vectors point where the baseline's do: PSI ${numberText(psi, limit)} of the worst projection is within the ` +
        `limit of ${numberText(limit)}`;
    return { value: psi, limit, isOver, text };
  },
  detectionLimit: ({ options, samples, reference }) => {
    const rows = Math.min(...(reference?.projections ?? []).map(({ counts }) => sumOf(counts)));
    const { psi } = options.checks.projections;
    const value = psiLimit(psi, options.chance / DIRECTIONS, BINS_USUAL, { effective: samples / DIRECTIONS }, rows);
    return { value, text: `PSI ${numberText(value)} of a projection` };
  },
  pairEvent: (evidence, window, { twin }) => {
    const shapes = projectionShapes(evidence, window);
    const worst = shapes.reduce((most, { psi, limit }, at) =>
      (psi - limit > shapes[most]!.psi - shapes[most]!.limit ? at : most), 0);
    const direction = shapes[worst]?.direction;
    if (direction === undefined) return null;
    const [baseline, counts] = [evidence.baseline[direction]!, window.counts[direction]!];
    const ofTwin = twin.projections[direction] ?? baseline;
    return binsEvent(baseline, counts, evidence.psi, ({ projection }) => projection(direction), ofTwin);
  },
});
