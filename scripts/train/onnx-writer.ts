// Writes ONNX graphs as protobuf: one float32 input `features` [batch, n], one float32 output [batch, width].
// The bytes depend on nothing but the calls, so equal models have equal SHA-256.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType, ModelProtoSchema, TensorProto_DataType,
} from 'onnx-buf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AttributeProtoSchema, NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';

/** The name of the only input of every demo model. */
export const INPUT_NAME = 'features';
const IR_VERSION = 8n;
const OPSET_VERSION = 17n;

type Attribute = MessageInitShape<typeof AttributeProtoSchema>;

export class GraphWriter {
  readonly #nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  readonly #constants: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #inputs: number;

  constructor(inputs: number) {
    this.#inputs = inputs;
  }

  /** Stores a float32 constant and returns its name. */
  floats(name: string, dims: readonly number[], values: Iterable<number>): string {
    return this.#store(name, TensorProto_DataType.FLOAT, dims, Float32Array.from(values));
  }

  /** Stores an int64 constant and returns its name. */
  integers(name: string, dims: readonly number[], values: readonly number[]): string {
    return this.#store(name, TensorProto_DataType.INT64, dims, BigInt64Array.from(values, BigInt));
  }

  #store(name: string, dataType: TensorProto_DataType, dims: readonly number[], values: ArrayBufferView): string {
    // Raw data is little-endian by definition, as every host this project runs on.
    const rawData = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    this.#constants.push({ name, dataType, dims: dims.map(BigInt), rawData });
    return name;
  }

  /** Adds a node with one output and returns that output's name. */
  node(opType: string, input: readonly string[], output: string, attribute: readonly Attribute[] = []): string {
    this.#nodes.push({ opType, name: output, input: [...input], output: [output], attribute: [...attribute] });
    return output;
  }

  /** Returns the file; `output` must be the name of a node's output with `width` numbers per row. */
  toBytes(graphName: string, output: string, width: number): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'lastgood scripts/train-models',
      opsetImport: [{ domain: '', version: OPSET_VERSION }],
      graph: {
        name: graphName,
        node: this.#nodes,
        initializer: this.#constants,
        input: [valueInfo(INPUT_NAME, this.#inputs)],
        output: [valueInfo(output, width)],
      },
    });
    return toBinary(ModelProtoSchema, model);
  }
}

function valueInfo(name: string, width: number): MessageInitShape<typeof ValueInfoProtoSchema> {
  const batch = { value: { case: 'dimParam', value: 'batch' } } as const;
  const columns = { value: { case: 'dimValue', value: BigInt(width) } } as const;
  const tensor = { elemType: TensorProto_DataType.FLOAT, shape: { dim: [batch, columns] } };
  return { name, type: { value: { case: 'tensorType', value: tensor } } };
}

/** An integer attribute of a node. */
export const integerAttribute = (name: string, value: number): Attribute => ({
  name, type: AttributeProto_AttributeType.INT, i: BigInt(value),
});
