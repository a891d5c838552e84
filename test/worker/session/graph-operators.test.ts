// The operators of a file, wherever in it they stand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FunctionProtoSchema, ModelProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { operatorsOf } from '../../../src/worker/session/graph-operators.ts';
import { modelFile } from '../fixtures.ts';
import { endless } from '../hostile-onnx.ts';
import { quantised } from '../mixers.ts';
import { heavy, linear } from '../onnx.ts';

const operators = (bytes: Uint8Array): string[] => [...operatorsOf(modelFile(bytes))].sort();

suite('operatorsOf', () => {
  test('reads the nodes of the graph', () => {
    assert.deepEqual(operators(linear()), ['Add', 'MatMul']);
    assert.deepEqual(operators(quantised()), ['Cast', 'DynamicQuantizeLinear', 'MatMulInteger', 'Mul']);
  });

  test('reads the nodes inside of a loop', () => {
    assert.ok(operators(endless()).includes('Neg'), 'it stands in the body alone');
  });

  test('reads the nodes of local functions', () => {
    const file = fromBinary(ModelProtoSchema, linear());
    file.functions.push(create(FunctionProtoSchema, {
      name: 'inner', domain: 'local', node: [create(NodeProtoSchema, { opType: 'DynamicQuantizeLinear' })],
    }));
    assert.deepEqual(operators(toBinary(ModelProtoSchema, file)), ['Add', 'DynamicQuantizeLinear', 'MatMul']);
  });

  test('steps over weights of any size', () => {
    assert.deepEqual(operators(heavy(700)), ['Add', 'MatMul', 'ReduceSum']);
  });

  test('refuses what is no protobuf, and what ends too early', () => {
    assert.throws(() => operators(Buffer.from('not a model')), /no protobuf|longer than|ends in the middle/);
    assert.throws(() => operators(linear().slice(0, -20)), /longer than the message around it/);
    assert.throws(() => operators(Uint8Array.of(0x3a, 0xff)), /ends in the middle/);
    assert.deepEqual(operators(Uint8Array.of()), []);
  });
});
