// Encodes answers of TensorFlow Serving's REST predict in the form of their request. Worker thread; one per session.
//   row form      {"predictions":[row, …]}   a row is the only output's value, or an object of values by output name
//   column form   {"outputs":value}          the only output's value, or an object of values by output name
// Texts of outputs whose name ends in _bytes are {"b64":"…"}.
import { Buffer } from 'node:buffer';
import { errorBody, lastgoodError } from '../../base/errors.ts';
import type { TensorSignature } from '../../domain/records.ts';
import { JsonWriter } from '../json/json-writer.ts';
import type { OipAnswer, OutputTensor } from '../oip/answer.ts';
import { TensorJson } from '../json/tensor-json.ts';
import type { NonFiniteJson } from '../json/tensor-json.ts';
import { shapeText } from '../../domain/datatype.ts';

const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const BYTES_SUFFIX = '_bytes';

export class TfsEncoder {
  readonly #writer: JsonWriter;
  readonly #json: TensorJson;
  readonly #outputs: readonly TensorSignature[];
  readonly #names: readonly Buffer[];

  constructor(options: {
    readonly outputs: readonly TensorSignature[]; readonly nonFinite: NonFiniteJson; readonly answerBytesMax: number;
  }) {
    this.#writer = new JsonWriter(options.answerBytesMax);
    this.#json = new TensorJson(this.#writer, options.nonFinite);
    this.#outputs = options.outputs;
    this.#names = options.outputs.map(({ name }) => Buffer.from(`${JSON.stringify(name)}:`));
  }

  /**
   * Encodes all outputs; `rows` is the number of rows in row form. Throws JsonTooLarge, NON_FINITE_ANSWER, or
   * INVALID_REQUEST when an output does not have these rows.
   */
  encode(form: 'row' | 'column', rows: number, tensors: readonly (OutputTensor | undefined)[]): OipAnswer {
    const writer = this.#writer.clear();
    const known = tensors.map((tensor) => {
      if (tensor === undefined) throw new Error('This is a bug: an output was not computed');
      return tensor;
    });
    if (form === 'column') {
      writer.text('{"outputs":');
      this.#values(known, (output) => this.#value(output, known[output]!, known[output]!.shape, 0));
    } else {
      this.#checkRows(known, rows);
      writer.text('{"predictions":[');
      for (let row = 0; row < rows; row += 1) {
        if (row > 0) writer.byte(COMMA);
        this.#values(known, (output) => {
          const { data, shape } = known[output]!;
          this.#value(output, known[output]!, shape.slice(1), (data.length / rows) * row);
        });
      }
      writer.byte(CLOSE_BRACKET);
    }
    writer.byte(CLOSE_BRACE);
    return { status: 200, bytes: writer.bytes, headerBytes: 0 };
  }

  encodeError(error: unknown): OipAnswer {
    const { status, body } = errorBody(error);
    return { status, bytes: Buffer.from(JSON.stringify(body)), headerBytes: 0 };
  }

  // One bare value, or an object of all.
  #values(tensors: readonly OutputTensor[], write: (output: number) => void): void {
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

  #value(output: number, { data }: OutputTensor, shape: readonly number[], offset: number): void {
    const signature = this.#outputs[output]!;
    if (!Array.isArray(data) || !signature.name.endsWith(BYTES_SUFFIX)) {
      this.#json.nested(signature, data, shape, offset);
      return;
    }
    this.#json.nested(signature, data, shape, offset, (at) => {
      this.#writer.text(`{"b64":"${Buffer.from(data[at]!).toString('base64')}"}`);
    });
  }

  #checkRows(tensors: readonly OutputTensor[], rows: number): void {
    const odd = tensors.findIndex(({ shape }) => shape[0] !== rows);
    if (odd < 0) return;
    const shape = shapeText(tensors[odd]!.shape);
    const reason = `output "${this.#outputs[odd]!.name}" has the shape ${shape}, which is no row for each of the ` +
      `${rows} instances; wanted the request with "inputs"`;
    throw lastgoodError('INVALID_REQUEST', { reason });
  }
}
