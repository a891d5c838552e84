// Values of files as the elements of a tensor, each checked against the element type: nothing is rounded to another
// whole number, cut off or guessed. Pure; any thread or process.
import { createElements, isCarriedText, shapeText } from '../domain/datatype.ts';
import type { BigArray, Tensor, TensorData } from '../domain/datatype.ts';
import { halfToNumber, numberToHalf } from '../domain/half.ts';
import type { Datatype } from '../domain/records.ts';
import type { RowValue } from './rows.ts';

const WHOLE_NUMBER = /^-?\d{1,20}$/;
const SHOWN_CHARACTERS = 40;

/** The values as elements; throws an Error that says which one is none. */
export function elementsFrom(datatype: Datatype, values: readonly RowValue[]): TensorData {
  const data = createElements(datatype, values.length);
  const isFloat = datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
  values.forEach((value, index) => {
    if (Array.isArray(data)) {
      if (typeof value !== 'string') throw noElement(value, index, 'texts');
      if (!isCarriedText(value)) throw noElement(value, index, 'texts without U+0000 and half a surrogate pair');
      data[index] = value;
    } else if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      setBig(data, index, value);
    } else if (typeof value !== 'number') {
      throw noElement(value, index, 'numbers');
    } else if (isFloat) {
      data[index] = datatype === 'FP16' ? numberToHalf(value) : value;
      const kept = datatype === 'FP16' ? halfToNumber(data[index]) : data[index];
      if (Number.isFinite(value) && !Number.isFinite(kept)) throw noElement(value, index, `numbers of ${datatype}`);
    } else {
      data[index] = value;
      const isKept = data[index] === value && (datatype !== 'BOOL' || value <= 1);
      if (!isKept) throw noElement(value, index, `whole numbers of ${datatype}`);
    }
  });
  return data;
}

function setBig(data: BigArray, index: number, value: RowValue): void {
  const isWhole = typeof value === 'number' ? Number.isSafeInteger(value) : WHOLE_NUMBER.test(value);
  if (!isWhole) throw noElement(value, index, 'whole numbers; those beyond 2^53 as texts of digits');
  const big = BigInt(value);
  data[index] = big;
  if (data[index] !== big) throw noElement(value, index, 'whole numbers that fit 64 bits');
}

function noElement(value: RowValue, index: number, wanted: string): Error {
  return new Error(`holds ${shown(value)} at ${index}; wanted ${wanted}`);
}

/** Elements as a file's values: what JSON's numbers do not hold exactly becomes a text of digits. */
export function valuesOf(datatype: Datatype, data: TensorData): RowValue[] {
  if (Array.isArray(data)) return [...data];
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return Array.from(data, (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)));
  }
  return Array.from(data, datatype === 'FP16' ? halfToNumber : Number);
}

/** How far answers may be from what a file says; exact for texts. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** What a file wants of one tensor. */
export interface WantedTensor {
  readonly shape: readonly number[];
  readonly data: readonly RowValue[];
}

/** Where an answer is not what is wanted. */
interface Difference {
  /** How far, in tolerances; infinite for another text or shape. */
  readonly size: number;
  readonly reason: string;
}

/**
 * The largest difference between an answer and what is wanted: |got - wanted| > atol + rtol * |wanted|, another text,
 * another shape, or what is no number where one is wanted; null when there is none.
 */
export function differenceOf(
  datatype: Datatype, got: Tensor, wanted: WantedTensor, tolerance: Tolerance,
): Difference | null {
  const isAlike = got.shape.length === wanted.shape.length && got.shape.every((size, axis) =>
    size === wanted.shape[axis]);
  if (!isAlike) {
    return { size: Infinity, reason: `the shape is ${shapeText(got.shape)}; wanted ${shapeText(wanted.shape)}` };
  }
  let worst: Difference | null = null;
  for (let index = 0; index < wanted.data.length; index += 1) {
    const target = wanted.data[index]!;
    const element = plainOf(datatype, got.data[index]!);
    const size = distanceOf(element, target, tolerance);
    if (size <= 1 || (worst !== null && size <= worst.size)) continue;
    worst = { size, reason: `value ${index} is ${shown(element)}; wanted ${shown(target)}` };
  }
  return worst;
}

const plainOf = (datatype: Datatype, element: string | number | bigint): string | number | bigint =>
  (datatype === 'FP16' ? halfToNumber(Number(element)) : element);

// In tolerances: up to 1 it is none.
function distanceOf(element: string | number | bigint, target: RowValue, { rtol, atol }: Tolerance): number {
  if (typeof target === 'string') return String(element) === target ? 0 : Infinity;
  const value = typeof element === 'string' ? NaN : Number(element);
  if (Object.is(value, target) || value === target) return 0;
  const distance = Math.abs(value - target) / (atol + rtol * Math.abs(target));
  // What is no number is a difference, but where it is wanted.
  return Number.isNaN(distance) ? Infinity : distance;
}

const shown = (element: string | number | bigint): string =>
  (typeof element === 'string' ? JSON.stringify(element).slice(0, SHOWN_CHARACTERS) : String(element));
