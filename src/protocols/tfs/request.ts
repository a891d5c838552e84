// Decodes the body of TensorFlow Serving's REST predict, which is KServe's first protocol as well. Pure; worker thread.
//   row form      {"instances":[row, …]}   a row is the value of the only input, or an object of values by input name
//   column form   {"inputs":value}         the value of the only input, or an object of values by input name
// A value is a number, a truth value, a text, {"b64":"…"}, or an array of values; its nesting is the tensor's shape.
// Invariant: what is returned fits the model's signature; everything else is an error that is the client's.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Signature, TensorSignature } from '../../domain/records.ts';
import { sharedByRows } from '../tensor-request.ts';
import type { TensorRequest } from '../tensor-request.ts';
import { readJsonObject } from '../json/json-values.ts';
import { WANTED, readText, storeElement } from '../json/element.ts';
import { describeValue, isJsonObject } from '../json/value.ts';
import type { JsonObject, JsonValue } from '../json/value.ts';
import { createElements, elementCount, shapeText } from '../../domain/datatype.ts';
import type { TensorData } from '../../domain/datatype.ts';

const SIGNATURE_NAME = 'serving_default';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** A request and the form that its answer takes as well. */
export interface TfsRequest extends TensorRequest {
  readonly form: 'row' | 'column';
}

/** Decodes a body; throws INVALID_JSON or INVALID_REQUEST. */
export function decodeTfsRequest(bytes: Uint8Array, signature: Signature): TfsRequest {
  const body = readJsonObject(bytes, { tokens: true });
  const { instances, inputs, signature_name: name = SIGNATURE_NAME } = body;
  if (name !== SIGNATURE_NAME && name !== '') {
    throw invalid(`"signature_name" is ${said(name)}; wanted "${SIGNATURE_NAME}", the only one`);
  }
  if ((instances === undefined) === (inputs === undefined)) {
    throw invalid(`the body has ${instances === undefined ? 'neither' : 'both'} "instances" and "inputs"; ` +
      'wanted one of them');
  }
  const outputs = signature.outputs.map((_, index) => ({ index, isBinary: false }));
  const form = inputs === undefined ? 'row' : 'column';
  const values = inputs === undefined ? rowValues(instances, signature) : columnValues(inputs, signature);
  const tensors = signature.inputs.map((input, index) => readTensor(input, values[index]));
  const optional = inputs === undefined ? undefined : optionalTensors(inputs, signature);
  return { id: null, timeoutUs: 0, inputs: tensors, outputs, form, ...(optional && { optional }) };
}

// The values of all rows, input by input.
function rowValues(instances: JsonValue | undefined, { inputs, optional = [] }: Signature): JsonValue[][] {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw invalid(`"instances" is ${Array.isArray(instances) ? 'empty' : said(instances)}; wanted an array of rows`);
  }
  const rows = instances as readonly JsonValue[];
  const shared = optional.find(({ name }) => rows.some((row) => isJsonObject(row) && Object.hasOwn(row, name)));
  if (shared !== undefined) throw invalid(sharedByRows(shared.name));
  return inputs.map((input) => rows.map((row, at) => memberOf(row, input, inputs, `row ${at}`)));
}

function columnValues(value: JsonValue, { inputs, optional = [] }: Signature): JsonValue[] {
  return inputs.map((input) => memberOf(value, input, inputs, '"inputs"', optional));
}

// Those that may be left out, and are not; undefined when all of them are.
function optionalTensors(value: JsonValue, { inputs, optional = [] }: Signature): TensorRequest['optional'] {
  if (!isJsonObject(value) || isBase64(value, inputs) || !optional.some(({ name }) => Object.hasOwn(value, name))) {
    return undefined;
  }
  return optional.map((input) => (Object.hasOwn(value, input.name) ? readTensor(input, value[input.name]) : undefined));
}

function memberOf(
  value: JsonValue, input: TensorSignature, inputs: readonly TensorSignature[], where: string,
  optional: readonly TensorSignature[] = [],
): JsonValue {
  const isNamed = isJsonObject(value) && !isBase64(value, inputs);
  if (!isNamed) {
    if (inputs.length === 1) return value;
    throw invalid(`${where} is ${said(value)}; wanted an object with ${names(inputs)}`);
  }
  const unknown = Object.keys(value)
    .find((name) => inputs.every((one) => one.name !== name) && optional.every((one) => one.name !== name));
  if (unknown !== undefined) throw invalid(`${where} names ${said(unknown)}; wanted ${names(inputs)}`);
  if (Object.hasOwn(value, input.name)) return value[input.name]!;
  throw invalid(`${where} lacks input "${input.name}"; wanted ${names(inputs)}`);
}

// A lone {"b64":…} is a value, unless an input is called like that.
function isBase64(value: JsonObject, inputs: readonly TensorSignature[]): boolean {
  return Object.hasOwn(value, 'b64') && Object.keys(value).length === 1 && inputs.every(({ name }) => name !== 'b64');
}

function readTensor(input: TensorSignature, value: JsonValue | undefined): TensorRequest['inputs'][number] {
  if (value === undefined) throw new Error('This is a bug: an input has no value');
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = (level as readonly JsonValue[])[0]!) shape.push(level.length);
  const fits = shape.length === input.shape.length &&
    input.shape.every((size, axis) => size < 0 || size === shape[axis]);
  if (!fits) {
    throw invalid(`input "${input.name}" has the shape ${shapeText(shape)}; wanted ${shapeText(input.shape)}`);
  }
  const data = createElements(input.datatype, elementCount(shape));
  let count = 0;
  const visit = (level: JsonValue, axis: number): void => {
    if (axis === shape.length) {
      store(input, data, count, level);
      count += 1;
      return;
    }
    if (!Array.isArray(level) || level.length !== shape[axis]) {
      throw invalid(`input "${input.name}" has nested arrays of unequal length; wanted ${shapeText(shape)} throughout`);
    }
    for (const one of level as readonly JsonValue[]) visit(one, axis + 1);
  };
  visit(value, 0);
  return { data, shape };
}

function store({ name, datatype }: TensorSignature, data: TensorData, at: number, value: JsonValue): void {
  if (datatype === 'BYTES' && isJsonObject(value)) (data as string[])[at] = readBase64(value, name, at);
  else if (!storeElement(datatype, data, at, value)) {
    throw invalid(`value ${at} of input "${name}" is ${said(value)}; wanted ${WANTED[datatype]}`);
  }
}

function readBase64(value: JsonObject, input: string, at: number): string {
  const text = value['b64'];
  if (typeof text !== 'string' || !BASE64.test(text) || Object.keys(value).length > 1) {
    throw invalid(`value ${at} of input "${input}" is an object; wanted a text or {"b64":"…"} with base64`);
  }
  return readText(Buffer.from(text, 'base64'), input, at);
}

const said = (value: JsonValue | undefined): string => (value === undefined ? 'missing' : describeValue(value));
const names = (tensors: readonly TensorSignature[]): string =>
  tensors.map(({ name }) => `"${name}"`).join(', ') || 'none';
const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
