// Rows that were answered in company and are run again alone: what counts as another answer, on every lane, and what
// follows.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { StackWatch } from '../../../src/shared-memory/stack-watch.ts';
import { floatFrame } from '../../support/float-frames.ts';
import { benchOn } from '../fixtures.ts';
import type { Bench } from '../fixtures.ts';
import { fixedSoftmax, runningSum, sharesOfRows } from '../mixers.ts';
import { Type, fixedBatch, floats, integer, linear, model, node } from '../onnx.ts';

const row = (values: readonly number[]): string => JSON.stringify({ features: values });
const instance = (values: readonly number[]): string => JSON.stringify({ instances: [values] });

type Body = string | Uint8Array;

/** Serves batches as a worker does: what was kept is run again when the answers are out. */
async function serve(
  { arena, runner }: Bench, batches: readonly (readonly Body[])[], kind: EntryKind = EntryKind.predictJson,
): Promise<void> {
  for (const bodies of batches) {
    const slab = arena.slabs[0]!.clear();
    for (const body of bodies) slab.append(kind, Buffer.from(body), 1, Infinity);
    slab.stamp(7, 1, 1);
    await runner.run(slab);
    if (runner.stackCheck.isReady(true)) await runner.stackCheck.run();
  }
}

/** A clock that stands still between the runs that take no time, so that nothing has to rest. */
const STILL = { clockOf: () => () => 1 };

/** The largest of two scores a row, beside them: where they are as good as equal, company may tip it. */
const tipped = (share: number): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]]],
  outputs: [['label', Type.INT64, ['N']], ['scores', Type.FLOAT, ['N', 2]]],
  nodes: [
    node('Shape', ['x'], 'shape'), node('Gather', ['shape', 'first'], 'rows'),
    node('Cast', ['rows'], 'count', [integer('to', Type.FLOAT)]), node('Mul', ['count', 'share'], 'shift'),
    node('Add', ['x', 'shift'], 'scores'),
    node('ArgMax', ['scores'], 'label', [integer('axis', 1), integer('keepdims', 0)]),
  ],
  constants: [
    floats('share', [2], [share, 0]),
    { name: 'first', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(0n).buffer) },
  ],
});

suite('a row that was answered in company', () => {
  test('is run again alone, and nothing comes of it where rows keep apart', async () => {
    const watch = StackWatch.create(1);
    const bench = await benchOn(linear(), { watch, ...STILL });
    const bodies = [row([1, 2, 3]), row([4, 5, 6]), row([7, 8, 9])];
    await serve(bench, [bodies, bodies, bodies, bodies]);
    assert.deepEqual([watch.checked, watch.mismatches, bench.session.isStacking], [4, 0, true]);
  });

  test('ends stacking at the second other answer, whatever lane it came by', async () => {
    const pair = [[1, 2], [3, 4]];
    const lanes = [
      { bodies: pair.map(row) }, { bodies: pair.map(instance), kind: EntryKind.tfsPredict },
      { bodies: pair.map((values, id) => floatFrame(id, values)), kind: EntryKind.floatFrame },
    ];
    for (const { bodies, kind } of lanes) {
      const watch = StackWatch.create(1);
      const bench = await benchOn(runningSum(), { watch, isForced: true, ...STILL });
      // Another place each time: the first of two rows is as if it were alone.
      await serve(bench, [bodies], kind);
      assert.deepEqual([watch.mismatches, bench.session.isStacking], [1, true], String(kind));
      await serve(bench, [bodies, bodies], kind);
      assert.deepEqual([watch.mismatches, bench.session.isStacking], [2, false], String(kind));
    }
  });

  test('is compared as a fixed batch of its own', async () => {
    for (const [bytes, mismatches] of [[fixedBatch(), 0], [fixedSoftmax(1), 0], [fixedSoftmax(0), 2]] as const) {
      const watch = StackWatch.create(1);
      const bench = await benchOn(bytes, { watch, isForced: true, ...STILL });
      const bodies = [row([1, 2, 3]), row([40, 5, 6]), row([7, 80, 9])];
      await serve(bench, [bodies, bodies, bodies, bodies]);
      assert.equal(watch.mismatches, mismatches);
    }
  });

  test('may have another label where the scores beside it moved by less than they may', async () => {
    // One row has 1 + share against 1, two have 1 + 2 · share: 0 either way; the other way round for a negative share.
    const bodies = [row([1, 1.00003]), row([1, 1.00003])];
    const seen: [number, number][] = [];
    for (const share of [2e-5, 2e-2]) {
      const watch = StackWatch.create(1);
      const bench = await benchOn(tipped(share), { watch, isForced: true, ...STILL });
      await serve(bench, [bodies, bodies]);
      seen.push([watch.mismatches, watch.output]);
    }
    assert.deepEqual(seen.map(([mismatches]) => mismatches > 0), [false, true]);
  });

  test('is one in so many, and none where nobody wants any', async () => {
    const bodies = [row([1, 2, 3]), row([4, 5, 6])];
    for (const [share, checked] of [[0, 0], [0.25, 5], [1, 10]] as const) {
      const watch = StackWatch.create(share);
      const bench = await benchOn(linear(), { watch, ...STILL });
      await serve(bench, new Array<readonly string[]>(10).fill(bodies));
      assert.equal(watch.checked, checked, String(share));
    }
  });

  test('waits while others wait, but not for long, and the next one a hundred times as long as it took', async () => {
    let nowUs = 1;
    const watch = StackWatch.create(1);
    // Time goes on by a microsecond at each look.
    const bench = await benchOn(linear(), { watch, clockOf: () => () => (nowUs += 1) });
    const bodies = [row([1, 2, 3]), row([4, 5, 6])];
    const { stackCheck } = bench.runner;
    await bench.batch(bodies);
    assert.deepEqual([stackCheck.isReady(false), stackCheck.isReady(true)], [false, true]);
    nowUs += 200_000;
    assert.equal(stackCheck.isReady(false), true);
    await stackCheck.run();
    await bench.batch(bodies);
    assert.equal(stackCheck.isReady(true), false, 'it rests');
    nowUs += 200_000;
    await bench.batch(bodies);
    assert.equal(stackCheck.isReady(true), true);
  });

  test('ends stacking in every worker of the deployment', async () => {
    const watch = StackWatch.create(1);
    const bodies = [row([1, 2, 3, 4]), row([5, 6, 7, 8])];
    const one = await benchOn(sharesOfRows(), { watch, isForced: true, ...STILL });
    const other = await benchOn(sharesOfRows(), { watch: new StackWatch(watch.memory), isForced: true, ...STILL });
    await serve(one, [bodies, bodies]);
    await other.batch(bodies);
    assert.deepEqual([one.session.isStacking, other.session.isStacking], [false, false]);
    const alone = await other.batch([bodies[0]!]);
    const together = await other.batch(bodies);
    assert.deepEqual(together[0]!.body['prediction'], alone[0]!.body['prediction']);
  });
});
