// Models whose runs take far more memory than their inputs, each row kept apart.
import { Type, floats, integer, integers, model, node } from './onnx.ts';

const WIDE = 262_144;

/** The sum of x · x for each pair of the L numbers of a row, [N,L]: attention without weights, L² numbers a row. */
export const pairs = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 'L']]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('Unsqueeze', ['x', 'two'], 'column'), node('Unsqueeze', ['x', 'one'], 'line'),
    node('MatMul', ['column', 'line'], 'products'), node('Abs', ['products'], 'sizes'),
    node('ReduceSum', ['sizes', 'both'], 'sum', [integer('keepdims', 0)]), node('Unsqueeze', ['sum', 'one'], 'y'),
  ],
  constants: [axes('one', [1]), axes('two', [2]), axes('both', [1, 2])],
});

/** The largest of 262,144 multiples of one number, [N,1]: a MiB a row. */
export const wide = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('MatMul', ['x', 'w'], 'many'),
    node('ReduceMax', ['many'], 'y', [integers('axes', [1]), integer('keepdims', 1)]),
  ],
  constants: [floats('w', [1, WIDE], new Array<number>(WIDE).fill(1))],
});

function axes(name: string, values: readonly number[]): NonNullable<Parameters<typeof model>[0]['constants']>[number] {
  const rawData = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
  return { name, dims: [BigInt(values.length)], dataType: Type.INT64, rawData };
}
