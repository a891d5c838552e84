// Random tensors of every datatype, and what clients make of them: JSON, raw bytes, and back.
import type { TensorProto_DataType } from 'onnx-buf';
import type { Datatype } from '../../src/domain/records.ts';
import type { Random } from '../protocols/random.ts';
import { Type } from '../worker/onnx.ts';

export type Elements =
  | Uint8Array | Uint16Array | Uint32Array | BigUint64Array | Int8Array | Int16Array | Int32Array | BigInt64Array
  | Float32Array | Float64Array | string[];

type Carrier = readonly [runtime: string, onnx: TensorProto_DataType, make: (length: number) => Elements];

/** Every datatype: onnxruntime's name of it, ONNX's, and its array; written from the protocols. */
export const DATATYPES: Readonly<Record<Datatype, Carrier>> = {
  BOOL: ['bool', Type.BOOL, (n) => new Uint8Array(n)], UINT8: ['uint8', Type.UINT8, (n) => new Uint8Array(n)],
  UINT16: ['uint16', Type.UINT16, (n) => new Uint16Array(n)],
  UINT32: ['uint32', Type.UINT32, (n) => new Uint32Array(n)],
  UINT64: ['uint64', Type.UINT64, (n) => new BigUint64Array(n)], INT8: ['int8', Type.INT8, (n) => new Int8Array(n)],
  INT16: ['int16', Type.INT16, (n) => new Int16Array(n)], INT32: ['int32', Type.INT32, (n) => new Int32Array(n)],
  INT64: ['int64', Type.INT64, (n) => new BigInt64Array(n)],
  FP16: ['float16', Type.FLOAT16, (n) => new Uint16Array(n)],
  FP32: ['float32', Type.FLOAT, (n) => new Float32Array(n)],
  FP64: ['float64', Type.DOUBLE, (n) => new Float64Array(n)],
  BYTES: ['string', Type.STRING, (n) => new Array<string>(n).fill('')],
};
export const ALL_DATATYPES = Object.keys(DATATYPES) as Datatype[];

export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Elements;
}

const TEXTS = ['', 'a', 'é', 'x"\\y', '\ud83d\ude00', 'a b\tc\n', '\u0001', '[,]'];

/** Elements of any bits that the type has; NaN has the bits that JSON's token stands for. */
export function randomTensor(name: string, datatype: Datatype, shape: readonly number[], random: Random): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = DATATYPES[datatype][2](count);
  if (Array.isArray(data)) {
    for (let at = 0; at < count; at += 1) data[at] = random.pick(TEXTS);
    return { name, datatype, shape, data };
  }
  const bytes = new Uint8Array(data.buffer);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = random.below(256);
  if (datatype === 'BOOL') bytes.forEach((byte, at) => (bytes[at] = byte & 1));
  if (data instanceof Float32Array || data instanceof Float64Array) {
    const special = [0, -0, NaN, Infinity, -Infinity, 1.5, 2 ** -149, 3.4028234663852886e38, 0.1];
    data.forEach((value, at) => {
      if (Number.isNaN(value) || random.below(3) === 0) data[at] = random.pick(special);
    });
  }
  return { name, datatype, shape, data };
}

/** The tensor as packed little-endian bytes. */
export function rawBytes({ data }: Tensor): Buffer {
  if (!Array.isArray(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(data.map((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  }));
}

/** Its elements as JSON, nested as its shape says or flat; FP16 has none. */
export function jsonData({ datatype, shape, data }: Tensor, isNested: boolean): string {
  const texts = Array.from(data as ArrayLike<unknown>, (value) => {
    if (datatype === 'BYTES') return JSON.stringify(value);
    if (datatype === 'BOOL') return String(value === 1);
    return Object.is(value, -0) ? '-0.0' : String(value);
  });
  const nest = (axis: number, from: number, count: number): string => {
    const size = shape[axis] ?? 1;
    if (axis >= shape.length - 1) return `[${texts.slice(from, from + count).join(',')}]`;
    const step = count / size;
    return `[${Array.from({ length: size }, (_, at) => nest(axis + 1, from + at * step, step)).join(',')}]`;
  };
  return isNested && !shape.includes(0) ? nest(0, 0, texts.length) : `[${texts.join(',')}]`;
}

/** Elements that came as JSON, large integers as texts of digits. */
export function fromJson(datatype: Datatype, values: readonly unknown[]): Elements {
  const data = DATATYPES[datatype][2](values.length);
  values.forEach((value, at) => {
    const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
    if (Array.isArray(data)) data[at] = value as string;
    else if (isBig) data[at] = BigInt(value as string | number);
    else data[at] = Number(value);
  });
  return data;
}

/** Elements that came as bytes. */
export function fromRaw(datatype: Datatype, bytes: Buffer): Elements {
  if (datatype === 'BYTES') {
    const texts: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + bytes.readUInt32LE(at);
      texts.push(bytes.toString('utf8', at + 4, end));
      at = end;
    }
    return texts;
  }
  const one = DATATYPES[datatype][2](1) as Uint8Array;
  const data = DATATYPES[datatype][2](bytes.length / one.BYTES_PER_ELEMENT) as Uint8Array;
  new Uint8Array(data.buffer).set(bytes);
  return data;
}
