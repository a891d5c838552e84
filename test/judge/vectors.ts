// Reads the numbers that the judge's formulas have to give (test/judge/vectors/health_vectors.json names their source).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

/** One entry; a test states the types of the numbers that it reads. */
export interface Vector {
  readonly id: string;
  readonly input: unknown;
  readonly expected: unknown;
}

const path = join(packageRoot(), 'test', 'judge', 'vectors', 'health_vectors.json');
const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: Vector[] };

/** Returns the input and the expected numbers of vector `id`. */
export function vector(id: string): Vector {
  const found = vectors.find((entry) => entry.id === id);
  assert.ok(found, `vector ${id} is missing`);
  return found;
}

/** Asserts that two numbers agree to 1e-9, relative where they are large. */
export function assertClose(got: number | null, wanted: number, what = 'value', tolerance = 1e-9): void {
  assert.ok(got !== null, `${what} is null; wanted ${wanted}`);
  const allowed = tolerance * Math.max(1e-300, Math.abs(wanted) > 0 ? Math.abs(wanted) : 1);
  assert.ok(Math.abs(got - wanted) <= allowed, `${what} is ${got}; wanted ${wanted}`);
}
