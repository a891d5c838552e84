// Reads a baseline file: the answers of a version to its validation set, as JSON.
//   {"format":"lastgood.baseline/1","source":"validation","rows":N,
//    "outputs":{"probabilities":{"shape":[N,10],"data":[[…10 numbers…],…N rows…]}}}
// `shape` is that of the whole tensor ([N,…] or [-1,…]) or of one row; `data` has one flat list per row, and a plain
// number may stand for a row of one. Everything is checked here; the rest of the code sees plain rows of numbers.
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { isLastgoodError, lastgoodError, reasonOf } from '../errors.ts';
import type { Baseline, OutputKind, Signature } from '../registry/records.ts';
import { contradictionOf, declaredOutput } from '../wire/judged-output.ts';
import type { OutputDeclaration } from '../wire/judged-output.ts';
import { inferOutputKind } from '../wire/prediction.ts';
import { computeBaseline } from './baseline.ts';

/** Larger files are refused before they are read. */
export const BASELINE_FILE_BYTES_MAX = 64 * 1024 * 1024;

const fileSchema = z.strictObject({
  format: z.literal('lastgood.baseline/1'),
  source: z.literal('validation'),
  rows: z.int().min(1),
  outputs: z.record(
    z.string(),
    z.strictObject({ shape: z.array(z.int().min(-1)).max(16), data: z.array(z.unknown()) }),
  ),
});

/** The content of a baseline file: rows of numbers per output. */
export interface BaselineFile {
  readonly path: string;
  readonly rows: number;
  readonly outputs: ReadonlyMap<string, { readonly shape: readonly number[]; readonly rows: readonly number[][] }>;
}

const invalid = (path: string, reason: string): Error => lastgoodError('INVALID_BASELINE', { path, reason });

/** Reads and checks a baseline file; throws INVALID_BASELINE that says what is wrong where. */
export function readBaselineFile(path: string): BaselineFile {
  return parseBaseline(path, readJson(path));
}

function readJson(path: string): unknown {
  try {
    const { size } = statSync(path);
    if (size > BASELINE_FILE_BYTES_MAX) {
      throw invalid(path, `the file has ${size} bytes; wanted at most ${BASELINE_FILE_BYTES_MAX}`);
    }
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    throw isLastgoodError(error) ? error : invalid(path, reasonOf(error));
  }
}

/** Checks a baseline that was parsed already; `path` is for error messages. */
export function parseBaseline(path: string, content: unknown): BaselineFile {
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'document'}: ${issue.message}`);
    throw invalid(path, issues.join('; '));
  }
  const { rows } = parsed.data;
  const outputs = new Map<string, { shape: readonly number[]; rows: readonly number[][] }>();
  for (const [name, { shape, data }] of Object.entries(parsed.data.outputs)) {
    if (data.length !== rows) throw invalid(path, `output "${name}" has ${data.length} rows; wanted ${rows} as stated`);
    const elements = elementsOf(shape, rows, rowOf(data[0]).length);
    if (elements === null) {
      throw invalid(path, `output "${name}" has ${rowOf(data[0]).length} values in row 0; wanted shape ` +
        `[${shape.join(', ')}]`);
    }
    outputs.set(name, { shape, rows: data.map((row, index) => checkedRow(path, name, index, row, elements)) });
  }
  if (outputs.size === 0) throw invalid(path, 'it has no outputs; wanted at least one');
  return { path, rows, outputs };
}

const rowOf = (row: unknown): readonly unknown[] => (Array.isArray(row) ? (row as unknown[]) : [row]);

// The shape may be that of the whole tensor or of one row: whichever fits the first row is what the file means.
function elementsOf(shape: readonly number[], rows: number, got: number): number | null {
  const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
  const whole = shape.length > 0 && (shape[0] === -1 || shape[0] === rows) && product(shape.slice(1)) === got;
  return got > 0 && (whole || product(shape) === got) ? got : null;
}

function checkedRow(path: string, name: string, index: number, row: unknown, elements: number): number[] {
  const values = rowOf(row);
  if (values.length !== elements) {
    throw invalid(path, `output "${name}" has ${values.length} values in row ${index}; wanted ${elements}`);
  }
  for (const value of values) {
    if (typeof value === 'number' && Number.isFinite(value)) continue;
    throw invalid(path, `output "${name}" holds ${JSON.stringify(value)} in row ${index}; wanted finite numbers`);
  }
  return values as number[];
}

/**
 * Computes the baseline of the output that predictions are read from. `kind` is decided by the file's rows when it is
 * neither given nor declared. Throws INVALID_BASELINE when the file and the signature do not belong together, or the
 * rows contradict what is declared, and INVALID_OUTPUT for a declaration that the signature cannot keep.
 */
export function baselineOfFile(
  file: BaselineFile,
  signature: Signature,
  options: {
    readonly createdAtMs: number; readonly kind?: OutputKind; readonly declared?: OutputDeclaration | undefined;
  },
): Baseline {
  const { declared = {} } = options;
  const output = declaredOutput(signature, declared);
  if (output === null) throw invalid(file.path, 'the model has no numeric output to compare with');
  const found = file.outputs.get(output.name);
  if (found === undefined) {
    const names = [...file.outputs.keys()].join(', ');
    throw invalid(file.path, `it has the outputs ${names}; wanted "${output.name}" of the model`);
  }
  const contradiction = declared.kind === undefined ? null : contradictionOf(declared.kind, output, found.rows);
  if (contradiction !== null) throw invalid(file.path, `output "${output.name}": ${contradiction}`);
  const kind = declared.kind ?? options.kind ?? inferOutputKind(output, found.rows);
  const about = { output: output.name, kind, source: 'validation', createdAtMs: options.createdAtMs } as const;
  return computeBaseline(found.rows, { ...about, origin: file.path });
}
