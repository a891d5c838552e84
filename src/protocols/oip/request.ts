// Decodes one Open Inference Protocol request: a JSON part and, behind it, the raw bytes of the inputs that say so; or,
// without a JSON part, the one input of the model (Triton's raw binary request). Pure; worker thread.
// Invariant: what is returned fits the model's signature; everything else is an error that is the client's.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Signature } from '../../domain/records.ts';
import { readText } from '../json/element.ts';
import type { TensorDecoder, TensorRequest } from '../tensor-request.ts';
import { readBinaryData } from './binary.ts';
import { readJsonData } from './json.ts';
import { RequestMemory } from './memory.ts';
import { planRequest } from './plan.ts';
import type { RequestPlan } from './plan.ts';
import { readRequestJson } from './scan.ts';
import { elementBytes, elementCount, shapeText } from '../../domain/datatype.ts';
import type { TensorData } from '../../domain/datatype.ts';

/** Decodes the requests of one model; see RequestMemory for why it is more than a function. */
export class RequestDecoder implements TensorDecoder {
  readonly #signature: Signature;
  readonly #memory = new RequestMemory();

  constructor(signature: Signature) {
    this.#signature = signature;
  }

  /** Decodes a request whose first `headerBytes` are JSON. Throws INVALID_JSON or INVALID_REQUEST. */
  decode(bytes: Uint8Array, headerBytes: number): TensorRequest {
    if (headerBytes === 0) return decodeRaw(bytes, this.#signature);
    if (headerBytes > bytes.length) {
      throw invalid(`the JSON part has ${headerBytes} bytes by its header, the whole body ${bytes.length}`);
    }
    const json = bytes.subarray(0, headerBytes);
    const known = this.#memory.recall(json);
    if (known !== null) return requestOf(known.plan, bytes, headerBytes, known.arrays);
    const plan = planRequest(readRequestJson(json), this.#signature);
    const arrays = plan.inputs.map(({ array, tensor }) => (array === null ? null : readJsonData(json, array, tensor)));
    const request = requestOf(plan, bytes, headerBytes, arrays);
    this.#memory.remember(json, plan);
    return request;
  }
}

// `arrays` has the elements of those inputs of the plan that stand in the JSON part; the others are bytes behind it.
function requestOf(
  { id, timeoutUs, inputs, required, outputs }: RequestPlan, bytes: Uint8Array, headerBytes: number,
  arrays: readonly (TensorData | null)[],
): TensorRequest {
  const found = new Array<TensorRequest['inputs'][number]>(required);
  let tail = headerBytes;
  for (let place = 0; place < inputs.length; place += 1) {
    const { index, tensor, tailBytes } = inputs[place]!;
    const { shape } = tensor;
    const data = arrays[place] ?? null;
    if (data !== null) {
      found[index] = { data, shape };
      continue;
    }
    const end = tail + tailBytes;
    if (end > bytes.length) {
      throw invalid(`input "${tensor.name}" has no "data", and of its ${tailBytes} bytes of binary data ` +
        `${bytes.length - tail} are there`);
    }
    found[index] = { data: readBinaryData(bytes.subarray(tail, end), tensor), shape };
    tail = end;
  }
  const left = bytes.length - tail;
  if (left > 0) throw invalid(`${left} bytes follow the binary data of all inputs; wanted none`);
  if (inputs.length === required) return { id, timeoutUs, inputs: found, outputs };
  return { id, timeoutUs, inputs: found, optional: found.splice(required), outputs };
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

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
