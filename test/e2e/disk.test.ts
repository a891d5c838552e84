// A disk that is full, read-only or gone bad: what is loaded goes on serving, changes are refused by name, a rollback
// happens all the same and is written when the disk is back.
import assert from 'node:assert/strict';
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { EngineStatus, ExplainedDecision } from '../../src/admin/answers.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { Diagnosis } from '../../src/doctor/findings.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { allowWrites, refuseWrites, SmallDisk, withoutPrlimit } from '../support/disk.ts';
import { http } from '../support/http.ts';
import { until, untilResolved } from '../support/poll.ts';
import { parseMetrics, type Sample } from '../support/prometheus.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { heavy, linear } from '../worker/onnx.ts';

const TOKEN = 'only for this test';
const OBSERVE = ['--judge-mode', 'observe', '--admin-token', TOKEN, '--model-control', 'explicit'];
const DISK_MEBIBYTES = 4;

const diskRefused = (error: unknown): boolean => isLastgoodError(error) && error.code === 'DISK_REFUSED';

async function answeringVersion(port: number): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const { status, json } = await http(port, '/predict', { body: '{"features":[1,2,3]}', headers });
  assert.equal(status, 200, JSON.stringify(json));
  return json['model_version'];
}

function modelFile(bytes: Uint8Array): string {
  const file = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(file, bytes);
  return file;
}

/** Serves versions 1 (known good) and 2 (active) from `dataDir`. */
async function serve(dataDir: string): Promise<{ server: Server; admin: AdminClient }> {
  const server = await Server.start(dataDir, OBSERVE);
  after(() => server.process.kill('SIGKILL'));
  const admin = await connectAdmin(dataDir);
  assert.ok(admin);
  for (const version of ['1', '2']) {
    await admin.register({ model: 'm', version, file: modelFile(linear(Number(version))), promote: true }, actor);
    if (version === '1') await admin.confirm({ model: 'm' }, actor);
  }
  await untilResolved('the standby is warm', async () => {
    const { models: [model] } = await admin.status({ model: 'm' });
    return model?.deployments.some(({ role, state }) => role === 'standby' && state === 'ready') === true;
  });
  return { server, admin };
}

describe('a disk that refuses every write', { skip: withoutPrlimit }, () => {
  test('stops no answer; changes are refused, a rollback is made in memory and written when the disk is back', async () => {
    const dataDir = temporaryDirectory();
    const { server, admin } = await serve(dataDir);
    refuseWrites(server.pid);
    await assert.rejects(admin.confirm({ model: 'm' }, actor), diskRefused);
    await assert.rejects(admin.register({ model: 'm', version: '3', file: modelFile(linear(3)) }, actor), diskRefused);
    assert.equal(await answeringVersion(server.port), '2');
    const { rolledBackTo, generation, stored } = await admin.rollback({ model: 'm' }, actor);
    assert.deepEqual([rolledBackTo, generation, stored], ['1', 3, false]);
    assert.equal(await answeringVersion(server.port), '1');
    await assert.rejects(admin.promote({ model: 'm', version: '2' }, actor), diskRefused);
    const before = (await admin.history({ model: 'm' })).map(({ kind }) => kind);
    assert.ok(!before.includes('rollback'));
    allowWrites(server.pid);
    await untilResolved('the rollback is written', async () =>
      (await admin.history({ model: 'm' })).some(({ kind, to }) => kind === 'rollback' && to === '1'));
    const { models: [model] } = await admin.status({ model: 'm' });
    assert.deepEqual([model?.model.activeVersion, model?.model.generation], ['1', 3]);
    await admin.register({ model: 'm', version: '3', file: modelFile(linear(3)), promote: true }, actor);
    assert.equal(await answeringVersion(server.port), '3');
    assert.equal(server.starts.length, 1, 'the engine was never started again');
    assert.equal(await server.stop(), 0);
  });
});

/** The only series of each gauge. */
async function gaugesOf(port: number): Promise<(name: string) => Sample | undefined> {
  const families = parseMetrics(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  return (name) => families.get(name)?.samples[0];
}

/** What everybody who is asked says of model m: who answers, in which generation, and whether that is saved. */
async function told(dataDir: string, { port }: Server, decision: string): Promise<Record<string, unknown>> {
  const [status, explained, diagnosis] = await Promise.all([
    lastgoodJson<EngineStatus>(['status', '--data', dataDir]),
    lastgoodJson<ExplainedDecision>(['explain', decision, '--data', dataDir]),
    lastgood(['doctor', '--json', '--data', dataDir]),
  ]);
  const { findings } = JSON.parse(diagnosis.stdout) as Diagnosis;
  const [one] = status.models;
  const { json: health } = await http(port, '/health');
  const gauges = await gaugesOf(port);
  return {
    status: [one?.model.activeVersion, one?.model.generation, one?.saved],
    health: [health['active_model'], health['generation'], health['saved']],
    metrics: [
      gauges('lastgood_model_active_info')?.labels['version'], gauges('lastgood_model_generation')?.value,
      gauges('lastgood_model_saved')?.value === 1,
    ],
    explain: [explained.rolledBackTo, explained.generation + 1, explained.saved],
    decisions: one?.recentDecisions.map(({ id }) => id),
    quarantined: one?.versions.filter((version) => version.health === 'unhealthy').map(({ version }) => version),
    doctor: [
      diagnosis.code,
      ...findings.filter(({ code }) => code === 'ROLLBACK_UNSAVED').map(({ about, text }) => `${about}: ${text}`),
    ],
  };
}

describe('a rollback that the disk refuses', { skip: withoutPrlimit }, () => {
  const everywhere = (saved: boolean, decision: string): object => {
    const answer = ['1', 3, saved];
    return {
      status: answer, health: answer, metrics: answer, explain: answer, decisions: [decision], quarantined: ['2'],
      doctor: saved ? [0] : [1, 'model m: version 1 answers as generation 3 and is not saved: the disk refuses the ' +
        'rollback to it, so the next start would bring back the version before'],
    };
  };

  test('is told alike by status, health, metrics, explain and doctor, before it is saved and after', async () => {
    const dataDir = temporaryDirectory();
    const { server, admin } = await serve(dataDir);
    refuseWrites(server.pid);
    const { decision, stored } = await admin.rollback({ model: 'm' }, actor);
    assert.equal(stored, false);
    assert.deepEqual(await told(dataDir, server, decision), everywhere(false, decision));
    const texts = await Promise.all([['status'], ['status', 'm'], ['explain', decision], ['explain']]
      .map((args) => lastgood([...args, '--data', dataDir])));
    for (const { stdout } of texts) assert.match(stdout, /not saved|not yet: it is in force/);
    allowWrites(server.pid);
    await untilResolved('the rollback is written', async () => (await admin.explain({ decision })).saved);
    // The page of the metrics is written at most once a second.
    await untilResolved('the metrics say so', async () =>
      (await gaugesOf(server.port))('lastgood_model_saved')?.value === 1);
    assert.deepEqual(await told(dataDir, server, decision), everywhere(true, decision));
    assert.equal(await server.stop(), 0);
  });
});

describe('a data directory that goes', () => {
  const gone: readonly [string, (dataDir: string) => void][] = [
    ['because it is deleted', (dataDir) => rmSync(dataDir, { recursive: true })],
    ['because a copy takes its place', (dataDir) => {
      renameSync(dataDir, `${dataDir}-moved`);
      cpSync(`${dataDir}-moved`, dataDir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    }],
  ];
  for (const [how, go] of gone) {
    test(`${how} is told, stops no answer, and takes no change that would be lost`, async () => {
      const dataDir = temporaryDirectory();
      const { server } = await serve(dataDir);
      const token = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      go(dataDir);
      await until('it is told', () => server.log.includes('the data directory is gone'));
      assert.equal(await answeringVersion(server.port), '2');
      const load = await http(server.port, '/v2/repository/models/m/unload', { body: '{}', headers: token });
      assert.deepEqual([load.status, load.json['code']], [507, 'DISK_REFUSED']);
      assert.match(String(load.json['error']), /not the one that this engine opened/);
      const rollback = await http(server.port, '/models/m/rollback', { body: '{}', headers: token });
      assert.deepEqual([rollback.status, rollback.json['rolled_back_to']], [200, '1']);
      assert.equal(await answeringVersion(server.port), '1');
      assert.equal(server.log.match(/the data directory is gone/g)?.length, 1, 'it is told once');
    });
  }
});

describe('a disk of its own', () => {
  function mounted(t: TestContext): SmallDisk | null {
    const disk = SmallDisk.mount(DISK_MEBIBYTES);
    if (disk === null) t.skip('this user may not mount a file system');
    else after(() => disk.unmount());
    return disk;
  }

  test('that is full stops no answer and refuses what does not fit; with room again it takes it', async (t) => {
    const disk = mounted(t);
    if (disk === null) return;
    const { server, admin } = await serve(join(disk.path, 'data'));
    const filler = join(disk.path, 'filler');
    assert.throws(() => writeFileSync(filler, new Uint8Array(DISK_MEBIBYTES * 2 ** 20)), /ENOSPC/);
    const large = { model: 'm', version: '3', file: modelFile(heavy(300)) };
    await assert.rejects(admin.register(large, actor), diskRefused);
    assert.equal(await answeringVersion(server.port), '2');
    rmSync(filler);
    await admin.register({ ...large, promote: true }, actor);
    assert.equal(await answeringVersion(server.port), '3');
    assert.equal(await server.stop(), 0);
  });

  test('that is mounted read-only is served from; changes are taken when it can be written again', async (t) => {
    const disk = mounted(t);
    if (disk === null) return;
    const dataDir = join(disk.path, 'data');
    const first = await serve(dataDir);
    assert.equal(await first.server.stop(), 0);
    disk.remount('ro');
    const server = await Server.start(dataDir, OBSERVE);
    after(() => server.process.kill('SIGKILL'));
    assert.equal(await answeringVersion(server.port), '2');
    assert.equal(await connectAdmin(dataDir), null);
    assert.match(server.log, /no admin socket/);
    assert.match(server.log, /the data directory can only be read/);
    disk.remount('rw');
    await until('the registry is open for writing', () => server.log.includes('can be written again'), 30_000);
    await until('the admin socket is there', () => server.log.includes('the admin socket is there'), 30_000);
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    await admin.promote({ model: 'm', version: '1' }, actor);
    assert.equal(await answeringVersion(server.port), '1');
    assert.equal(await server.stop(), 0);
  });
});
