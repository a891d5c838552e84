// Sessions on real models: signatures, batch axes, runs that divide, warm-up, release, golden cases.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { compareGolden } from '../../../src/worker/session/golden.ts';
import type { InputSource } from '../../../src/domain/row-batch.ts';
import type { RunBlock } from '../../../src/domain/run-block.ts';
import { openModel } from '../fixtures.ts';
import {
  Type, batchMean, classes, fixedBatch, floats, identity, integer, linear, lookup, model, node,
} from '../onnx.ts';

const rowsOf = (elements: number, values: readonly number[]): InputSource[] =>
  [{ data: Float32Array.from(values), shape: [elements], elements }];

const numbersOf = (blocks: readonly RunBlock[]): number[] =>
  blocks.flatMap(({ rows, outputs: [output] }) =>
    Array.from(output!.data as Float32Array).slice(0, rows * output!.rowElements));

suite('Session', () => {
  test('open reads the signature with -1 for symbolic dimensions', async () => {
    const session = await openModel(linear());
    assert.deepEqual(session.signature, {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    });
    await session.release();
  });

  test('open refuses bfloat16, naming the type', async () => {
    await assert.rejects(openModel(identity(Type.BFLOAT16, ['N', 2])), /bfloat16/);
  });

  test('run stacks rows and divides them at the largest batch', async () => {
    const session = await openModel(linear(), 2);
    const { blocks, runMs } = await session.run(rowsOf(3, [1, 0, 0, 2, 0, 0, 3, 1, 0, 4, 0, 1, 5, 0, 0]), 1, 4);
    assert.deepEqual(blocks.map(({ firstRow, rows }) => [firstRow, rows]), [[1, 2], [3, 2]]);
    assert.deepEqual(numbersOf(blocks), [2.5, 13.5, 104.5, 5.5]);
    assert.ok(runMs > 0);
    await session.release();
  });

  test('run pads a fixed batch by repeating the last row, and leaves the repeated answers out', async () => {
    const session = await openModel(fixedBatch());
    for (const rows of [1, 3, 4, 5, 9]) {
      const values = Array.from({ length: rows * 3 }, (_, at) => at);
      const { blocks } = await session.run(rowsOf(3, values), 0, rows);
      const wanted = Array.from({ length: rows }, (_, row) => row * 333 + 210 + 0.5);
      assert.deepEqual(numbersOf(blocks), wanted);
    }
    await session.release();
  });

  test('run gives each row a run of its own when the inputs have no batch axis', async () => {
    const scalar = await openModel(identity(Type.FLOAT, []));
    assert.deepEqual(scalar.layout.batching, 'none');
    const one: InputSource = { data: Float32Array.of(3, 4), shape: [], elements: 1 };
    assert.deepEqual(numbersOf((await scalar.run([one], 0, 2)).blocks), [3, 4]);
    const vector = await openModel(identity(Type.FLOAT, [3]));
    assert.equal(vector.layout.batching, 'none');
    assert.deepEqual(numbersOf((await vector.run(rowsOf(3, [1, 2, 3, 4, 5, 6]), 0, 2)).blocks), [1, 2, 3, 4, 5, 6]);
    await Promise.all([scalar.release(), vector.release()]);
  });

  test('run falls back to single rows when an output does not keep its rows apart', async () => {
    const session = await openModel(batchMean());
    const { blocks } = await session.run(rowsOf(2, [1, 2, 3, 4, 5, 6]), 0, 3);
    assert.deepEqual(numbersOf(blocks), [1, 2, 3, 4, 5, 6]);
    assert.equal(session.rowsPerRun, 1);
    await session.release();
  });

  test('a model with large rows runs fewer of them at once', async () => {
    const session = await openModel(identity(Type.FLOAT, ['N', 1 << 19]), 64);
    assert.equal(session.rowsPerRun, 2);
    await session.release();
  });

  test('run rejects with the reason of the runtime and works again afterwards', async () => {
    const session = await openModel(lookup());
    await assert.rejects(session.run(rowsOf(1, [9]), 0, 1), /out of data bounds|indices/i);
    assert.deepEqual(numbersOf((await session.run(rowsOf(1, [2]), 0, 1)).blocks), [0.75]);
    await session.release();
  });

  test('warmUp runs zeros, and reports a model that refuses them as a warning', async () => {
    const session = await openModel(linear());
    const warm = await session.warmUp();
    assert.deepEqual(warm.warnings, []);
    assert.ok(warm.runMs > 0);
    assert.ok(warm.rowMs > 0 && warm.rowMs <= warm.runMs, `${warm.rowMs} ms a row, ${warm.runMs} ms for one alone`);
    await session.release();
    const choosy = await openModel(model({
      inputs: [['x', Type.FLOAT, ['N', 1]]], outputs: [['y', Type.FLOAT, ['N', 1]]],
      nodes: [
        node('Sub', ['x', 'one'], 'shifted'), node('Mul', ['shifted', 'nine'], 'far'),
        node('Cast', ['far'], 'index', [integer('to', Type.INT64)]),
        node('Gather', ['one', 'index'], 'y'),
      ],
      constants: [
        floats('one', [1], [1]), floats('nine', [1], [9]),
      ],
    }));
    const refused = await choosy.warmUp();
    assert.match(refused.warnings.join(), /warm-up with zeros failed/);
    assert.equal(refused.rowMs, 0);
    assert.deepEqual(numbersOf((await choosy.run(rowsOf(1, [1]), 0, 1)).blocks), [1]);
    await choosy.release();
  });

  test('warmUp runs no more rows than a full batch of single rows has, though a run may have more', async () => {
    const session = await openModel(linear(), 1_024);
    const sizes: number[] = [];
    const run = session.run.bind(session);
    session.run = (inputs, from, count, ...rest) => {
      sizes.push(count);
      return run(inputs, from, count, ...rest);
    };
    await session.warmUp();
    assert.deepEqual([Math.max(...sizes), session.warmRows, session.rowsPerRun], [64, 64, 1_024]);
    await session.release();
  });

  test('release frees the session once, however often it is called', async () => {
    const session = await openModel(linear());
    await Promise.all([session.release(), session.release()]);
    await session.release();
    await assert.rejects(session.run(rowsOf(3, [1, 2, 3]), 0, 1));
  });

  test('compareGolden finds nothing on right answers and names what is wrong otherwise', async () => {
    const session = await openModel(classes());
    const inputs = { x: { shape: [2, 4], data: [0, 0, 0, 0, 100, 0, 0, 0] } };
    const good = { shape: [2, 4], data: [0.25, 0.25, 0.25, 0.25, 1, 0, 0, 0] };
    const golden = { rtol: 1e-4, atol: 1e-6, cases: [{ inputs, outputs: { probabilities: good } }] };
    assert.deepEqual(await compareGolden(golden, session), []);
    const bad = { shape: [2, 4], data: [0.25, 0.25, 0.2501, 0.25, 1, 0, 0, 0] };
    const found = await compareGolden({
      ...golden,
      cases: [
        { inputs, outputs: { probabilities: bad } },
        { inputs, outputs: { probabilities: { shape: [1, 8], data: good.data } } },
        { inputs, outputs: { other: good } },
        { inputs: { x: { shape: [1, 3], data: [1, 2, 3] } }, outputs: { probabilities: good } },
        { inputs: { x: { shape: [1, 4], data: [NaN, 0, 0, 0] } },
          outputs: { probabilities: { shape: [1, 4], data: [NaN, 0, 0, 0] } } },
      ],
    }, session);
    assert.deepEqual(found.map((one) => one.case), [0, 1, 2, 3, 4]);
    assert.match(found[0]!.reason, /^value 2 is 0\.25; wanted 0\.2501$/);
    assert.match(found[1]!.reason, /shape is \[2,4\]; wanted \[1,8\]/);
    assert.match(found[4]!.reason, /is NaN/);
    await session.release();
  });
});
