// Which models are stacked: every kind that mixes its rows is found, every one that keeps them apart stays stacked.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { packageRoot } from '../../../src/base/package-root.ts';
import type { GoldenCase, StackingDecision } from '../../../src/domain/records.ts';
import { rowsOfInputs } from '../../../src/worker/session/golden.ts';
import { graphRows } from '../../../src/worker/session/graph-rows.ts';
import { HALF, QUANTISED, SINGLE } from '../../../src/worker/session/row-agreement.ts';
import { Probe } from '../../../src/worker/session/stack-probe.ts';
import { madeUpInputs } from '../../../src/worker/session/made-up-rows.ts';
import { Session } from '../../../src/worker/session/session.ts';
import { answersToNaN } from '../../../src/worker/session/nan-probe.ts';
import { decideStacking } from '../../../src/worker/session/stacking-decision.ts';
import type { Boldness } from '../../../src/worker/session/stack-probe.ts';
import { modelFile } from '../fixtures.ts';
import {
  faintMean, fixedSoftmax, quantised, roundedByLargest, runningSum, sequenceFirst, sharesOfRows,
} from '../mixers.ts';
import {
  Type, batchMean, classes, fixedBatch, floats, identity, integer, linear, logarithm, lookup, model, node, ofWidth,
  twoAnswers, twoInputs,
} from '../onnx.ts';

async function decide(path: string, boldness: Boldness): Promise<StackingDecision> {
  const session = await Session.open({ path, intraOpThreads: 1, rowsMax: 64 });
  try {
    return await decideStacking(session, { path, kind: 'onnx' }, { boldness });
  } finally {
    await session.release();
  }
}

/** The sums of blocks of so many columns, of which there are any number. */
const blocks = (columns: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 'width']]],
  outputs: [['y', Type.FLOAT, ['N', 'blocks']]],
  nodes: [
    node('Reshape', ['x', 'shape'], 'parts'), node('ReduceSum', ['parts', 'last'], 'y', [integer('keepdims', 0)]),
  ],
  constants: [['shape', 0, -1, columns] as const, ['last', 2] as const].map(([name, ...values]) => ({
    name, dims: [BigInt(values.length)], dataType: Type.INT64,
    rawData: new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer),
  })),
});

/** y = x * gain, where the gain has no batch axis. */
const gained = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]], ['gain', Type.FLOAT, []]],
  outputs: [['y', Type.FLOAT, ['N', 2]]],
  nodes: [node('Mul', ['x', 'gain'], 'y')],
});

/** Softmax over rows of halves. */
const halves = (axis: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT16, ['N', 3]]],
  outputs: [['y', Type.FLOAT16, ['N', 3]]],
  nodes: [node('Softmax', ['x'], 'y', [integer('axis', axis)])],
});

/** The running sum of integers, over rows or over columns. */
const sums = (axis: number): Uint8Array => model({
  inputs: [['x', Type.INT64, ['N', 3]]],
  outputs: [['y', Type.INT64, ['N', 3]]],
  nodes: [node('CumSum', ['x', 'axis'], 'y')],
  constants: [{
    name: 'axis', dims: [], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(BigInt(axis)).buffer),
  }],
});

/** y = x + 1e9 where the sum of all rows is above that. */
const mixingFarOut = (): { readonly bytes: Uint8Array; readonly golden: GoldenCase['inputs'] } => ({
  bytes: model({
    inputs: [['x', Type.FLOAT, ['N', 1]]],
    outputs: [['y', Type.FLOAT, ['N', 1]]],
    nodes: [
      node('ReduceSum', ['x'], 'sum', [integer('keepdims', 0)]), node('Greater', ['sum', 'far'], 'over'),
      node('Cast', ['over'], 'one', [integer('to', Type.FLOAT)]), node('Mul', ['one', 'far'], 'more'),
      node('Add', ['x', 'more'], 'y'),
    ],
    constants: [floats('far', [1], [1e9])],
  }),
  golden: { x: { shape: [3, 1], data: [4e8, 5e8, 6e8] } },
});

/** y = x, and in runs of so many rows the sum of them all more. */
const mixingAt = (rows: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [
    node('Shape', ['x'], 'count', [integer('end', 1)]), node('Equal', ['count', 'odd'], 'isOdd'),
    node('ReduceSum', ['x'], 'sum', [integer('keepdims', 0)]), node('Where', ['isOdd', 'sum', 'nothing'], 'more'),
    node('Add', ['x', 'more'], 'y'),
  ],
  constants: [{
    name: 'odd', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(BigInt(rows)).buffer),
  }, floats('nothing', [1], [0])],
});

/** To steps of a tenth and back. */
const steps = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['y', Type.FLOAT, ['N', 3]]],
  nodes: [node('QuantizeLinear', ['x', 'scale'], 'q'), node('DequantizeLinear', ['q', 'scale'], 'y')],
  constants: [floats('scale', [], [0.1])],
});

const MIXING: Readonly<Record<string, Uint8Array>> = {
  'a running sum over the first dimension': runningSum(), 'an LSTM over the first dimension': sequenceFirst(),
  'a softmax over the rows': sharesOfRows(), 'a softmax over four rows': fixedSoftmax(0),
  'a mean over all rows': batchMean(), 'a trace of a mean': faintMean(), 'halves': halves(0), 'integers': sums(0),
  ...Object.fromEntries([1, 2, 7, 8, 9, 40].map((columns) =>
    [`a scale of the whole tensor, ${columns} columns`, roundedByLargest(columns)])),
};
const KEEPING: Readonly<Record<string, Uint8Array>> = {
  'a linear layer': linear(), 'a linear layer of four rows': fixedBatch(), 'a softmax over classes': classes(),
  'a softmax over classes of four rows': fixedSoftmax(1), 'a short table': lookup(), 'logarithms': logarithm(),
  'two outputs': twoAnswers(), 'two inputs': twoInputs(), 'texts': identity(Type.STRING, ['N', 2]),
  'truths': identity(Type.BOOL, ['N']), 'open sizes': identity(Type.FLOAT, ['N', 'D']), 'one shared input': gained(),
  'halves': halves(1), 'integers': sums(1),
};

suite('decideStacking', () => {
  for (const boldness of ['bold', 'tame'] as const) {
    test(`finds each way to mix rows with ${boldness} rows`, async () => {
      for (const [what, bytes] of Object.entries(MIXING)) {
        assert.equal((await decide(modelFile(bytes), boldness)).mode, 'none', what);
      }
    });

    test(`leaves models alone that keep their rows apart, with ${boldness} rows`, async () => {
      for (const [what, bytes] of Object.entries(KEEPING)) {
        const { mode, reason } = await decide(modelFile(bytes), boldness);
        assert.equal(mode, 'rows', `${what}: ${reason}`);
      }
    });
  }

  test('has two witnesses, each of which finds by itself what mixes rows', async () => {
    for (const [what, bytes] of Object.entries({ ...MIXING, 'a scale of its own': quantised(10) })) {
      const path = modelFile(bytes);
      const session = await Session.open({ path, intraOpThreads: 1, rowsMax: 64 });
      const { outputs, arithmetic } = graphRows({ path, kind: 'onnx' }, session.signature, [true]);
      assert.equal(outputs[0]!.rows, 'unknown', `the graph of ${what}`);
      const options = { shape: { hasRows: [true], openSize: 2 }, distanceMax: arithmetic.most, isEverySize: false };
      assert.notEqual((await new Probe(session, options).make('bold')).mixing, null, `made-up rows: ${what}`);
      await session.release();
    }
  });

  test('finds in rows that came with a version what made-up ones do not show', async () => {
    // Mixes only what is larger than any made-up row, but is asked about in earnest.
    const { golden, bytes } = mixingFarOut();
    const session = await Session.open({ path: modelFile(bytes), intraOpThreads: 1, rowsMax: 64 });
    const options = { shape: { hasRows: [true], openSize: 2 }, distanceMax: 2 ** -10, isEverySize: false };
    assert.equal((await new Probe(session, options).make('tame')).mixing, null);
    const rows = rowsOfInputs([golden], session);
    assert.equal(rows.length, 3);
    assert.match(await new Probe(session, options).compare(rows) ?? '', /"y" of a row that came with it differs/);
    await session.release();
  });

  test('finds what mixes rows in runs of one number of them alone, where every number is tried', async () => {
    for (const rows of [6, 37, 64]) {
      const session = await Session.open({ path: modelFile(mixingAt(rows)), intraOpThreads: 1, rowsMax: 1_024 });
      const options = { shape: { hasRows: [true], openSize: 2 }, distanceMax: SINGLE.most };
      assert.match((await new Probe(session, { ...options, isEverySize: true }).make('bold')).mixing ?? '',
        new RegExp(`differs between a run of its own and one of ${rows} rows`));
      const { mixing } = await new Probe(session, { ...options, isEverySize: true, rowsMax: 5 }).make('bold');
      assert.equal(mixing, null, 'larger runs were left out');
      await session.release();
    }
  });

  test('runs a model once for each number of rows, and no row alone for each of them', async () => {
    const session = await Session.open({ path: modelFile(linear()), intraOpThreads: 1, rowsMax: 1_024 });
    let runs = 0;
    const runWhole = session.runWhole.bind(session);
    session.runWhole = (...args) => {
      runs += 1;
      return runWhole(...args);
    };
    const options = { shape: { hasRows: [true], openSize: 2 }, distanceMax: SINGLE.most, isEverySize: true };
    assert.deepEqual(await new Probe(session, options).make('bold'), { mixing: null, refusal: null });
    assert.ok(runs > 64 && runs < 128, `${runs} runs`);
    await session.release();
  });

  test('does not stack a model without a graph to follow', async () => {
    const path = modelFile(linear());
    const session = await Session.open({ path, intraOpThreads: 1, rowsMax: 64 });
    const { mode, reason } = await decideStacking(session, { path, kind: 'ort' }, { boldness: 'bold' });
    assert.deepEqual([mode, reason], ['none', 'output "y": its format has no graph that could be followed']);
    await session.release();
  });

  test('finds a size that a model of blocks takes', async () => {
    for (const boldness of ['bold', 'tame'] as const) {
      const { mode, reason } = await decide(modelFile(blocks(32)), boldness);
      assert.equal(mode, 'rows', reason);
    }
  });

  test('finds in the trial also the odd size that alone is taken, as a multiple or for itself', async () => {
    for (const [what, bytes] of Object.entries({ 'of 3': blocks(3), 'of 28': blocks(28), '7 alone': ofWidth(7) })) {
      const { mode, reason } = await decide(modelFile(bytes), 'bold');
      assert.equal(mode, 'rows', `${what}: ${reason}`);
      // A process that serves asks nothing that nobody asked.
      assert.match((await decide(modelFile(bytes), 'tame')).reason, /^it refused every made-up row: /, what);
    }
  });

  test('asks with that size also what the model makes of missing numbers', async () => {
    for (const width of [1, 7, 28]) {
      const session = await Session.open({ path: modelFile(ofWidth(width)), intraOpThreads: 1, rowsMax: 64 });
      assert.equal(await answersToNaN(session), 'not finite', String(width));
      await session.release();
    }
  });

  test('takes the sizes of rows that came with a version where no made-up size is taken', async () => {
    const path = modelFile(ofWidth(997));
    const session = await Session.open({ path, intraOpThreads: 1, rowsMax: 64 });
    const given = { x: { shape: [2, 997], data: Array.from({ length: 2 * 997 }, (_, at) => at / 997) } };
    const known = rowsOfInputs([given], session);
    const decision = (rows: typeof known): Promise<StackingDecision> =>
      decideStacking(session, { path, kind: 'onnx' }, { boldness: 'bold', known: rows });
    assert.match((await decision([])).reason, /^it refused every made-up row: /);
    const { mode, reason } = await decision(known);
    assert.equal(mode, 'rows', reason);
    await session.release();
  });

  test('says how far answers may be apart, by the arithmetic of the model', async () => {
    const toleranceOf = async (bytes: Uint8Array): Promise<number> =>
      (await decide(modelFile(bytes), 'bold')).tolerance ?? NaN;
    assert.equal(await toleranceOf(linear()), SINGLE.least);
    assert.equal(await toleranceOf(halves(1)), HALF.least);
    assert.equal(await toleranceOf(steps()), QUANTISED.least);
  });

  test('keeps every demo model stacked but those that are slow on purpose', async () => {
    for (const name of ['breast-cancer', 'digits', 'housing']) {
      const folder = join(packageRoot(), 'models', name);
      for (const file of readdirSync(folder).filter((one) => one.endsWith('.onnx') && one !== 'slow.onnx')) {
        const { mode, reason } = await decide(join(folder, file), 'bold');
        assert.equal(mode, 'rows', `${name}/${file}: ${reason}`);
      }
    }
  });

  test('never stacks a model that is quantised as it runs, and names the operator', async () => {
    const why = 'output "y": DynamicQuantizeLinear "quantise": it takes one scale from all rows of a run';
    for (const columns of [1, 8, 10]) {
      const { mode, reason } = await decide(modelFile(quantised(columns)), 'bold');
      assert.deepEqual([mode, reason], ['none', why]);
    }
  });

  test('says why of models that have no rows to stack', async () => {
    const models = [
      identity(Type.FLOAT, [3]), identity(Type.FLOAT, [1, 3]), identity(Type.FLOAT, ['N', 1 << 20]), batchMean(),
    ];
    const reasons: string[] = [];
    for (const bytes of models) reasons.push((await decide(modelFile(bytes), 'bold')).reason);
    assert.deepEqual(reasons, [
      'no input has an open first dimension', 'its inputs have room for one row',
      'two of its rows are more than one run takes', 'output "y": ReduceMean "y": it makes one out of all rows',
    ]);
  });
});

suite('made-up rows', () => {
  test('no two are the same set of values, and they differ in size by orders of magnitude and in sign', () => {
    for (const columns of [1, 2, 7, 8, 9, 64]) {
      const signature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, columns] }], outputs: [] } as const;
      const rows = Array.from({ length: 7 }, (_, number) => {
        const [input] = madeUpInputs(signature, { hasRows: [true], openSize: 2 }, [{ number }], {
          floats: 'wide', integers: 'wide',
        });
        return Array.from(input!.data as Float32Array).sort((a, b) => a - b);
      });
      assert.equal(new Set(rows.map(String)).size, rows.length);
      const sizes = rows.map((row) => Math.max(...row.map(Math.abs)));
      assert.ok(Math.max(...sizes) / Math.min(...sizes) > 1e5, `${columns} columns`);
      assert.deepEqual([...new Set(rows.flat().map(Math.sign))].sort(), [-1, 1], `${columns} columns`);
    }
  });
});
