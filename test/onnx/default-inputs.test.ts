// Inputs that a model has a value for.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { defaultInputsOf } from '../../src/onnx/default-inputs.ts';
import { modelFile } from '../worker/fixtures.ts';
import { heavy, linear, Type, valueInfo } from '../worker/onnx.ts';

const names = (bytes: Uint8Array): string[] => defaultInputsOf(modelFile(bytes), 1e9);

/** The model with its bias as an input, in a version of the format. */
function withDefault(formatVersion: bigint): Uint8Array {
  const whole = fromBinary(ModelProtoSchema, linear());
  whole.irVersion = formatVersion;
  whole.graph!.input.unshift(create(ValueInfoProtoSchema, valueInfo(['b', Type.FLOAT, [1]])));
  return toBinary(ModelProtoSchema, whole);
}

suite('defaultInputsOf', () => {
  test('names the inputs that have a value of their own', () => {
    assert.deepEqual(names(withDefault(8n)), ['b']);
    assert.deepEqual(names(linear()), []);
    assert.deepEqual(names(heavy(700)), []);
  });

  test('names none where the format wanted every initialiser to be an input', () => {
    assert.deepEqual(names(withDefault(3n)), []);
  });

  test('refuses what is no model', () => {
    assert.throws(() => names(Buffer.from('no model')), /wire type|middle of a field|longer than/);
  });
});
