// The model that chaos is made with: version N answers a known sum plus N, so every answer shows whether it is right
// and whose it is.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linear } from '../worker/onnx.ts';

export const MODEL = 'm';

/** Writes the file of version `number` into `directory` and returns its path. */
export function versionFile(directory: string, number: number): string {
  const path = join(directory, `${number}.onnx`);
  writeFileSync(path, linear(number));
  return path;
}

/** A file that is no model. */
export function brokenFile(directory: string): string {
  const path = join(directory, 'broken.onnx');
  writeFileSync(path, 'no model at all');
  return path;
}

/** A request whose right answer depends on `first` and the version only. */
export const bodyOf = (first: number): string => JSON.stringify({ features: [first, 2, 3] });

export interface Answer {
  readonly prediction?: unknown;
  readonly model_version?: unknown;
}

/** Tells whether an HTTP 200 answer is what the version that it names says of `first`. */
export function isRight(first: number, { prediction, model_version: version }: Answer): boolean {
  return prediction === first + 20 + 300 + Number(version);
}
