// The rows of one batch, decoded: one contiguous array per input, re-used from batch to batch. Rows are appended while
// a request is decoded and only count when the request as a whole was good. Worker thread; single owner.
// Invariant: every counted row of an input has the same shape.
import type { Datatype } from './records.ts';
import { createElements, elementCount } from './datatype.ts';
import type { TensorData } from './datatype.ts';
import type { RowInput, RowLayout } from './row-layout.ts';

const ELEMENTS_MIN = 256;
/** Larger arrays are let go after their batch, so that one huge request does not hold memory for good. */
const ELEMENTS_KEPT_MAX = 1_048_576;

/** The rows of one input as a run takes them; `elements` and `shape` are of one row, without open dimensions. */
export interface InputSource {
  readonly data: TensorData;
  readonly shape: readonly number[];
  readonly elements: number;
}

/** One input's rows. */
export class InputRows {
  readonly name: string;
  readonly datatype: Datatype;
  readonly layout: RowInput;
  data: TensorData;
  /** Shape and number of elements of the rows that are in; -1 until an open shape is known. */
  shape: readonly number[];
  elements: number;

  constructor(layout: RowInput) {
    this.name = layout.name;
    this.datatype = layout.datatype;
    this.layout = layout;
    this.shape = layout.shape;
    this.elements = layout.elements;
    this.data = createElements(layout.datatype, ELEMENTS_MIN);
  }

  /** Makes room for `length` elements in all; what is in stays. */
  ensure(length: number): void {
    const { data } = this;
    if (data.length >= length) return;
    const grown = createElements(this.datatype, Math.max(length, data.length * 2));
    if (Array.isArray(grown)) (data as string[]).forEach((text, index) => (grown[index] = text));
    // Both arrays come from the same datatype, so either both hold numbers or both hold bigints.
    else (grown as Float64Array).set(data as Float64Array);
    this.data = grown;
  }

  /** Forgets an open shape and everything that was in. */
  clear(): void {
    this.shape = this.layout.shape;
    this.elements = this.layout.elements;
    if (this.data.length > ELEMENTS_KEPT_MAX) this.data = createElements(this.datatype, ELEMENTS_MIN);
  }
}

export class RowBatch {
  readonly inputs: readonly InputRows[];
  /** Names of the inputs that may be left out, of which rows bring none. */
  readonly optional: readonly string[];
  /** Rows of all requests that were decoded in full. */
  rows = 0;

  constructor(layout: RowLayout, optional: readonly string[] = []) {
    this.optional = optional;
    this.inputs = layout.inputs.map((input) => new InputRows(input));
  }

  /**
   * Settles the shape of row number `row` of an input. Returns false when rows of another shape are in already.
   * `shape` has no open dimension.
   */
  fixShape(input: InputRows, row: number, shape: readonly number[]): boolean {
    if (row === 0) {
      input.shape = shape;
      input.elements = elementCount(shape);
      return true;
    }
    return input.shape.length === shape.length && input.shape.every((size, axis) => size === shape[axis]);
  }

  /** Forgets all rows. */
  clear(): void {
    this.rows = 0;
    for (const input of this.inputs) input.clear();
  }
}
