// A constant of an ONNX file: name, shape and element type, and its numbers when they are few: sizes, axes, scales.
// Payloads of weights are never read. Pure but for the source that it reads from; any thread.
import { Fields, WireType } from './protobuf.ts';
import type { ByteSource, Span } from './protobuf.ts';

/** Elements of a constant whose numbers are read. */
const NUMBERS_MAX = 256;
/** The format allows any rank; the runtime's operators end far below. */
const RANK_MAX = 256;

export interface Constant {
  readonly name: string;
  readonly dims: readonly number[];
  /** Its number in the ONNX format. */
  readonly elementType: number;
  /** null when there are many, when they are no numbers, or when they lie in another file. */
  readonly numbers: readonly number[] | null;
  /** Of the field that holds it, with its key. */
  readonly span: Span;
}

const TENSOR = {
  dims: 1, elementType: 2, floats: 4, integers32: 5, integers64: 7, name: 8, raw: 9, doubles: 10, unsigned64: 11,
  location: 14,
} as const;

/** How numbers of an element type lie in raw bytes. */
interface RawType {
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}
const RAW_TYPES: Readonly<Record<number, RawType>> = {
  1: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 1, read: (view, at) => view.getInt8(at) },
  6: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  7: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  9: { bytes: 1, read: (view, at) => view.getUint8(at) },
  11: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};
/** Element types whose numbers stand as they are in fields of their own. */
const FLOAT = 1;
const DOUBLE = 11;

/** Reads the tensor that is the content of the field at `at`. */
export function constantOf(at: Fields): Constant {
  const { source } = at;
  const dims: number[] = [];
  const listed: number[] = [];
  let name = '';
  let elementType = 0;
  let raw: Span | null = null;
  let isElsewhere = false;
  const fields = new Fields(source, at);
  while (fields.next()) {
    const { number } = fields;
    if (number === TENSOR.dims) fields.addIntegers(dims, RANK_MAX);
    else if (number === TENSOR.elementType) elementType = fields.value;
    else if (number === TENSOR.name) name = fields.text();
    else if (number === TENSOR.raw) raw = { from: fields.from, to: fields.to };
    else if (number === TENSOR.location) isElsewhere = fields.value !== 0;
    else if (number === TENSOR.integers32 || number === TENSOR.integers64) fields.addIntegers(listed, NUMBERS_MAX + 1);
    else if (number === TENSOR.floats) addReals(fields, FLOAT, listed);
    else if (number === TENSOR.doubles) addReals(fields, DOUBLE, listed);
  }
  const count = dims.reduce((product, size) => product * size, 1);
  const isKept = !isElsewhere && count <= NUMBERS_MAX && RAW_TYPES[elementType] !== undefined;
  const numbers = !isKept ? null : raw === null ? listed : rawNumbers(source, raw, elementType);
  return {
    name, dims, elementType, numbers: numbers?.length === count ? numbers : null,
    span: { from: at.keyAt, to: at.to },
  };
}

function addReals(fields: Fields, elementType: number, listed: number[]): void {
  if (fields.wireType === WireType.varint || listed.length > NUMBERS_MAX) return;
  const most = fields.from + (NUMBERS_MAX + 1 - listed.length) * RAW_TYPES[elementType]!.bytes;
  listed.push(...rawNumbers(fields.source, { from: fields.from, to: Math.min(fields.to, most) }, elementType));
}

function rawNumbers(source: ByteSource, { from, to }: Span, elementType: number): number[] {
  const { bytes, read } = RAW_TYPES[elementType]!;
  const data = source.bytes(from, Math.min(to, from + NUMBERS_MAX * bytes));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: Math.floor(data.length / bytes) }, (_, at) => read(view, at * bytes));
}
