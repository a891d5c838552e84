// The table of operators against the list of all that ONNX has, and against what the runtime does to rows.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import '../../../src/base/telemetry-off.ts';
import { packageRoot } from '../../../src/base/package-root.ts';
import { followRows } from '../../../src/onnx/batch-axis/batch-axis.ts';
import { hasRows, rowsAlong, sameForAll } from '../../../src/onnx/batch-axis/flow.ts';
import type { Rule } from '../../../src/onnx/batch-axis/node-view.ts';
import { ROWS_MAX } from '../../../src/onnx/batch-axis/sizes.ts';
import { ROWS_LIMIT } from '../../../src/options/options.ts';
import { OPERATORS } from '../../../src/onnx/batch-axis/operators.ts';
import type { OperatorTable } from '../../../src/onnx/batch-axis/operators.ts';
import { readModel } from '../../../src/onnx/graph.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { f } from './cases.ts';
import type { OperatorCase } from './cases.ts';
import { COMPUTED_SHAPE_CASES, RECKONED } from './computed-shape-cases.ts';
import { ELEMENT_CASES } from './element-cases.ts';
import { LAYER_CASES } from './layer-cases.ts';
import { measure, oneOperatorModel } from './one-operator.ts';
import type { Measured, OneOperator, Turned } from './one-operator.ts';

const CASES: Readonly<Record<string, Readonly<Record<string, readonly OperatorCase[]>>>> = {
  ...LAYER_CASES, '': { ...ELEMENT_CASES, ...LAYER_CASES[''] },
};
const casesOf = (domain: string, operator: string): readonly OperatorCase[] =>
  [...(CASES[domain]?.[operator] ?? []), ...(domain === '' ? COMPUTED_SHAPE_CASES[operator] ?? [] : [])];
const listed = JSON.parse(readFileSync(join(packageRoot(), 'test', 'onnx', 'batch-axis', 'operators.json'), 'utf8')) as
  Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** Operators whose values are no tensors, so that no case can show them. */
const UNSHOWN = [
  'ConcatFromSequence', 'Optional', 'OptionalGetElement', 'OptionalHasElement', 'SequenceAt', 'SequenceConstruct',
  'SequenceEmpty', 'SequenceErase', 'SequenceInsert', 'SequenceLength', 'SequenceMap', 'SplitToSequence', 'CastMap',
  'DictVectorizer', 'ZipMap',
];
/** What the runtime has no implementation of, or only one for files that a test cannot make. */
const UNSERVED = ['CausalConvWithState', 'LinearAttention', 'SwiGLU', 'ImageDecoder'];
/** One element at a time, or nothing but shapes that are known: there is no input that they could mix. */
const CANNOT_MIX = [
  'Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Binarizer', 'BitCast', 'BitwiseNot', 'Cast', 'CastLike',
  'CategoryMapper', 'Ceil', 'Celu', 'Clip', 'Constant', 'Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'FastGelu', 'Floor', 'Gelu',
  'HardSigmoid', 'HardSwish', 'Identity', 'IsInf', 'IsNaN', 'LabelEncoder', 'LeakyRelu', 'Log', 'Mish', 'Neg', 'Not',
  'OneHotEncoder', 'QLinearLeakyRelu', 'QLinearSigmoid', 'QuickGelu', 'Reciprocal', 'RegexFullMatch', 'Relu', 'Round',
  'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softplus', 'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh',
  'ThresholdedRelu', 'Transpose', 'Unsqueeze', 'BiasGelu',
];

function derived(one: OneOperator, turned: Turned | null, table: OperatorTable): string[] {
  const model = readModel(ByteSource.ofBytes(oneOperatorModel(one, turned)));
  return followRows(model, new Set(model.graph.inputs.map(({ name }) => name)), table).map(({ rows }) => rows);
}

/** What the table says of each output: the axes on which it has its rows, or that it is always the same. */
function said(one: OneOperator, { outputs }: Measured, table: OperatorTable): { axes: number[]; isSame: boolean }[] {
  const plain = derived(one, null, table);
  return outputs.map(({ rank }, output) => ({
    isSame: plain[output] === 'none',
    axes: Array.from({ length: Math.max(1, rank) }, (_, axis) => axis).filter((axis) =>
      (axis === 0 ? plain[output] : derived(one, { output, axis, rank }, table)[0]) === 'kept'),
  }));
}

/** Where the table says more than the runtime shows; nothing when it keeps to the truth. */
const untruths = (one: OneOperator, measured: Measured, table: OperatorTable): string[] =>
  said(one, measured, table).flatMap(({ axes, isSame }, output) => {
    const { apart } = measured.outputs[output]!;
    const found = axes.filter((axis) => !apart.includes(axis)).map((axis) =>
      `output ${output} has rows on axis ${axis}`);
    return isSame && !measured.isSteady ? [...found, `output ${output} is always the same`] : found;
  });

const entries = Object.entries(OPERATORS).flatMap(([domain, operators]) =>
  Object.keys(operators).map((operator) => ({ domain, operator, cases: casesOf(domain, operator) })));

/** As if nothing happened to the rows. */
const keeps: Rule = (view) => {
  const rows = view.inputs.find((flow) => flow !== null && hasRows(flow));
  const flow = rows === undefined || rows === null ? sameForAll(null) : rowsAlong(rows.axis, rows.shape!, rows);
  return view.node.outputs.map(() => flow);
};

suite('the table of operators', () => {
  test('takes an end for one behind all rows only where no request may have as many', () => {
    assert.ok(ROWS_LIMIT <= ROWS_MAX);
  });

  test('has every operator of ONNX and of its classical models, and no others', () => {
    for (const domain of ['', 'ai.onnx.ml']) {
      const extra = domain === '' ? ['SimplifiedLayerNormalization'] : [];
      assert.deepEqual(
        Object.keys(OPERATORS[domain]!).sort(), [...Object.keys(listed[domain]!), ...extra].sort(), domain);
    }
  });

  test('has a case for each, and for each that could mix rows one in which the runtime does', () => {
    for (const { operator, cases } of entries) {
      const isShown = cases.length > 0 || operator === 'Constant';
      assert.notEqual(isShown, [...UNSHOWN, ...UNSERVED].includes(operator), operator);
      const isMixing = cases.some(({ expected }) => expected === 'mixed');
      assert.equal(isMixing, isShown && !CANNOT_MIX.includes(operator), operator);
    }
  });

  test('follows no rows through what no case can show', () => {
    for (const { domain, operator } of entries.filter(({ operator: one }) => [...UNSHOWN, ...UNSERVED].includes(one))) {
      const inputs = [f('N', 4), f('N', 4)];
      const one = { operator, domain, inputs, before: [], takes: null, attributes: {}, opset: 20, outputs: 1, rows: 3 };
      assert.deepEqual(derived(one, null, OPERATORS), ['unknown'], operator);
    }
  });

  for (const [operator, cases] of Object.entries(RECKONED)) {
    test(`${operator}: nothing is said of rows behind a size that is reckoned from their number`, async () => {
      for (const one of cases) {
        const whole = { ...one, domain: '', operator };
        const { outputs: [{ apart } = { apart: [] }] } = await measure(whole);
        assert.equal(apart.length > 0, one.expected === 'apart');
        assert.ok(derived(whole, null, OPERATORS).every((rows) => rows === 'counted' || rows === 'unknown'));
      }
    });
  }

  for (const { domain, operator, cases } of entries) {
    const name = domain === '' ? operator : `${domain} ${operator}`;
    cases.forEach((one, at) => {
      test(`${name}, case ${at + 1}: rows are ${one.expected}, as the runtime has them`, async () => {
        const whole = { ...one, domain, operator };
        const measured = await measure(whole);
        assert.deepEqual(untruths(whole, measured, OPERATORS), [], JSON.stringify(measured));
        const isApart = measured.isSteady && measured.outputs.every(({ apart }) => apart.length > 0);
        assert.equal(isApart, one.expected === 'apart', JSON.stringify(measured));
        if (isApart) assert.ok(said(whole, measured, OPERATORS)[0]!.axes.length > 0, 'the table does not say so');
        else {
          const flipped = { ...OPERATORS, [domain]: { ...OPERATORS[domain], [operator]: keeps } };
          assert.notDeepEqual(untruths(whole, measured, flipped), [], 'nothing would tell if the table kept the rows');
        }
      });
    });
  }
});
