// Requests that are larger than a slab: how much memory they may have, and what becomes of it.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LargeSlabs } from '../../src/batch/slab-supply.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import { randomOf } from '../shared-memory/seeded.ts';
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

/** The most requests that a batch of the order's bench has. */
const BATCH_SIZE_MAX = 4;

/** The numbers of requests of random sizes in the order in which they were cut; every third or so is large. */
async function orderOf(seed: number): Promise<{ readonly order: number[]; readonly isLarge: readonly boolean[] }> {
  const random = randomOf(seed);
  const { ask, workers, batcher } = benchWith({
    workers: 2, batchSizeMax: BATCH_SIZE_MAX, pendingMax: 200, largeBytesMax: 10_000_000,
  });
  const isLarge: boolean[] = [];
  while (isLarge.length < 150) {
    isLarge.push(random() < 0.3);
    ask(`${isLarge.length - 1}.${'x'.repeat(isLarge.at(-1) === true ? 5_000 : Math.floor(random() * 2_000))}`);
    if (random() < 0.2) await turn();
    if (random() < 0.2 && workers.running.length > 0) workers.finish(Math.floor(random() * workers.running.length));
  }
  while (batcher.pending > 0) {
    await turn();
    while (workers.running.length > 0) workers.finish();
  }
  return { order: workers.cuts.flat().map((body) => Number.parseInt(body, 10)), isLarge };
}

suite('The order of large and small requests', () => {
  test('lets no large one overtake what came before it, whatever the sizes and the workers\' pace', async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const { order, isLarge } = await orderOf(seed);
      assert.equal(order.length, isLarge.length);
      for (const [at, number] of order.entries()) {
        const overtakers = order.slice(0, at).filter((other) => other > number);
        const what = `seed ${seed}: request ${number}`;
        assert.ok(overtakers.every((other) => isLarge[other] === false), `${what} is overtaken by a large one`);
        if (isLarge[number] === false) assert.equal(overtakers.length, 0, `${what}, a small one, is overtaken`);
        else assert.ok(overtakers.length < BATCH_SIZE_MAX, `${what} is overtaken by ${overtakers.length}`);
      }
    }
  });

  test('holds for requests of which each takes a slab of its own, as many as the limit of pending ones', async () => {
    const { ask, workers, batcher } = benchWith({ pendingMax: 32, largeBytesMax: 10_000_000 });
    const asked = Array.from({ length: 32 }, (_, at) => ask(at % 2 === 0 ? `${at}` : `${at}.${LARGE}`));
    while (batcher.pending > 0) {
      await turn();
      while (workers.running.length > 0) workers.finish();
    }
    assert.deepEqual(asked.map(({ answers }) => answers[0]?.status), asked.map(() => 200));
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
