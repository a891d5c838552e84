// Each reason for which a model cannot be served has a sentence of its own: what it is, and what is wanted instead.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, OperatorSetIdProtoSchema, TypeProtoSchema } from 'onnx-buf';
import type { ModelProto } from 'onnx-buf';
import { openModel } from '../fixtures.ts';
import { identity, linear, model, node, text, Type } from '../onnx.ts';

const changed = (bytes: Uint8Array, change: (whole: ModelProto) => void): Uint8Array => {
  const whole = fromBinary(ModelProtoSchema, bytes);
  change(whole);
  return toBinary(ModelProtoSchema, whole);
};
const one = (operator: string, type = Type.FLOAT, domain = ''): Uint8Array => model({
  inputs: [['x', type, ['N', 2]]], outputs: [['y', type, ['N', 2]]],
  nodes: [{ ...node(operator, ['x'], 'y'), domain }],
});

const element = create(TypeProtoSchema, { value: { case: 'tensorType', value: { elemType: Type.FLOAT } } });
const TYPES = {
  sequence: create(TypeProtoSchema, { value: { case: 'sequenceType', value: { elemType: element } } }),
  optional: create(TypeProtoSchema, { value: { case: 'optionalType', value: { elemType: element } } }),
};
const taking = (kind: keyof typeof TYPES, operator: string, type: typeof Type.INT64 | typeof Type.BOOL): Uint8Array =>
  changed(model({
    inputs: [['x', Type.FLOAT, []]], outputs: [['y', type, []]], nodes: [node(operator, ['x'], 'y')],
  }), (whole) => (whole.graph!.input[0]!.type = TYPES[kind]));
const giving = (kind: keyof typeof TYPES, operator: string): Uint8Array =>
  changed(one(operator), (whole) => (whole.graph!.output[0]!.type = TYPES[kind]));
const withOpset = (version: bigint): Uint8Array =>
  changed(linear(), (whole) => (whole.opsetImport[0]!.version = version));

const CASES: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
  'an optional input': [taking('optional', 'OptionalHasElement', Type.BOOL), /^input "x" may be absent .*always given/],
  'a sequence input': [taking('sequence', 'SequenceLength', Type.INT64), /^input "x" is a sequence, and requests/],
  'a sequence output that no rule opens': [
    giving('sequence', 'SplitToSequence'), /^output "y" is a sequence that no rule opens: .* zipmap=False/],
  'an optional output': [giving('optional', 'Optional'), /^output "y" may be absent .* always there/],
  bfloat16: [identity(Type.BFLOAT16, ['N', 2]), /^input "x" is bfloat16, which has no array.* wanted a cast inside/],
  complex: [identity(Type.COMPLEX64, ['N', 2]), /^input "x" is complex64.* wanted two real tensors/],
  float8: [identity(Type.FLOAT8E4M3FN, ['N', 2]), /^input "x" is float8e4m3fn, which has no array/],
  int4: [identity(Type.INT4, ['N', 2]), /^input "x" is int4, which has no array/],
  'text where there must be numbers': [one('Sin', Type.STRING), /^its operator Sin does not take text, and "x" is/],
  'a type that an operator does not take': [one('Sqrt', Type.INT16), /^its operator Sqrt does not take int16/],
  'a locale that the host does not have': [
    model({
      inputs: [['x', Type.STRING, ['N']]], outputs: [['y', Type.STRING, ['N']]],
      nodes: [node('StringNormalizer', ['x'], 'y', [
        text('case_change_action', 'LOWER'), text('locale', 'xx_XX.UTF-8'),
      ])],
    }),
    /^it changes the case of texts as the locale "xx_XX\.UTF-8" has it, which this host does not have; wanted/],
  'a custom operator': [
    changed(one('Bar', Type.FLOAT, 'com.foo'), (whole) =>
      whole.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'com.foo', version: 1n }))),
    /^it uses the operator "Bar" of "com\.foo", which this runtime does not have/],
  'a domain without a version': [one('Bar', Type.FLOAT, 'com.foo'), /^it uses operators of "com\.foo" and imports no/],
  'an unknown operator': [one('Bar'), /^it uses the operator "Bar", which version 17 of the operators does not have/],
  'a version of the operators that is too new': [
    withOpset(99n), /^it was exported for version 99 of the operators of ai\.onnx; this runtime knows them up to \d+:/],
  'a version of the operators that is too old': [withOpset(1n), /^the runtime has no implementation of Add \(as it is/],
  'no version of the operators': [
    changed(linear(), (whole) => (whole.opsetImport = [])), /^it does not say which version of the operators/],
  'a version of the format that is too new': [
    changed(linear(), (whole) => (whole.irVersion = 99n)), /^it is written in version 99 of the format \(ir_version\)/],
};

suite('what cannot be served', () => {
  for (const [what, [bytes, words]] of Object.entries(CASES)) {
    test(`is refused in its own words: ${what}`, async () => {
      await assert.rejects(openModel(bytes), (error: Error) => words.test(error.message) || assert.fail(error.message));
    });
  }

  test('is refused in the words of the runtime where nobody knows better', async () => {
    await assert.rejects(openModel(Uint8Array.of()), /ModelProto does not have a graph/);
  });
});
