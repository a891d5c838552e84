// What the rules make of models as they are exported, and which models they leave alone.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType, AttributeProtoSchema, ModelProtoSchema, NodeProtoSchema, ValueInfoProtoSchema,
} from 'onnx-buf';
import type { ModelProto, NodeProto } from 'onnx-buf';
import { derive, knownRules } from '../../../src/onnx/derive/derive.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { randomOf } from '../../shared-memory/seeded.ts';
import { linear, valueInfo, Type } from '../../worker/onnx.ts';
import { EXPORTED, exported } from '../exported.ts';

interface Derived {
  readonly rules: readonly string[];
  readonly labels: Readonly<Record<string, readonly (string | number)[]>>;
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
  readonly model: ModelProto;
}

function derived(bytes: Uint8Array, rules?: readonly string[]): Derived | null {
  const made = derive(ByteSource.ofBytes(bytes), rules);
  if (made === null) return null;
  const parts = made.pieces.map((piece) =>
    (piece instanceof Uint8Array ? piece : bytes.subarray(piece.from, piece.to)));
  const whole = Buffer.concat(parts);
  return { ...made, bytes: whole, model: fromBinary(ModelProtoSchema, whole) };
}

/** The model with a change to its decoded form. */
function changed(name: string, change: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, exported(name).bytes);
  change(model);
  return toBinary(ModelProtoSchema, model);
}
const nodeOf = (model: ModelProto, operator: string): NodeProto =>
  model.graph!.node.find(({ opType }) => opType === operator)!;

const RULES: Readonly<Record<string, readonly string[] | null>> = {
  'sklearn-zipmap-int': ['open-zipmap/1'], 'sklearn-zipmap-text': ['open-zipmap/1'],
  'sklearn-forest-zipmap': ['open-zipmap/1'], 'sklearn-multioutput': ['open-sequence/2'], 'sklearn-columns': null,
  'lightgbm-zipmap': ['open-zipmap/1', 'open-label/1'], 'lightgbm-binary-zipmap': ['open-zipmap/1', 'open-label/1'],
  'lightgbm-plain': ['open-label/1'], xgboost: null, 'catboost-zipmap': ['open-zipmap/1'],
  'catboost-text-zipmap': ['open-zipmap/1'], 'catboost-binary-zipmap': ['open-zipmap/1'],
};

/** The linear model with inputs that have a value of their own: its bias, and as many further ones as are said. */
function withDefaults(change: { irVersion?: bigint; more?: number; shape?: (number | string)[] } = {}): Uint8Array {
  const { irVersion = 8n, more = 0, shape = [1] } = change;
  const model = fromBinary(ModelProtoSchema, linear());
  model.irVersion = irVersion;
  const { initializer, input } = model.graph!;
  const bias = initializer.find(({ name }) => name === 'b')!;
  const extra = Array.from({ length: more }, (_, at) => `more${at}`);
  initializer.push(...extra.map((name) => ({ ...bias, name })));
  for (const name of ['b', ...extra]) input.unshift(create(ValueInfoProtoSchema, valueInfo([name, Type.FLOAT, shape])));
  return toBinary(ModelProtoSchema, model);
}

suite('derive', () => {
  test('takes the value of an input that may be left out from the file, and leaves lists of weights alone', () => {
    const made = derived(withDefaults())!;
    assert.deepEqual(made.rules, ['open-default/1']);
    assert.deepEqual(made.defaults, { b: { shape: [1], data: [0.5] } });
    assert.deepEqual(made.model.graph!.initializer.map(({ name }) => name).includes('b'), false);
    assert.deepEqual(made.model.graph!.input.map(({ name }) => name), ['b', 'x']);
    assert.equal(derived(withDefaults({ more: 7 }))?.model.graph!.input.length, 9);
    for (const left of [{ more: 8 }, { irVersion: 3n }, { shape: ['n'] }, { shape: [2] }]) {
      assert.equal(derived(withDefaults(left)), null, JSON.stringify(Object.keys(left)));
    }
  });

  test('opens what libraries export, keeps the names of classes, and leaves plain models alone', () => {
    assert.deepEqual(Object.keys(RULES).sort(), EXPORTED.map(({ name }) => name).sort());
    for (const { name, bytes, labels, outputs } of EXPORTED) {
      const made = derived(bytes);
      assert.deepEqual(made?.rules ?? null, RULES[name], name);
      if (made === null) continue;
      assert.deepEqual(made.labels, labels, name);
      assert.deepEqual(made.model.graph!.output.map((output) => output.name), Object.keys(outputs), name);
      assert.ok(made.model.graph!.output.every(({ type }) => type?.value.case === 'tensorType'), name);
    }
    assert.equal(derived(linear()), null);
  });

  test('copies everything else byte for byte, and makes the same file every time', () => {
    const { bytes } = exported('lightgbm-zipmap');
    const [before, { model: after, bytes: whole }] = [fromBinary(ModelProtoSchema, bytes), derived(bytes)!];
    const others = (model: ModelProto): ModelProto['graph'] => ({
      ...model.graph!, output: [], node: model.graph!.node.filter(({ opType, output }) =>
        opType !== 'ZipMap' && output[0] !== 'probabilities'),
    });
    assert.deepEqual(others(after), others(before));
    assert.deepEqual({ ...after, graph: undefined }, { ...before, graph: undefined });
    assert.deepEqual(derived(bytes, ['open-zipmap/1', 'open-label/1'])!.bytes, whole);
    assert.equal(derived(whole), null, 'there is nothing left to do');
  });

  test('gives the opened output the rows of the first input, by name, by number, or open', () => {
    const rows = (name: string): unknown => {
      const { type } = derived(exported(name).bytes)!.model.graph!.output.at(-1)!;
      const { shape } = type!.value.value as { shape: { dim: { value: unknown }[] } };
      return shape.dim.map(({ value }) => value);
    };
    assert.deepEqual(rows('catboost-zipmap'), [{ case: 'dimParam', value: 'N' }, { case: 'dimValue', value: 3n }]);
    assert.deepEqual(rows('sklearn-zipmap-int'), [{ case: undefined }, { case: 'dimValue', value: 3n }]);
  });

  test('declares a score for each class of text, however many there are, and less only for an earlier version', () => {
    const bytes = changed('sklearn-multioutput', (model) => {
      const labels = nodeOf(model, 'LinearClassifier').attribute.find(({ name }) => name.startsWith('classlabels'))!;
      Object.assign(labels, {
        name: 'classlabels_strings', type: AttributeProto_AttributeType.STRINGS, ints: [],
        strings: Array.from({ length: 300 }, (_, at) => Buffer.from(`class ${at}`)),
      });
    });
    const scores = (rules?: readonly string[]): unknown => {
      const output = derived(bytes, rules)!.model.graph!.output.find(({ name }) => name === 'probabilities_0')!;
      return (output.type!.value.value as { shape: { dim: { value: unknown }[] } }).shape.dim[1]!.value;
    };
    assert.deepEqual(scores(), { case: 'dimValue', value: 300n });
    assert.deepEqual(scores(['open-sequence/1']), { case: 'dimValue', value: 257n });
  });

  test('leaves a map or a list alone that anything else reads, or that is answered twice', () => {
    const cases = [['sklearn-zipmap-int', 'ZipMap'], ['sklearn-multioutput', 'SequenceConstruct']] as const;
    for (const [name, operator] of cases) {
      const reader = (model: ModelProto): NodeProto =>
        create(NodeProtoSchema, { opType: 'Identity', input: [...nodeOf(model, operator).output], output: ['n'] });
      assert.equal(derived(changed(name, (model) => model.graph!.node.push(reader(model)))), null);
      assert.equal(derived(changed(name, (model) => {
        const body = create(AttributeProtoSchema, {
          name: 'body', type: AttributeProto_AttributeType.GRAPH, g: { name: 'inner', node: [reader(model)] },
        });
        model.graph!.node.push(create(NodeProtoSchema, { opType: 'Loop', output: ['m'], attribute: [body] }));
      })), null, 'inside of a loop');
      assert.equal(derived(changed(name, (model) => model.graph!.output.push(model.graph!.output.at(-1)!))), null);
    }
  });

  test('leaves alone what only looks like one: another domain, no names, a taken name', () => {
    assert.equal(derived(changed('sklearn-zipmap-int', (model) => (nodeOf(model, 'ZipMap').domain = 'mine'))), null);
    assert.equal(derived(changed('sklearn-zipmap-int', (model) => (nodeOf(model, 'ZipMap').attribute = []))), null);
    assert.equal(derived(changed('sklearn-multioutput', (model) =>
      (nodeOf(model, 'Concat').output = ['probabilities_1']))), null);
    assert.equal(derived(changed('lightgbm-plain', (model) => (nodeOf(model, 'Cast').opType = 'Abs'))), null);
    assert.equal(derived(changed('lightgbm-plain', (model) =>
      (model.graph!.input[0] = create(ValueInfoProtoSchema, valueInfo(['in', Type.FLOAT, [1, 4]]))))),
    null, 'one row it is');
  });

  test('keeps integers that JavaScript does not have as their digits, packed or not', () => {
    const [large, small] = [2n ** 53n + 1n, -7n];
    const bytes = changed('sklearn-zipmap-int', (model) => {
      nodeOf(model, 'ZipMap').attribute.find(({ name }) => name === 'classlabels_int64s')!.ints = [large, small];
    });
    assert.equal(derived(bytes)!.labels['output_probability']![1], String(small));
  });

  test('refuses rules of other builds, by name, and knows its own', () => {
    const { bytes } = exported('sklearn-zipmap-int');
    assert.throws(() => derived(bytes, ['open-zipmap/2']), /rule "open-zipmap\/2" is not known to this build; known/);
    assert.throws(() => derived(bytes, ['toString']), /not known/);
    assert.deepEqual(knownRules, ['open-zipmap/1', 'open-sequence/2', 'open-label/1', 'open-default/1',
      'fix-dimensions/1', 'open-sequence/1']);
  });

  test('comes to an end with whatever it is given', () => {
    const random = randomOf(11);
    for (const { bytes } of EXPORTED) {
      for (let round = 0; round < 200; round += 1) {
        const damaged = Buffer.from(bytes);
        for (let count = 0; count < 4; count += 1) {
          damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
        }
        try {
          derive(ByteSource.ofBytes(damaged));
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
        }
      }
    }
    // A value that is made of itself.
    assert.equal(derived(changed('lightgbm-plain', (model) => (nodeOf(model, 'Cast').input = ['label']))), null);
  });
});
