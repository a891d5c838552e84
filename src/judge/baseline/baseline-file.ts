// Reads a baseline file: the answers of a version to its validation set, as JSON, and the questions where they are at
// hand.
//   {"format":"lastgood.baseline/1","source":"validation","rows":N,
//    "outputs":{"probabilities":{"shape":[N,10],"data":[[…10 numbers…],…N rows…]}},
//    "inputs":{"features":{"shape":[N,64],"data":[[…64 numbers…],…N rows…]}}}         optional; null: a missing number
// `shape` is that of the whole tensor ([N,…] or [-1,…]) or of one row, with -1 where rows may differ; `data` has one
// list per row, flat or nested as the shape says, and a plain value may stand for a row of one. Texts are labels or
// inputs. Everything is checked here; the rest of the code sees plain rows of numbers.
import { z } from 'zod';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { readRegularBytes, utf8TextOf } from '../../base/regular-file.ts';
import type {
  Baseline, InputBaseline, OutputKind, Signature, TensorSignature, VersionRecord,
} from '../../domain/records.ts';
import { IN_OUR_WORDS, issuesText } from '../../base/schema-text.ts';
import { flatIndexOf, inputColumnsOf } from '../../domain/input-columns.ts';
import { contradictionOf, declaredOutput } from '../../domain/judged-output.ts';
import { inferOutputKind, labelNumber, rowElements } from '../../domain/prediction.ts';
import { stepElements } from '../../domain/sequence.ts';
import { type FileTensor, readRows } from '../../datasets/rows.ts';
import { computeBaseline } from './baseline.ts';
import { computeInputBaseline } from './input-baseline.ts';

/** Larger files are refused before they are read. */
export const BASELINE_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Texts that stand for numbers beyond 2^53, which JSON's readers round. */
const WHOLE_NUMBER = /^-?\d{1,20}$/;

const tensorsSchema = z.record(
  z.string(), z.strictObject({ shape: z.array(z.int().min(-1)).max(16), data: z.array(z.unknown()) }),
);
const fileSchema = z.strictObject({
  format: z.literal('lastgood.baseline/1'),
  source: z.literal('validation'),
  rows: z.int().min(1),
  outputs: tensorsSchema,
  inputs: tensorsSchema.optional(),
});

/** Tensors by the name of the output or the input. */
type FileTensors = ReadonlyMap<string, FileTensor>;

/** The content of a baseline file. */
export interface BaselineFile {
  readonly path: string;
  readonly rows: number;
  readonly outputs: FileTensors;
  /** A missing number is NaN; null when the file has no inputs. */
  readonly inputs: FileTensors | null;
}

const invalid = (path: string, reason: string): Error => lastgoodError('INVALID_BASELINE', { path, reason });

/** Reads and checks a baseline file; throws INVALID_BASELINE that says what is wrong where. */
export function readBaselineFile(path: string): BaselineFile {
  return parseBaseline(path, readJson(path));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(utf8TextOf(readRegularBytes(path, BASELINE_FILE_BYTES_MAX))) as unknown;
  } catch (error) {
    throw invalid(path, reasonOf(error));
  }
}

/** Checks a baseline that was parsed already; `path` is for error messages. */
export function parseBaseline(path: string, content: unknown): BaselineFile {
  const parsed = fileSchema.safeParse(content, IN_OUR_WORDS);
  if (!parsed.success) throw invalid(path, issuesText(parsed.error, 'document'));
  const { rows, outputs, inputs } = parsed.data;
  const file = { path, rows };
  const answers = tensorsOf(file, 'output', outputs);
  if (answers.size === 0) throw invalid(path, 'it has no outputs; wanted at least one');
  return { ...file, outputs: answers, inputs: inputs === undefined ? null : tensorsOf(file, 'input', inputs) };
}

type Side = 'output' | 'input';

function tensorsOf(
  { path, rows }: Pick<BaselineFile, 'path' | 'rows'>, side: Side, tensors: z.output<typeof tensorsSchema>,
): FileTensors {
  const found = new Map<string, FileTensor>();
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    try {
      found.set(name, readRows(shape, data, rows));
    } catch (error) {
      throw invalid(path, `${side} "${name}" ${reasonOf(error)}`);
    }
  }
  return found;
}

/** The rows of a tensor as numbers, each of its texts as the label that it is; throws INVALID_BASELINE. */
function numbersOf(
  { path }: BaselineFile, side: Side, { name, datatype }: TensorSignature, { rows }: FileTensor,
): number[][] {
  const isText = datatype === 'BYTES';
  const wanted = isText ? 'texts' : side === 'input' ? 'finite numbers, or null for a missing one' : 'finite numbers';
  return rows.map(({ values }, index) => values.map((value) => {
    const number = typeof value === 'number' ? value : WHOLE_NUMBER.test(value) ? Number(value) : null;
    if (isText && typeof value === 'string') return labelNumber(value);
    const isGood = number !== null && (Number.isFinite(number) || (Number.isNaN(number) && side === 'input'));
    if (!isText && isGood) return number;
    const shown = typeof value === 'number' && !Number.isFinite(value) ? 'null' : JSON.stringify(value);
    throw invalid(path, `${side} "${name}" holds ${shown} in row ${index}; wanted ${wanted}`);
  }));
}

/**
 * Computes the baseline of the output that predictions are read from, and of the watched inputs if the file has them.
 * `kind` is decided by the file's rows when it is neither given nor declared. Throws INVALID_BASELINE when the file and
 * the signature do not belong together, or the rows contradict what is declared, INVALID_OUTPUT for a declaration that
 * the signature cannot keep, and INVALID_COLUMNS likewise.
 */
export function baselineOfFile(
  file: BaselineFile,
  signature: Signature,
  options: {
    readonly createdAtMs: number; readonly kind?: OutputKind; readonly declared?: VersionRecord['declared'];
  },
): Baseline {
  const { declared = {}, createdAtMs } = options;
  const output = declaredOutput(signature, declared);
  if (output === null) throw invalid(file.path, 'the model has no numeric output to compare with');
  const found = file.outputs.get(output.name);
  if (found === undefined) {
    const names = [...file.outputs.keys()].join(', ');
    throw invalid(file.path, `it has the outputs ${names}; wanted "${output.name}" of the model`);
  }
  assertWidths(file.path, 'output', file.outputs, signature.outputs);
  const rows = numbersOf(file, 'output', output, found);
  const contradiction = declared.kind === undefined ? null : contradictionOf(declared.kind, output, rows);
  if (contradiction !== null) throw invalid(file.path, `output "${output.name}": ${contradiction}`);
  const kind = declared.kind ?? options.kind ?? inferOutputKind(output, rows);
  const about = {
    output: output.name, kind, source: 'validation', createdAtMs, origin: file.path, width: stepElements(output.shape),
    ...(output.datatype === 'BYTES' ? { labelNames: labelNamesIn(found) } : {}),
  } as const;
  const inputs = inputsOfFile(file, { signature, declared }, createdAtMs);
  return { ...computeBaseline(rows, about), ...(inputs === null ? {} : { inputs }) };
}

function labelNamesIn({ rows }: FileTensor): ReadonlyMap<number, string> {
  return new Map(rows.flatMap(({ values }) => values.map(String)).map((text) => [labelNumber(text), text]));
}

// A dimension that is open says nothing, and neither does the model of a tensor that it has not.
function assertWidths(path: string, side: Side, given: FileTensors, known: readonly TensorSignature[]): void {
  for (const { name, shape } of known) {
    const [got, wanted] = [given.get(name)?.rows[0]!.values.length, rowElements(shape)];
    if (got !== undefined && wanted >= 0 && got !== wanted) {
      throw invalid(path, `${side} "${name}" has ${got} values a row; wanted ${wanted} as in the model`);
    }
  }
}

function inputsOfFile(
  file: BaselineFile, version: Pick<VersionRecord, 'signature' | 'declared'>, createdAtMs: number,
): InputBaseline | null {
  const { path, rows, inputs } = file;
  const { signature, declared } = version;
  // What cannot be watched is told whether the file has inputs or not.
  const columns = inputColumnsOf(version);
  if (inputs === null) return null;
  for (const name of inputs.keys()) {
    if (!signature.inputs.some((input) => input.name === name)) {
      const names = signature.inputs.map((input) => input.name).join(', ');
      throw invalid(path, `it has the input "${name}"; the model has ${names}`);
    }
  }
  assertWidths(path, 'input', inputs, signature.inputs);
  const numbers = signature.inputs.map((input) => {
    const given = inputs.get(input.name);
    return given === undefined ? null : numbersOf(file, 'input', input, given);
  });
  const watched = columns.flatMap((column) => {
    const given = numbers[column.input];
    if (given === null && declared?.inputColumns !== undefined) {
      const { name } = signature.inputs[column.input]!;
      throw invalid(path, `it has no input "${name}", of which "${column.name}" is to be watched`);
    }
    if (given === null || given === undefined) return [];
    const values = given.map((row) => row[column.element] ?? NaN);
    return [{ name: column.name, at: flatIndexOf(signature, column), values }];
  });
  return computeInputBaseline(watched, { rows, source: 'validation', createdAtMs });
}

/** What of the file's inputs is not watched and why, a sentence without a full stop each. */
export function unwatchedInputs(
  { inputs }: BaselineFile, baseline: Baseline, version: Pick<VersionRecord, 'signature' | 'declared'>,
): string[] {
  if (inputs === null) return [];
  const { signature: { inputs: known }, declared } = version;
  const texts = known.filter(({ name, datatype }) => datatype === 'BYTES' && inputs.has(name));
  const open = declared?.inputColumns !== undefined ? [] : known.filter(({ name, datatype, shape }) =>
    datatype !== 'BYTES' && rowElements(shape) < 0 && inputs.has(name));
  const columns = inputColumnsOf(version).filter(({ name, input }) =>
    inputs.has(known[input]!.name) && baseline.inputs?.columns.every((column) => column.name !== name) !== false);
  return [
    ...texts.map(({ name }) => `input "${name}" is text, so whether it has moved is not judged`),
    ...open.map(({ name }) => `rows of input "${name}" have any size, so whether they have moved is judged only for ` +
      `columns that are named (--input-columns "${name}[0-7]")`),
    ...columns.map(({ name }) =>
      `input column "${name}" has no finite number in the baseline file, so whether it has moved is not judged`),
  ];
}
