// Puts the rows of a parsed /predict body into typed arrays and says exactly what is wrong with one that does not fit.
// The general path behind request.ts: nested arrays, texts, booleans, and every error. Pure; worker thread.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import { elementCount, shapeText } from '../../domain/datatype.ts';
import type { InputRows, RowBatch } from '../../domain/row-batch.ts';
import { sharedByRows } from '../tensor-request.ts';
import { WANTED, storeElement } from '../json/element.ts';
import { clipped, describeValue, isJsonObject } from '../json/value.ts';
import type { JsonValue } from '../json/value.ts';

/** Outermost dimensions of size 1 that a nested array may have beyond its row's shape: `[[1,2,3]]` for `[3]`. */
export const EXTRA_DIMENSIONS_MAX = 2;

/** `shapeChanged`: the row is good, but rows of another shape wait in the batch; run them first and decode again. */
type RowResult = 'stored' | 'shapeChanged';

/**
 * Stores one row, the value of `features` or one element of `instances`, as row number `row` of the batch.
 * `entryStart` is the first row of its request. Throws ROW_LENGTH, ROW_VALUE or INVALID_REQUEST.
 */
export function storeRow(batch: RowBatch, value: JsonValue, row: number, entryStart: number): RowResult {
  const { inputs } = batch;
  if (isJsonObject(value)) {
    const unknownName = Object.keys(value).find((name) => !inputs.some((input) => input.name === name));
    if (unknownName !== undefined && batch.optional.includes(unknownName)) throw invalid(sharedByRows(unknownName));
    if (unknownName !== undefined) throw invalid(`there is no input "${clipped(unknownName)}"; wanted ${names(batch)}`);
  } else if (inputs.length !== 1) {
    throw invalid(`the model has ${inputs.length} inputs; wanted each row as an object with ${names(batch)}`);
  }
  for (const input of inputs) {
    const part = isJsonObject(value) ? (Object.hasOwn(value, input.name) ? value[input.name] : undefined) : value;
    if (part === undefined) throw invalid(`input "${input.name}" is missing; wanted ${names(batch)}`);
    if (storeInput(batch, input, part, row, entryStart) === 'shapeChanged') return 'shapeChanged';
  }
  return 'stored';
}

function storeInput(
  batch: RowBatch, input: InputRows, value: JsonValue, row: number, entryStart: number,
): RowResult {
  const values = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
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
    if (!storeElement(input.datatype, input.data, offset + index, flat[index]!)) {
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
function flatten(input: InputRows, values: readonly JsonValue[]): JsonValue[] {
  const shape = nestedShape(values);
  const depthMax = input.layout.shape.length + EXTRA_DIMENSIONS_MAX;
  if (shape.length > depthMax) {
    throw invalid(`input "${input.name}" is nested ${shape.length} deep; wanted ${shapeText(input.layout.shape)}`);
  }
  const flat: JsonValue[] = [];
  const visit = (level: readonly JsonValue[], axis: number): void => {
    if (level.length !== shape[axis]) throw ragged(input);
    for (const element of level) {
      if (axis + 1 < shape.length) {
        if (!Array.isArray(element)) throw ragged(input);
        visit(element as readonly JsonValue[], axis + 1);
      } else {
        flat.push(element);
      }
    }
  };
  visit(values, 0);
  return flat;
}

const names = ({ inputs }: RowBatch): string => inputs.map(({ name }) => `"${name}"`).join(', ');

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });

const lengthError = (input: InputRows, got: number, wanted: number): LastgoodError =>
  lastgoodError('ROW_LENGTH', { input: input.name, got, wanted });

const ragged = (input: InputRows): LastgoodError =>
  invalid(`input "${input.name}" has nested arrays of unequal length; wanted shape ${shapeText(input.layout.shape)}`);
