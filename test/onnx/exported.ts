// The models in exported/, and what onnxruntime answers in Python.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

interface PlainTensor {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}
interface Maps {
  readonly keys: readonly (number | string)[];
  readonly maps: readonly (readonly number[])[];
}
export interface Exported {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly input: string;
  readonly rows: readonly (readonly number[])[];
  /** As the served model has them: maps are the matrix of their values, a list of tensors is one output for each. */
  readonly outputs: Readonly<Record<string, PlainTensor>>;
  /** The keys of maps, by output. */
  readonly labels: Readonly<Record<string, readonly (number | string)[]>>;
}

const FOLDER = join(packageRoot(), 'test', 'onnx', 'exported');

interface Answers {
  readonly input: string;
  readonly rows: Exported['rows'];
  readonly outputs: Readonly<Record<string, Answer>>;
}

function exportedModels(): Exported[] {
  const answers = JSON.parse(readFileSync(join(FOLDER, 'answers.json'), 'utf8')) as Readonly<Record<string, Answers>>;
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.onnx')).map((name) => name.slice(0, -5));
  return names.map((name) => {
    const { input, rows, outputs } = answers[name]!;
    const path = join(FOLDER, `${name}.onnx`);
    const entries = Object.entries(outputs);
    return {
      name, path, bytes: readFileSync(path), input, rows,
      outputs: Object.fromEntries(entries.flatMap(([output, answer]) => opened(output, answer))),
      labels: Object.fromEntries(entries.flatMap(([output, answer]) =>
        (isMaps(answer) ? [[output, answer.keys]] : []))),
    };
  });
}

type Answer = PlainTensor | Maps | readonly PlainTensor[];
const isMaps = (answer: Answer): answer is Maps => Object.hasOwn(answer, 'maps');
const isList = (answer: Answer): answer is readonly PlainTensor[] => Array.isArray(answer);

function opened(name: string, answer: Answer): (readonly [string, PlainTensor])[] {
  if (isMaps(answer)) {
    return [[name, { shape: [answer.maps.length, answer.keys.length], data: answer.maps.flat() }]];
  }
  return isList(answer) ? answer.map((tensor, index) => [`${name}_${index}`, tensor]) : [[name, answer]];
}

export const EXPORTED = exportedModels();
export const exported = (name: string): Exported => EXPORTED.find((one) => one.name === name)!;
