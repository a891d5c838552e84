// A version that makes the runtime kill the process: the supervisor brings the engine back, the request that it was
// running is asked again elsewhere, and as the version before answers it, that one serves. Where nobody wrote down what
// was running, because there is no supervisor to keep it, the boot guard counts to three.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { CRASHES_SERVING_MAX } from '../../src/registry/boot-guard.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { MemoryGroup } from '../support/memory.ts';
import { until, untilResolved } from '../support/poll.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { greedy } from '../worker/hostile-onnx.ts';
import { deadly, linear, model, node, Type } from '../worker/onnx.ts';

/** Room for a supervisor and an engine, and much less than one run takes. */
const MEMORY_BYTES = 600 * 2 ** 20;
const GREED_BYTES = 2 ** 31;

const harmless = model({
  inputs: [['x', Type.FLOAT, ['N', 1]]], outputs: [['y', Type.FLOAT, ['N', 1]]], nodes: [node('Neg', ['x'], 'y')],
});

async function statusOf(dataDir: string): Promise<ModelStatus> {
  const admin = await connectAdmin(dataDir);
  const found = (await admin?.status({ model: 'm' }))?.models[0];
  assert.ok(found);
  return found;
}

const serveDeadly = (args: readonly string[] = []): Promise<{ dataDir: string; server: Server }> =>
  serveTwo(harmless, deadly(), args);

async function serveTwo(
  good: Uint8Array, bad: Uint8Array, args: readonly string[] = [],
): Promise<{ dataDir: string; server: Server }> {
  const dataDir = temporaryDirectory();
  const server = await Server.start(dataDir, args);
  const admin = await connectAdmin(dataDir);
  assert.ok(admin);
  for (const [version, bytes] of [['good', good], ['deadly', bad]] as const) {
    const file = join(temporaryDirectory(), `${version}.onnx`);
    writeFileSync(file, bytes);
    await admin.register({ model: 'm', version, file, promote: true }, actor);
    if (version === 'good') await admin.confirm({ model: 'm' }, actor);
  }
  return { dataDir, server };
}

const ask = (port: number, value: number): Promise<unknown> =>
  http(port, '/predict', { body: `{"features":[${value}]}`, headers: { 'content-type': 'application/json' } })
    .then(({ json }) => json['prediction']);

const askRow = (port: number, first: number): Promise<unknown> =>
  http(port, '/predict', { body: `{"features":[${first},2,3]}`, headers: { 'content-type': 'application/json' } })
    .then(({ json }) => json['prediction']);

function isRemoved(group: MemoryGroup): boolean {
  try {
    group.remove();
    return true;
  } catch {
    return false;
  }
}

describe('the boot guard', () => {
  test('takes a version out that killed the process three times on probation; the last good one serves', async () => {
    const { dataDir, server: first } = await serveDeadly(['--no-supervisor']);
    let server = first;
    assert.equal(Math.fround(Number(await ask(server.port, 2))), -(2 ** 62));
    for (let crashes = 1; crashes <= CRASHES_SERVING_MAX; crashes += 1) {
      assert.equal((await statusOf(dataDir)).model.activeVersion, 'deadly');
      await assert.rejects(ask(server.port, -1));
      await server.exit;
      assert.equal(server.process.signalCode, 'SIGFPE');
      server = await Server.start(dataDir, ['--no-supervisor']);
    }
    const { model: record, versions, recentDecisions: [decision] } = await statusOf(dataDir);
    assert.deepEqual([record.activeVersion, versions.find(({ version }) => version === 'deadly')?.health],
      ['good', 'unhealthy']);
    assert.deepEqual([decision?.trigger, decision?.rolledBackTo], ['engine', 'good']);
    assert.match(decision!.reason, /"deadly": the process died 3 times during its probation/);
    assert.equal(await ask(server.port, -1), 1);
    assert.equal(await server.stop(), 0);
  });

  test('takes a version out whose runs take all memory until the kernel kills the process', async (t) => {
    const group = MemoryGroup.make(MEMORY_BYTES);
    if (group === null) {
      t.skip('this user may not limit memory by a control group');
      return;
    }
    const { dataDir, server } = await serveTwo(linear(0), greedy(GREED_BYTES / Float32Array.BYTES_PER_ELEMENT));
    try {
      for (const pid of [server.process.pid!, server.pid]) group.add(pid);
      assert.equal(await askRow(server.port, 1), 321);
      assert.equal((await statusOf(dataDir)).model.activeVersion, 'deadly');
      await assert.rejects(askRow(server.port, -1));
      await until('another engine is ready', () => server.starts.length === 2, 60_000);
      await untilResolved('the last good one serves', async () =>
        (await statusOf(dataDir)).model.activeVersion === 'good', 60_000);
      assert.match(server.log, /SIGKILL/);
      const { model: record, versions } = await statusOf(dataDir);
      const health = versions.find(({ version }) => version === 'deadly')?.health;
      assert.deepEqual([record.activeVersion, health], ['good', 'unhealthy']);
      assert.equal(await askRow(server.port, -1), 319);
      assert.equal(await server.stop(), 0);
    } finally {
      server.process.kill('SIGKILL');
      await server.exit;
      await untilResolved('the group can be removed', () => Promise.resolve(isRemoved(group)));
    }
  });

  test('does not hold an ordered end against anybody', async () => {
    const { dataDir, server } = await serveDeadly();
    assert.equal(await server.stop(), 0);
    for (let starts = 0; starts < CRASHES_SERVING_MAX; starts += 1) {
      const next = await Server.start(dataDir);
      assert.equal((await statusOf(dataDir)).model.activeVersion, 'deadly');
      assert.equal(await next.stop(), 0);
    }
  });
});
