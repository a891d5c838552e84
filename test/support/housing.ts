// The housing demo model, as tests register it and send traffic to it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

const folder = join(packageRoot(), 'models', 'housing');

/** A version's file. */
export const housingFile = (version: string): string => join(folder, `${version}.onnx`);
export const housingBaseline = (version: string): string => join(folder, `${version}.baseline.json`);

/** Held-out rows that no version was trained on. */
export const housingRows: readonly (readonly number[])[] = (
  JSON.parse(readFileSync(join(folder, 'traffic.json'), 'utf8')) as { rows: number[][] }
).rows;

/** One POST /predict body per row. */
export const housingBodies: readonly string[] = housingRows.map((features) => JSON.stringify({ features }));
