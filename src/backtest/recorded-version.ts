// What a recorded version is compared with, and how its outputs are read. Pure. No signature is recorded, so the kind
// of the outputs is read from the baseline's rows, or, without one, from the first answer.
import { lastgoodError } from '../base/errors.ts';
import { computeBaseline } from '../judge/baseline/baseline.ts';
import type { Baseline, OutputKind, TensorSignature } from '../domain/records.ts';
import { contradictionOf } from '../domain/judged-output.ts';
import { inferOutputKind } from '../domain/prediction.ts';
import type { PromoteLine } from './record-line.ts';

const OUTPUT: TensorSignature = { name: 'outputs', datatype: 'FP64', shape: [-1, -1] };

/**
 * One number a row: a score when all rows lie in 0…1, else a regression. Several: classes when all rows hold shares of
 * 1, else a vector.
 */
export function kindOfRows(rows: readonly (readonly number[])[]): OutputKind {
  return inferOutputKind(OUTPUT, rows);
}

/** The baseline that a promote line brings; null when it brings none. Throws INVALID_BASELINE. */
export function baselineOfLine({ baseline: rows, kind, summary, t, version }: PromoteLine): Baseline | null {
  if (summary !== undefined) return kind === undefined ? summary : { ...summary, kind };
  if (rows.length === 0) return null;
  const origin = `of version ${version}`;
  const contradiction = kind === undefined ? null : contradictionOf(kind, OUTPUT, rows);
  if (contradiction !== null) {
    const reason = `"baseline" is not of its "kind": ${contradiction}`;
    throw lastgoodError('INVALID_BASELINE', { path: origin, reason });
  }
  return computeBaseline(rows, {
    output: OUTPUT.name, kind: kind ?? kindOfRows(rows), source: 'validation', createdAtMs: t, origin,
  });
}
