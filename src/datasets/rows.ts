// Tensors as JSON files hold them, row by row: flat lists or nested as the shape says, of any rank, numbers or
// texts, rows of one size or of several. Pure. Everything is checked here; the rest of the code sees plain rows.
import { elementCount, shapeText } from '../domain/datatype.ts';

/** A number, where null and nothing stand for a missing one and are NaN; or a text. */
export type RowValue = number | string;

export interface FileRow {
  readonly values: readonly RowValue[];
  /** Without the dimension of the rows. */
  readonly shape: readonly number[];
}

/** The rows of one tensor; `shape` is that of a row, -1 where rows may differ. */
export interface FileTensor {
  readonly shape: readonly number[];
  readonly rows: readonly FileRow[];
}

/** The rows of a file as a model is asked them; `row` counts from 0. */
export interface Dataset {
  readonly rows: number;
  readonly row: (row: number) => Readonly<Record<string, FileRow>>;
}

const RANK_MAX = 16;
const SHOWN_CHARACTERS = 40;

/** Says what does not fit, as the end of a sentence that begins with the tensor. */
class Misfit extends Error {
  override readonly name = 'Misfit';
}

/**
 * Reads `rows` rows. `shape` is that of the whole tensor ([N, …] or [-1, …]) or of one row: whichever fits the first
 * row is what the file means; of one row only with `of`. Throws an Error that goes on after the tensor's name:
 * `has 2 values in row 0; wanted …`.
 */
export function readRows(
  shape: readonly number[], data: readonly unknown[], rows: number, of: 'row' | 'any' = 'any',
): FileTensor {
  if (data.length !== rows) throw new Misfit(`has ${data.length} rows; wanted ${rows} as stated`);
  const isWhole = of === 'any' && shape.length > 0 && (shape[0] === -1 || shape[0] === rows);
  const candidates = [...(isWhole ? [shape.slice(1)] : []), shape];
  const rowShape = candidates.find((one) => fits(one, data[0]));
  if (rowShape === undefined) {
    const first = flattened(data[0], 0);
    throw new Misfit(`has ${first.values.length} values in row 0; wanted shape [${shape.join(', ')}]`);
  }
  return { shape: rowShape, rows: data.map((row, index) => rowOf(rowShape, row, index)) };
}

/** A row as lists within lists, so that it says its own sizes. What is no finite number becomes null in JSON. */
export function nestedValues({ values, shape }: FileRow): unknown {
  if (shape.length === 0) return values[0];
  let level: unknown[] = [...values];
  for (const size of shape.slice(1).reverse()) {
    const all = level;
    const length = size === 0 ? 0 : all.length / size;
    level = Array.from({ length }, (_, at) => all.slice(at * size, (at + 1) * size));
  }
  return level;
}

function fits(shape: readonly number[], row: unknown): boolean {
  try {
    rowOf(shape, row, 0);
    return true;
  } catch (error) {
    if (error instanceof Misfit) return false;
    throw error;
  }
}

function rowOf(wanted: readonly number[], row: unknown, index: number): FileRow {
  const { values, shape: found } = flattened(row, index);
  if (found.length > 1 || (found.length === 1 && wanted.length === 1)) {
    const isAlike = found.length === wanted.length && found.every((size, axis) =>
      wanted[axis]! < 0 || size === wanted[axis]);
    if (isAlike) return { values, shape: found };
    if (found.length > 1 || wanted[0]! >= 0) {
      throw new Misfit(found.length > 1
        ? `is nested as ${shapeText(found)} in row ${index}; wanted ${shapeText(wanted)}, or one flat list`
        : `has ${values.length} values in row ${index}; wanted ${wanted[0]!}`);
    }
  }
  return { values, shape: flatShape(wanted, values.length, index) };
}

// Of a flat list one open dimension follows from the length.
function flatShape(wanted: readonly number[], length: number, index: number): readonly number[] {
  const open = wanted.filter((size) => size < 0).length;
  if (open > 1) {
    throw new Misfit(`is a flat list in row ${index}; wanted it nested, since ${open} of its sizes are open`);
  }
  if (open === 0) {
    const elements = elementCount(wanted);
    if (length !== elements) throw new Misfit(`has ${length} values in row ${index}; wanted ${elements}`);
    return wanted;
  }
  const known = elementCount(wanted.filter((size) => size >= 0));
  if (known === 0 || length % known !== 0) {
    throw new Misfit(`has ${length} values in row ${index}; wanted a multiple of ${known}`);
  }
  return wanted.map((size) => (size < 0 ? length / known : size));
}

/** A list of any depth as flat values with its shape; a plain value has none. */
function flattened(row: unknown, index: number): { readonly values: RowValue[]; readonly shape: readonly number[] } {
  const shape: number[] = [];
  for (let level: unknown = row; Array.isArray(level); level = (level as unknown[])[0]) {
    shape.push(level.length);
    if (shape.length > RANK_MAX) throw new Misfit(`is nested more than ${RANK_MAX} deep in row ${index}`);
  }
  const values: RowValue[] = [];
  collect(row, shape, 0, values, index);
  return { values, shape };
}

function collect(level: unknown, shape: readonly number[], depth: number, values: RowValue[], index: number): void {
  if (depth === shape.length) {
    values.push(valueOf(level, index));
    return;
  }
  if (!Array.isArray(level) || level.length !== shape[depth]) {
    throw new Misfit(`is nested unevenly in row ${index}; wanted lists of one length`);
  }
  for (const one of level as unknown[]) collect(one, shape, depth + 1, values, index);
}

function valueOf(value: unknown, index: number): RowValue {
  // JSON has no word for an infinity: what becomes one is a number that no double holds.
  if (value === Infinity || value === -Infinity) {
    throw new Misfit(`holds a number beyond 1.8e308 in row ${index}; wanted numbers that 64 bits hold`);
  }
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === null) return NaN;
  const shown = JSON.stringify(value).slice(0, SHOWN_CHARACTERS);
  throw new Misfit(`holds ${shown} in row ${index}; wanted numbers or texts`);
}
