// The model that is attacked, and the shapes that it is asked for.
import { randomOf } from '../../shared-memory/seeded.ts';
import { Type, floats, integer, integers, model, node } from '../../worker/onnx.ts';

/** Numbers of one step of a sequence. */
export const WIDTH = 8;

/** Attention over sequences of any length without a limit of its own (shared material, cases/attacks). */
export function attention(seed: number): Uint8Array {
  const random = randomOf(seed);
  const weights = Array.from({ length: WIDTH * WIDTH }, () => random() * 2 - 1);
  return model({
    inputs: [['x', Type.FLOAT, ['n', 'len', WIDTH]]],
    outputs: [['y', Type.FLOAT, ['n']]],
    nodes: [
      node('MatMul', ['x', 'weights'], 'queries'), node('Transpose', ['x'], 'keys', [integers('perm', [0, 2, 1])]),
      node('MatMul', ['queries', 'keys'], 'scores'), node('Softmax', ['scores'], 'shares', [integer('axis', 2)]),
      node('MatMul', ['shares', 'x'], 'mixed'),
      node('ReduceMean', ['mixed'], 'y', [integers('axes', [1, 2]), integer('keepdims', 0)]),
    ],
    constants: [floats('weights', [WIDTH, WIDTH], weights)],
  });
}
