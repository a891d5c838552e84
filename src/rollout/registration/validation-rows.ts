// The rows of a baseline file that a version is asked at registration, and that are kept with it: some of them, drawn
// evenly and always the same. Pure; main thread.
import type { BaselineFile } from '../../judge/baseline/baseline-file.ts';
import type { FileRow, FileTensor } from '../../datasets/rows.ts';
import { type ValidationRow, valueCount } from '../../domain/known-answers.ts';

/** Rows, and values of all of them. */
const VALIDATION_ROWS_MAX = 256;
const VALIDATION_VALUES_MAX = 1_000_000;
/** The golden section: what comes first of such an order is spread evenly, however soon it ends. */
const STRIDE = (Math.sqrt(5) - 1) / 2;

/** None when the file has no inputs. */
export function validationRows({ rows, inputs, outputs }: BaselineFile): ValidationRow[] {
  if (inputs === null) return [];
  const rowOf = (row: number): ValidationRow =>
    ({ row, inputs: tensorsAt(inputs, row), outputs: tensorsAt(outputs, row) });
  const chosen: ValidationRow[] = [];
  let values = 0;
  for (const row of evenly(rows)) {
    const one = rowOf(row);
    values += valueCount(one);
    if (values > VALIDATION_VALUES_MAX) break;
    chosen.push(one);
  }
  return chosen;
}

const tensorsAt = (tensors: ReadonlyMap<string, FileTensor>, row: number): Record<string, FileRow> =>
  Object.fromEntries([...tensors].map(([name, { rows }]) => [name, rows[row]!]));

function evenly(rows: number): number[] {
  const count = Math.min(rows, VALIDATION_ROWS_MAX);
  const places = Array.from({ length: count }, (_, at) => Math.floor((at * rows) / count));
  const keys = places.map((_, at) => ((at + 1) * STRIDE) % 1);
  return places.map((place, at) => ({ place, key: keys[at]! })).sort((a, b) => a.key - b.key).map(({ place }) => place);
}
