// Models with enough weights to be prepared, 9 MiB.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { NodeProtoSchema } from 'onnx-buf';
import { Type, floats, integer, model, node } from './onnx.ts';

const SIZE = 1_536;

// The same numbers in every run, between -1 and 1.
function weights(count: number, seed: number, scale: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return ((state / 2_147_483_647) * 2 - 1) * scale;
  });
}

function withMiddle(seed: number, middle: readonly MessageInitShape<typeof NodeProtoSchema>[]): Uint8Array {
  return model({
    inputs: [['x', Type.FLOAT, ['N', 4]]],
    outputs: [['y', Type.FLOAT, ['N', 1]]],
    nodes: [
      node('MatMul', ['x', 'first'], 'a'), node('MatMul', ['a', 'second'], 'b'), ...middle,
      node('MatMul', ['c', 'third'], 'y'),
    ],
    constants: [
      floats('first', [4, SIZE], weights(4 * SIZE, seed, 1)),
      floats('second', [SIZE, SIZE], weights(SIZE * SIZE, seed + 1, 0.05)),
      floats('none', [1], [0]), floats('far', [1], [9]),
      floats('third', [SIZE, 1], weights(SIZE, seed + 2, 0.05)),
    ],
  });
}

/** Three layers; another seed is another model. */
export const heavy = (seed = 1): Uint8Array => withMiddle(seed, [node('Relu', ['b'], 'c')]);

/** The same with a step that refuses every row. */
export const refusing = (): Uint8Array => withMiddle(1, [
  node('Mul', ['b', 'none'], 'nothing'), node('Add', ['nothing', 'far'], 'beyond'),
  node('Cast', ['beyond'], 'index', [integer('to', Type.INT64)]), node('Gather', ['none', 'index'], 'c'),
]);
