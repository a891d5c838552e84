// The walk through a whole graph, where no single operator is what matters.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataType as Type } from 'onnx-buf';
import { followRows } from '../../../src/onnx/batch-axis/batch-axis.ts';
import { readModel } from '../../../src/onnx/graph.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { node, valueInfo } from '../../worker/onnx.ts';

const integers = (name: string, ...values: readonly number[]): ReturnType<typeof node> => ({
  opType: 'Constant', input: [], output: [name],
  attribute: [{ name: 'value_ints', type: Kind.INTS, ints: values.map(BigInt) }],
});
const order = (...axes: readonly number[]): object =>
  ({ name: 'perm', type: Kind.INTS, ints: axes.map(BigInt) });

/** `head` cuts the first columns off, as many as it is told; two calls of it, and the shape of one for the other. */
function callsOf(isBack: boolean): Uint8Array {
  const head = (end: string, makes: string): object =>
    ({ opType: 'head', domain: 'own', input: ['x', end], output: [makes] });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 20n }, { domain: 'own', version: 1n }],
    functions: [{
      name: 'head', domain: 'own', input: ['value', 'end'], output: ['cut'],
      opsetImport: [{ domain: '', version: 20n }],
      node: [integers('zero', 0), integers('one', 1), node('Slice', ['value', 'zero', 'end', 'one'], 'cut')],
    }],
    graph: {
      name: 'calls', input: [valueInfo(['x', Type.FLOAT, ['N', 'width', 4]])], output: [{ name: 'y' }],
      node: [
        integers('e1', 1), integers('e2', 2), head('e1', 'a'), head('e2', 'b'),
        { ...node('Transpose', ['b'], 'turned'), attribute: [order(1, 0, 2)] },
        node('Shape', ['a'], 'sizes'), integers('at', 1, 0), node('Gather', ['sizes', 'at'], 'start'),
        integers('rest', -1),
        { ...node('Concat', ['start', 'rest'], 'wanted'), attribute: [{ name: 'axis', type: Kind.INT, i: 0n }] },
        node('Reshape', ['turned', 'wanted'], 'again'),
        { ...node('Transpose', [isBack ? 'again' : 'turned'], 'y'), attribute: [order(1, 0, 2)] },
      ],
    },
  }));
}

const said = (bytes: Uint8Array): string[] =>
  followRows(readModel(ByteSource.ofBytes(bytes)), new Set(['x'])).map(({ rows }) => rows);

suite('the walk through a graph', () => {
  test('follows rows through calls of a function that the file brings along', () => {
    assert.deepEqual(said(callsOf(false)), ['kept']);
  });

  test('takes no size for another one that has its name in another call', () => {
    assert.deepEqual(said(callsOf(true)), ['unknown']);
  });
});
