// Turns rows of watched input columns into the baseline of a version's inputs. Pure.
import { createHash } from 'node:crypto';
import type { InputBaseline, InputColumnBaseline } from '../../domain/records.ts';
import { binsOf, largestRepeat } from '../statistics/bins.ts';
import { moments } from '../statistics/distribution.ts';

/** One watched column with its value in each row; what is no finite number is counted, and is in no bin. */
interface ColumnValues {
  readonly name: string;
  readonly at: number;
  readonly values: readonly number[];
}

/** Computes the baseline of `rows` rows; null when no column has a finite value. */
export function computeInputBaseline(
  columns: readonly ColumnValues[],
  { rows, source, createdAtMs }: Pick<InputBaseline, 'rows' | 'source' | 'createdAtMs'>,
): InputBaseline | null {
  const described = columns.map(describe).filter((column) => column !== null);
  if (described.length === 0) return null;
  const content = { source, rows, columns: described };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { ...content, hash, createdAtMs };
}

function describe({ name, at, values }: ColumnValues): InputColumnBaseline | null {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const { standardDeviation } = moments(sorted);
  // Numbers up to the largest there is leave no measure of how far apart they are.
  if (!Number.isFinite(standardDeviation)) return null;
  return {
    name, at, bins: binsOf(sorted, standardDeviation), nonFinite: values.length - sorted.length,
    atomShare: largestRepeat(sorted),
  };
}
