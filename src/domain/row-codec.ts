// One row of a model's decoded inputs as bytes, and back: what row rings carry. Pure; one encoder per thread.
//   per input, in the signature's order: rank u32 · dimensions u32 each · bytes u32 · elements as they lie in memory
//   BYTES: each element is its length u32 and its UTF-8
// Element types are not written: whoever reads has the signature.
import type { Datatype, Signature } from './records.ts';
import type { InputSource } from './row-batch.ts';
import { createElements, elementBytes, elementCount } from './datatype.ts';
import type { TensorData } from './datatype.ts';

const BYTES_MIN = 1_024;

export class RowInputsEncoder {
  #bytes = Buffer.alloc(BYTES_MIN);
  #length = 0;

  /** Writes row number `row` of the inputs; the bytes are valid until the next call. */
  encode(inputs: readonly InputSource[], row: number): Uint8Array {
    this.#length = 0;
    for (const { data, shape, elements } of inputs) {
      this.#word(shape.length);
      for (const size of shape) this.#word(size);
      const from = row * elements;
      if (Array.isArray(data)) this.#texts(data, from, elements);
      else this.#raw(data, from, elements);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #raw(data: Exclude<TensorData, string[]>, from: number, elements: number): void {
    const size = data.BYTES_PER_ELEMENT;
    this.#word(elements * size);
    this.#reserve(elements * size);
    this.#bytes.set(new Uint8Array(data.buffer, data.byteOffset + from * size, elements * size), this.#length);
    this.#length += elements * size;
  }

  #texts(data: readonly string[], from: number, elements: number): void {
    const lengthAt = this.#length;
    this.#word(0);
    const start = this.#length;
    for (let at = from; at < from + elements; at += 1) {
      const text = data[at]!;
      const bytes = Buffer.byteLength(text);
      this.#word(bytes);
      this.#reserve(bytes);
      this.#length += this.#bytes.write(text, this.#length);
    }
    this.#bytes.writeUInt32LE(this.#length - start, lengthAt);
  }

  #word(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#length + bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Reads the inputs of one row back, in memory of their own; null when they do not fit the signature. */
export function decodeRowInputs(bytes: Uint8Array, { inputs }: Signature): InputSource[] | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const row: InputSource[] = [];
  let at = 0;
  for (const { datatype } of inputs) {
    if (at + 4 > view.length) return null;
    const rank = view.readUInt32LE(at);
    const head = at + 4 + (rank + 1) * 4;
    if (head > view.length) return null;
    const shape = Array.from({ length: rank }, (_, axis) => view.readUInt32LE(at + 4 + axis * 4));
    const length = view.readUInt32LE(head - 4);
    const elements = elementCount(shape);
    const data = elementsOf(datatype, elements, view.subarray(head, head + length));
    if (data === null) return null;
    row.push({ data, shape, elements });
    at = head + length;
  }
  return at === view.length ? row : null;
}

function elementsOf(datatype: Datatype, elements: number, bytes: Buffer): TensorData | null {
  const data = createElements(datatype, elements);
  if (!Array.isArray(data)) {
    if (bytes.length !== elements * elementBytes(datatype)) return null;
    new Uint8Array(data.buffer).set(bytes);
    return data;
  }
  let at = 0;
  for (let element = 0; element < elements; element += 1) {
    if (at + 4 > bytes.length) return null;
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) return null;
    data[element] = bytes.toString('utf8', at + 4, end);
    at = end;
  }
  return at === bytes.length ? data : null;
}
