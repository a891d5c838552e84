// What one deployment leaves to the next, with real threads: kept for a while, handed out once, never with a trace of
// the version before; and how long it stays before, unless somebody needs what it has.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_ROWS } from '../../../src/rollout/deployment/row-memory.ts';
import { ResourceCache, RetireDelay, type RetiredResources } from '../../../src/rollout/deployment/thread-reuse.ts';
import { WorkerThreads } from '../../../src/worker/pool/threads.ts';
import { until } from '../../support/poll.ts';

/** Threads that were never loaded with anything. */
const retiredWith = (workers: number): RetiredResources & { readonly threads: WorkerThreads } =>
  ({ workers, threads: new WorkerThreads(workers), rings: new SharedArrayBuffer(8), rows: NO_ROWS });

suite('ResourceCache', () => {
  test('hands out what it keeps once, and only for as many workers', async () => {
    const cache = new ResourceCache();
    const one = retiredWith(1);
    await cache.keep(one);
    assert.equal(cache.take(1), one);
    assert.equal(cache.take(1), null);
    await cache.keep(one);
    assert.equal(cache.take(2), null);
    await until('what did not fit is let go', () => !one.threads.isWhole);
    assert.equal(cache.take(1), null);
    await cache.close();
  });

  test('keeps the newest of two', async () => {
    const cache = new ResourceCache();
    const [older, newer] = [retiredWith(1), retiredWith(1)];
    await cache.keep(older);
    await cache.keep(newer);
    assert.deepEqual([older.threads.isWhole, newer.threads.isWhole], [false, true]);
    assert.equal(cache.take(1), newer);
    await newer.threads.end();
  });

  test('lets the threads go after a while, and keeps their memory', async () => {
    const cache = new ResourceCache(1);
    const retired = retiredWith(1);
    await cache.keep(retired);
    await until('the threads are let go', () => !retired.threads.isWhole);
    const taken = cache.take(1);
    assert.deepEqual([taken?.threads, taken?.rings], [null, retired.rings]);
    await cache.close();
  });

  test('ends the threads when it is closed, and those that come in later', async () => {
    const cache = new ResourceCache();
    const [before, after] = [retiredWith(1), retiredWith(1)];
    await cache.keep(before);
    await cache.close();
    await cache.keep(after);
    assert.deepEqual([before.threads.isWhole, after.threads.isWhole], [false, false]);
    assert.equal(cache.take(1), null);
  });
});

const LONG_MS = 3_600_000;

async function isOver(waiting: Promise<void>): Promise<boolean> {
  return Promise.race([waiting.then(() => true), sleep(20).then(() => false)]);
}

suite('RetireDelay', () => {
  test('ends after its time', async () => {
    const timer = setInterval(() => undefined, 5);
    await new RetireDelay(1).wait();
    clearInterval(timer);
  });

  test('ends for the one before when the next one comes', async () => {
    const delay = new RetireDelay(LONG_MS);
    const first = delay.wait();
    assert.equal(await isOver(first), false);
    const second = delay.wait();
    assert.equal(await isOver(first), true);
    assert.equal(await isOver(second), false);
    delay.end();
  });

  test('ends at once when somebody needs what waits', async () => {
    const delay = new RetireDelay(LONG_MS);
    const waiting = delay.wait();
    delay.finishNow();
    assert.equal(await isOver(waiting), true);
  });

  test('keeps nobody once it is over', async () => {
    const delay = new RetireDelay(LONG_MS);
    const waiting = delay.wait();
    delay.end();
    assert.equal(await isOver(waiting), true);
    assert.equal(await isOver(delay.wait()), true);
  });
});
