// Requests that are larger than a slab: how much memory they may have, and what becomes of it.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LargeSlabs } from '../../src/batch/slab-supply.ts';
import { isLastgoodError } from '../../src/errors.ts';
import { benchWith, turn } from './workers.ts';

const LARGE = 'x'.repeat(10_000);
const isFull = (error: unknown): boolean => isLastgoodError(error) && error.code === 'LARGE_REQUESTS_FULL';

suite('Batcher with large requests', () => {
  test('refuses them beyond their limit, takes small ones all the same, and large ones again when some are done',
    async () => {
      const { ask, workers, batcher } = benchWith({ largeBytesMax: 70_000 });
      const asked = [ask(LARGE), ask(LARGE)];
      assert.throws(() => ask(LARGE), isFull);
      const small = ask('small');
      await turn();
      workers.finish();
      await turn();
      assert.equal(asked[0]?.answers.length, 1);
      asked.push(ask(LARGE));
      assert.throws(() => ask(LARGE), isFull);
      for (let left = 3; left > 0; left -= 1) {
        await turn();
        workers.finish();
      }
      await turn();
      assert.deepEqual(asked.map(({ answers }) => answers[0]?.body), asked.map(() => `1:${LARGE}`));
      assert.equal(small.answers[0]?.body, '1:small');
      assert.equal(batcher.counts.refusedQueueFull, 2);
    });

  test('takes one that alone is beyond the limit when no other is there', async () => {
    const { ask, workers } = benchWith({ largeBytesMax: 20_000 });
    const asked = ask('y'.repeat(50_000));
    assert.throws(() => ask(LARGE), isFull);
    await turn();
    workers.finish();
    await turn();
    assert.equal(asked.answers[0]?.status, 200);
  });

  test('gives the memory of those that their clients gave up to the next', async () => {
    const { ask, workers } = benchWith({ workers: 0 });
    for (let round = 0; round < 100; round += 1) {
      const asked = [ask(LARGE), ask(LARGE)];
      for (const { ticket } of asked) ticket.cancel();
    }
    await turn();
    assert.equal(workers.cuts.length, 0);
  });
});

suite('LargeSlabs', () => {
  test('uses a slab again for whatever fits it, and lets all go when trimmed', () => {
    const slabs = new LargeSlabs(1_000_000, 4_096);
    const first = slabs.take(10_000);
    assert.ok(first && first.requestBytesFree >= 10_000);
    const { bytes } = slabs;
    slabs.give(first);
    assert.equal(slabs.take(16_000), first);
    assert.equal(slabs.bytes, bytes);
    assert.notEqual(slabs.take(16_000), first);
    slabs.give(first);
    slabs.trim();
    assert.equal(slabs.bytes, bytes);
    assert.notEqual(slabs.take(16_000), first);
  });

  test('makes room for another size by letting go what is free', () => {
    const slabs = new LargeSlabs(100_000, 4_096);
    const small = [slabs.take(10_000), slabs.take(10_000)];
    assert.equal(slabs.take(30_000), undefined);
    for (const slab of small) if (slab !== undefined) slabs.give(slab);
    assert.ok(slabs.take(30_000));
    assert.ok(slabs.bytes <= 100_000);
  });
});
