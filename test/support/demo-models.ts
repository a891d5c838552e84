// The demo models as tests register and ask them: files, and request bodies of rows that no version was trained on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

export type DemoModel = 'breast-cancer' | 'digits' | 'housing';

const path = (model: DemoModel, name: string): string => join(packageRoot(), 'models', model, name);

export const demoFiles = (model: DemoModel, version: string): { file: string; baseline: string; golden: string } => ({
  file: path(model, `${version}.onnx`),
  baseline: path(model, `${version}.baseline.json`),
  golden: path(model, `${version}.golden.json`),
});

/** One POST /predict body per row, the rows as `move` makes them. */
export function demoBodies(model: DemoModel, move = (rows: number[][]): number[][] => rows): string[] {
  const { rows } = JSON.parse(readFileSync(path(model, 'traffic.json'), 'utf8')) as { rows: number[][] };
  return move(rows).map((features) => JSON.stringify({ features }));
}
