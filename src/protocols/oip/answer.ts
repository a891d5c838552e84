// Encodes answers of the Open Inference Protocol: a JSON object and, behind it, the raw bytes of the outputs that were
// asked for as binary data. Worker thread; one encoder per worker.
//   {"model_name":…,"model_version":…,"id":…,"outputs":[{"name":…,"datatype":…,"shape":[…],"data":[…]}]}
import { errorBody } from '../../base/errors.ts';
import type { TensorSignature } from '../../domain/records.ts';
import { JsonWriter } from '../json/json-writer.ts';
import { binaryBytes } from './binary.ts';
import { FRAME_LENGTH_BYTES, writeJsonBytes } from './frame.ts';
import type { WantedOutput } from './parameters.ts';
import { TensorJson } from '../json/tensor-json.ts';
import type { NonFiniteJson } from '../json/tensor-json.ts';
import type { TensorData } from '../../domain/datatype.ts';

const COMMA = 0x2c;
/** What is the same in all answers, as bytes. */
const OUTPUTS = Buffer.from(',"outputs":[');
const BINARY = Buffer.from('],"parameters":{"binary_data_size":');
const BINARY_END = Buffer.from('}}');
const DATA = Buffer.from('],"data":[');
const END = Buffer.from(']}');

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
  readonly #json: TensorJson;

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
    this.#json = new TensorJson(this.#writer, options.nonFinite);
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
    writer.raw(OUTPUTS);
    wanted.forEach(({ index, isBinary }, at) => {
      const tensor = tensors[index];
      if (tensor === undefined) throw new Error('This is a bug: a wanted output was not computed');
      if (at > 0) writer.byte(COMMA);
      writer.raw(this.#heads[index]!);
      tensor.shape.forEach((size, axis) => {
        if (axis > 0) writer.byte(COMMA);
        writer.double(size);
      });
      if (isBinary) {
        const tail = binaryBytes(tensor.data);
        tails.push(tail);
        writer.raw(BINARY);
        writer.double(tail.length);
        writer.raw(BINARY_END);
      } else {
        writer.raw(DATA);
        this.#json.elements(this.#outputs[index]!, tensor.data, 0, tensor.data.length);
        writer.raw(END);
      }
    });
    writer.raw(END);
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
}
