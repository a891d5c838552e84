// Models whose answer to a row depends on the rows beside it, and the same with every row kept apart.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';
import { Type, floats, integer, model, node } from './onnx.ts';

const file = (name: string): Uint8Array => readFileSync(join(packageRoot(), 'test', 'worker', 'mixing', name));

/** A running sum over the first dimension, [time,2]. */
export const runningSum = (): Uint8Array => file('seqfirst.onnx');
/** An LSTM over the first dimension, [time,batch,6]. */
export const sequenceFirst = (): Uint8Array => file('lstm_seqfirst_nostate.onnx');
/** Softmax over the rows behind a linear layer, [N,4]. */
export const sharesOfRows = (): Uint8Array => file('softmax_axis0.onnx');

/** Softmax over `axis` of four rows of three numbers, no more and no fewer. */
export const fixedSoftmax = (axis: 0 | 1): Uint8Array => model({
  inputs: [['x', Type.FLOAT, [4, 3]]],
  outputs: [['y', Type.FLOAT, [4, 3]]],
  nodes: [node('Softmax', ['x'], 'y', [integer('axis', axis)])],
});

const WEIGHTS = [3, -7, 11, 2, 5, -13, 17, 1, -4, 9];

/** x · weights, as a dynamic quantisation leaves it: one scale for all numbers of the run. */
export const quantised = (columns = WEIGHTS.length): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', columns]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    { opType: 'DynamicQuantizeLinear', input: ['x'], output: ['q', 'scale', 'zero'], name: 'quantise' },
    node('MatMulInteger', ['q', 'w', 'zero'], 'sum'), node('Cast', ['sum'], 'large', [integer('to', Type.FLOAT)]),
    node('Mul', ['large', 'scale'], 'y'),
  ],
  constants: [{
    name: 'w', dims: [BigInt(columns), 1n], dataType: Type.INT8,
    rawData: new Uint8Array(Int8Array.from(WEIGHTS.slice(0, columns)).buffer),
  }],
});

/** The same scale without the operator that is known for it: each number in 127 steps of the largest of all rows. */
export const roundedByLargest = (columns: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', columns]]],
  outputs: [['y', Type.FLOAT, ['N', columns]]],
  nodes: [
    node('Abs', ['x'], 'sizes'), node('ReduceMax', ['sizes'], 'largest', [integer('keepdims', 0)]),
    node('Div', ['x', 'largest'], 'share'), node('Mul', ['share', 'steps'], 'many'), node('Round', ['many'], 'whole'),
    node('Div', ['whole', 'steps'], 'part'), node('Mul', ['part', 'largest'], 'y'),
  ],
  constants: [floats('steps', [1], [127])],
});

/** Adds a millionth of the mean of all rows, which no tolerance would see. */
export const faintMean = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('ReduceMean', ['x'], 'mean', [integer('keepdims', 0)]), node('Mul', ['mean', 'little'], 'trace'),
    node('Add', ['x', 'trace'], 'y'),
  ],
  constants: [floats('little', [1], [1e-6])],
});
