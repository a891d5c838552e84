// What a swap leaves behind on a real engine: nothing. A load takes over threads and shared memory of the version that
// left, and what was in that memory is of no version any more.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { EngineOptions } from '../../src/options/options.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const VERSIONS = ['1', '2', '3'];
/** By then each of the three versions that can be loaded at a time has had its threads. */
const ROUNDS_BEFORE = 2;
const ROUNDS = 4;

/** Every promote loads anew: of three versions one answers, one stands by, and the third is let go. */
async function engineWith(options: EngineOptions): Promise<Engine> {
  const engine = await createEngine({ dataDir: temporaryDirectory(), judge: { mode: 'observe' }, ...options });
  for (const version of VERSIONS) {
    const file = join(temporaryDirectory(), `${version}.onnx`);
    writeFileSync(file, linear(Number(version)));
    await engine.register('m', file, { version });
  }
  return engine;
}

async function swapRound(engine: Engine, answers: number[]): Promise<void> {
  for (const version of VERSIONS) {
    await engine.promote('m', version);
    for (let request = 0; request < 3; request += 1) {
      const { prediction } = await engine.predict('m', [1, 1, 0]);
      answers.push(prediction as number);
    }
    await until('what left is gone', () => engine.models.served('m').loaded.length <= 2);
  }
}

async function swapsLeave(options: EngineOptions): Promise<{ threads: number; bytes: number; answers: number[] }> {
  const engine = await engineWith(options);
  let threads = 0;
  const note = (): void => void (threads += 1);
  const answers: number[] = [];
  try {
    for (let round = 0; round < ROUNDS_BEFORE; round += 1) await swapRound(engine, []);
    process.on('worker', note);
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < ROUNDS; round += 1) await swapRound(engine, answers);
    return { threads, bytes: process.memoryUsage().arrayBuffers - before, answers };
  } finally {
    process.off('worker', note);
    await engine.close();
  }
}

/** A sample ring of one worker has 1 MiB; requests and answers are far smaller. */
const RING_BYTES = 1024 * 1024;
const EXPECTED = VERSIONS.flatMap((version) => new Array<number>(3).fill(11 + Number(version)));

test('a swap starts no thread and takes no new shared memory once three versions have been loaded', async () => {
  const { threads, bytes, answers } = await swapsLeave({ workers: 1 });
  assert.equal(threads, 0);
  assert.ok(bytes < RING_BYTES, `${bytes} bytes more after ${ROUNDS * VERSIONS.length} swaps`);
  assert.deepEqual(answers, Array.from({ length: ROUNDS }, () => EXPECTED).flat());
});

test('a swap takes no new memory while samples are recorded, and each is recorded once, for its version', async () => {
  const record = join(temporaryDirectory(), 'samples.jsonl');
  const { bytes } = await swapsLeave({ workers: 1, record });
  assert.ok(bytes < RING_BYTES, `${bytes} bytes more after ${ROUNDS * VERSIONS.length} swaps`);
  const lines = readFileSync(record, 'utf8').trim().split('\n')
    .map((line) => JSON.parse(line) as { version?: string; outputs?: number[] });
  const samples = lines.filter((line) => line.outputs !== undefined);
  assert.equal(samples.length, (ROUNDS_BEFORE + ROUNDS) * VERSIONS.length * 3);
  for (const { version, outputs } of samples) assert.deepEqual(outputs, [11 + Number(version)]);
});

test('a version that was replaced goes only after others have answered in its place', async () => {
  const engine = await engineWith({ workers: 1 });
  try {
    for (const version of VERSIONS) await engine.promote('m', version);
    const { prediction } = await engine.predict('m', [1, 1, 0]);
    assert.equal(prediction, 14);
    const { loaded } = engine.models.served('m');
    assert.deepEqual(loaded.map(({ state }) => state), ['ready', 'ready', 'ready']);
    await until('what left is gone', () => engine.models.served('m').loaded.length === 2);
  } finally {
    await engine.close();
  }
});

test('a version that was replaced goes at once when its threads are needed', async () => {
  const engine = await engineWith({ workers: 1 });
  try {
    for (const version of VERSIONS) await engine.promote('m', version);
    const { loaded, rollout } = engine.models.served('m');
    const left = loaded.find(({ version }) => version.version === '1');
    assert.ok(left);
    const retire = left.retire.bind(left);
    let answeringThen: string | undefined;
    left.retire = () => {
      answeringThen = rollout.activeVersion?.version;
      return retire();
    };
    await engine.promote('m', '1');
    assert.equal(answeringThen, '3', 'it went before the load was over, which had its threads');
  } finally {
    await engine.close();
  }
});
