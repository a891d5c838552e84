// Writes elements of tensors as JSON: 64-bit integers digit by digit, FP16 as numbers, minus zero as it is, and NaN and
// the infinities as the model's option says. Pure; worker thread.
import { lastgoodError } from '../../base/errors.ts';
import type { Datatype, TensorSignature } from '../../domain/records.ts';
import type { ClassLabels } from '../../onnx/derive/open-zipmap.ts';
import { halfToNumber } from '../../domain/half.ts';
import type { JsonWriter } from './json-writer.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** What NaN and infinities become in JSON: the bare tokens that Triton writes, null, or an error. */
export type NonFiniteJson = 'token' | 'null' | 'error';

export class TensorJson {
  readonly #writer: JsonWriter;
  readonly #nonFinite: NonFiniteJson;

  constructor(writer: JsonWriter, nonFinite: NonFiniteJson) {
    this.#writer = writer;
    this.#nonFinite = nonFinite;
  }

  /** Writes elements separated by commas. Throws NON_FINITE_ANSWER. */
  elements(output: TensorSignature, data: TensorData, offset: number, count: number): void {
    for (let at = offset; at < offset + count; at += 1) {
      if (at > offset) this.#writer.byte(COMMA);
      this.#element(output, data, at);
    }
  }

  /**
   * Writes the elements from `offset` on, nested as `shape` says; without dimensions it is one bare value. `element`
   * writes one of them.
   */
  nested(
    output: TensorSignature, data: TensorData, shape: readonly number[], offset: number,
    element: (at: number) => void = (at) => this.#element(output, data, at),
  ): void {
    const writer = this.#writer;
    const sizes = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
    const write = (axis: number, from: number): void => {
      if (axis === shape.length) {
        element(from);
        return;
      }
      writer.byte(OPEN_BRACKET);
      for (let index = 0; index < shape[axis]!; index += 1) {
        if (index > 0) writer.byte(COMMA);
        write(axis + 1, from + index * sizes[axis]!);
      }
      writer.byte(CLOSE_BRACKET);
    };
    write(0, offset);
  }

  #element(output: TensorSignature, data: TensorData, at: number): void {
    const writer = this.#writer;
    switch (output.datatype) {
      case 'BYTES':
        writer.string((data as string[])[at]!);
        break;
      case 'BOOL':
        writer.text((data as Uint8Array)[at] === 0 ? 'false' : 'true');
        break;
      case 'INT64':
      case 'UINT64':
        writer.text(String((data as BigArray)[at]!));
        break;
      default: {
        const value = numberAt(output.datatype, data as NumericArray, at);
        if (value - value !== 0) this.#writeNonFinite(output, value);
        else if (output.datatype === 'FP32' || output.datatype === 'FP16') writer.single(value);
        else writer.double(value);
      }
    }
  }

  #writeNonFinite({ name }: TensorSignature, value: number): void {
    if (this.#nonFinite === 'error') {
      throw lastgoodError('NON_FINITE_ANSWER', { output: name, value: String(value) });
    }
    this.#writer.text(this.#nonFinite === 'token' ? String(value) : 'null');
  }
}

const numberAt = (datatype: Datatype, data: NumericArray, at: number): number =>
  datatype === 'FP16' ? halfToNumber(data[at]!) : data[at]!;

/** Longer lists stand in a model's metadata alone. */
const LABELS_BYTES_MAX = 1_024;

/** The names of classes as answers repeat them; null when there are none, or more than an answer shows. */
export function answeredLabels(labels: ClassLabels | undefined): string | null {
  if (labels === undefined) return null;
  const text = JSON.stringify(labels);
  return Buffer.byteLength(text) > LABELS_BYTES_MAX ? null : text;
}
