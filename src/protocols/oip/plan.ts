// What the JSON part of an Open Inference Protocol request says, but for the elements themselves: which inputs, where
// their elements are, which outputs in which form. Pure; worker thread.
// Invariant: what is returned fits the model's signature, and every input of the model is in it once.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Signature, TensorSignature } from '../../domain/records.ts';
import { binarySize } from './binary.ts';
import type { DeclaredTensor } from './json.ts';
import { readInputParameters, readOutputs, readRequestParameters } from './parameters.ts';
import type { WantedOutput } from '../tensor-request.ts';
import { readId } from './scan.ts';
import { CutArray, describeValue, isJsonObject } from '../json/value.ts';
import type { JsonObject, JsonValue } from '../json/value.ts';
import { elementBytes, elementCount, shapeText } from '../../domain/datatype.ts';

/** No array in JavaScript or in the runtime has more elements. */
const ELEMENTS_MAX = 2 ** 31 - 1;

/** One input of a request, without its elements. */
interface PlannedInput {
  /** Its place in the model's signature; those that may be left out come behind the others. */
  readonly index: number;
  readonly tensor: DeclaredTensor;
  /** Where in the JSON part its elements are; null when they are bytes behind it. */
  readonly array: CutArray | null;
  /** Bytes behind the JSON part; 0 for an array. */
  readonly tailBytes: number;
}

export interface RequestPlan {
  /** JSON text, or null when the request has none. */
  readonly id: string | null;
  readonly timeoutUs: number;
  /** In the order of the request, which is that of the bytes behind the JSON part. */
  readonly inputs: readonly PlannedInput[];
  /** Inputs that every request has: those at a later place may be left out. */
  readonly required: number;
  readonly outputs: readonly WantedOutput[];
}

/** Reads the JSON part of a request; throws INVALID_REQUEST. */
export function planRequest(head: JsonObject, signature: Signature): RequestPlan {
  const parameters = readRequestParameters(head['parameters']);
  const id = readId(head['id']);
  const outputs = readOutputs(head['outputs'], parameters, signature);
  const inputs = planInputs(head['inputs'], signature);
  return { id, timeoutUs: parameters.timeoutUs, inputs, required: signature.inputs.length, outputs };
}

function planInputs(given: JsonValue | undefined, { inputs: wanted, optional = [] }: Signature): PlannedInput[] {
  if (!Array.isArray(given)) {
    if (given === undefined && wanted.length === 0) return [];
    throw invalid(`"inputs" is ${said(given)}; wanted an array of tensors`);
  }
  const planned: PlannedInput[] = [];
  for (const input of given as readonly JsonValue[]) {
    const { index, tensor, members } = declared(input, optional.length === 0 ? wanted : [...wanted, ...optional]);
    if (planned.some((other) => other.index === index)) throw invalid(`input "${tensor.name}" is given twice`);
    planned.push({ index, tensor, ...elementsOf(tensor, members) });
  }
  const missing = wanted.find((_, index) => planned.every((input) => input.index !== index));
  if (missing !== undefined) throw invalid(`input "${missing.name}" is missing; wanted ${names(wanted)}`);
  return planned;
}

function declared(
  input: JsonValue, wanted: readonly TensorSignature[],
): { index: number; tensor: DeclaredTensor; members: JsonObject } {
  if (!isJsonObject(input)) throw invalid(`an element of "inputs" is ${describeValue(input)}; wanted an object`);
  const { name, datatype, shape } = input;
  if (typeof name !== 'string') throw invalid(`an input's "name" is ${said(name)}; wanted a text`);
  const index = wanted.findIndex((known) => known.name === name);
  const known = wanted[index];
  if (known === undefined) throw invalid(`there is no input ${describeValue(name)}; wanted ${names(wanted)}`);
  if (datatype !== known.datatype) {
    throw invalid(`the datatype of input "${known.name}" is ${said(datatype)}; wanted "${known.datatype}"`);
  }
  return { index, tensor: { name: known.name, datatype: known.datatype, ...readShape(shape, known) }, members: input };
}

function elementsOf(
  tensor: DeclaredTensor, { parameters, data }: JsonObject,
): Pick<PlannedInput, 'array' | 'tailBytes'> {
  const { name } = tensor;
  const declaredBytes = readInputParameters(name, parameters);
  if (data === undefined || data === null) {
    const tailBytes = declaredBytes >= 0 ? declaredBytes : binarySize(tensor);
    if (tailBytes >= 0) return { array: null, tailBytes };
    throw invalid(`input "${name}" has neither "data" nor "binary_data_size"; wanted one of them`);
  }
  if (declaredBytes > 0 || (declaredBytes === 0 && tensor.elements > 0)) {
    throw invalid(`input "${name}" has "data" and "binary_data_size"; wanted one of them`);
  }
  if (data instanceof CutArray) return { array: data, tailBytes: 0 };
  throw invalid(`the data of input "${name}" is ${describeValue(data)}; wanted an array`);
}

function readShape(
  shape: JsonValue | undefined, known: TensorSignature,
): { shape: readonly number[]; elements: number } {
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!isShape) {
    const got = Array.isArray(shape) ? `[${shape.map(describeValue).join(',')}]`.slice(0, 100) : said(shape);
    throw invalid(`the shape of input "${known.name}" is ${got}; wanted an array of whole numbers from 0`);
  }
  const sizes = shape as number[];
  const fits = sizes.length === known.shape.length &&
    known.shape.every((size, axis) => size < 0 || size === sizes[axis]);
  if (!fits) {
    throw invalid(`the shape of input "${known.name}" is ${shapeText(sizes).slice(0, 100)}; ` +
      `wanted ${shapeText(known.shape)}`);
  }
  const elements = elementCount(sizes);
  if (elements * Math.max(1, elementBytes(known.datatype)) > ELEMENTS_MAX) {
    throw invalid(`the shape of input "${known.name}" has too many elements; wanted at most ${ELEMENTS_MAX} bytes`);
  }
  return { shape: sizes, elements };
}

const said = (value: unknown): string => (value === undefined ? 'missing' : describeValue(value));
const names = (tensors: readonly TensorSignature[]): string =>
  tensors.map(({ name }) => `"${name}"`).join(', ') || 'none';
const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
