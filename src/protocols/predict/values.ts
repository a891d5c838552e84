// Puts the rows of a parsed /predict body into typed arrays and says exactly what is wrong with one that does not fit.
// The general path behind predict-json.ts: nested arrays, texts, booleans, and every error. Pure; worker thread.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Datatype } from '../../domain/records.ts';
import { numberToHalf } from '../../domain/half.ts';
import type { InputRows, RowBatch } from '../../domain/row-batch.ts';
import { elementCount, isCarriedText, shapeText } from '../../domain/datatype.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';

const GOT_CHARACTERS_MAX = 40;
/** Outermost dimensions of size 1 that a nested array may have beyond its row's shape: `[[1,2,3]]` for `[3]`. */
const EXTRA_DIMENSIONS_MAX = 2;

/** The exponent bits of a half that is infinite or no number. */
const HALF_INFINITY = 0x7c00;

const INTEGER_RANGES: Readonly<Partial<Record<Datatype, readonly [min: number, max: number]>>> = {
  UINT8: [0, 0xff], UINT16: [0, 0xffff], UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f], INT16: [-0x8000, 0x7fff], INT32: [-0x8000_0000, 0x7fff_ffff],
};
/** What an element of each datatype has to be, for errors. */
export const WANTED: Readonly<Record<Datatype, string>> = {
  BOOL: 'true, false, 0 or 1', BYTES: 'a text without U+0000 and without half a surrogate pair',
  FP16: 'a number that FP16 can hold',
  FP32: 'a number that FP32 can hold', FP64: 'a number that FP64 can hold', INT8: 'an integer that INT8 can hold',
  INT16: 'an integer that INT16 can hold',
  INT32: 'an integer that INT32 can hold', INT64: 'an integer that INT64 can hold (beyond 2^53 in plain digits)',
  UINT8: 'an integer that UINT8 can hold', UINT16: 'an integer that UINT16 can hold',
  UINT32: 'an integer that UINT32 can hold', UINT64: 'an integer that UINT64 can hold (beyond 2^53 in plain digits)',
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `shapeChanged`: the row is good, but rows of another shape wait in the batch; run them first and decode again. */
export type RowResult = 'stored' | 'shapeChanged';

/**
 * Stores one row, the value of `features` or one element of `instances`, as row number `row` of the batch.
 * `entryStart` is the first row of its request. Throws ROW_LENGTH, ROW_VALUE or INVALID_REQUEST.
 */
export function storeRow(batch: RowBatch, value: unknown, row: number, entryStart: number): RowResult {
  const { inputs } = batch;
  if (isObject(value)) {
    const unknownName = Object.keys(value).find((name) => !inputs.some((input) => input.name === name));
    if (unknownName !== undefined) throw invalid(`there is no input "${clipped(unknownName)}"; wanted ${names(batch)}`);
  } else if (inputs.length !== 1) {
    throw invalid(`the model has ${inputs.length} inputs; wanted each row as an object with ${names(batch)}`);
  }
  for (const input of inputs) {
    const part = isObject(value) ? (Object.hasOwn(value, input.name) ? value[input.name] : undefined) : value;
    if (part === undefined) throw invalid(`input "${input.name}" is missing; wanted ${names(batch)}`);
    if (storeInput(batch, input, part, row, entryStart) === 'shapeChanged') return 'shapeChanged';
  }
  return 'stored';
}

function storeInput(
  batch: RowBatch, input: InputRows, value: unknown, row: number, entryStart: number,
): RowResult {
  const values = Array.isArray(value) ? (value as unknown[]) : [value];
  const isNested = values.some((element) => Array.isArray(element));
  const flat = isNested ? flatten(input, values) : values;
  const shape = isNested ? fitNested(input, nestedShape(values)) : fitFlat(input, flat.length);
  if (!batch.fixShape(input, row, shape)) {
    if (row === entryStart) return 'shapeChanged';
    throw lengthError(input, flat.length, input.elements);
  }
  const offset = row * input.elements;
  input.ensure(offset + input.elements);
  for (let index = 0; index < flat.length; index += 1) {
    if (!storeElement(input.datatype, input.data, offset + index, flat[index])) {
      throw lastgoodError('ROW_VALUE', {
        input: input.name, index, got: describeValue(flat[index]), wanted: WANTED[input.datatype],
      });
    }
  }
  return 'stored';
}

// The shape that a flat array of `length` values has; at most one dimension may be open.
function fitFlat(input: InputRows, length: number): readonly number[] {
  const { shape, elements } = input.layout;
  if (elements >= 0) {
    if (length !== elements) throw lengthError(input, length, elements);
    return shape;
  }
  const known = shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  if (shape.filter((size) => size < 0).length > 1) {
    throw invalid(`input "${input.name}" has the open row shape ${shapeText(shape)}; wanted nested arrays`);
  }
  if (length === 0 || known === 0 || length % known !== 0) throw lengthError(input, length, Math.max(1, known));
  return shape.map((size) => (size < 0 ? length / known : size));
}

// Nested arrays must have the row's shape, but for outermost dimensions of size 1.
function fitNested(input: InputRows, got: readonly number[]): readonly number[] {
  const wanted = input.layout.shape;
  const extra = got.length - wanted.length;
  const inner = got.slice(Math.max(0, extra));
  const fits =
    extra >= 0 &&
    got.slice(0, extra).every((size) => size === 1) &&
    inner.every((size, axis) => size > 0 && (wanted[axis] === -1 || wanted[axis] === size));
  if (!fits) {
    throw invalid(`input "${input.name}" has nested arrays of shape ${shapeText(got)}; wanted ${shapeText(wanted)}` +
      (elementCount(wanted) >= 0 ? ', nested or flat' : ''));
  }
  return inner;
}

function nestedShape(values: readonly unknown[]): number[] {
  const shape: number[] = [];
  for (let level: unknown = values; Array.isArray(level); level = (level as unknown[])[0]) shape.push(level.length);
  return shape;
}

// Depth is bounded by the caller's limit on nesting and here by the rank of the input.
function flatten(input: InputRows, values: readonly unknown[]): unknown[] {
  const shape = nestedShape(values);
  const depthMax = input.layout.shape.length + EXTRA_DIMENSIONS_MAX;
  if (shape.length > depthMax) {
    throw invalid(`input "${input.name}" is nested ${shape.length} deep; wanted ${shapeText(input.layout.shape)}`);
  }
  const flat: unknown[] = [];
  const visit = (level: readonly unknown[], axis: number): void => {
    if (level.length !== shape[axis]) throw ragged(input);
    for (const element of level) {
      if (axis + 1 < shape.length) {
        if (!Array.isArray(element)) throw ragged(input);
        visit(element as unknown[], axis + 1);
      } else {
        flat.push(element);
      }
    }
  };
  visit(values, 0);
  return flat;
}

/** Stores a JSON value as one element; returns false when the datatype cannot hold it. */
export function storeElement(datatype: Datatype, data: TensorData, index: number, value: unknown): boolean {
  if (Array.isArray(data)) {
    if (typeof value !== 'string' || !isCarriedText(value)) return false;
    data[index] = value;
    return true;
  }
  switch (datatype) {
    case 'BOOL':
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) return false;
      (data as NumericArray)[index] = Number(value);
      return true;
    case 'INT64':
    case 'UINT64': {
      // Larger ones have lost their last digits in JSON.parse.
      if (!Number.isSafeInteger(value)) return false;
      const integer = BigInt(value as number);
      (data as BigArray)[index] = integer;
      return data[index] === integer;
    }
    case 'FP16': {
      if (typeof value !== 'number') return false;
      const bits = numberToHalf(value);
      (data as NumericArray)[index] = bits;
      return (bits & HALF_INFINITY) !== HALF_INFINITY;
    }
    default: {
      if (typeof value !== 'number') return false;
      const range = INTEGER_RANGES[datatype];
      if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) return false;
      (data as NumericArray)[index] = value;
      return Number.isFinite(data[index]);
    }
  }
}

const names = ({ inputs }: RowBatch): string => inputs.map(({ name }) => `"${name}"`).join(', ');

const clipped = (text: string): string =>
  text.length > GOT_CHARACTERS_MAX ? `${text.slice(0, GOT_CHARACTERS_MAX)}...` : text;

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });

const lengthError = (input: InputRows, got: number, wanted: number): LastgoodError =>
  lastgoodError('ROW_LENGTH', { input: input.name, got, wanted });

const ragged = (input: InputRows): LastgoodError =>
  invalid(`input "${input.name}" has nested arrays of unequal length; wanted shape ${shapeText(input.layout.shape)}`);

/** Names a JSON value in a sentence; long texts are cut. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value));
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
