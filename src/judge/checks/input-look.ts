// Builds what the check of the inputs is decided from, out of an observer. Monitor thread; called at looks.
import type { CheckEffect } from '../types/check-kinds.ts';
import type { KnownDispersion } from '../window/dispersion.ts';
import type { AnswersWindow, DriftLook } from './drift-looks.ts';
import { heldBase, heldWindows, looked } from './drift-looks.ts';
import type { EvidenceOf } from './evidence.ts';
import type { InputsKept } from '../window/input-counts.ts';
import { inputTest } from './input-drift.ts';
import type { LookContext } from './rate-looks.ts';
import { unjudgedOf } from './unjudged.ts';

/** The windows that hold rows of inputs. */
export function inputWindows(
  { observer: { inputs, diversity }, options }: LookContext, known: KnownDispersion,
): AnswersWindow[] {
  if (inputs === null) return [];
  const groups = inputs.reference.columns.map(({ counters }) => ({ ...counters, isOrdered: true }));
  return heldWindows(inputs.windows, groups, { options, inputs: diversity.distinct(), known });
}

const NOT_KEPT: Readonly<Record<InputsKept, string | null>> = {
  on: null,
  paused: 'inputs are kept during the probation only (--reservoir always)',
  off: 'no inputs are kept (--reservoir off)',
};

export function inputDrift(look: DriftLook, effect: CheckEffect): EvidenceOf<'input_drift'> {
  const { observer, options, inputWindows: windows } = look;
  const { samplesMin, psi } = options.checks.input_drift;
  const reference = look.reference?.inputs ?? null;
  // What was kept a while ago is judged until it leaves the windows.
  const missing = windows.length > 0 ? null : NOT_KEPT[observer.inputsKept];
  const unjudged = unjudgedOf('input_drift', look.reference) ?? missing;
  const evidence: EvidenceOf<'input_drift'> = {
    check: 'input_drift', ...heldBase(look, effect, samplesMin), unjudged, rows: reference?.rows ?? 0, psi,
    columns: (reference?.columns ?? []).map(({ name, edges, counts }) =>
      ({ name, edges: [...edges], counts: [...counts] })),
    windows: [],
  };
  return looked({ ...look, windows }, evidence, inputTest(evidence), ({ totals }) =>
    ({ counts: reference!.columns.map(({ counters }) => totals(counters)) }));
}
