// Decodes one Open Inference Protocol request: a JSON part and, behind it, the raw bytes of the inputs that say so; or,
// without a JSON part, the one input of the model (Triton's raw binary request). Pure; worker thread.
// Invariant: what is returned fits the model's signature; everything else is an error that is the client's.
import { lastgoodError } from '../errors.ts';
import type { LastgoodError } from '../errors.ts';
import type { Signature, TensorSignature } from '../registry/records.ts';
import { topLevelMember } from './frame-scan.ts';
import { binarySize, readBinaryData, readText } from './oip-binary.ts';
import { readJsonData } from './oip-json.ts';
import type { DeclaredTensor } from './oip-json.ts';
import { readInputParameters, readOutputs, readRequestParameters } from './oip-parameters.ts';
import type { WantedOutput } from './oip-parameters.ts';
import { splitRequest } from './oip-scan.ts';
import type { DataRange, SplitRequest } from './oip-scan.ts';
import { idText } from './predict-body.ts';
import { describeValue } from './predict-values.ts';
import { elementBytes, elementCount, shapeText } from './tensor.ts';
import type { TensorData } from './tensor.ts';

/** No array in JavaScript or in the runtime has more elements. */
const ELEMENTS_MAX = 2 ** 31 - 1;
const ID_CHARACTERS_MAX = 1_024;

/** A request for whole tensors, in whatever dialect it came. */
export interface TensorRequest {
  /** JSON text, or null when the request has none. */
  readonly id: string | null;
  /** Microseconds that the client is ready to wait in the queue; 0 for as long as the engine allows. */
  readonly timeoutUs: number;
  /** In the order of the model's signature. */
  readonly inputs: readonly { readonly data: TensorData; readonly shape: readonly number[] }[];
  readonly outputs: readonly WantedOutput[];
}

/** The id of a request whose JSON part could not be read in full; null when even that is not to be had. */
export function requestId(json: Uint8Array): string | null {
  try {
    return readId(splitRequest(json).document['id']);
  } catch {
    // Broken further behind, perhaps.
    return idText(topLevelMember(Buffer.from(json.buffer, json.byteOffset, json.length), 'id'));
  }
}

/** Decodes a request whose first `headerBytes` are JSON. Throws INVALID_JSON or INVALID_REQUEST. */
export function decodeRequest(bytes: Uint8Array, headerBytes: number, signature: Signature): TensorRequest {
  if (headerBytes === 0) return decodeRaw(bytes, signature);
  if (headerBytes > bytes.length) {
    throw invalid(`the JSON part has ${headerBytes} bytes by its header, the whole body ${bytes.length}`);
  }
  const split = splitRequest(bytes.subarray(0, headerBytes));
  const { document } = split;
  const parameters = readRequestParameters(document['parameters']);
  const id = readId(document['id']);
  const outputs = readOutputs(document['outputs'], parameters, signature);
  const inputs = new InputReader(bytes, headerBytes, split, signature).read();
  return { id, timeoutUs: parameters.timeoutUs, inputs, outputs };
}

function readId(id: unknown): string | null {
  if (id === undefined || id === null) return null;
  const isText = typeof id === 'string' && id.length <= ID_CHARACTERS_MAX;
  if (isText || Number.isSafeInteger(id)) return JSON.stringify(id);
  throw invalid(`"id" is ${describeValue(id)}; wanted a text of at most ${ID_CHARACTERS_MAX} characters`);
}

class InputReader {
  readonly #bytes: Uint8Array;
  readonly #headerBytes: number;
  readonly #split: SplitRequest;
  readonly #signature: Signature;
  /** Where the next input's raw bytes begin. */
  #tail: number;
  readonly #used = new Set<number>();

  constructor(bytes: Uint8Array, headerBytes: number, split: SplitRequest, signature: Signature) {
    this.#bytes = bytes;
    this.#headerBytes = headerBytes;
    this.#split = split;
    this.#signature = signature;
    this.#tail = headerBytes;
  }

  read(): TensorRequest['inputs'] {
    const given: unknown = this.#split.document['inputs'];
    const wanted = this.#signature.inputs;
    if (!Array.isArray(given)) {
      if (given === undefined && wanted.length === 0) return [];
      throw invalid(`"inputs" is ${said(given)}; wanted an array of tensors`);
    }
    const found: (TensorRequest['inputs'][number] | undefined)[] = wanted.map(() => undefined);
    for (const input of given as unknown[]) {
      const { index, tensor, members } = this.#declared(input);
      if (found[index] !== undefined) throw invalid(`input "${tensor.name}" is given twice`);
      found[index] = { data: this.#data(tensor, members), shape: tensor.shape };
    }
    const left = this.#bytes.length - this.#tail;
    if (left > 0) throw invalid(`${left} bytes follow the binary data of all inputs; wanted none`);
    const missing = wanted.find((_, index) => found[index] === undefined);
    if (missing !== undefined) throw invalid(`input "${missing.name}" is missing; wanted ${names(wanted)}`);
    return found as TensorRequest['inputs'];
  }

  #declared(input: unknown): { index: number; tensor: DeclaredTensor; members: Readonly<Record<string, unknown>> } {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      throw invalid(`an element of "inputs" is ${describeValue(input)}; wanted an object`);
    }
    const members = input as Readonly<Record<string, unknown>>;
    const { name, datatype, shape } = members;
    if (typeof name !== 'string') throw invalid(`an input's "name" is ${said(name)}; wanted a text`);
    const wanted = this.#signature.inputs;
    const index = wanted.findIndex((known) => known.name === name);
    const known = wanted[index];
    if (known === undefined) throw invalid(`there is no input ${describeValue(name)}; wanted ${names(wanted)}`);
    if (datatype !== known.datatype) {
      throw invalid(`the datatype of input "${known.name}" is ${said(datatype)}; wanted "${known.datatype}"`);
    }
    return { index, tensor: { name: known.name, datatype: known.datatype, ...readShape(shape, known) }, members };
  }

  #data(tensor: DeclaredTensor, members: Readonly<Record<string, unknown>>): TensorData {
    const { name } = tensor;
    const declaredBytes = readInputParameters(name, members['parameters']);
    const { data } = members;
    if (data !== undefined && data !== null) {
      if (declaredBytes > 0 || (declaredBytes === 0 && tensor.elements > 0)) {
        throw invalid(`input "${name}" has "data" and "binary_data_size"; wanted one of them`);
      }
      return readJsonData(this.#bytes.subarray(0, this.#headerBytes), this.#range(name, data), tensor);
    }
    const size = declaredBytes >= 0 ? declaredBytes : binarySize(tensor);
    if (size < 0) throw invalid(`input "${name}" has neither "data" nor "binary_data_size"; wanted one of them`);
    const end = this.#tail + size;
    if (end > this.#bytes.length) {
      throw invalid(`input "${name}" has no "data", and of its ${size} bytes of binary data ` +
        `${this.#bytes.length - this.#tail} are there`);
    }
    const bytes = this.#bytes.subarray(this.#tail, end);
    this.#tail = end;
    return readBinaryData(bytes, tensor);
  }

  #range(name: string, data: unknown): DataRange {
    const index: unknown = Array.isArray(data) ? (data as unknown[])[0] : undefined;
    const range = typeof index === 'number' ? this.#split.ranges[index] : undefined;
    if (range === undefined || this.#used.has(index as number)) {
      throw invalid(`the data of input "${name}" is ${describeValue(data)}; wanted an array under an unescaped key`);
    }
    this.#used.add(index as number);
    return range;
  }
}

function readShape(shape: unknown, known: TensorSignature): { shape: readonly number[]; elements: number } {
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
  if (!isShape) {
    const got = Array.isArray(shape) ? JSON.stringify(shape).slice(0, 100) : said(shape);
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

// The body is the model's only input, one row of it; all outputs come back as binary data.
function decodeRaw(bytes: Uint8Array, signature: Signature): TensorRequest {
  const [input, ...others] = signature.inputs;
  if (input === undefined || others.length > 0) {
    throw invalid(`raw binary data is for models with one input, this one has ${signature.inputs.length}; ` +
      'wanted a JSON part');
  }
  const { name, datatype } = input;
  const outputs = signature.outputs.map((_, index) => ({ index, isBinary: true }));
  const isOpenAgain = input.shape.slice(1).includes(-1);
  const leadsBatch = isOpenAgain || datatype === 'BYTES';
  const row = input.shape.map((size, axis) => (axis === 0 && size < 0 && leadsBatch ? 1 : size));
  if (datatype === 'BYTES') {
    if (elementCount(row) !== 1 || row.length === 0) {
      throw invalid(`raw binary data of BYTES is for inputs of shape [1]; "${name}" has ${shapeText(input.shape)}`);
    }
    return { id: null, timeoutUs: 0, outputs, inputs: [{ data: [readText(bytes, name, 0)], shape: row }] };
  }
  if (row.filter((size) => size < 0).length > 1) {
    throw invalid(`the shape of input "${name}" is open in more than one dimension, ${shapeText(input.shape)}; ` +
      'wanted a JSON part that gives it');
  }
  const knownBytes = row.reduce((product, size) => (size < 0 ? product : product * size), elementBytes(datatype));
  const open = knownBytes === 0 ? 0 : Math.floor(bytes.length / knownBytes);
  const shape = row.map((size) => (size < 0 ? open : size));
  const tensor = { name, datatype, shape, elements: elementCount(shape) };
  return { id: null, timeoutUs: 0, outputs, inputs: [{ data: readBinaryData(bytes, tensor), shape }] };
}

const said = (value: unknown): string => (value === undefined ? 'missing' : describeValue(value));
const names = (tensors: readonly TensorSignature[]): string =>
  tensors.map(({ name }) => `"${name}"`).join(', ') || 'none';
const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
