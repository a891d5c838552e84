// Reads a baseline file: the answers of a version to its validation set, as JSON, and the questions where they are at
// hand.
//   {"format":"lastgood.baseline/1","source":"validation","rows":N,
//    "outputs":{"probabilities":{"shape":[N,10],"data":[[…10 numbers…],…N rows…]}},
//    "inputs":{"features":{"shape":[N,64],"data":[[…64 numbers…],…N rows…]}}}         optional; null: a missing number
// `shape` is that of the whole tensor ([N,…] or [-1,…]) or of one row; `data` has one flat list per row, and a plain
// number may stand for a row of one. Everything is checked here; the rest of the code sees plain rows of numbers.
import { z } from 'zod';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import type {
  Baseline, InputBaseline, OutputKind, Signature, TensorSignature, VersionRecord,
} from '../../domain/records.ts';
import { IN_OUR_WORDS, issuesText } from '../../base/schema-text.ts';
import { flatIndexOf, inputColumnsOf } from '../../domain/input-columns.ts';
import { contradictionOf, declaredOutput } from '../../domain/judged-output.ts';
import { inferOutputKind, rowElements } from '../../domain/prediction.ts';
import { computeBaseline } from './baseline.ts';
import { computeInputBaseline } from './input-baseline.ts';

/** Larger files are refused before they are read. */
export const BASELINE_FILE_BYTES_MAX = 64 * 1024 * 1024;

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

/** Rows of numbers by the name of the output or the input. */
type TensorRows =
  ReadonlyMap<string, { readonly shape: readonly number[]; readonly rows: readonly number[][] }>;

/** The content of a baseline file. */
export interface BaselineFile {
  readonly path: string;
  readonly rows: number;
  readonly outputs: TensorRows;
  /** A missing number is NaN; null when the file has no inputs. */
  readonly inputs: TensorRows | null;
}

const invalid = (path: string, reason: string): Error => lastgoodError('INVALID_BASELINE', { path, reason });

/** Reads and checks a baseline file; throws INVALID_BASELINE that says what is wrong where. */
export function readBaselineFile(path: string): BaselineFile {
  return parseBaseline(path, readJson(path));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readRegularFile(path, BASELINE_FILE_BYTES_MAX)) as unknown;
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
): TensorRows {
  const found = new Map<string, { readonly shape: readonly number[]; readonly rows: readonly number[][] }>();
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const about = `${side} "${name}"`;
    if (data.length !== rows) throw invalid(path, `${about} has ${data.length} rows; wanted ${rows} as stated`);
    const elements = elementsOf(shape, rows, rowOf(data[0]).length);
    if (elements === null) {
      throw invalid(path, `${about} has ${rowOf(data[0]).length} values in row 0; wanted shape [${shape.join(', ')}]`);
    }
    found.set(name, { shape, rows: data.map((row, index) => checkedRow(path, side, name, index, row, elements)) });
  }
  return found;
}

const rowOf = (row: unknown): readonly unknown[] => (Array.isArray(row) ? (row as unknown[]) : [row]);

// The shape may be that of the whole tensor or of one row: whichever fits the first row is what the file means.
function elementsOf(shape: readonly number[], rows: number, got: number): number | null {
  const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
  const whole = shape.length > 0 && (shape[0] === -1 || shape[0] === rows) && product(shape.slice(1)) === got;
  return got > 0 && (whole || product(shape) === got) ? got : null;
}

function checkedRow(
  path: string, side: Side, name: string, index: number, row: unknown, elements: number,
): number[] {
  const values = rowOf(row);
  if (values.length !== elements) {
    throw invalid(path, `${side} "${name}" has ${values.length} values in row ${index}; wanted ${elements}`);
  }
  return values.map((value) => {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (value === null && side === 'input') return NaN;
    const wanted = side === 'input' ? 'finite numbers, or null for a missing one' : 'finite numbers';
    throw invalid(path, `${side} "${name}" holds ${JSON.stringify(value)} in row ${index}; wanted ${wanted}`);
  });
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
  const contradiction = declared.kind === undefined ? null : contradictionOf(declared.kind, output, found.rows);
  if (contradiction !== null) throw invalid(file.path, `output "${output.name}": ${contradiction}`);
  const kind = declared.kind ?? options.kind ?? inferOutputKind(output, found.rows);
  const about = { output: output.name, kind, source: 'validation', createdAtMs } as const;
  const inputs = inputsOfFile(file, { signature, declared }, createdAtMs);
  return { ...computeBaseline(found.rows, { ...about, origin: file.path }), ...(inputs === null ? {} : { inputs }) };
}

// A dimension that is open says nothing, and neither does the model of a tensor that it has not.
function assertWidths(path: string, side: Side, given: TensorRows, known: readonly TensorSignature[]): void {
  for (const { name, shape } of known) {
    const [got, wanted] = [given.get(name)?.rows[0]!.length, rowElements(shape)];
    if (got !== undefined && wanted >= 0 && got !== wanted) {
      throw invalid(path, `${side} "${name}" has ${got} values a row; wanted ${wanted} as in the model`);
    }
  }
}

function inputsOfFile(
  { path, rows, inputs }: BaselineFile, version: Pick<VersionRecord, 'signature' | 'declared'>, createdAtMs: number,
): InputBaseline | null {
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
  const watched = columns.flatMap((column) => {
    const { name } = signature.inputs[column.input]!;
    const given = inputs.get(name);
    if (given === undefined && declared?.inputColumns !== undefined) {
      throw invalid(path, `it has no input "${name}", of which "${column.name}" is to be watched`);
    }
    if (given === undefined) return [];
    const values = given.rows.map((row) => row[column.element] ?? NaN);
    return [{ name: column.name, at: flatIndexOf(signature, column), values }];
  });
  return computeInputBaseline(watched, { rows, source: 'validation', createdAtMs });
}
