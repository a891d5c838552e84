// Encodes answers of TensorFlow Serving's REST predict in the form of their request. Worker thread; one per session.
//   row form      {"predictions":[row, …]}   a row is the only output's value, or an object of values by output name
//   column form   {"outputs":value}          the only output's value, or an object of values by output name
// Texts of outputs whose name ends in _bytes are {"b64":"…"}.
import { Buffer } from 'node:buffer';
import { lastgoodError } from '../../base/errors.ts';
import type { TensorSignature } from '../../domain/records.ts';
import { JsonWriter } from '../json/json-writer.ts';
import { TensorJson } from '../json/tensor-json.ts';
import { shapeText } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';
import type { CodecOptions, TensorAnswer, TensorEncoder } from '../tensor-request.ts';
import type { TfsRequest } from './request.ts';

const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const BYTES_SUFFIX = '_bytes';

export class TfsEncoder implements TensorEncoder {
  readonly #writer: JsonWriter;
  readonly #json: TensorJson;
  readonly #outputs: readonly TensorSignature[];
  readonly #names: readonly Buffer[];
  readonly #rowOutputs: readonly boolean[];

  constructor({ signature, rowOutputs, nonFinite, answerBytesMax }: CodecOptions) {
    this.#writer = new JsonWriter(answerBytesMax);
    this.#json = new TensorJson(this.#writer, nonFinite);
    this.#outputs = signature.outputs;
    this.#rowOutputs = rowOutputs ?? signature.outputs.map(({ shape }) => shape.length > 0);
    this.#names = signature.outputs.map(({ name }) => Buffer.from(`${JSON.stringify(name)}:`));
  }

  /** Encodes all outputs; throws INVALID_REQUEST as well, when in row form an output does not have the rows. */
  encode({ form, inputs }: TfsRequest, tensors: readonly (Tensor | undefined)[]): TensorAnswer {
    const writer = this.#writer.clear();
    const known = tensors.map((tensor) => {
      if (tensor === undefined) throw new Error('This is a bug: an output was not computed');
      return tensor;
    });
    if (form === 'column') {
      writer.text('{"outputs":');
      this.#values(known, (output) => this.#value(output, known[output]!, known[output]!.shape, 0));
    } else {
      const rows = inputs[0]?.shape[0] ?? 0;
      this.#checkRows(known, rows);
      writer.text('{"predictions":[');
      for (let row = 0; row < rows; row += 1) {
        if (row > 0) writer.byte(COMMA);
        this.#values(known, (output) => {
          const { data, shape } = known[output]!;
          const hasRows = this.#rowOutputs[output]!;
          this.#value(output, known[output]!, hasRows ? shape.slice(1) : shape, (data.length / rows) * row);
        });
      }
      writer.byte(CLOSE_BRACKET);
    }
    writer.byte(CLOSE_BRACE);
    return { bytes: writer.bytes, headerBytes: 0 };
  }

  // One bare value, or an object of all.
  #values(tensors: readonly Tensor[], write: (output: number) => void): void {
    if (tensors.length === 1) {
      write(0);
      return;
    }
    const writer = this.#writer;
    writer.byte(OPEN_BRACE);
    tensors.forEach((_, output) => {
      if (output > 0) writer.byte(COMMA);
      writer.raw(this.#names[output]!);
      write(output);
    });
    writer.byte(CLOSE_BRACE);
  }

  #value(output: number, { data }: Tensor, shape: readonly number[], offset: number): void {
    const signature = this.#outputs[output]!;
    if (!Array.isArray(data) || !signature.name.endsWith(BYTES_SUFFIX)) {
      this.#json.nested(signature, data, shape, offset);
      return;
    }
    this.#json.nested(signature, data, shape, offset, (at) => {
      this.#writer.text(`{"b64":"${Buffer.from(data[at]!).toString('base64')}"}`);
    });
  }

  // What has no rows is the whole answer to one instance, and no part of it belongs to one of several.
  #checkRows(tensors: readonly Tensor[], rows: number): void {
    const odd = tensors.findIndex(({ shape }, output) => (this.#rowOutputs[output]! ? shape[0] !== rows : rows > 1));
    if (odd < 0) return;
    const shape = shapeText(tensors[odd]!.shape);
    const reason = `output "${this.#outputs[odd]!.name}" has the shape ${shape}, which is no row for each of the ` +
      `${rows} instances; wanted the request with "inputs"`;
    throw lastgoodError('INVALID_REQUEST', { reason });
  }
}
