// Models that harm the process they run in: valid files that load, warm up and answer, until a certain row comes.
import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType, GraphProtoSchema } from 'onnx-buf';
import type { AttributeProtoSchema, NodeProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { floats, integer, model, node, Type, valueInfo } from './onnx.ts';

const whole = (name: string, values: readonly bigint[]): MessageInitShape<typeof TensorProtoSchema> => ({
  name, dims: [BigInt(values.length)], dataType: Type.INT64,
  rawData: new Uint8Array(BigInt64Array.from(values).buffer),
});

interface Graph {
  readonly inputs?: Parameters<typeof model>[0]['inputs'];
  readonly outputs: Parameters<typeof model>[0]['outputs'];
  readonly nodes: readonly MessageInitShape<typeof NodeProtoSchema>[];
}

const graph = (name: string, { inputs = [], outputs, nodes }: Graph): MessageInitShape<
  typeof AttributeProtoSchema
> => ({
  name, type: AttributeProto_AttributeType.GRAPH,
  g: create(GraphProtoSchema, {
    name, input: inputs.map(valueInfo), output: outputs.map(valueInfo), node: [...nodes],
  }),
});

/** Answers as `linear(shift)` does; a row with a negative value goes round a loop 2^62 times first. */
export const endless = (shift = 0): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'xw'), node('ReduceMin', ['x'], 'least', [integer('keepdims', 0)]),
    node('Less', ['least', 'zero'], 'is_negative'), node('Where', ['is_negative', 'endless', 'once'], 'many'),
    node('Reshape', ['many', 'one'], 'trips'),
    node('Loop', ['trips', '', 'zero'], 'rounds', [graph('body', {
      inputs: [['at', Type.INT64, []], ['go', Type.BOOL, []], ['before', Type.FLOAT, [1]]],
      outputs: [['still', Type.BOOL, []], ['after', Type.FLOAT, [1]]],
      nodes: [node('Identity', ['go'], 'still'), node('Neg', ['before'], 'after')],
    })]),
    node('Add', ['xw', 'rounds'], 'sum'), node('Add', ['sum', 'shift'], 'y'),
  ],
  constants: [
    floats('w', [3, 1], [1, 10, 100]), floats('zero', [1], [0]), floats('shift', [1], [shift]),
    whole('endless', [2n ** 62n]), whole('once', [1n]), whole('one', [1n]),
  ],
});

/** Answers as `linear(shift)` does; for a row with a negative value the runtime divides the least integer by -1. */
export const fatal = (shift = 0): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'xw'), node('ReduceMin', ['x'], 'least_value', [integer('keepdims', 0)]),
    node('Less', ['least_value', 'zero'], 'is_negative'), node('Where', ['is_negative', 'minus', 'plus'], 'divisor'),
    node('Div', ['least', 'divisor'], 'quotient'), node('Cast', ['quotient'], 'large', [integer('to', Type.FLOAT)]),
    node('Mul', ['large', 'zero'], 'nothing'), node('Add', ['xw', 'nothing'], 'sum'),
    node('Add', ['sum', 'shift'], 'y'),
  ],
  constants: [
    floats('w', [3, 1], [1, 10, 100]), floats('zero', [1], [0]), floats('shift', [1], [shift]),
    whole('least', [-(2n ** 63n)]), whole('minus', [-1n]), whole('plus', [1n]),
  ],
});

/** Answers as `linear(shift)` does; for a row with a negative value it fills so many numbers of four bytes first. */
export const greedy = (elements: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'xw'), node('ReduceMin', ['x'], 'least', [integer('keepdims', 0)]),
    node('Less', ['least', 'zero'], 'is_negative'), node('Where', ['is_negative', 'elements', 'one'], 'many'),
    node('Reshape', ['many', 'one'], 'size'), node('ConstantOfShape', ['size'], 'zeros'),
    node('ReduceSum', ['zeros'], 'total', [integer('keepdims', 0)]), node('Add', ['xw', 'total'], 'y'),
  ],
  constants: [
    floats('w', [3, 1], [1, 10, 100]), floats('zero', [1], [0]),
    whole('elements', [BigInt(elements)]), whole('one', [1n]),
  ],
});

/** Never gets through its first run. */
export const hanging = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 3]]],
  nodes: [
    node('Loop', ['endless', '', 'x'], 'y', [graph('body', {
      inputs: [['at', Type.INT64, []], ['go', Type.BOOL, []], ['before', Type.FLOAT, ['N', 3]]],
      outputs: [['still', Type.BOOL, []], ['after', Type.FLOAT, ['N', 3]]],
      nodes: [node('Identity', ['go'], 'still'), node('Neg', ['before'], 'after')],
    })]),
  ],
  constants: [whole('endless', [2n ** 62n])],
});

/** Divides the least integer by -1 while it is loaded, where constants are folded: the process dies of it. */
export const crashing = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 3]]],
  nodes: [
    node('Div', ['least', 'minus'], 'quotient'), node('Cast', ['quotient'], 'large', [integer('to', Type.FLOAT)]),
    node('Add', ['x', 'large'], 'y'),
  ],
  constants: [whole('least', [-(2n ** 63n)]), whole('minus', [-1n])],
});

/** Fills so many numbers of four bytes in its first run. */
export const hungry = (elements: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 3]]],
  nodes: [
    node('ReduceSum', ['x'], 'sum', [integer('keepdims', 0)]), node('Mul', ['sum', 'zero'], 'nothing'),
    node('Cast', ['nothing'], 'none', [integer('to', Type.INT64)]), node('Reshape', ['none', 'one'], 'empty'),
    node('Add', ['empty', 'elements'], 'size'), node('ConstantOfShape', ['size'], 'zeros'),
    node('ReduceSum', ['zeros'], 'total', [integer('keepdims', 0)]), node('Add', ['x', 'total'], 'y'),
  ],
  constants: [floats('zero', [1], [0]), whole('one', [1n]), whole('elements', [BigInt(elements)])],
});
