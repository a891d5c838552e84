// What one deployment leaves to the next, with real threads: kept for a while, handed out once, never with a trace of
// the version before.
import '../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NO_ROWS } from '../../src/rollout/row-memory.ts';
import { type Spare, SparePlace } from '../../src/rollout/spare.ts';
import { WorkerThreads } from '../../src/worker/pool/threads.ts';
import { until } from '../support/poll.ts';

/** Threads that were never loaded with anything. */
const spareOf = (workers: number): Spare & { readonly threads: WorkerThreads } =>
  ({ workers, threads: new WorkerThreads(workers), rings: new SharedArrayBuffer(8), rows: NO_ROWS });

suite('SparePlace', () => {
  test('hands a spare out once, and only for as many workers', async () => {
    const place = new SparePlace();
    const one = spareOf(1);
    await place.keep(one);
    assert.equal(place.take(1), one);
    assert.equal(place.take(1), null);
    await place.keep(one);
    assert.equal(place.take(2), null);
    await until('what did not fit is let go', () => !one.threads.isWhole);
    assert.equal(place.take(1), null);
    await place.close();
  });

  test('keeps the newest of two', async () => {
    const place = new SparePlace();
    const [older, newer] = [spareOf(1), spareOf(1)];
    await place.keep(older);
    await place.keep(newer);
    assert.deepEqual([older.threads.isWhole, newer.threads.isWhole], [false, true]);
    assert.equal(place.take(1), newer);
    await newer.threads.end();
  });

  test('lets the threads go after a while, and keeps their memory', async () => {
    const place = new SparePlace(1);
    const spare = spareOf(1);
    await place.keep(spare);
    await until('the threads are let go', () => !spare.threads.isWhole);
    const taken = place.take(1);
    assert.deepEqual([taken?.threads, taken?.rings], [null, spare.rings]);
    await place.close();
  });

  test('ends the threads when it is closed, and those that come in later', async () => {
    const place = new SparePlace();
    const [before, after] = [spareOf(1), spareOf(1)];
    await place.keep(before);
    await place.close();
    await place.keep(after);
    assert.deepEqual([before.threads.isWhole, after.threads.isWhole], [false, false]);
    assert.equal(place.take(1), null);
  });
});
