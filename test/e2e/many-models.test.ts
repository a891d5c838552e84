// A start with many models, by the real binary: the port listens before they are up, those that are not say so, and the
// end may come at any time.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { addArtifact } from '../../src/artifacts/add.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { Registry } from '../../src/registry/registry.ts';
import { MAIN, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { deadlyToLoad, linear } from '../worker/onnx.ts';

const MODELS = Array.from({ length: 12 }, (_, at) => `m${at + 1}`);
const dataDir = temporaryDirectory();
const BODY = { body: '{"features":[1,2,3]}' };

before(async () => {
  const engine = await createEngine({ dataDir, workers: 1, standby: 'cold' });
  for (const [at, model] of MODELS.entries()) {
    for (const version of ['1', '2']) {
      const file = join(temporaryDirectory(), 'm.onnx');
      writeFileSync(file, linear(at * 2 + Number(version)));
      await engine.register(model, file, { version, promote: true });
    }
  }
  await engine.close();
});

interface Started {
  readonly port: number;
  readonly ready: Promise<unknown>;
  readonly stop: () => Promise<number | null>;
}

/** The binary as soon as it listens. */
async function listening(...args: string[]): Promise<Started> {
  const all = ['--data', dataDir, '--listen', '127.0.0.1:0', '--json', '--no-supervisor', '--workers', '1', ...args];
  const child = spawn(process.execPath, [MAIN, 'serve', ...all], { stdio: ['ignore', 'pipe', 'ignore'] });
  after(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const lines = createInterface({ input: child.stdout });
  const events = new Map<string, (event: { readonly port: number }) => void>();
  const event = (name: string): Promise<{ readonly port: number }> =>
    new Promise((resolve) => events.set(name, resolve));
  const [listens, ready] = [event('listening'), event('ready')];
  lines.on('line', (line) => {
    const value = JSON.parse(line) as { readonly event: string; readonly port: number };
    events.get(value.event)?.(value);
  });
  const { port } = await listens;
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return exit;
  };
  return { port, ready, stop };
}

const isReady = async (port: number): Promise<boolean> => (await http(port, '/v2/health/ready')).status === 200;

describe('lastgood serve with many models', () => {
  test('listens before they are up, answers 503 for those that are not, and 200 for each as soon as it is', async () => {
    const { port, ready, stop } = await listening();
    const last = MODELS.at(-1)!;
    const early = await http(port, `/models/${last}/predict`, BODY);
    assert.deepEqual([early.status, early.json['code']], [503, 'MODEL_STARTING']);
    assert.equal(early.headers['retry-after'], '1');
    const { json: status } = await http(port, `/v1/models/${last}`);
    const [{ state } = { state: 'none' }] = status['model_version_status'] as { state: string }[];
    assert.deepEqual([status['ready'], ['START', 'LOADING'].includes(state)], [false, true], state);
    const index = (await http(port, '/v2/repository/index', { body: '{}' })).json as unknown;
    const entry = (index as { name: string; state: string }[]).find(({ name }) => name === last);
    assert.equal(entry?.state, 'LOADING');
    assert.equal((await http(port, '/models/unknown/predict', BODY)).status, 404, 'no model');
    assert.equal(await isReady(port), false);
    await untilResolved('the first model answers', async () =>
      (await http(port, `/models/${MODELS[0]!}/predict`, BODY)).status === 200);
    const seen = new Set<number>();
    await untilResolved('the last model answers', async () => {
      const { status } = await http(port, `/models/${last}/predict`, BODY);
      seen.add(status);
      return status === 200;
    });
    assert.deepEqual([...seen].filter((status) => status !== 503), [200], 'nothing but 503 came before');
    await ready;
    assert.equal(await isReady(port), true);
    for (const model of MODELS) assert.equal((await http(port, `/models/${model}/predict`, BODY)).status, 200, model);
    assert.equal(await stop(), 0);
  });

  test('says with --ready any that it is ready when one model is, and tells in the status how far it is', async () => {
    const { port, ready, stop } = await listening('--ready', 'any');
    const admin = await connectAdmin(dataDir);
    const { start } = await admin!.status({});
    assert.ok(start !== null && start.waiting > 0, JSON.stringify(start));
    assert.equal(start.ready + start.loading.length + start.waiting, MODELS.length);
    await untilResolved('it is ready', () => isReady(port));
    await ready;
    assert.equal((await admin!.status({})).start, null);
    assert.equal(await stop(), 0);
  });

  test('goes back in a model whose standby waits for its turn, and brings all standbys up in the end', async () => {
    const { ready, stop } = await listening();
    await ready;
    const admin = await connectAdmin(dataDir);
    const model = MODELS.at(-1)!;
    const back = await admin!.rollback({ model, reason: 'at once' }, { by: 'test' });
    assert.equal(back.rolledBackTo, '1');
    await untilResolved('every standby is loaded', async () => {
      const { models } = await admin!.status({});
      return models.every((one) => one.model.model === model ||
        one.deployments.some(({ role, state }) => role === 'standby' && state === 'ready'));
    });
    assert.equal(await stop(), 0);
  });

  test('ends by a signal while most models wait, which is nobody\'s crash', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { stop } = await listening();
      assert.equal(await stop(), 0);
    }
    const { ready, stop } = await listening();
    await ready;
    const admin = await connectAdmin(dataDir);
    const { models } = await admin!.status({});
    // The test before has gone back in the last one.
    const actives = models.map(({ model }) => `${model.model} ${model.activeVersion ?? ''}`);
    assert.deepEqual(actives, MODELS.map((model) => `${model} ${model === MODELS.at(-1) ? '1' : '2'}`));
    assert.equal(await stop(), 0);
  });

  test('takes out the one version whose load kills the process, of many that are loaded at once', async () => {
    const copy = join(temporaryDirectory(), 'data');
    cpSync(dataDir, copy, { recursive: true });
    const culprit = MODELS[4]!;
    const file = join(temporaryDirectory(), 'deadly.onnx');
    writeFileSync(file, deadlyToLoad());
    const { sha256, bytes } = await addArtifact(copy, file);
    const store = openStore({ dataDir: copy });
    const registry = new Registry(store, systemClock);
    // As if the trial had not found it: another build of the runtime, another CPU.
    const { signature, trial } = registry.version(culprit, '2');
    const by = 'test';
    registry.createVersion({
      model: culprit, version: 'deadly', sha256, artifactBytes: bytes, signature, trial, outputKind: 'vector',
      baseline: null, golden: null, warnings: [],
    }, by);
    const expectedGeneration = registry.generationOf(culprit);
    registry.activate({ model: culprit, version: 'deadly', expectedGeneration, by, reason: '' });
    const before = registry.models().map(({ model, activeVersion }) => [model, activeVersion]);
    await store.close();
    const server = await Server.start(copy, ['--workers', '1']);
    after(() => server.process.kill('SIGKILL'));
    const admin = await connectAdmin(copy);
    const { models } = await admin!.status({});
    const now = models.map(({ model: { model, activeVersion } }) => [model, activeVersion]).sort();
    assert.deepEqual(now, before.map(([model, version]) => [model, model === culprit ? '2' : version]).sort());
    for (const model of MODELS) assert.equal((await http(server.port, `/models/${model}/predict`, BODY)).status, 200);
    assert.match(models.find(({ model }) => model.model === culprit)!.recentDecisions[0]!.reason,
      /version "deadly": the process died 2 times while it was starting/);
    assert.equal(await server.stop(), 0);
  });
});
