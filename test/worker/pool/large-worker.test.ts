// The worker for large requests, with a real thread and a real session.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { InferencePool } from '../../../src/worker/pool/pool.ts';
import { LargeWorker } from '../../../src/worker/pool/large-worker.ts';
import { until } from '../../support/poll.ts';
import { deploy, fill } from '../deployed.ts';
import { answersOf, samplesOf } from '../fixtures.ts';
import { linear } from '../onnx.ts';

const LOAD_MS = 20_000;
const FIRST_RING = 1;

interface Made {
  readonly large: LargeWorker;
  readonly deployed: Awaited<ReturnType<typeof deploy>>;
  /** How often it was started, and how often it told of a change. */
  readonly counts: { starts: number; changes: number };
}

/** What deployment 5 has beside its one worker; `failures` of its starts are refused. */
async function made(options: { readonly failures?: number; readonly idleMs?: number } = {}): Promise<Made> {
  const deployed = await deploy(linear(), 2);
  const counts = { starts: 0, changes: 0 };
  const one = { ...deployed.start, workers: 1, firstRing: FIRST_RING, stepsBack: true };
  const large = new LargeWorker({
    start: async () => {
      counts.starts += 1;
      if (counts.starts <= (options.failures ?? 0)) throw new Error('no memory');
      const start = { ...one, slots: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) };
      return InferencePool.start(start, { loadMs: LOAD_MS, onWorkerLost: () => undefined });
    },
    onChange: () => (counts.changes += 1),
    retryMs: 1,
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
  });
  return { large, deployed, counts };
}

const niceOfThreads = (): number[] => readdirSync('/proc/self/task').map((thread) => {
  const text = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
});

suite('LargeWorker', () => {
  test('starts when it is asked for a place, runs batches on a ring of its own, and leaves at the end', async () => {
    const { large, deployed, counts } = await made();
    const slab = fill(deployed, 0, ['{"features":[1,2,3]}']);
    assert.equal(counts.starts, 0);
    assert.equal(large.run(slab, 'queue'), null);
    assert.equal(large.hasPlace('queue'), false);
    assert.equal(large.hasPlace('queue'), false);
    await until('it was started', () => counts.changes === 1);
    assert.equal(large.hasPlace('queue'), true);
    const running = large.run(slab, 'queue')!;
    assert.equal(large.hasPlace('queue'), false);
    assert.equal(large.runs(slab), true);
    assert.equal(answersOf(slab, await running)[0]!.status, 200);
    assert.equal(large.runs(slab), false);
    assert.deepEqual(deployed.readers.map((reader) => samplesOf(reader).length), [0, 1]);
    assert.equal(counts.starts, 1);
    await large.close();
    assert.equal(large.run(slab, 'queue'), null);
    assert.equal(large.hasPlace('queue'), false);
  });

  test('steps back behind the other threads of the process', { skip: process.platform !== 'linux' }, async () => {
    const before = niceOfThreads();
    const { large, counts } = await made();
    large.hasPlace('queue');
    await until('it was started', () => counts.changes === 1);
    assert.ok(Math.max(...niceOfThreads()) > Math.max(...before), 'a thread is nicer than all before');
    await large.close();
  });

  test('leaves its work to the other worker while it cannot be started, and is tried again', async () => {
    const { large, counts } = await made({ failures: 2 });
    for (let failures = 1; failures <= 2; failures += 1) {
      await until('it is tried', () => !large.isRefused && !large.hasPlace('queue') && counts.starts === failures);
      await until('it is refused', () => counts.changes === failures);
    }
    await until('it was started', () => !large.isRefused && large.hasPlace('queue'));
    assert.equal(counts.starts, 3);
    await large.close();
  });

  test('leaves when nothing has come for a while, and is started again by the next', async () => {
    const { large, deployed, counts } = await made({ idleMs: 1 });
    for (let round = 1; round <= 2; round += 1) {
      await until('it was started', () => large.hasPlace('queue'));
      const slab = fill(deployed, 0, ['{"features":[1,2,3]}']);
      await large.run(slab, 'queue');
      await until('it has left', () => counts.changes === 2 * round);
      assert.equal(counts.starts, round);
    }
    await large.close();
  });

  test('closes while it is being started', async () => {
    const { large, counts } = await made();
    large.hasPlace('queue');
    await large.close();
    assert.deepEqual(counts, { starts: 1, changes: 2 });
    assert.equal(large.hasPlace('queue'), false);
  });
});
