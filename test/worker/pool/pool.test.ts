// The pool with real threads and real sessions: loading, running, refusing, dying, closing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { monotonicUs } from '../../../src/base/clock.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { createSlab, createSlabArena } from '../../../src/shared-memory/slab-arena.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { WorkerStart } from '../../../src/worker/messages.ts';
import { InferencePool } from '../../../src/worker/pool/pool.ts';
import { SlotState, WorkerSlots } from '../../../src/worker/pool/slots.ts';
import { until } from '../../support/poll.ts';
import { deploy, fill } from '../deployed.ts';
import { answersOf, samplesOf } from '../fixtures.ts';
import { runningSum } from '../mixers.ts';
import { linear, slow } from '../onnx.ts';

const LOAD_MS = 20_000;

async function startPool(start: WorkerStart, lost: unknown[] = []): Promise<InferencePool> {
  return InferencePool.start(start, { loadMs: LOAD_MS, onWorkerLost: (reason) => lost.push(reason) });
}

/** Runs `work` and returns the threads that were started meanwhile. */
async function threadsOf<T>(work: () => Promise<T>): Promise<{ result: T; threads: Worker[] }> {
  const threads: Worker[] = [];
  const note = (worker: Worker): void => void threads.push(worker);
  process.on('worker', note);
  try {
    return { result: await work(), threads };
  } finally {
    process.off('worker', note);
  }
}

suite('InferencePool', () => {
  test('start loads every worker, and each has a slot of its own', async () => {
    const deployed = await deploy(linear(), 2);
    const pool = await startPool(deployed.start);
    const slots = new WorkerSlots(deployed.start.slots);
    assert.equal(slots.countOf(SlotState.ready), 2);
    assert.notEqual(slots.ownerOf(0), slots.ownerOf(1));
    assert.deepEqual(pool.signature.inputs, [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }]);
    assert.equal(pool.outputKind, 'scalar');
    await pool.close();
  });

  test('run answers batches on all workers, whose samples go to their own rings', async () => {
    const deployed = await deploy(linear(), 2);
    const pool = await startPool(deployed.start);
    for (let round = 0; round < 20; round += 1) {
      const slabs = [0, 1].map((index) => fill(deployed, index, [`{"features":[${round},${index},0]}`, '{}']));
      const results = await Promise.all(slabs.map((slab) => pool.scheduler.run(slab, 'queue')));
      for (const [index, slab] of slabs.entries()) {
        const [good, bad] = answersOf(slab, results[index]!);
        assert.equal(good!.body['prediction'], round + 10 * index + 0.5);
        assert.equal(good!.body['model_version'], '1');
        assert.equal(bad!.status, 400);
      }
    }
    assert.equal(pool.scheduler.busy, 0);
    const samples = deployed.readers.map(samplesOf);
    assert.equal(samples[0]!.length + samples[1]!.length, 80);
    assert.ok(samples.every((ring) => ring.length > 0 && ring.every(({ generation }) => generation === 3)));
    await pool.close();
  });

  test('a version without a stacking decision is probed at its load, one with a decision is not', async () => {
    const rowsOf = async (bytes: Uint8Array, stacking: WorkerStart['stacking'], row: string): Promise<unknown[]> => {
      const deployed = await deploy(bytes, 1);
      const pool = await startPool({ ...deployed.start, stacking });
      const slab = fill(deployed, 0, [row, row]);
      const answers = answersOf(slab, await pool.scheduler.run(slab, 'queue'));
      await pool.close();
      return [answers.map(({ body }) => body['prediction']), deployed.readers.flatMap(samplesOf)[0]!.batchRows];
    };
    const two = '{"features":[1,1]}';
    assert.deepEqual(await rowsOf(runningSum(), null, two), [[[1, 1], [1, 1]], 1]);
    assert.deepEqual(await rowsOf(runningSum(), { mode: 'none', reason: '' }, two), [[[1, 1], [1, 1]], 1]);
    assert.deepEqual(await rowsOf(runningSum(), { mode: 'rows', reason: '' }, two), [[[1, 1], [2, 2]], 2]);
    assert.deepEqual(await rowsOf(linear(), null, '{"features":[1,0,0]}'), [[1.5, 1.5], 2]);
    assert.deepEqual(await rowsOf(linear(), { mode: 'none', reason: '' }, '{"features":[1,0,0]}'), [[1.5, 1.5], 1]);
  });

  test('run refuses a batch that was stamped for another deployment, and writes no sample', async () => {
    const deployed = await deploy(linear(), 1);
    const pool = await startPool(deployed.start);
    const slab = fill(deployed, 0, ['{"features":[1,2,3]}', '{"features":[1,2,3]}'], 6);
    const answers = answersOf(slab, await pool.scheduler.run(slab, 'queue'));
    assert.deepEqual(answers.map(({ status, body }) => [status, body['code']]), [[500, 'INTERNAL'], [500, 'INTERNAL']]);
    assert.deepEqual(deployed.readers.flatMap(samplesOf), []);
    await pool.close();
  });

  test('run answers a batch in memory of its own, and hands over the answers that do not fit it', async () => {
    const deployed = await deploy(linear(), 1);
    const pool = await startPool(deployed.start);
    for (let round = 0; round < 3; round += 1) {
      const body = Buffer.from(`{"instances":[${Array.from({ length: 50 }, () => `[${round},0,0]`).join(',')}]}`);
      const slab = createSlab({ entriesMax: 1, requestBytes: body.length, answerBytes: 64 });
      slab.append(EntryKind.predictJson, body, monotonicUs(), Infinity);
      slab.stamp(3, 5, monotonicUs());
      const result = await pool.scheduler.run(slab, 'queue');
      assert.equal(result.overflow.length, 1);
      assert.deepEqual(answersOf(slab, result)[0]!.body['predictions'], new Array(50).fill(round + 0.5));
      const small = fill(deployed, 0, ['{"features":[1,2,3]}']);
      const next = await pool.scheduler.run(small, 'queue');
      assert.deepEqual(next.overflow, []);
      assert.equal(answersOf(small, next)[0]!.body['prediction'], 321.5);
    }
    const stray = createSlabArena(100, { entriesMax: 1, requestBytes: 8, answerBytes: 8 }).slabs[99]!;
    await assert.rejects(pool.scheduler.run(stray, 'queue'), /names a slab that the arena does not have/);
    await pool.close();
  });

  test('start refuses a damaged artefact and a missing one, and leaves no thread', async () => {
    const damaged = await deploy(linear(), 2, { intact: false });
    const missing = await deploy(linear(), 1);
    rmSync(missing.artifact);
    for (const [start, reason] of [
      [damaged.start, /^load version "1" of model "m": open artefact [0-9a-f]{12}: /],
      [missing.start, /^load version "1" of model "m": (?!load).*ENOENT/],
    ] as const) {
      const { threads } = await threadsOf(() =>
        assert.rejects(startPool(start), { code: 'LOAD_FAILED', message: reason }));
      assert.equal(threads.length, start.workers);
      await until('the threads are gone', () => threads.every(({ threadId }) => threadId === -1));
    }
  });

  test('start gives up at its limit and stops the threads when they are done, not before', async () => {
    // Its warm-up is some seconds of arithmetic, during which stopping the thread would abort this process.
    const { start } = await deploy(slow(400), 1);
    const { threads } = await threadsOf(() =>
      assert.rejects(
        InferencePool.start(start, { loadMs: 1, onWorkerLost: () => undefined }), { code: 'LOAD_FAILED' }));
    assert.ok(threads.every(({ threadId }) => threadId > 0));
    await until('no thread is left', () => threads.every(({ threadId }) => threadId === -1), 180_000);
  });

  test('a worker that ends is replaced, and the new one loads before it runs its first batch', async () => {
    const deployed = await deploy(linear(), 1);
    const lost: unknown[] = [];
    const { result: pool, threads } = await threadsOf(() => startPool(deployed.start, lost));
    const slots = new WorkerSlots(deployed.start.slots);
    const before = slots.ownerOf(0);
    // Idle, so it may be stopped: for the pool it has ended by itself.
    await threads[0]!.terminate();
    await until('the pool noticed', () => lost.length === 1);
    assert.equal(slots.stateOf(0), SlotState.free);
    const slab = fill(deployed, 0, ['{"features":[1,2,3]}']);
    const [answer] = answersOf(slab, await pool.scheduler.run(slab, 'queue'));
    assert.equal(answer!.body['prediction'], 321.5);
    assert.equal(slots.stateOf(0), SlotState.ready);
    assert.notEqual(slots.ownerOf(0), before);
    assert.equal(deployed.readers.flatMap(samplesOf).length, 1);
    await pool.close();
  });

  test('a replacement that cannot load answers every entry, and counts it against the version', async () => {
    const deployed = await deploy(linear(), 1);
    const lost: unknown[] = [];
    const { result: pool, threads } = await threadsOf(() => startPool(deployed.start, lost));
    rmSync(deployed.artifact);
    await threads[0]!.terminate();
    await until('the pool noticed', () => lost.length === 1);
    const slab = fill(deployed, 0, ['{"features":[1,2,3]}', '{"features":[1,2,3]}']);
    const answers = answersOf(slab, await pool.scheduler.run(slab, 'queue'));
    assert.deepEqual(answers.map(({ status }) => status), [500, 500]);
    assert.deepEqual(answers.map(({ body }) => body['code']), ['MODEL_FAILED', 'MODEL_FAILED']);
    const outcomes = deployed.readers.flatMap(samplesOf).map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, [Outcome.modelFailure, Outcome.modelFailure]);
    await pool.close();
  });

  test('batches behind a running one are taken back, and one that was begun is not', async () => {
    const deployed = await deploy(slow(40), 1);
    const pool = await startPool(deployed.start);
    for (let round = 0; round < 4; round += 1) {
      const slabs = [0, 1, 2].map((index) => fill(deployed, index, [`{"features":[${index}]}`]));
      const runs = slabs.map((slab) => pool.scheduler.run(slab, 'queue'));
      // In some rounds the worker is asleep still, or begins the second one just before that would be taken back.
      if (round > 0) await delay(round);
      await until('no more than one is left', () => {
        pool.scheduler.recall();
        return pool.scheduler.busy <= 1;
      });
      const results = await Promise.all(runs);
      const run = results.flatMap(({ isRecalled }, index) => (isRecalled === true ? [] : [index]));
      assert.ok(run.length <= 1 && !run.includes(2), `batches ${run.join(', ')} of three were run`);
      for (const index of run) assert.equal(answersOf(slabs[index]!, results[index]!)[0]!.body['prediction'], index);
      const again = await pool.scheduler.run(slabs[2]!, 'queue');
      assert.equal(answersOf(slabs[2]!, again)[0]!.body['prediction'], 2);
    }
    assert.equal(pool.scheduler.busy, 0);
    await pool.close();
  });

  test('close waits for the running batches, answers them, and stops no busy thread', async () => {
    const deployed = await deploy(slow(40), 2);
    const pool = await startPool(deployed.start);
    const slabs = [0, 1, 2].map((index) => fill(deployed, index, [`{"features":[${index}]}`]));
    const runs = slabs.map((slab) => pool.scheduler.run(slab, 'queue'));
    assert.equal(pool.scheduler.busy, 3);
    await pool.close();
    assert.equal(pool.scheduler.busy, 0);
    for (const [index, run] of runs.entries()) {
      assert.equal(answersOf(slabs[index]!, await run)[0]!.body['prediction'], index);
    }
    await assert.rejects(pool.scheduler.run(slabs[0]!, 'queue'), /closing/);
    await pool.close();
  });

  test('retire hands its threads on: the next pool loads another version in them, and only that one answers', async () => {
    const first = await deploy(linear(), 2);
    const second = await deploy(linear(7), 2);
    const start = { ...second.start, version: '2', deploymentId: 6 };
    const { result: old, threads } = await threadsOf(() => startPool(first.start));
    const run = old.scheduler.run(fill(first, 0, ['{"features":[1,2,3]}']), 'queue');
    const left = await old.retire();
    assert.deepEqual((await run).overflow, []);
    await assert.rejects(old.scheduler.run(first.arena.slabs[0]!, 'queue'), /closing/);
    const { result: pool, threads: more } = await threadsOf(() =>
      InferencePool.start(start, { loadMs: LOAD_MS, onWorkerLost: () => undefined, threads: left }));
    assert.deepEqual([threads.length, more.length], [2, 0]);
    for (let round = 0; round < 5; round += 1) {
      const slabs = [0, 1].map((index) => fill(second, index, ['{"features":[1,2,3]}'], index === 0 ? 6 : 5));
      const results = await Promise.all(slabs.map((slab) => pool.scheduler.run(slab, 'queue')));
      const [good, stray] = slabs.map((slab, index) => answersOf(slab, results[index]!)[0]!);
      assert.deepEqual([good!.body['prediction'], good!.body['model_version']], [328, '2']);
      assert.equal(stray!.body['code'], 'INTERNAL');
    }
    assert.equal(first.readers.flatMap(samplesOf).length, 1);
    assert.equal(second.readers.flatMap(samplesOf).length, 5);
    await pool.close();
    await until('the threads are gone', () => threads.every(({ threadId }) => threadId === -1));
  });

  test('retire keeps no threads when one of them ended by itself', async () => {
    const deployed = await deploy(linear(), 1);
    const lost: unknown[] = [];
    const { result: pool, threads } = await threadsOf(() => startPool(deployed.start, lost));
    await threads[0]!.terminate();
    await until('the pool noticed', () => lost.length === 1);
    assert.equal(await pool.retire(), null);
  });

  test('a process that closes its pool under load ends by itself with code 0', () => {
    const program = fileURLToPath(new URL('../close-under-load.js', import.meta.url));
    const { status, signal, stderr } = spawnSync(process.execPath, [program], { timeout: 120_000, encoding: 'utf8' });
    assert.deepEqual([status, signal], [0, null], stderr);
  });

  test('a worker that runs out of memory in the middle of a batch rejects it, and the pool goes on', () => {
    const program = fileURLToPath(new URL('../die-in-batch.js', import.meta.url));
    const { status, stdout, stderr } = spawnSync(
      process.execPath, ['--max-old-space-size=64', program], { timeout: 120_000, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /rejected: .*(memory|exited)/i);
    assert.match(stdout, /then answered 321\.5 and 421\.5/);
  });
});
