// Open dimensions that are given sizes: everywhere a model declares them, and nowhere else.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import type { ModelProto, ValueInfoProto } from 'onnx-buf';
import { derive } from '../../../src/onnx/derive/derive.ts';
import { openDimensions } from '../../../src/onnx/derive/fix-dimensions.ts';
import { readModel } from '../../../src/onnx/graph.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { model, node, Type } from '../../worker/onnx.ts';
import { exported } from '../exported.ts';

const RULE = 'fix-dimensions/1';
const bytes = model({
  inputs: [['x', Type.FLOAT, ['batch', 'len', 3]], ['mask', Type.FLOAT, ['batch', 'len', 3]]],
  outputs: [['y', Type.FLOAT, ['batch', 'len', 3]]],
  nodes: [node('Add', ['x', 'mask'], 'y')],
});

interface Sized {
  readonly rules: readonly string[];
  readonly bytes: Buffer;
}

function sized(given: Uint8Array, sizes: Readonly<Record<string, number>>): Sized {
  const made = derive(ByteSource.ofBytes(given), undefined, sizes)!;
  const parts = made.pieces.map((piece) =>
    (piece instanceof Uint8Array ? piece : given.subarray(piece.from, piece.to)));
  return { rules: made.rules, bytes: Buffer.concat(parts) };
}
const decoded = (given: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, given);
const shapeOf = ({ type }: ValueInfoProto): unknown[] =>
  (type!.value.value as { shape: { dim: { value: { value?: unknown } }[] } }).shape.dim.map(({ value }) => value.value);

suite('fix-dimensions', () => {
  test('gives a dimension its size in all inputs and outputs that have its name, and keeps every other byte', () => {
    const made = sized(bytes, { len: 300 });
    assert.deepEqual(made.rules, [RULE]);
    const [before, after] = [decoded(bytes), decoded(made.bytes)];
    for (const value of [...after.graph!.input, ...after.graph!.output]) {
      assert.deepEqual(shapeOf(value), ['batch', 300n, 3n], value.name);
    }
    const without = ({ graph, ...rest }: ModelProto): object =>
      ({ ...rest, graph: { ...graph, input: [], output: [] } });
    assert.deepEqual(without(after), without(before));
    const both = decoded(sized(bytes, { len: 2, batch: 4 }).bytes);
    assert.deepEqual(shapeOf(both.graph!.output[0]!), [4n, 2n, 3n]);
  });

  test('is nothing without sizes, and makes the same file of the same ones in any order', () => {
    assert.equal(derive(ByteSource.ofBytes(bytes)), null);
    assert.equal(derive(ByteSource.ofBytes(bytes), [RULE]), null);
    assert.deepEqual(sized(bytes, { len: 2, batch: 4 }).bytes, sized(bytes, { batch: 4, len: 2 }).bytes);
  });

  test('sees what other rules declare in the place of what was there', () => {
    const { rules, bytes: whole } = sized(exported('catboost-zipmap').bytes, { N: 4 });
    assert.deepEqual(rules, ['open-zipmap/1', RULE]);
    const { graph } = decoded(whole);
    assert.deepEqual(shapeOf(graph!.output.at(-1)!), [4n, 3n]);
    assert.equal(shapeOf(graph!.input[0]!)[0], 4n);
  });

  test('knows the names that inputs have, and none of outputs, weights or sizes', () => {
    const of = (given: Uint8Array): string[] => openDimensions(readModel(ByteSource.ofBytes(given)));
    assert.deepEqual(of(bytes), ['batch', 'len']);
    assert.deepEqual(of(sized(bytes, { batch: 1 }).bytes), ['len']);
    const weight = decoded(bytes);
    weight.graph!.input.shift();
    weight.graph!.initializer.push(create(TensorProtoSchema, { name: 'mask', dims: [1n], dataType: Type.FLOAT }));
    assert.deepEqual(of(toBinary(ModelProtoSchema, weight)), [], 'the one input that is left is a weight');
  });
});
