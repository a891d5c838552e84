// How requests of whole tensors share one run, and how one is divided among several: those with equal row shapes are
// stacked along the first dimension of every input that has it open; inputs without such a dimension (a sampling rate)
// must be equal. Pure; worker thread.
import { Buffer } from 'node:buffer';
import type { Datatype, Signature } from '../../domain/records.ts';
import type { RunLimits } from '../../domain/run-limits.ts';
import { RUN_INPUT_BYTES_MAX } from '../../domain/row-layout.ts';
import { createElements, elementBytes, elementCount } from '../../domain/datatype.ts';
import type { Tensor, TensorData } from '../../domain/datatype.ts';

export class Stacking {
  readonly #signature: Signature;
  readonly #limits: Pick<RunLimits, 'rows' | 'elements'>;
  /** Inputs whose first dimension counts rows. */
  readonly #isStacked: readonly boolean[];
  /** The signature has a place for rows; whether the model keeps them apart is the session's to say. */
  readonly #isPossible: boolean;

  constructor(signature: Signature, limits: Pick<RunLimits, 'rows' | 'elements'>) {
    this.#signature = signature;
    this.#limits = limits;
    this.#isStacked = signature.inputs.map(({ shape }) => shape[0] === -1);
    this.#isPossible = canStack(signature);
  }

  /** The largest first dimension of a request that counts rows; 0 when the signature has no place for them. */
  firstSizeOf(inputs: readonly Tensor[]): number {
    if (!this.#isPossible) return 0;
    return inputs.reduce((most, { shape }, index) => (this.#isStacked[index]! ? Math.max(most, shape[0]!) : most), 0);
  }

  /** Rows of a request that can be stacked and divided, as far as the signature says; 0 when it cannot. */
  rowsOf(inputs: readonly Tensor[]): number {
    if (!this.#isPossible) return 0;
    let rows = -1;
    for (let index = 0; index < inputs.length; index += 1) {
      if (!this.#isStacked[index]!) continue;
      const size = inputs[index]!.shape[0]!;
      if (rows >= 0 && size !== rows) return 0;
      rows = size;
    }
    return Math.max(0, rows);
  }

  /** Most rows of such a request, which has `rows` of them, that one run takes. */
  rowsPerRun(rows: number, inputs: readonly Tensor[]): number {
    const { rows: rowsMax, elements: elementsMax } = this.#limits;
    const most = Math.min(rowsMax, Math.floor(RUN_INPUT_BYTES_MAX / (Math.max(1, this.#bytesOf(inputs)) / rows)));
    if (elementsMax === Infinity) return Math.max(1, most);
    const elements = inputs.reduce((sum, { data }) => sum + data.length, 0);
    return Math.max(1, Math.min(most, Math.floor(elementsMax / (Math.max(1, elements) / rows))));
  }

  /** Some rows of a request's inputs, without a copy. */
  part(inputs: readonly Tensor[], first: number, rows: number): readonly Tensor[] {
    return inputs.map((input, index) => (this.#isStacked[index]! ? rowsFrom(input, first, rows) : input));
  }

  /** Tells whether two requests can share a run. */
  fits(left: readonly Tensor[], right: readonly Tensor[]): boolean {
    return left.every(({ data, shape }, index) => {
      const other = right[index]!;
      if (shape.length !== other.shape.length) return false;
      const isStacked = this.#isStacked[index]!;
      for (let axis = isStacked ? 1 : 0; axis < shape.length; axis += 1) {
        if (shape[axis] !== other.shape[axis]) return false;
      }
      return isStacked || isEqual(data, other.data);
    });
  }

  /** The inputs of one run for these requests, which fit each other, with `rows` rows in all. */
  join(requests: readonly (readonly Tensor[])[], rows: number): readonly Tensor[] {
    const first = requests[0]!;
    if (requests.length === 1) return first;
    return first.map((input, index) => {
      if (!this.#isStacked[index]!) return input;
      const rowShape = input.shape.slice(1);
      const data = createElements(this.#signature.inputs[index]!.datatype, rows * elementCount(rowShape));
      let at = 0;
      for (const request of requests) at = putElements(data, request[index]!.data, at);
      return { data, shape: [rows, ...rowShape] };
    });
  }

  #bytesOf(inputs: readonly Tensor[]): number {
    let bytes = 0;
    this.#signature.inputs.forEach(({ datatype }, index) => {
      if (this.#isStacked[index]!) bytes += inputs[index]!.data.length * Math.max(1, elementBytes(datatype));
    });
    return bytes;
  }
}

// Each output must say by its own shape that it has a row for each row of the inputs.
function canStack({ inputs, outputs }: Signature): boolean {
  return inputs.some(({ shape }) => shape[0] === -1) && outputs.every(({ shape }) => shape[0] === -1);
}

/** The rows from `first` on of an output, without a copy. */
export function rowsFrom({ data, shape }: Tensor, first: number, rows: number): Tensor {
  const total = shape[0]!;
  if (first === 0 && rows === total) return { data, shape };
  const perRow = data.length / total;
  const from = first * perRow;
  const to = (first + rows) * perRow;
  return {
    data: Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to), shape: [rows, ...shape.slice(1)],
  };
}

/** One output again from its parts, which follow each other; null when they have not as many rows as they should. */
export function joinedRows(parts: readonly Tensor[], rows: readonly number[], datatype: Datatype): Tensor | null {
  const [first] = parts;
  if (first === undefined || parts.some(({ shape }, part) => shape[0] !== rows[part])) return null;
  if (parts.some(({ shape }) => elementCount(shape.slice(1)) !== elementCount(first.shape.slice(1)))) return null;
  const data = createElements(datatype, parts.reduce((sum, part) => sum + part.data.length, 0));
  parts.reduce((at, part) => putElements(data, part.data, at), 0);
  return { data, shape: [rows.reduce((sum, count) => sum + count, 0), ...first.shape.slice(1)] };
}

/** Puts the elements of `part` into `target` from `at` on; returns where they end. */
export function putElements(target: TensorData, part: TensorData, at: number): number {
  if (Array.isArray(target)) (part as string[]).forEach((text, index) => (target[at + index] = text));
  // Both come from the same datatype, so either both hold numbers or both hold bigints.
  else (target as Float64Array).set(part as Float64Array, at);
  return at + part.length;
}

function isEqual(left: TensorData, right: TensorData): boolean {
  if (left.length !== right.length) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return (left as string[]).every((text, index) => text === (right as string[])[index]);
  }
  return bytesOf(left).equals(bytesOf(right));
}

const bytesOf = (data: Exclude<TensorData, string[]>): Buffer =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);
