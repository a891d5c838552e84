// Decides about the inputs that come in: every watched column against its own bins of the baseline. Pure. Its failing
// says that the data moved, so it warns and nothing else.
import { numberText } from '../types/number-text.ts';
import type { WindowTest } from './drift-check.ts';
import { shapeTest } from './drift-check.ts';
import type { DriftWindow, EvidenceOf } from './evidence.ts';

type Inputs = EvidenceOf<'input_drift'>;

/** One column's difference from the baseline, and what it may have. */
export interface ColumnShape {
  readonly name: string;
  readonly psi: number;
  readonly limit: number;
}

/** Every watched column, the one that is furthest over its limit first. */
export function inputShapes(
  { columns, psi, chance, rows }: Inputs, { counts, ...worth }: DriftWindow<Inputs>,
): ColumnShape[] {
  return columns
    .map(({ name, counts: baseline }, index) => ({
      name,
      // As many tests as columns, so each may fail by chance that much more seldom.
      ...shapeTest(baseline, counts[index]!, { psi, chance: chance / columns.length, worth, rows }),
    }))
    .sort((a, b) => b.psi - b.limit - (a.psi - a.limit));
}

export function inputTest(evidence: Inputs): WindowTest<DriftWindow<Inputs>> {
  return {
    isOff: (window) => inputShapes(evidence, window).some(({ psi }) => psi > evidence.psi),
    isBreach: (window) => inputShapes(evidence, window).some(({ psi, limit }) => psi > limit),
  };
}

/** The worst column in a sentence, with its value and its limit. */
export function inputsMeasured(
  evidence: Inputs, window: DriftWindow<Inputs>,
): { readonly value: number; readonly limit: number; readonly isOver: boolean; readonly text: string } {
  const shapes = inputShapes(evidence, window);
  const { name, psi: value, limit } = shapes[0] ?? { name: '', psi: 0, limit: evidence.psi };
  const psi = `PSI ${numberText(value, limit)}`;
  const over = shapes.filter((shape) => shape.psi > shape.limit).length;
  const text = over > 0
    ? `what is asked differs from the baseline: ${psi} of "${name}" is over the limit of ${numberText(limit)}` +
      othersText(over - 1, shapes.length - 1)
    : `what is asked is like the baseline: ${psi} of "${name}", the worst of ${columnsText(shapes.length)}, is ` +
      `within the limit of ${numberText(limit)}`;
  return { value, limit, isOver: over > 0, text };
}

function othersText(over: number, others: number): string {
  if (others === 0) return '';
  return over === 0
    ? `, the other ${columnsText(others)} within it`
    : `, and ${over} of the other ${columnsText(others)} too`;
}

const columnsText = (count: number): string => `${count} input ${count === 1 ? 'column' : 'columns'}`;
