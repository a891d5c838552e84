// Encodes answers of the Open Inference Protocol: a JSON object and, behind it, the raw bytes of the outputs that were
// asked for as binary data. Worker thread; one encoder per session and kind of entry.
//   {"model_name":…,"model_version":…,"id":…,"outputs":[{"name":…,"datatype":…,"shape":[…],"data":[…]}]}
// and "parameters":{"labels":[…]} with an output whose classes have names.
import type { Tensor } from '../../domain/datatype.ts';
import type { TensorSignature } from '../../domain/records.ts';
import { JsonWriter } from '../json/json-writer.ts';
import { binaryBytes } from './binary.ts';
import { FRAME_LENGTH_BYTES, writeJsonBytes } from './frame.ts';
import { answeredLabels, TensorJson } from '../json/tensor-json.ts';
import type { CodecOptions, TensorAnswer, TensorEncoder, TensorRequest } from '../tensor-request.ts';

const COMMA = 0x2c;
/** What is the same in all answers, as bytes. */
const OUTPUTS = Buffer.from(',"outputs":[');
const BINARY_END = Buffer.from('}}');
const END = Buffer.from(']}');

export class OipEncoder implements TensorEncoder {
  readonly #isFrame: boolean;
  readonly #writer: JsonWriter;
  readonly #outputs: readonly TensorSignature[];
  readonly #heads: readonly Buffer[];
  /** What stands between the shape of an output and its data, or their size where they are binary. */
  readonly #beforeData: readonly Buffer[];
  readonly #beforeSize: readonly Buffer[];
  readonly #start: Buffer;
  readonly #json: TensorJson;

  /** With `isFrame` answers are `oip.v2` frames. */
  constructor({ model, version, signature, nonFinite, answerBytesMax }: CodecOptions, isFrame: boolean) {
    const { outputs } = signature;
    this.#isFrame = isFrame;
    this.#writer = new JsonWriter(answerBytesMax);
    this.#outputs = outputs;
    this.#json = new TensorJson(this.#writer, nonFinite);
    this.#start = Buffer.from(`{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`);
    this.#heads = outputs.map(({ name, datatype }) =>
      Buffer.from(`{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`));
    const labels = outputs.map((output) => {
      const text = answeredLabels(output.labels);
      return text === null ? '' : `"labels":${text}`;
    });
    this.#beforeData = labels.map((text) => Buffer.from(`]${text && `,"parameters":{${text}}`},"data":[`));
    this.#beforeSize = labels.map((text) => Buffer.from(`],"parameters":{${text && `${text},`}"binary_data_size":`));
  }

  encode(request: Pick<TensorRequest, 'id' | 'outputs'>, tensors: readonly (Tensor | undefined)[]): TensorAnswer {
    const writer = this.#writer.clear();
    if (this.#isFrame) {
      for (let at = 0; at < FRAME_LENGTH_BYTES; at += 1) writer.byte(0);
    }
    const jsonBytes = this.#write(request, tensors);
    const { bytes } = writer;
    if (this.#isFrame) writeJsonBytes(bytes, jsonBytes);
    return { bytes, headerBytes: this.#isFrame || bytes.length === jsonBytes ? 0 : jsonBytes };
  }

  // Returns the length of the JSON; the raw tensors are behind it.
  #write(
    { id, outputs }: Pick<TensorRequest, 'id' | 'outputs'>, tensors: readonly (Tensor | undefined)[],
  ): number {
    const writer = this.#writer;
    const startBytes = writer.bytes.length;
    const tails: Uint8Array[] = [];
    writer.raw(this.#start);
    if (id !== null) writer.text(`,"id":${id}`);
    writer.raw(OUTPUTS);
    outputs.forEach(({ index, isBinary }, at) => {
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
        writer.raw(this.#beforeSize[index]!);
        writer.double(tail.length);
        writer.raw(BINARY_END);
      } else {
        writer.raw(this.#beforeData[index]!);
        this.#json.elements(this.#outputs[index]!, tensor.data, 0, tensor.data.length);
        writer.raw(END);
      }
    });
    writer.raw(END);
    const jsonBytes = writer.bytes.length - startBytes;
    for (const tail of tails) writer.raw(tail);
    return jsonBytes;
  }
}
