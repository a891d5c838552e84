// The element types of tensors: how each is called in the Open Inference Protocol and in onnxruntime, how many bytes
// an element takes, and which array holds it. Pure; any thread.
import { HALF_INFINITY_BITS, numberToHalf } from './half.ts';
import type { ClassLabels, DefaultValue } from '../onnx/derive/open-zipmap.ts';
import type { Datatype, Signature, TensorSignature } from './records.ts';

export type NumericArray =
  | Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
export type BigArray = BigInt64Array | BigUint64Array;
/**
 * Elements of one tensor; BOOL elements are bytes 0 and 1, BYTES elements are JavaScript strings, FP16 elements are
 * their bits in a Uint16Array (see half.ts).
 */
export type TensorData = NumericArray | BigArray | string[];

/** A whole tensor; its shape has no open dimension. */
export interface Tensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

interface Elements {
  /** onnxruntime's name. */
  readonly runtime: string;
  /** Bytes per element; 0 for BYTES, whose elements have any length. */
  readonly bytes: number;
  readonly create: (length: number) => TensorData;
}

const ELEMENTS: Readonly<Record<Datatype, Elements>> = {
  BOOL: { runtime: 'bool', bytes: 1, create: (length) => new Uint8Array(length) },
  UINT8: { runtime: 'uint8', bytes: 1, create: (length) => new Uint8Array(length) },
  UINT16: { runtime: 'uint16', bytes: 2, create: (length) => new Uint16Array(length) },
  UINT32: { runtime: 'uint32', bytes: 4, create: (length) => new Uint32Array(length) },
  UINT64: { runtime: 'uint64', bytes: 8, create: (length) => new BigUint64Array(length) },
  INT8: { runtime: 'int8', bytes: 1, create: (length) => new Int8Array(length) },
  INT16: { runtime: 'int16', bytes: 2, create: (length) => new Int16Array(length) },
  INT32: { runtime: 'int32', bytes: 4, create: (length) => new Int32Array(length) },
  INT64: { runtime: 'int64', bytes: 8, create: (length) => new BigInt64Array(length) },
  FP16: { runtime: 'float16', bytes: 2, create: (length) => new Uint16Array(length) },
  FP32: { runtime: 'float32', bytes: 4, create: (length) => new Float32Array(length) },
  FP64: { runtime: 'float64', bytes: 8, create: (length) => new Float64Array(length) },
  BYTES: { runtime: 'string', bytes: 0, create: (length) => new Array<string>(length).fill('') },
};

/** All element types that are carried, as the Open Inference Protocol spells them. */
export const DATATYPES = Object.keys(ELEMENTS) as readonly Datatype[];

const CARRIED = new Map<string, Datatype>(
  DATATYPES.map((datatype) => [ELEMENTS[datatype].runtime, datatype]),
);

/** Bytes of one element; 0 for BYTES. */
export const elementBytes = (datatype: Datatype): number => ELEMENTS[datatype].bytes;

/** Allocates `length` elements, all zero (or empty). */
export const createElements = (datatype: Datatype, length: number): TensorData => ELEMENTS[datatype].create(length);

/** The numbers as elements of a datatype that has some. */
export function numberElements(datatype: Exclude<Datatype, 'BYTES'>, numbers: readonly number[]): TensorData {
  const data = createElements(datatype, numbers.length) as NumericArray | BigArray;
  numbers.forEach((number, at) => {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[at] = BigInt(Math.round(number));
    else data[at] = datatype === 'FP16' ? numberToHalf(number) : number;
  });
  return data;
}

/** With the flag, a pair of surrogates is one character and no surrogate. */
const UNCARRIED = /\0|\p{Surrogate}/u;

/** Whether the runtime sees this text as it is: U+0000 would end it, and half a surrogate pair has no UTF-8. */
export const isCarriedText = (text: string): boolean => !UNCARRIED.test(text);

/** onnxruntime's name of a datatype. */
export const runtimeType = (datatype: Datatype): string => ELEMENTS[datatype].runtime;

/** The datatype that onnxruntime calls `runtimeName`, or null when no engine can carry it. */
const datatypeOf = (runtimeName: string): Datatype | null => CARRIED.get(runtimeName) ?? null;

/** Number of elements of a shape; -1 when a dimension is open. A shape without dimensions has one element. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (size < 0) return -1;
    count *= size;
  }
  return count;
}

/** Tells whether elements `from` up to `to` of a tensor of a floating-point type hold NaN or an infinity. */
export function hasNonFinite(datatype: Datatype, data: TensorData, from = 0, to = data.length): boolean {
  const isHalf = datatype === 'FP16';
  if (!isHalf && datatype !== 'FP32' && datatype !== 'FP64') return false;
  const numbers = data as NumericArray;
  for (let at = from; at < to; at += 1) {
    const value = numbers[at]!;
    if (isHalf ? (value & HALF_INFINITY_BITS) === HALF_INFINITY_BITS : value - value !== 0) return true;
  }
  return false;
}

/** The largest number whose square a float32 holds. */
export const SQUARABLE_MAX = Math.sqrt(2 ** 127 * (2 - 2 ** -23));

/**
 * Tells whether elements `from` up to `to` of a tensor hold a number that no version is meant to be asked about: NaN,
 * an infinity, or one so large that its square is beyond a float32. Which of two sound versions overflows at such a
 * number is chance, and who sends it could choose the number.
 */
export function hasBoundless(datatype: Datatype, data: TensorData, from = 0, to = data.length): boolean {
  // The largest half has a square, and so has each integer.
  if (datatype !== 'FP32' && datatype !== 'FP64') return hasNonFinite(datatype, data, from, to);
  const numbers = data as NumericArray;
  // NaN is not below any number.
  for (let at = from; at < to; at += 1) if (!(Math.abs(numbers[at]!) <= SQUARABLE_MAX)) return true;
  return false;
}

/** A shape as people read it: [2,-1]. */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(',')}]`;

/** What onnxruntime tells about one input or output. */
interface RuntimeMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/**
 * Reads the signature from onnxruntime's metadata; symbolic dimensions become -1. Throws an Error that names the first
 * input or output that cannot be served, and why.
 */
export function signatureFrom(inputs: readonly RuntimeMetadata[], outputs: readonly RuntimeMetadata[]): Signature {
  return {
    inputs: inputs.map((metadata) => tensorSignature('input', metadata)),
    outputs: outputs.map((metadata) => tensorSignature('output', metadata)),
  };
}

function tensorSignature(side: 'input' | 'output', metadata: RuntimeMetadata): TensorSignature {
  const { name, isTensor, type = 'unknown', shape = [] } = metadata;
  if (!isTensor) {
    throw new Error(`${side} "${name}" is no tensor; wanted tensors alone`);
  }
  const datatype = datatypeOf(type);
  if (datatype === null) {
    const wanted = [...CARRIED.keys()].join(', ');
    throw new Error(`${side} "${name}" is ${type}; wanted one of ${wanted} (cast in the model)`);
  }
  return { name, datatype, shape: shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)) };
}

/** The values of inputs that may be left out, by input. */
export const defaultsOf = ({ optional = [] }: Signature): Readonly<Record<string, DefaultValue>> =>
  Object.fromEntries(optional.map(({ name, default: value }) => [name, value]));

/** The signature without these inputs among those that every request has. */
export function withDefaults(
  signature: Signature, defaults: Readonly<Record<string, DefaultValue>>,
): Signature {
  const optional = signature.inputs.flatMap((input) => {
    const value = defaults[input.name];
    const { datatype } = input;
    return value === undefined || datatype === 'BYTES' ? [] : [{ ...input, datatype, default: value }];
  });
  if (optional.length === 0) return signature;
  const inputs = signature.inputs.filter(({ name }) => optional.every((one) => one.name !== name));
  return { ...signature, inputs, optional };
}

/** The names of classes in a signature, by output. */
export const labelsOf = ({ outputs }: Signature): Readonly<Record<string, ClassLabels>> =>
  Object.fromEntries(outputs.flatMap(({ name, labels }) => (labels === undefined ? [] : [[name, labels]])));

/** The signature with names for the classes of some outputs. */
export const withLabels = (signature: Signature, labels: Readonly<Record<string, ClassLabels>>): Signature => ({
  ...signature,
  outputs: signature.outputs.map((output) => {
    const names = labels[output.name];
    return names === undefined ? output : { ...output, labels: names };
  }),
});
