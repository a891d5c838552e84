// The rows of a validation set as a model's inputs: of a .csv, .json, .npy or .npz file. Strict: every value is what
// the input's element type holds, every column goes to an input or is dropped by name. Blocks its thread while it
// reads.
import { extname } from 'node:path';
import { reasonOf } from '../base/errors.ts';
import { readRegularBytes, utf8TextOf } from '../base/regular-file.ts';
import { elementCount } from '../domain/datatype.ts';
import { rowElements } from '../domain/prediction.ts';
import type { Signature, TensorSignature } from '../domain/records.ts';
import { readCsv } from './csv.ts';
import { tableRows } from './columns.ts';
import { valuesOf } from './elements.ts';
import { type ArrayInFile, readNpy } from './npy.ts';
import { readNpz } from './npz.ts';
import { type Dataset, type FileRow, type FileTensor, readRows } from './rows.ts';

/** The file, and what it unpacks to. */
const DATASET_BYTES_MAX = 256 * 1024 ** 2;
/** Rows of one file. */
const DATASET_ROWS_MAX = 1_000_000;

/**
 * Reads the inputs of a model from a file; `dropped` names columns or arrays that are none of them. Throws an Error
 * that says where the file is wrong, and what the model wants.
 */
export function readDataset(path: string, signature: Signature, dropped: readonly string[]): Dataset {
  const bytes = readRegularBytes(path, DATASET_BYTES_MAX);
  const { inputs } = signature;
  switch (extname(path).toLowerCase()) {
    case '.csv': return tableRows(readCsv(utf8TextOf(bytes), DATASET_ROWS_MAX), inputs, dropped);
    case '.json': return jsonRows(JSON.parse(utf8TextOf(bytes)), inputs, dropped);
    case '.npy': return arrayRows(new Map([[onlyInput(inputs, 'a .npy file').name, readNpy(bytes)]]), inputs, dropped);
    case '.npz': return arrayRows(readNpz(bytes, DATASET_BYTES_MAX), inputs, dropped);
    default: throw new Error('its name ends in none of .csv, .json, .npy, .npz');
  }
}

function onlyInput(inputs: readonly TensorSignature[], what: string): TensorSignature {
  if (inputs.length === 1) return inputs[0]!;
  throw new Error(`the model has ${inputs.length} inputs; ${what} holds one`);
}

const namesOf = (inputs: readonly TensorSignature[]): string => inputs.map(({ name }) => `"${name}"`).join(', ');

/** Throws an Error unless the names are those of the inputs, but for those that are dropped. */
function assertNames(names: readonly string[], inputs: readonly TensorSignature[], dropped: readonly string[]): void {
  const unknown = names.find((name) => !dropped.includes(name) && inputs.every((input) => input.name !== name));
  if (unknown !== undefined) {
    throw new Error(`it has "${unknown}", which is no input; the model has ${namesOf(inputs)} (--drop ${unknown})`);
  }
  const missing = inputs.find(({ name }) => !names.includes(name));
  if (missing !== undefined) throw new Error(`it has no input "${missing.name}"; it has ${names.join(', ')}`);
}

// {"inputs": {NAME: {"shape", "data"}}} as in a baseline file, or for a model of one input a list of rows, which may
// stand in {"rows": […]}.
function jsonRows(content: unknown, inputs: readonly TensorSignature[], dropped: readonly string[]): Dataset {
  const { inputs: given, rows = content } = (content ?? {}) as { readonly inputs?: unknown; readonly rows?: unknown };
  if (Array.isArray(rows)) {
    const { name, shape } = onlyInput(inputs, 'a list of rows');
    return tensorRows(new Map([[name, readRows(shape.slice(1), rows, rows.length, 'row')]]), inputs, dropped);
  }
  if (typeof given !== 'object' || given === null) {
    throw new Error('it is no list of rows, and has no "inputs" as a baseline file has them');
  }
  const tensors = new Map<string, FileTensor>();
  for (const [name, tensor] of Object.entries(given as Record<string, { shape?: unknown; data?: unknown } | null>)) {
    const { shape, data } = tensor ?? {};
    if (!Array.isArray(shape) || !shape.every(Number.isInteger) || !Array.isArray(data)) {
      throw new Error(`input "${name}" is no object with a "shape" and "data"`);
    }
    try {
      tensors.set(name, readRows(shape as number[], data as unknown[], data.length));
    } catch (error) {
      throw new Error(`input "${name}" ${reasonOf(error)}`);
    }
  }
  return tensorRows(tensors, inputs, dropped);
}

function tensorRows(
  tensors: ReadonlyMap<string, FileTensor>, inputs: readonly TensorSignature[], dropped: readonly string[],
): Dataset {
  assertNames([...tensors.keys()], inputs, dropped);
  const counts = inputs.map(({ name }) => tensors.get(name)!.rows.length);
  return {
    rows: rowsOf(inputs, counts),
    row: (row) => Object.fromEntries(inputs.map((input) =>
      [input.name, fitted(input, tensors.get(input.name)!.rows[row]!)])),
  };
}

function arrayRows(
  arrays: ReadonlyMap<string, ArrayInFile>, inputs: readonly TensorSignature[], dropped: readonly string[],
): Dataset {
  assertNames([...arrays.keys()], inputs, dropped);
  const counts = inputs.map(({ name }) => arrays.get(name)!.shape[0] ?? 0);
  return {
    rows: rowsOf(inputs, counts),
    row: (row) => Object.fromEntries(inputs.map((input) => {
      const { datatype, shape, data } = arrays.get(input.name)!;
      const size = elementCount(shape.slice(1));
      const values = valuesOf(datatype, data.slice(row * size, (row + 1) * size));
      return [input.name, fitted(input, { values, shape: shape.slice(1) })];
    })),
  };
}

function rowsOf(inputs: readonly TensorSignature[], counts: readonly number[]): number {
  const rows = counts[0] ?? 0;
  const other = counts.findIndex((count) => count !== rows);
  if (other >= 0) {
    throw new Error(`input "${inputs[other]!.name}" has ${counts[other]!} rows and "${inputs[0]!.name}" ${rows}`);
  }
  if (rows === 0 || rows > DATASET_ROWS_MAX) throw new Error(`it has ${rows} rows; wanted 1 to ${DATASET_ROWS_MAX}`);
  return rows;
}

// A row as the input has it: [n] for [n, 1] and the like, where no size is open.
function fitted({ name, shape }: TensorSignature, row: FileRow): FileRow {
  const wanted = shape.slice(1);
  const isAlike = wanted.length === row.shape.length &&
    wanted.every((size, axis) => size < 0 || size === row.shape[axis]);
  if (isAlike) return row;
  if (rowElements(shape) === row.values.length) return { values: row.values, shape: wanted };
  throw new Error(`a row of input "${name}" has the shape [${row.shape.join(',')}]; wanted [${wanted.join(',')}]`);
}
