// The collection of real models as the test reads it: the files of models/, with what Python onnxruntime answered to
// each row when it was asked alone. Made by make/all.py. Values have the form that their datatype has in JavaScript:
// 64-bit integers are bigints.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';
import { halfToNumber, numberToHalf } from '../../src/domain/half.ts';
import type { Datatype } from '../../src/domain/records.ts';

export type Value = number | bigint | boolean | string;

export interface GivenTensor {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly values: readonly Value[];
}

export interface NamedTensor extends GivenTensor {
  readonly name: string;
}

/**
 * What one request asks. row: one row, for every protocol; rows: several rows that are answered each by itself; whole:
 * tensors that are run as they are, for the protocols that carry such.
 */
export interface Question {
  readonly form: 'row' | 'rows' | 'whole';
  readonly inputs: readonly GivenTensor[];
  /** Inputs that might be left out, and are not. */
  readonly optional: readonly NamedTensor[];
  /** By version; odd rows, which nobody compares, have none. */
  readonly answers: Readonly<Record<string, readonly GivenTensor[]>>;
}

interface Port {
  readonly name: string;
  readonly datatype: Datatype;
  /** Names of the columns, of an output that was a sequence of maps. */
  readonly labels?: readonly string[];
}

export interface RealModel {
  readonly name: string;
  readonly group: string;
  readonly about: string;
  readonly madeBy: string;
  /** By version: the path of the file that is registered, and of what lies beside it; there may be no version 2. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Whether it is row-wise by its mathematics, and if not, why. */
  readonly stacking: 'rows' | 'none';
  readonly why?: string;
  readonly tolerance: { readonly rtol: number; readonly atol: number };
  /** whole: it has no row axis; fixed: its batch is a number; tensors: so it is, and its rows are not told apart. */
  readonly layout: 'rows' | 'whole' | 'fixed' | 'tensors';
  readonly inputs: readonly Port[];
  readonly optional?: readonly Port[];
  readonly outputs: readonly Port[];
  readonly questions: readonly Question[];
  readonly wild: readonly Question[];
}

interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: readonly (number | boolean | string)[];
}

interface StoredCase {
  readonly inputs: readonly StoredTensor[];
  readonly optional?: Readonly<Record<string, StoredTensor>>;
  readonly outputs: Readonly<Record<string, readonly StoredTensor[]>>;
}

interface StoredModel extends Omit<RealModel, 'questions' | 'wild'> {
  readonly rows: readonly StoredCase[];
  readonly whole: readonly StoredCase[];
  readonly wild: readonly (readonly StoredTensor[])[];
}

/**
 * Row-wise by their mathematics, and not stacked all the same: none of the collection, and of the packaged ones four
 * whose state has its rows on the second axis, while requests are put behind each other along the first.
 */
export const EXCEPTIONS: readonly string[] = [
  'silero_vad.silero_vad', 'silero_vad.silero_vad_16k_op15', 'silero_vad.silero_vad_half',
  'silero_vad.silero_vad_op18_ifless',
];

/** Rows of one request for several. */
const ROWS_AT_ONCE_MAX = 8;
export const FOLDER = join(packageRoot(), 'test', 'models-real', 'models');

/** All models, or those of some groups, in the order of their names. */
export function realModels(groups?: readonly string[]): RealModel[] {
  return modelsIn(FOLDER).filter(({ group }) => groups === undefined || groups.includes(group));
}

/** The models of a folder that has the form of the collection. */
export function modelsIn(folder: string): RealModel[] {
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort()
    .map((name) => readModel(folder, JSON.parse(readFileSync(join(folder, name), 'utf8')) as StoredModel));
}

function readModel(folder: string, { rows, whole, wild, ...model }: StoredModel): RealModel {
  const { layout, inputs, outputs, optional = [] } = model;
  const question = (form: Question['form']) => (stored: StoredCase): Question => ({
    form,
    inputs: tensorsOf(inputs, stored.inputs),
    optional: optional.flatMap((port) => {
      const given = stored.optional?.[port.name];
      return given === undefined ? [] : tensorsOf([port], [given]).map((tensor) => ({ name: port.name, ...tensor }));
    }),
    answers: Object.fromEntries(Object.entries(stored.outputs)
      .map(([version, answers]) => [version, tensorsOf(outputs, answers)])),
  });
  const form = layout === 'tensors' ? 'whole' : 'row';
  const single = rows.map(question(form));
  return {
    ...model,
    files: Object.fromEntries(Object.entries(model.files)
      .map(([version, names]) => [version, names.map((name) => join(folder, name))])),
    questions: [
      ...single, ...(layout === 'rows' || layout === 'fixed' ? together(single) : []), ...whole.map(question('whole')),
    ],
    wild: wild.map((odd) => ({ form, inputs: tensorsOf(inputs, odd), optional: [], answers: {} })),
  };
}

const tensorsOf = (ports: readonly Port[], stored: readonly StoredTensor[]): GivenTensor[] =>
  stored.map(({ shape, data }, at) => {
    const { datatype } = ports[at]!;
    return { datatype, shape, values: data.map((value) => valueFrom(datatype, value)) };
  });

/** A value as JSON has it, in the form of its datatype; what it cannot be stays as it is, and compares as unequal. */
export function valueFrom(datatype: Datatype, value: unknown): Value {
  if (datatype === 'BYTES' || datatype === 'BOOL') return value as Value;
  if (datatype === 'INT64' || datatype === 'UINT64') return BigInt(value as string | number);
  const number = typeof value === 'number' ? value : value === null ? NaN : Number(value);
  if (datatype === 'FP32') return Math.fround(number);
  return datatype === 'FP16' ? halfToNumber(numberToHalf(number)) : number;
}

// The rows of equal shape as one request, answered each by itself; none where an answer does not belong to a row.
function together(single: readonly Question[]): Question[] {
  const [first] = single;
  if (first === undefined) return [];
  const shapes = (tensors: readonly GivenTensor[]): string => tensors.map(({ shape }) => shape.join('x')).join();
  const fits = ({ inputs, answers }: Question): boolean => shapes(inputs) === shapes(first.inputs) &&
    Object.values(answers).flat().every(({ shape }) => shape[0] === 1);
  const alike = single.filter(fits).slice(0, ROWS_AT_ONCE_MAX);
  if (alike.length < 2) return [];
  return [{
    form: 'rows',
    inputs: stacked(alike.map(({ inputs }) => inputs)),
    optional: [],
    answers: Object.fromEntries(Object.keys(first.answers)
      .map((version) => [version, stacked(alike.map(({ answers }) => answers[version] ?? []))])),
  }];
}

const stacked = (rows: readonly (readonly GivenTensor[])[]): GivenTensor[] =>
  rows[0]!.map(({ datatype, shape }, at) => ({
    datatype, shape: [rows.length, ...shape.slice(1)], values: rows.flatMap((row) => row[at]!.values),
  }));
