// The questions that came with a version, row by row: of its baseline file, and of its golden vectors. Pure; main
// thread.
import type { FileRow } from '../../datasets/rows.ts';
import { elementCount } from '../../domain/datatype.ts';
import type { ValidationRow } from '../../domain/known-answers.ts';
import type { Golden, GoldenCase } from '../../domain/records.ts';

/** One row by the names of the model's inputs. */
export type Question = Readonly<Record<string, FileRow>>;

/** Of golden vectors; as many rows of a baseline file are kept at most. */
const GOLDEN_ROWS_MAX = 256;

/** All of them, those of the baseline file first. */
export function questionsOf(validation: readonly ValidationRow[], golden: Golden | null): Question[] {
  const rows = golden?.cases.flatMap(rowsOf).slice(0, GOLDEN_ROWS_MAX) ?? [];
  return [...validation.map(({ inputs }) => inputs), ...rows];
}

// None of a case whose inputs have no common number of rows.
function rowsOf({ inputs }: GoldenCase): Question[] {
  const tensors = Object.entries(inputs);
  const count = tensors[0]?.[1].shape[0] ?? 0;
  if (tensors.some(([, { shape }]) => shape[0] !== count)) return [];
  return Array.from({ length: count }, (_, row): Question => Object.fromEntries(
    tensors.map(([name, { shape: [, ...shape], data }]) => {
      const length = elementCount(shape);
      return [name, { shape, values: data.slice(row * length, (row + 1) * length) }];
    })));
}
