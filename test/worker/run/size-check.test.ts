// What is too large for a run: divided where rows may be, refused before the run where not, and nobody else with it.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { benchOn, type Answer, type Bench } from '../fixtures.ts';
import { pairs } from '../greedy.ts';
import { runningSum } from '../mixers.ts';
import { Type, linear, model, node } from '../onnx.ts';

const LIMITS: RunLimits = { rows: 4, elements: 12, request: { elements: 6, sizes: [[5, 5]] } };

interface Shaped {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

const tensor = (...shape: number[]): string => {
  const data = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) => at % 7);
  return JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape, data }] });
};
const asked = (bench: Bench, ...bodies: string[]): Promise<Answer[]> => bench.batch(bodies, { kind: EntryKind.oip });
const outputOf = ({ body }: Answer): Shaped => (body['outputs'] as Shaped[])[0]!;
const told = ({ status, body: { code, details } }: Answer): unknown[] => [status, code, details];
const batchRowsOf = (bench: Bench): number[] => bench.samples().filter(({ kind }) => kind === 0)
  .map(({ batchRows }) => batchRows);

suite('A run', () => {
  test('has no more rows than it may, and a request of more gets several, with the same answer', async () => {
    const [bench, free] = [await benchOn(linear(), { limits: LIMITS }), await benchOn(linear())];
    const runs = countRuns(bench);
    const [divided] = await asked(bench, tensor(10, 3));
    assert.equal(runs(), 3);
    assert.deepEqual(outputOf(divided!), outputOf((await asked(free, tensor(10, 3)))[0]!));
    assert.deepEqual(outputOf(divided!).shape, [10, 1]);
    await Promise.all([bench.session.release(), free.session.release()]);
  });

  test('has no more elements than it may: fewer rows of more, on every lane', async () => {
    const bench = await benchOn(pairs(), { limits: { ...LIMITS, request: { elements: 9, sizes: [[9, 9]] } } });
    await asked(bench, tensor(2, 2), tensor(2, 2), tensor(2, 2));
    assert.deepEqual(batchRowsOf(bench), [4, 4, 2]);
    await asked(bench, tensor(1, 6), tensor(1, 6), tensor(1, 6));
    assert.deepEqual(batchRowsOf(bench), [2, 2, 1]);
    const runs = countRuns(bench);
    const [rows] = await bench.batch([JSON.stringify({ instances: Array(4).fill([1, 2, 3, 4, 5, 6]) })]);
    assert.deepEqual([runs(), rows!.body['predictions']], [2, [441, 441, 441, 441]]);
    await bench.session.release();
  });

  test('of one whose outputs turn out to have no rows is whole again, or refused', async () => {
    const limits = { ...LIMITS, request: { elements: 100, sizes: [[20, 2]] } };
    for (const [rows, answer] of [[10, [200, undefined]], [22, [400, 'SIZE_TOO_LARGE']]] as const) {
      const bench = await benchOn(twoRowsInOne(), { limits, isForced: true });
      assert.deepEqual(told((await asked(bench, tensor(rows, 2)))[0]!).slice(0, 2), answer);
      assert.equal(bench.session.isStacking, false);
      await bench.session.release();
    }
  });
});

suite('A request', () => {
  test('is refused for a dimension or for its elements, with what is wrong in the details, and alone', async () => {
    const bench = await benchOn(pairs(), { limits: { ...LIMITS, request: { elements: 6, sizes: [[5, 7]] } } });
    const [small, long, many] = await asked(bench, tensor(1, 6), tensor(1, 8), tensor(2, 7));
    assert.equal(small!.status, 200);
    assert.deepEqual(told(long!), [400, 'SIZE_TOO_LARGE', { input: 'x', dimension: 1, got: 8, limit: 7 }]);
    assert.deepEqual(told(many!), [400, 'ELEMENTS_TOO_MANY', { input: 'x', shape: '[2,7]', got: 7, limit: 6 }]);
    assert.match(String(long!.body['error']), /model "m": dimension 1 of input "x" is 8; wanted at most 7.*--dim/);
    const outcomes = bench.samples().filter(({ kind }) => kind === 0).map(({ outcome }) => outcome);
    assert.deepEqual(outcomes.sort(), [Outcome.ok, Outcome.clientFault, Outcome.clientFault].sort());
    await bench.session.release();
  });

  test('in rows is refused like one of tensors, and the rows before and after it are answered', async () => {
    const bench = await benchOn(pairs(), { limits: LIMITS });
    const features = (count: number): string => JSON.stringify({ features: Array(count).fill(1) });
    const [before, large, after] = await bench.batch([features(2), features(6), features(2)]);
    assert.deepEqual([before!.body['prediction'], after!.body['prediction']], [4, 4]);
    assert.deepEqual(told(large!), [400, 'SIZE_TOO_LARGE', { input: 'x', dimension: 1, got: 6, limit: 5 }]);
    await bench.session.release();
  });

  test('has as many rows as it likes where they get runs of their own, and its limit where one run has them all',
    async () => {
      const rows = await benchOn(linear(), { limits: LIMITS });
      const whole = await benchOn(runningSum(), { limits: LIMITS });
      assert.equal((await asked(rows, tensor(50, 3)))[0]!.status, 200);
      assert.equal((await asked(whole, tensor(3, 2)))[0]!.status, 200);
      assert.deepEqual(told((await asked(whole, tensor(6, 1)))[0]!)[1], 'INVALID_REQUEST');
      assert.deepEqual(told((await asked(whole, tensor(6, 2)))[0]!),
        [400, 'SIZE_TOO_LARGE', { input: 'x', dimension: 0, got: 6, limit: 5 }]);
      await Promise.all([rows.session.release(), whole.session.release()]);
    });
});

// [N,2] to [N/2,4]: as far as the signature says, a row for each row.
const twoRowsInOne = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]]],
  outputs: [['y', Type.FLOAT, ['M', 4]]],
  nodes: [node('Reshape', ['x', 'shape'], 'y')],
  constants: [{
    name: 'shape', dims: [2n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(-1n, 4n).buffer),
  }],
});

// Runs of the session from now on.
function countRuns({ session }: Bench): () => number {
  let runs = 0;
  const run = session.run.bind(session);
  const runWhole = session.runWhole.bind(session);
  session.runWhole = (...args) => {
    runs += 1;
    return runWhole(...args);
  };
  session.run = async (...args) => {
    const result = await run(...args);
    runs += result.blocks.length;
    return result;
  };
  return () => runs;
}
