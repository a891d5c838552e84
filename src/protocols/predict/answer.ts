// Encodes the answers of /predict and of lastgood.json frames. Worker thread; one encoder per worker.
//   {"id":…, "prediction":…, "labels":{…}, "model_version":"…", "latency_ms":…}
// id only in frames that had one, labels only of models that have names for their classes.
import type { Datatype } from '../../domain/records.ts';
import { halfToNumber } from '../../domain/half.ts';
import { JsonWriter } from '../json/json-writer.ts';
import { answeredLabels } from '../json/tensor-json.ts';
import type { RowOutput } from '../../domain/row-layout.ts';
import { eachRow } from '../../domain/run-block.ts';
import type { OutputBlock, RunBlock } from '../../domain/run-block.ts';
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

const PREDICTION = Buffer.from('"prediction":');
const PREDICTIONS = Buffer.from('"predictions":[');

/** What of a request its answer repeats. */
export interface AnsweredRequest {
  readonly firstRow: number;
  readonly rows: number;
  readonly isSingle: boolean;
  readonly isFrame: boolean;
  /** JSON text. */
  readonly id: string | null;
}

export class AnswerEncoder {
  /** The last answer has a NaN or an infinity, written as null. */
  hasNonFinite = false;
  readonly #writer: JsonWriter;
  readonly #outputs: readonly RowOutput[];
  readonly #names: readonly Buffer[];
  readonly #afterPrediction: Buffer;

  constructor(outputs: readonly RowOutput[], version: string, answerBytesMax: number) {
    this.#writer = new JsonWriter(answerBytesMax);
    this.#outputs = outputs;
    this.#names = outputs.map(({ name }) => Buffer.from(`${JSON.stringify(name)}:`));
    this.#afterPrediction = Buffer.from(
      `${labelsMember(outputs)},"model_version":${JSON.stringify(version)},"latency_ms":`);
  }

  /**
   * Encodes the rows of one request from the blocks that hold them. The bytes are valid until the next call. Throws
   * JsonTooLarge.
   */
  encode(request: AnsweredRequest, blocks: readonly RunBlock[], latencyUs: number): Uint8Array {
    const writer = this.#writer.clear();
    this.hasNonFinite = false;
    writer.byte(OPEN_BRACE);
    this.#writeId(request);
    writer.raw(request.isSingle ? PREDICTION : PREDICTIONS);
    // One row in one block is the common case: no visitor is made for it.
    if (request.rows === 1 && blocks.length === 1) {
      this.#writeRow(blocks[0]!, request.firstRow - blocks[0]!.firstRow);
    } else {
      let isFirst = true;
      eachRow(request, blocks, (block, row) => {
        if (!isFirst) writer.byte(COMMA);
        isFirst = false;
        this.#writeRow(block, row);
      });
    }
    if (!request.isSingle) writer.byte(CLOSE_BRACKET);
    writer.raw(this.#afterPrediction);
    writer.thousandths(latencyUs);
    writer.byte(CLOSE_BRACE);
    return writer.bytes;
  }

  #writeId({ isFrame, id }: AnsweredRequest): void {
    if (!isFrame) return;
    this.#writer.text(`"id":${id ?? 'null'},`);
  }

  #writeRow(block: RunBlock, row: number): void {
    const outputs = this.#outputs;
    if (outputs.length === 1) {
      this.#writeOutput(outputs[0]!, block.outputs[0]!, row);
      return;
    }
    const writer = this.#writer;
    writer.byte(OPEN_BRACE);
    for (let index = 0; index < outputs.length; index += 1) {
      if (index > 0) writer.byte(COMMA);
      writer.raw(this.#names[index]!);
      this.#writeOutput(outputs[index]!, block.outputs[index]!, row);
    }
    writer.byte(CLOSE_BRACE);
  }

  #writeOutput(output: RowOutput, { data, rowShape, rowElements }: OutputBlock, row: number): void {
    const offset = row * rowElements;
    if (output.isScalar && rowElements === 1) this.#writeElements(output.datatype, data, offset, 1);
    else this.#writeArray(output.datatype, data, rowShape, 0, offset, rowElements);
  }

  // The elements of one axis; the innermost one, or a shape without axes, is a flat array.
  #writeArray(
    datatype: Datatype, data: TensorData, shape: readonly number[], axis: number, offset: number, elements: number,
  ): void {
    const writer = this.#writer;
    writer.byte(OPEN_BRACKET);
    if (axis >= shape.length - 1) {
      this.#writeElements(datatype, data, offset, elements);
    } else {
      const size = shape[axis]!;
      for (let index = 0; index < size; index += 1) {
        if (index > 0) writer.byte(COMMA);
        const part = elements / size;
        this.#writeArray(datatype, data, shape, axis + 1, offset + index * part, part);
      }
    }
    writer.byte(CLOSE_BRACKET);
  }

  #writeElements(datatype: Datatype, data: TensorData, offset: number, count: number): void {
    const writer = this.#writer;
    for (let at = offset; at < offset + count; at += 1) {
      if (at > offset) writer.byte(COMMA);
      switch (datatype) {
        case 'FP32':
          this.#writeSingle((data as Float32Array)[at]!);
          break;
        case 'FP16':
          this.#writeSingle(halfToNumber((data as Uint16Array)[at]!));
          break;
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
          const value = (data as NumericArray)[at]!;
          if (value - value !== 0) this.hasNonFinite = true;
          writer.double(value);
        }
      }
    }
  }

  #writeSingle(value: number): void {
    if (value - value !== 0) this.hasNonFinite = true;
    this.#writer.single(value);
  }
}

// The same in every answer, so it is made once; by output, as the prediction is where there are several.
function labelsMember(outputs: readonly RowOutput[]): string {
  const texts = outputs.flatMap(({ name, labels }) => {
    const text = answeredLabels(labels);
    return text === null ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return texts.length === 0 ? '' : `,"labels":{${texts.join(',')}}`;
}
