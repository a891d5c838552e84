// The windows of one look as the checks of a distribution read them: totals, and what the samples are worth. Monitor
// thread; how alike the slots of a window are is computed only when somebody asks, because it walks through them.
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { Columns } from '../baseline/columns.ts';
import { ANSWER } from '../baseline/columns.ts';
import type { Reference } from '../baseline/reference.ts';
import type { ColumnGroup, Dispersion, KnownDispersion } from './dispersion.ts';
import { dispersionOf } from './dispersion.ts';
import type { InputDiversity } from './diversity.ts';
import type { SuiteObserver } from './observer.ts';
import type { SlotWindows } from './slot-windows.ts';
import { WINDOW_FACTORS } from './slot-windows.ts';

/** One window's totals. */
export interface AnswersWindow {
  readonly windowMs: number;
  readonly samples: number;
  /** The most that the samples can be worth, by how often the same inputs come again. */
  readonly effectiveMax: number;
  /** What they are worth, cautiously and as far as is proven; walks through the slots, so only breaches ask. */
  readonly worth: () => { readonly effective: number; readonly proven: number };
  /** Whether anybody asked. */
  readonly wasNear: () => boolean;
  readonly total: (column: number) => number;
  readonly totals: (columns: Columns) => number[];
}

/** The windows that hold answers; none without a baseline. */
export function answersWindows(
  { answers, diversity }: SuiteObserver, reference: Reference | null, options: JudgeOptions, known: KnownDispersion,
): AnswersWindow[] {
  if (answers === null || reference === null) return [];
  const { values, entropies, classes, projections } = reference.layout;
  const groups = [
    ...[values, entropies, ...projections].map((columns) => ({ ...columns, isOrdered: true })),
    { ...classes, isOrdered: false },
  ];
  return heldWindows(answers, groups, { options, diversity, known });
}

/** The windows that hold rows of inputs. */
export function inputWindows(
  { inputs, diversity }: SuiteObserver, options: JudgeOptions, known: KnownDispersion,
): AnswersWindow[] {
  if (inputs === null) return [];
  const groups = inputs.reference.columns.map(({ counters }) => ({ ...counters, isOrdered: true }));
  return heldWindows(inputs.windows, groups, { options, diversity, known });
}

// A longer window that holds nothing more is left out.
function heldWindows(
  windows: SlotWindows, groups: readonly ColumnGroup[],
  { options, diversity, known }: {
    readonly options: JudgeOptions; readonly diversity: InputDiversity; readonly known: KnownDispersion;
  },
): AnswersWindow[] {
  const found: AnswersWindow[] = [];
  const about = { isNear: false };
  const dispersion = (window: number): Dispersion => {
    about.isNear = true;
    return known.of(windows.slot, window, () => dispersionOf({
      own: windows.slotsWithin(window),
      before: windows.slotsBefore(window),
    }, groups));
  };
  WINDOW_FACTORS.forEach((factor, window) => {
    // The first column of any windows counts what came in.
    const samples = windows.total(window, ANSWER.values);
    if (samples === (found.at(-1)?.samples ?? 0)) return;
    const effectiveMax = diversity.effective(samples);
    found.push({
      windowMs: options.windowMs * factor,
      samples,
      effectiveMax,
      wasNear: () => about.isNear,
      worth: () => {
        const { possible, proven } = dispersion(window);
        return {
          effective: Math.min(samples / possible, effectiveMax), proven: Math.min(samples / proven, effectiveMax),
        };
      },
      total: (column) => windows.total(window, column),
      totals: ({ from, length }) => windows.totals(window, from, length),
    });
  });
  return found;
}
