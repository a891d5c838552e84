// Which numbers of a version's inputs the judge watches: as the operator chose them at registration, or the first that
// fit; and how they are read. Shared by registration, baselines, the monitor and views, so that all of them mean the
// same columns. Pure.
//   age             all numbers of the input "age": one column called age, or columns age[0], age[1], …
//   features[3]     one number of a row of "features"; features[0-7] are eight of them
import { lastgoodError } from '../base/errors.ts';
import { elementBytes } from './datatype.ts';
import { halfToNumber } from './half.ts';
import { rowElements } from './prediction.ts';
import type { Datatype, Signature, TensorSignature, VersionRecord } from './records.ts';

/** Columns that are watched at most. */
const INPUT_COLUMNS_MAX = 32;
const WORD_BYTES = 4;

/** One number of every row of an input. */
export interface InputColumn {
  /** As people see it. */
  readonly name: string;
  /** Index of the input in the signature. */
  readonly input: number;
  /** Its place in the input's row. */
  readonly element: number;
}

const RANGE = /^(?<input>.+?)(?:\[(?<first>\d{1,9})(?:-(?<last>\d{1,9}))?\])?$/;

const isNumeric = ({ datatype }: TensorSignature): boolean => datatype !== 'BYTES';

/** The columns that are watched: those that were declared, or all of them, or as many of more, spread evenly. */
export function inputColumnsOf(
  { signature, declared }: Pick<VersionRecord, 'signature' | 'declared'>,
): readonly InputColumn[] {
  return declared?.inputColumns === undefined ? allColumns(signature) : chosenColumns(signature, declared.inputColumns);
}

// Of inputs whose size is open nobody knows which numbers there are, so they are watched only when they are declared.
function allColumns({ inputs }: Signature): InputColumn[] {
  const sizes = inputs.map((input) => (isNumeric(input) ? Math.max(0, rowElements(input.shape)) : 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const count = Math.min(total, INPUT_COLUMNS_MAX);
  return Array.from({ length: count }, (_, index) => {
    let at = Math.floor((index * total) / count);
    let input = 0;
    while (at >= sizes[input]!) at -= sizes[input++]!;
    return column(inputs, input, at);
  });
}

function column(inputs: readonly TensorSignature[], input: number, element: number): InputColumn {
  const { name, shape } = inputs[input]!;
  return { name: rowElements(shape) === 1 ? name : `${name}[${element}]`, input, element };
}

/**
 * The columns of a list such as `age,features[0-7]`, in its order and each once; throws INVALID_COLUMNS for what the
 * signature has not, or more than INPUT_COLUMNS_MAX.
 */
export function chosenColumns({ inputs }: Signature, list: string): InputColumn[] {
  const chosen = new Map<string, InputColumn>();
  for (const part of list.split(',')) {
    for (const one of columnsOfPart(inputs, part.trim())) {
      chosen.set(one.name, one);
      if (chosen.size > INPUT_COLUMNS_MAX) {
        throw refused(`"${list}" has more columns than can be watched; wanted at most ${INPUT_COLUMNS_MAX}`);
      }
    }
  }
  return [...chosen.values()];
}

function* columnsOfPart(inputs: readonly TensorSignature[], part: string): Generator<InputColumn> {
  // An input may be called like a column of another one.
  const whole = inputs.findIndex(({ name }) => name === part);
  const { input: name = '', first, last } = whole >= 0 ? { input: part } : (RANGE.exec(part)?.groups ?? {});
  const input = inputs.findIndex((candidate) => candidate.name === name);
  const found = inputs[input];
  if (found === undefined) {
    const names = inputs.map((candidate) => `"${candidate.name}"`).join(', ');
    throw refused(`the model has no input "${name}"; it has ${names}`);
  }
  if (!isNumeric(found)) throw refused(`input "${name}" is of BYTES; wanted a numeric one`);
  const size = rowElements(found.shape);
  if (first === undefined && size < 0) {
    throw refused(`a row of input "${name}" has any number of values; wanted those to watch, as in ${name}[0-7]`);
  }
  const from = first === undefined ? 0 : Number(first);
  const to = first === undefined ? size - 1 : last === undefined ? from : Number(last);
  if (to < from || (size >= 0 && to >= size)) {
    throw refused(`"${part}" is no part of a row of input "${name}", which has ${size < 0 ? 'any' : size} values, ` +
      'counted from 0');
  }
  for (let element = from; element <= to; element += 1) yield column(inputs, input, element);
}

/**
 * Where the columns lie among all numbers of a row, input after input, as recordings write them; -1 for one that lies
 * behind an input of open size or of text.
 */
export function flatIndexOf({ inputs }: Signature, { input, element }: InputColumn): number {
  let at = element;
  for (const before of inputs.slice(0, input)) {
    const size = isNumeric(before) ? rowElements(before.shape) : -1;
    if (size < 0) return -1;
    at += size;
  }
  return at;
}

/**
 * Takes the columns out of a row's inputs as row-codec.ts writes them, without decoding the rest. One reader per
 * version; allocates one view a row.
 */
export class InputColumnReader {
  readonly #datatypes: readonly Datatype[];
  /** Per input: where its columns go and which element each one is. */
  readonly #wanted: readonly (readonly { readonly to: number; readonly element: number }[])[];
  /** The columns of the row that was read last; NaN for one that it has not. */
  readonly values: Float64Array;

  constructor({ inputs }: Signature, columns: readonly InputColumn[]) {
    this.#datatypes = inputs.map(({ datatype }) => datatype);
    this.#wanted = inputs.map((_, input) => columns.flatMap((column, to) =>
      (column.input === input ? [{ to, element: column.element }] : [])));
    this.values = new Float64Array(columns.length);
  }

  /** Reads one row into `values`; false when the bytes do not fit the signature, and then they mean nothing. */
  read(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.values.fill(NaN);
    let at = 0;
    for (const [input, datatype] of this.#datatypes.entries()) {
      if (at + WORD_BYTES > view.byteLength) return false;
      // The rank, the dimensions, and the length of what follows.
      const data = at + (view.getUint32(at, true) + 2) * WORD_BYTES;
      if (data > view.byteLength) return false;
      const end = data + view.getUint32(data - WORD_BYTES, true);
      if (end > view.byteLength) return false;
      const size = elementBytes(datatype);
      for (const { to, element } of this.#wanted[input]!) {
        const from = data + element * size;
        if (from + size <= end) this.values[to] = numberAt(view, datatype, from);
      }
      at = end;
    }
    return at === view.byteLength;
  }
}

function numberAt(view: DataView, datatype: Datatype, at: number): number {
  switch (datatype) {
    case 'FP32': return view.getFloat32(at, true);
    case 'FP64': return view.getFloat64(at, true);
    case 'FP16': return halfToNumber(view.getUint16(at, true));
    case 'INT8': return view.getInt8(at);
    case 'INT16': return view.getInt16(at, true);
    case 'INT32': return view.getInt32(at, true);
    case 'INT64': return Number(view.getBigInt64(at, true));
    case 'BOOL':
    case 'UINT8': return view.getUint8(at);
    case 'UINT16': return view.getUint16(at, true);
    case 'UINT32': return view.getUint32(at, true);
    case 'UINT64': return Number(view.getBigUint64(at, true));
    case 'BYTES': return NaN;
  }
}

const refused = (reason: string): Error => lastgoodError('INVALID_COLUMNS', { reason });
