// Encodes answers of the Open Inference Protocol: a JSON object and, behind it, the raw bytes of the outputs that were
// asked for as binary data. Worker thread; one encoder per worker.
//   {"model_name":…,"model_version":…,"id":…,"outputs":[{"name":…,"datatype":…,"shape":[…],"data":[…]}]}
import { errorBody, lastgoodError } from '../errors.ts';
import type { Datatype, TensorSignature } from '../registry/records.ts';
import { halfToNumber } from './half.ts';
import { JsonWriter } from './json-writer.ts';
import { binaryBytes } from './oip-binary.ts';
import { FRAME_LENGTH_BYTES, writeJsonBytes } from './oip-frame.ts';
import type { WantedOutput } from './oip-parameters.ts';
import type { BigArray, NumericArray, TensorData } from './tensor.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** What NaN and infinities become in JSON: the bare tokens that Triton writes, null, or an error. */
export type NonFiniteJson = 'token' | 'null' | 'error';

/** One output of one request. */
export interface OutputTensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

export interface OipAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** Length of the JSON part when raw bytes follow it; 0 when all of it is JSON. */
  readonly headerBytes: number;
}

export class OipEncoder {
  readonly #writer: JsonWriter;
  readonly #outputs: readonly TensorSignature[];
  readonly #heads: readonly Buffer[];
  readonly #start: Buffer;
  readonly #nonFinite: NonFiniteJson;

  constructor(options: {
    readonly model: string;
    readonly version: string;
    readonly outputs: readonly TensorSignature[];
    readonly nonFinite: NonFiniteJson;
    readonly answerBytesMax: number;
  }) {
    const { model, version, outputs } = options;
    this.#writer = new JsonWriter(options.answerBytesMax);
    this.#outputs = outputs;
    this.#nonFinite = options.nonFinite;
    this.#start = Buffer.from(`{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`);
    this.#heads = outputs.map(({ name, datatype }) =>
      Buffer.from(`{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`));
  }

  /** Encodes the wanted outputs; `tensors` has all of them by their place in the signature. Throws JsonTooLarge. */
  encode(
    id: string | null, wanted: readonly WantedOutput[], tensors: readonly (OutputTensor | undefined)[],
  ): OipAnswer {
    const writer = this.#writer.clear();
    const jsonBytes = this.#write(id, wanted, tensors);
    const { bytes } = writer;
    return { status: 200, bytes, headerBytes: bytes.length > jsonBytes ? jsonBytes : 0 };
  }

  /** The same as an `oip.v2` frame. */
  encodeFrame(
    id: string | null, wanted: readonly WantedOutput[], tensors: readonly (OutputTensor | undefined)[],
  ): OipAnswer {
    const writer = this.#writer.clear();
    for (let at = 0; at < FRAME_LENGTH_BYTES; at += 1) writer.byte(0);
    const jsonBytes = this.#write(id, wanted, tensors);
    const { bytes } = writer;
    writeJsonBytes(bytes, jsonBytes);
    return { status: 200, bytes, headerBytes: 0 };
  }

  // Returns the length of the JSON; the raw tensors are behind it.
  #write(
    id: string | null, wanted: readonly WantedOutput[], tensors: readonly (OutputTensor | undefined)[],
  ): number {
    const writer = this.#writer;
    const startBytes = writer.bytes.length;
    const tails: Uint8Array[] = [];
    writer.raw(this.#start);
    if (id !== null) writer.text(`,"id":${id}`);
    writer.text(',"outputs":[');
    wanted.forEach(({ index, isBinary }, at) => {
      const tensor = tensors[index];
      if (tensor === undefined) throw new Error('This is a bug: a wanted output was not computed');
      if (at > 0) writer.byte(COMMA);
      writer.raw(this.#heads[index]!);
      writer.text(tensor.shape.join(','));
      if (isBinary) {
        const tail = binaryBytes(tensor.data);
        tails.push(tail);
        writer.text(`],"parameters":{"binary_data_size":${tail.length}}}`);
      } else {
        writer.text('],"data":[');
        this.#writeElements(this.#outputs[index]!, tensor.data);
        writer.text(']}');
      }
    });
    writer.text(']}');
    const jsonBytes = writer.bytes.length - startBytes;
    for (const tail of tails) writer.raw(tail);
    return jsonBytes;
  }

  encodeError(error: unknown): OipAnswer {
    const { status, body } = errorBody(error);
    const writer = this.#writer.clear();
    writer.text(JSON.stringify(body));
    return { status, bytes: writer.bytes, headerBytes: 0 };
  }

  /** Writes the elements of an array of any datatype, nested as `shape` says; for answers of other dialects. */
  writeNested(writer: JsonWriter, output: TensorSignature, data: TensorData, shape: readonly number[]): void {
    if (shape.length === 0) {
      this.#writeRange(writer, output, data, 0, 1);
      return;
    }
    const write = (axis: number, offset: number, count: number): void => {
      const size = shape[axis]!;
      writer.byte(OPEN_BRACKET);
      if (axis === shape.length - 1) {
        this.#writeRange(writer, output, data, offset, count);
      } else {
        for (let index = 0; index < size; index += 1) {
          if (index > 0) writer.byte(COMMA);
          write(axis + 1, offset + (index * count) / size, count / size);
        }
      }
      writer.byte(CLOSE_BRACKET);
    };
    write(0, 0, data.length);
  }

  #writeElements(output: TensorSignature, data: TensorData): void {
    this.#writeRange(this.#writer, output, data, 0, data.length);
  }

  #writeRange(writer: JsonWriter, output: TensorSignature, data: TensorData, offset: number, count: number): void {
    for (let at = offset; at < offset + count; at += 1) {
      if (at > offset) writer.byte(COMMA);
      this.#writeElement(writer, output, data, at);
    }
  }

  #writeElement(writer: JsonWriter, output: TensorSignature, data: TensorData, at: number): void {
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
        if (value - value !== 0) this.#writeNonFinite(writer, output, value);
        // The writer's integers have no sign at zero; what comes back must have the same bits.
        else if (value === 0 && 1 / value < 0) writer.text('-0');
        else if (output.datatype === 'FP32' || output.datatype === 'FP16') writer.single(value);
        else writer.double(value);
      }
    }
  }

  #writeNonFinite(writer: JsonWriter, { name }: TensorSignature, value: number): void {
    if (this.#nonFinite === 'error') {
      throw lastgoodError('NON_FINITE_ANSWER', { output: name, value: String(value) });
    }
    writer.text(this.#nonFinite === 'token' ? String(value) : 'null');
  }
}

const numberAt = (datatype: Datatype, data: NumericArray, at: number): number =>
  datatype === 'FP16' ? halfToNumber(data[at]!) : data[at]!;

/** Tells whether an output of a floating-point type holds NaN or an infinity. */
export function hasNonFinite(datatype: Datatype, data: TensorData): boolean {
  if (datatype === 'FP16') return (data as Uint16Array).some((bits) => (bits & 0x7c00) === 0x7c00);
  if (datatype !== 'FP32' && datatype !== 'FP64') return false;
  const numbers = data as Float32Array;
  for (let at = 0; at < numbers.length; at += 1) {
    const value = numbers[at]!;
    if (value - value !== 0) return true;
  }
  return false;
}
