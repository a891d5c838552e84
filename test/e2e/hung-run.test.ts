// A run that does not come back: its clients get 504, its request is asked again elsewhere, what is to blame goes, the
// version or the request, and the process is started again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { ControlPlane } from '../../src/admin/commands.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { until, untilResolved } from '../support/poll.ts';
import { copyOf, preparedDirectory } from '../support/prepared-directory.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { endless } from '../worker/hostile-onnx.ts';
import { heavy, linear } from '../worker/onnx.ts';

const HUNG = ['--hung-ms', '600', '--judge-mode', 'observe', '--workers', '1'];
/** 2,048 x 2,048 float32 weights: 16 MiB, so that loading it takes longer than ending the process. */
const WIDTH = 2_048;
const HANGS = '{"features":[-1,0,0]}';
const RETURNS = '{"features":[1,0,0]}';

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

const ask = (port: number, body: string): Promise<Answer> =>
  http(port, '/predict', { body, headers: { 'content-type': 'application/json' } });

async function adminOf(dataDir: string): Promise<AdminClient> {
  const admin = await connectAdmin(dataDir);
  assert.ok(admin);
  return admin;
}

async function statusOf(dataDir: string): Promise<ModelStatus> {
  const { models: [model] } = await (await adminOf(dataDir)).status({ model: 'm' });
  assert.ok(model);
  return model;
}

const modelFile = (name: string, bytes: Uint8Array): string => {
  const file = join(temporaryDirectory(), `${name}.onnx`);
  writeFileSync(file, bytes);
  return file;
};

/** Made before the tests, each of which serves a copy: the trial of a file that hangs takes seconds. */
const directories = { hangs: '', behindGood: '', behindHangs: '' };
before(async () => {
  const promote = (control: ControlPlane, version: string): Promise<unknown> =>
    control.promote({ model: 'm', version }, actor);
  const confirmed = async (control: ControlPlane, version: string): Promise<void> => {
    await promote(control, version);
    await control.confirm({ model: 'm' }, actor);
  };
  const add = (control: ControlPlane, version: string, bytes: Uint8Array): Promise<unknown> =>
    control.register({ model: 'm', version, file: modelFile(version, bytes) }, actor);
  directories.hangs = await preparedDirectory(async (control) => {
    await add(control, 'hangs', endless());
    await promote(control, 'hangs');
  });
  directories.behindGood = await preparedDirectory(async (control) => {
    await add(control, 'good', linear());
    await confirmed(control, 'good');
    await promote(control, 'hangs');
  }, copyOf(directories.hangs));
  directories.behindHangs = await preparedDirectory(async (control) => {
    await add(control, 'heavy', heavy(WIDTH));
    await confirmed(control, 'heavy');
    await confirmed(control, 'hangs');
    await add(control, 'too', endless());
    await promote(control, 'too');
  }, copyOf(directories.hangs));
});

const untilStandby = (dataDir: string): Promise<void> => untilResolved('the standby is warm', async () =>
  (await statusOf(dataDir)).deployments.some(({ role, state }) => role === 'standby' && state === 'ready'), 60_000);

/** Serves a copy of one of them. */
async function serve(args: readonly string[], directory: keyof typeof directories): Promise<{
  dataDir: string; server: Server;
}> {
  const dataDir = copyOf(directories[directory]);
  const server = await Server.start(dataDir, [...HUNG, ...args]);
  after(() => server.process.kill('SIGKILL'));
  // It is loaded once the active version is up.
  if (directory !== 'hangs') await untilStandby(dataDir);
  return { dataDir, server };
}

/** What /health and each route that speaks of readiness say of model m. */
async function readiness(port: number): Promise<object> {
  const headers = { 'content-type': 'application/json' };
  const [health, all, model, version, index, tfs] = await Promise.all([
    http(port, '/health'), http(port, '/v2/health/ready'), http(port, '/v2/models/m/ready'),
    http(port, '/v2/models/m/versions/hangs/ready'),
    http(port, '/v2/repository/index', { body: '{"ready":true}', headers }), http(port, '/v1/models/m'),
  ]);
  return {
    health: [health.json['healthy'], health.json['stuck_workers']],
    statuses: [all.status, model.status, version.status], index: (index.json as unknown as unknown[]).length,
    tfs: [tfs.json['ready'], (tfs.json['model_version_status'] as { state: string }[])[0]?.state],
  };
}

describe('a run past the deadline of its requests, before it counts as hung', () => {
  test('makes /health unhealthy and every readiness route say not ready, while the other worker answers', async () => {
    const { server } = await serve(['--hung-ms', '600000', '--deadline-ms', '5000', '--workers', '2'], 'hangs');
    assert.deepEqual(await readiness(server.port), {
      health: [true, 0], statuses: [200, 200, 200], index: 1, tfs: [true, 'AVAILABLE'],
    });
    // Answered or not: it is the worker that matters.
    void ask(server.port, HANGS).catch(() => undefined);
    await untilResolved('the worker is known to be stuck', async () =>
      (await http(server.port, '/health')).json['stuck_workers'] === 1, 30_000);
    assert.deepEqual(await readiness(server.port), {
      health: [false, 1], statuses: [503, 503, 503], index: 0, tfs: [false, 'LOADING'],
    });
    assert.equal((await ask(server.port, RETURNS)).status, 200);
    assert.equal(server.starts.length, 1, 'nothing was started again');
  });
});

describe('a run that does not come back', () => {
  test('is answered 504, takes its version out and ends in a restart on the last good one', async () => {
    const { dataDir, server } = await serve([], 'behindGood');
    assert.deepEqual((await ask(server.port, RETURNS)).json['model_version'], 'hangs');
    const hung = ask(server.port, HANGS);
    const { status, json } = await hung;
    assert.deepEqual([status, json['code']], [504, 'RUN_HUNG']);
    await until('another engine is ready', () => server.starts.length === 2, 30_000);
    const { model, versions, recentDecisions: [decision] } = await statusOf(dataDir);
    const health = versions.find(({ version }) => version === 'hangs');
    assert.deepEqual([model.activeVersion, health?.health], ['good', 'unhealthy']);
    assert.match(String(health?.quarantine?.reason), /a request hung .*version "good" answers it/);
    assert.deepEqual([decision?.trigger, decision?.rolledBackTo], ['engine', 'good']);
    assert.match(server.log, /SIGALRM.*free a stuck worker/);
    assert.equal((await ask(server.port, HANGS)).json['model_version'], 'good');
    assert.equal(await server.stop(), 0);
  });

  test('without a version to go back to ends in a restart all the same, and the version answers again', async () => {
    const { dataDir, server } = await serve([], 'hangs');
    assert.equal((await ask(server.port, HANGS)).status, 504);
    await until('another engine is ready', () => server.starts.length === 2, 30_000);
    assert.equal((await statusOf(dataDir)).model.activeVersion, 'hangs');
    assert.equal((await ask(server.port, RETURNS)).status, 200);
    await untilResolved('the request is known', async () => (await statusOf(dataDir)).refused.length === 1, 60_000);
    const { status, json } = await ask(server.port, HANGS);
    assert.deepEqual([status, json['code']], [422, 'INPUT_REFUSED']);
    assert.equal(server.starts.length, 2);
    assert.equal(await server.stop(), 0);
  });

  test('without a supervisor ends the engine by a signal of its own, which says what happened', async () => {
    const { dataDir, server } = await serve(['--no-supervisor'], 'behindGood');
    assert.equal((await ask(server.port, HANGS)).status, 504);
    await server.exit;
    assert.equal(server.process.signalCode, 'SIGALRM');
    const next = await Server.start(dataDir, ['--no-supervisor']);
    assert.equal((await statusOf(dataDir)).model.activeVersion, 'good');
    assert.equal(await next.stop(), 0);
  });

  test('does not stop what others are being answered: the last good one serves until the process ends', async () => {
    const { server } = await serve([], 'behindGood');
    const hung = ask(server.port, HANGS);
    for (let looks = 0; looks < 3;) looks += Number((await http(server.port, '/health')).json['pending'] === 1);
    // Queued behind the stuck worker; after the rollback they go to the version that can answer.
    const behind = Array.from({ length: 5 }, () => ask(server.port, RETURNS));
    assert.equal((await hung).status, 504);
    for (const { status, json } of await Promise.all(behind)) {
      assert.deepEqual([status, json['model_version']], [200, 'good']);
    }
    await until('another engine is ready', () => server.starts.length === 2, 30_000);
    assert.equal(await server.stop(), 0);
  });

  test('that hangs the version before as well is refused for a while, and takes neither of them out', async () => {
    const { dataDir, server } = await serve([], 'behindHangs');
    const inputs = [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [-1, 0, 0] }];
    const headers = { 'content-type': 'application/json' };
    const path = '/v2/models/m/versions/hangs/infer';
    const standby = http(server.port, path, { body: JSON.stringify({ inputs }), headers });
    const active = ask(server.port, HANGS);
    assert.deepEqual([(await standby).status, (await active).status], [504, 504]);
    // Each of the four processes that ask again may have to wait for a core: two runs hold one each.
    await until('another engine is ready', () => server.starts.length === 2, 150_000);
    await untilResolved('both requests are known', async () => (await statusOf(dataDir)).refused.length === 2, 60_000);
    const { model, versions } = await statusOf(dataDir);
    assert.equal(model.activeVersion, 'too');
    assert.deepEqual(versions.filter(({ health }) => health === 'unhealthy'), []);
    await untilStandby(dataDir);
    const again = http(server.port, path, { body: JSON.stringify({ inputs }), headers });
    assert.deepEqual([(await ask(server.port, HANGS)).status, (await again).status], [422, 422]);
    assert.equal((await ask(server.port, RETURNS)).status, 200);
    assert.equal(await server.stop(), 0);
  });
});
