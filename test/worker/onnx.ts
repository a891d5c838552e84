// Writes small ONNX models on the fly, with whatever inputs, outputs and operators a test wants.
import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import type { AttributeProtoSchema, NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';

export const Type = TensorProto_DataType;

type Size = number | string;

export interface ModelText {
  readonly inputs: readonly (readonly [name: string, type: TensorProto_DataType, shape: readonly Size[]])[];
  readonly outputs: readonly (readonly [name: string, type: TensorProto_DataType, shape: readonly Size[]])[];
  readonly nodes: readonly MessageInitShape<typeof NodeProtoSchema>[];
  readonly constants?: readonly MessageInitShape<typeof TensorProtoSchema>[];
}

export const valueInfo = ([name, elemType, shape]: ModelText['inputs'][number]): MessageInitShape<
  typeof ValueInfoProtoSchema
> => ({
  name,
  type: {
    value: {
      case: 'tensorType',
      value: {
        elemType,
        shape: {
          dim: shape.map((size) =>
            typeof size === 'number'
              ? { value: { case: 'dimValue', value: BigInt(size) } as const }
              : { value: { case: 'dimParam', value: size } as const }),
        },
      },
    },
  },
});

export function model({ inputs, outputs, nodes, constants = [] }: ModelText): Uint8Array {
  const message = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'test', input: inputs.map(valueInfo), output: outputs.map(valueInfo), node: [...nodes],
      initializer: [...constants],
    },
  });
  return toBinary(ModelProtoSchema, message);
}

export const node = (
  opType: string,
  input: readonly string[],
  output: string,
  attribute: readonly MessageInitShape<typeof AttributeProtoSchema>[] = [],
): MessageInitShape<typeof NodeProtoSchema> => ({
  opType, input: [...input], output: [output], name: output, attribute: [...attribute],
});

export const integer = (name: string, value: number): MessageInitShape<typeof AttributeProtoSchema> => ({
  name, type: AttributeProto_AttributeType.INT, i: BigInt(value),
});

export const text = (name: string, value: string): MessageInitShape<typeof AttributeProtoSchema> => ({
  name, type: AttributeProto_AttributeType.STRING, s: Buffer.from(value),
});

export const integers = (name: string, values: readonly number[]): MessageInitShape<typeof AttributeProtoSchema> => ({
  name, type: AttributeProto_AttributeType.INTS, ints: values.map(BigInt),
});

export const floats = (
  name: string, dims: readonly number[], values: readonly number[],
): MessageInitShape<typeof TensorProtoSchema> => ({
  name, dims: dims.map(BigInt), dataType: Type.FLOAT,
  rawData: new Uint8Array(Float32Array.from(values).buffer),
});

/** y = x * (1, 10, 100) summed, plus 0.5: one number per row, and every input visible in it. */
export const linear = (shift = 0.5): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [node('MatMul', ['x', 'w'], 'xw'), node('Add', ['xw', 'b'], 'y')],
  constants: [floats('w', [3, 1], [1, 10, 100]), floats('b', [1], [shift])],
});

/** Takes rows of this width alone, and does not say so. */
export const ofWidth = (width: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 'width']]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [node('MatMul', ['x', 'w'], 'y')],
  constants: [floats('w', [width, 1], Array.from({ length: width }, (_, at) => at / width))],
});

/** The same with exactly four rows per run. */
export const fixedBatch = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, [4, 3]]],
  outputs: [['y', Type.FLOAT, [4, 1]]],
  nodes: [node('MatMul', ['x', 'w'], 'xw'), node('Add', ['xw', 'b'], 'y')],
  constants: [floats('w', [3, 1], [1, 10, 100]), floats('b', [1], [0.5])],
});

/** Softmax of four numbers. */
export const classes = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 4]]],
  outputs: [['probabilities', Type.FLOAT, ['N', 4]]],
  nodes: [node('Softmax', ['x'], 'probabilities', [integer('axis', 1)])],
});

/** Looks the first value of each row up in a table, of three by default: any other index fails the whole run. */
export const lookup = (table: readonly number[] = [0.25, 0.5, 0.75]): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [node('Cast', ['x'], 'index', [integer('to', Type.INT64)]), node('Gather', ['table', 'index'], 'y')],
  constants: [floats('table', [table.length], table)],
});

/** The natural logarithm: -Infinity for 0, NaN below. */
export const logarithm = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [node('Log', ['x'], 'y')],
});

/** Gives its input back. */
export const identity = (type: TensorProto_DataType, shape: readonly Size[]): Uint8Array => model({
  inputs: [['x', type, shape]], outputs: [['y', type, shape]], nodes: [node('Identity', ['x'], 'y')],
});

/** The mean over all rows: an output that promises rows and has only one. */
export const batchMean = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]]],
  outputs: [['y', Type.FLOAT, ['M', 2]]],
  nodes: [node('ReduceMean', ['x'], 'y', [integers('axes', [0]), integer('keepdims', 1)])],
});

/** One input and two outputs: its negative, and itself. */
export const twoAnswers = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['first', Type.FLOAT, ['N', 1]], ['second', Type.FLOAT, ['N', 1]]],
  nodes: [node('Neg', ['x'], 'first'), node('Identity', ['x'], 'second')],
});

/** Two inputs of different types and two outputs: their sum, and the second input. */
export const twoInputs = (): Uint8Array => model({
  inputs: [['a', Type.FLOAT, ['N', 2]], ['b', Type.INT64, ['N', 2]]],
  outputs: [['sum', Type.FLOAT, ['N', 2]], ['same', Type.INT64, ['N', 2]]],
  nodes: [
    node('Cast', ['b'], 'floats', [integer('to', Type.FLOAT)]), node('Add', ['a', 'floats'], 'sum'),
    node('Identity', ['b'], 'same'),
  ],
});

/** Products of square matrices before a linear answer: keeps a thread inside the runtime for a while. */
export function slow(products: number): Uint8Array {
  const size = 384;
  const nodes = [
    node('Shape', ['x'], 'shape'), node('Gather', ['shape', 'first'], 'rows'),
    node('Cast', ['rows'], 'float_rows', [integer('to', Type.FLOAT)]),
    node('Expand', ['share', 'square'], 'average'), node('Expand', ['float_rows', 'square'], 'm0'),
  ];
  for (let index = 1; index <= products; index += 1) {
    nodes.push(node('MatMul', ['average', `m${index - 1}`], `m${index}`));
  }
  nodes.push(
    node('ReduceMean', [`m${products}`], 'mean', [integer('keepdims', 0)]), node('Mul', ['mean', 'nothing'], 'zero'),
    node('Add', ['x', 'zero'], 'y'));
  const integerConstant = (name: string, values: readonly number[]): MessageInitShape<typeof TensorProtoSchema> => ({
    name, dims: [BigInt(values.length)], dataType: Type.INT64,
    rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  });
  return model({
    inputs: [['x', Type.FLOAT, ['N', 1]]], outputs: [['y', Type.FLOAT, ['N', 1]]], nodes,
    constants: [
      integerConstant('first', [0]), integerConstant('square', [size, size]), floats('share', [1], [1 / size]),
      floats('nothing', [1], [0]),
    ],
  });
}

/** The least integer divided by the value: for -1 the runtime itself dies of SIGFPE, and its process with it. */
export const deadly = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    // Never 0, which the runtime refuses, and which a warm-up may be made of.
    node('Abs', ['x'], 'positive'), node('Max', ['positive', 'one'], 'large'), node('Sign', ['x'], 'sign'),
    node('Add', ['sign', 'half'], 'lifted'), node('Sign', ['lifted'], 'side'), node('Mul', ['large', 'side'], 'whole'),
    node('Cast', ['whole'], 'divisor', [integer('to', Type.INT64)]), node('Div', ['least', 'divisor'], 'quotient'),
    node('Cast', ['quotient'], 'y', [integer('to', Type.FLOAT)]),
  ],
  constants: [
    floats('one', [1], [1]), floats('half', [1], [0.5]),
    { name: 'least', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(-(2n ** 63n)).buffer) },
  ],
});

/** Kills the process that loads it: the runtime works the quotient of two constants out, which the CPU refuses. */
export const deadlyToLoad = (): Uint8Array => {
  const whole = (name: string, value: bigint): MessageInitShape<typeof TensorProtoSchema> =>
    ({ name, dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(value).buffer) });
  return model({
    inputs: [['x', Type.FLOAT, ['N', 3]]],
    outputs: [['y', Type.FLOAT, ['N', 3]]],
    nodes: [
      node('Div', ['least', 'minus'], 'quotient'), node('Cast', ['quotient'], 'number', [integer('to', Type.FLOAT)]),
      node('Add', ['x', 'number'], 'y'),
    ],
    constants: [whole('least', -(2n ** 63n)), whole('minus', -1n)],
  });
};

/** Answers 0.5 after a product of n x n matrices, n the largest input: a run lasts as long as its client wants. */
export const held = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'xw'), node('Relu', ['x'], 'positive'),
    node('ReduceMax', ['positive'], 'largest', [integer('keepdims', 1)]), node('Reshape', ['largest', 'one'], 'flat'),
    node('Cast', ['flat'], 'n', [integer('to', Type.INT64)]), node('Concat', ['n', 'n'], 'size', [integer('axis', 0)]),
    node('ConstantOfShape', ['size'], 'zeros'), node('MatMul', ['zeros', 'zeros'], 'product'),
    node('ReduceSum', ['product'], 'zero', [integer('keepdims', 0)]), node('Mul', ['xw', 'nothing'], 'gone'),
    node('Add', ['gone', 'zero'], 'plain'), node('Add', ['plain', 'b'], 'y'),
  ],
  constants: [
    floats('w', [3, 1], [1, 10, 100]), floats('b', [1], [0.5]), floats('nothing', [1], [0]),
    { name: 'one', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(1n).buffer) },
  ],
});

/** The same answer as `linear` by way of a width x width matrix of zeros: a file of 4 * width * width bytes. */
export const heavy = (width: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'xw'), node('Add', ['xw', 'b'], 'sum'),
    node('MatMul', ['x', 'wide'], 'row'), node('MatMul', ['row', 'matrix'], 'mixed'),
    node('ReduceSum', ['mixed', 'axes'], 'zero', [integer('keepdims', 1)]), node('Add', ['sum', 'zero'], 'y'),
  ],
  constants: [
    floats('w', [3, 1], [1, 10, 100]), floats('b', [1], [0.5]),
    floats('wide', [3, width], new Array<number>(3 * width).fill(1)),
    {
      name: 'matrix', dims: [BigInt(width), BigInt(width)], dataType: Type.FLOAT,
      rawData: new Uint8Array(4 * width ** 2),
    },
    { name: 'axes', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(1n).buffer) },
  ],
});
