// Why a check of a distribution can decide nothing against a baseline, whatever comes in. Pure. The checks say it of
// themselves, and so does what is told of the smallest faults that they see.
import type { CheckName } from '../../options/check-names.ts';
import type { Baseline } from '../../registry/records.ts';
import type { Reference } from '../baseline/reference.ts';
import { BASELINE_ROWS_MIN } from '../baseline/reference.ts';

/** Says that a baseline is too small to blame anybody; null when it is not. */
export function tooFewRows(rows: number): string | null {
  if (rows >= BASELINE_ROWS_MIN) return null;
  return `the baseline has ${rows} ${rows === 1 ? 'row' : 'rows'}; wanted at least ${BASELINE_ROWS_MIN}`;
}

/** What an operator is told of a version's baseline when drift cannot be judged by it; null when it can. */
export function baselineWarning(baseline: Pick<Baseline, 'rows'> | null): string | null {
  if (baseline === null) return 'no baseline: drift is not judged until it gets one';
  const reason = tooFewRows(baseline.rows);
  // The plain checks of compat count no rows.
  return reason === null ? null : `${reason}: drift is not judged until it gets a larger one, but in mode compat`;
}

/** Says why the check compares nothing with the reference; null when it does. */
export function unjudgedOf(check: CheckName, reference: Reference | null): string | null {
  if (check === 'input_drift') {
    const inputs = reference?.inputs ?? null;
    return inputs === null ? 'no baseline of inputs' : tooFewRows(inputs.rows);
  }
  return reference === null ? 'the version has no baseline' : (tooFewRows(reference.rows) ?? missing(check, reference));
}

// What the baseline lacks for this check.
function missing(
  check: CheckName, { standardDeviation, spread, classes, entropy, projections }: Reference,
): string | null {
  const equal = 'all answers of the baseline are equal';
  switch (check) {
    case 'mean_drift': return standardDeviation > 0 ? null : equal;
    case 'spread': return spread.standardDeviation > 0 ? null : equal;
    case 'class_mix': return classes === null ? 'the answers have no classes' : null;
    case 'confidence':
      if (entropy === null) return 'the answers are no scores';
      return entropy.standardDeviation > 0 ? null : 'all answers of the baseline are equally sure';
    case 'projections':
      return projections.length > 0 ? null : 'the baseline does not say where its vectors point';
    default: return null;
  }
}
