// input_drift: is what comes in like what the baseline was asked, in every watched column? Its failing says that the
// data moved, which another version would not change, so it warns and nothing else.
import { tooFewRows } from '../baseline/reference.ts';
import { psiLimit } from '../statistics/chance.ts';
import { numberText } from '../types/number-text.ts';
import type { InputsKept } from '../window/input-counts.ts';
import type { EvidenceOf } from './check.ts';
import { BINS_USUAL } from './check.ts';
import type { DriftWindow, Shape } from './drift-check.ts';
import { anyShapeTest, binNames, driftCheck, shapeOf } from './drift-check.ts';

const NOT_KEPT: Readonly<Record<InputsKept, string | null>> = {
  on: null,
  paused: 'inputs are kept during the probation only (--reservoir always)',
  off: 'no inputs are kept (--reservoir off)',
};

/** Every watched column, the one that is furthest over its limit first. */
export function inputShapes(
  { columns, psi, chance, rows }: EvidenceOf<'input_drift'>, { counts, ...worth }: DriftWindow<'input_drift'>,
): (Shape & { readonly index: number })[] {
  return columns
    .map(({ counts: baseline }, index) => ({
      index,
      // As many tests as columns, so each may fail by chance that much more seldom.
      ...shapeOf(baseline, counts[index]!, { psi, chance: chance / columns.length, worth, rows }),
    }))
    .sort((a, b) => b.psi - b.limit - (a.psi - a.limit));
}

function othersText(over: number, others: number): string {
  if (others === 0) return '';
  return over === 0
    ? `, the other ${columnsText(others)} within it`
    : `, and ${over} of the other ${columnsText(others)} too`;
}

const columnsText = (count: number): string => `${count} input ${count === 1 ? 'column' : 'columns'}`;

export const inputDrift = driftCheck({
  name: 'input_drift', title: 'input drift', layer: 2, cause: 'input', unit: 'psi', subject: 'input drift',
  source: {
    counts: 'inputs', noun: 'kept row of inputs',
    windows: ({ inputWindows }) => inputWindows,
    rows: (reference) => reference?.inputs?.rows ?? 0,
    unjudged: (reference) => {
      const inputs = reference?.inputs ?? null;
      return inputs === null ? 'no baseline of inputs' : tooFewRows(inputs.rows);
    },
    // What was kept a while ago is judged until it leaves the windows.
    missing: ({ observer, inputWindows }) => (inputWindows.length > 0 ? null : NOT_KEPT[observer.inputsKept]),
  },
  limits: ({ checks }, reference) => ({
    psi: checks.input_drift.psi,
    columns: (reference?.inputs?.columns ?? []).map(({ name, edges, counts }) =>
      ({ name, edges: [...edges], counts: [...counts] })),
  }),
  limitOf: ({ psi }) => psi,
  numbers: ({ totals }, { inputs }) => ({ counts: inputs!.columns.map(({ counters }) => totals(counters)) }),
  test: (evidence) => anyShapeTest((window) => inputShapes(evidence, window), evidence.psi),
  measure: (evidence, window) => {
    const shapes = inputShapes(evidence, window);
    const { index, psi: value, limit } = shapes[0] ?? { index: -1, psi: 0, limit: evidence.psi };
    const worst = `PSI ${numberText(value, limit)} of "${evidence.columns[index]?.name ?? ''}"`;
    const over = shapes.filter((shape) => shape.psi > shape.limit).length;
    const text = over > 0
      ? `what is asked differs from the baseline: ${worst} is over the limit of ${numberText(limit)}` +
        othersText(over - 1, shapes.length - 1)
      : `what is asked is like the baseline: ${worst}, the worst of ${columnsText(shapes.length)}, is within the ` +
        `limit of ${numberText(limit)}`;
    return { value, limit, isOver: over > 0, text };
  },
  histograms: (evidence, window) => inputShapes(evidence, window).map(({ index }) => {
    const { columns, psi, chance, rows } = evidence;
    const { name, edges, counts } = columns[index]!;
    return {
      title: `input "${name}"`, names: binNames(edges, counts.length), baseline: counts,
      window: window.counts[index]!, psi, chance: chance / columns.length, worth: window, rows,
    };
  }),
  detectionLimit: ({ options, samples, reference }) => {
    const { rows = Infinity, columns = [] } = reference?.inputs ?? {};
    const bins = Math.max(BINS_USUAL, ...columns.map(({ counts }) => counts.length));
    const { psi } = options.checks.input_drift;
    const value = psiLimit(psi, options.chance / Math.max(1, columns.length), bins, { effective: samples }, rows);
    return { value, text: `PSI ${numberText(value)} of an input column` };
  },
  pairEvent: null,
});
