// The model that chaos is made with: version N answers a known sum plus N, so every answer shows whether it is right
// and whose it is.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endless, fatal } from '../worker/hostile-onnx.ts';
import { linear } from '../worker/onnx.ts';

export const MODEL = 'm';

/** Good for ever, or until a row with a negative value comes: then it ends the process, or never comes back. */
export type Kind = 'good' | 'fatal' | 'endless';

const BYTES: Readonly<Record<Kind, (shift: number) => Uint8Array>> = { good: linear, fatal, endless };

/** Writes the file of version `number` into `directory` and returns its path. */
export function versionFile(directory: string, number: number, kind: Kind): string {
  const path = join(directory, `${number}.onnx`);
  writeFileSync(path, BYTES[kind](number));
  return path;
}

/** What a version of the other kinds cannot bear; a good one answers it. */
export const POISON = JSON.stringify({ features: [-1, 2, 3] });

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
