// Rows that came with a version: of its golden vectors and of its baseline file. A model takes them, and they are what
// it will be asked, so the stacking probe tries them in company too. Pure; main thread.
import type { BaselineFile } from '../../judge/baseline/baseline-file.ts';
import type { Golden, GoldenCase } from '../../domain/records.ts';

/** Of either source. */
const ROWS_MAX = 8;

/** Inputs by name, each with the first dimension that a run has. */
export function knownRows(golden: Golden | null, file: BaselineFile | null): GoldenCase['inputs'][] {
  const cases = spread(golden?.cases.length ?? 0).map((at) => golden!.cases[at]!.inputs);
  const inputs = file?.inputs ?? null;
  // A file may tell of the predictions alone.
  if (inputs === null) return cases;
  const rows = spread(file!.rows).map((row): GoldenCase['inputs'] =>
    Object.fromEntries([...inputs].map(([name, { rows: all }]) => {
      const { values, shape } = all[row]!;
      return [name, { shape: [1, ...shape], data: values }];
    })));
  return [...cases, ...rows];
}

// The places of some of so many, from the first to the last.
function spread(count: number): number[] {
  const taken = Math.min(count, ROWS_MAX);
  return Array.from({ length: taken }, (_, at) => Math.floor((at * (count - 1)) / Math.max(1, taken - 1)));
}
