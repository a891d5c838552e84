// Models and versions that are called like a part of a route, or like a member of every object, work on all routes;
// versions stand in natural order wherever they are listed; a model is ready when it can answer, and not before.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { linear } from '../worker/onnx.ts';

// Of each kind one: a path of its own, a verb at the end, a word in the middle, a member of every object.
const NAMES = ['stats', 'ready', 'versions', 'index', '__proto__', 'constructor'];
const BODY = '{"features":[1,0,0]}';
const TENSORS = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,0,0]}]}';

function modelFile(): string {
  const file = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(file, linear());
  return file;
}

const OPTIONS = { workers: 1, standby: 'cold', modelControl: 'explicit', judge: { mode: 'observe' } } as const;

describe('Models and versions that are called like parts of routes', () => {
  const dataDir = temporaryDirectory();
  let engine: Engine;
  let port = 0;
  const serve = async (): Promise<void> => {
    engine = await createEngine({ dataDir, ...OPTIONS });
    ({ port } = await engine.listen({ port: 0 }));
  };
  before(serve);
  after(() => engine.close());

  const get = async (path: string): Promise<Record<string, unknown>> => {
    const { status, json, text } = await http(port, path);
    assert.equal(status, 200, `${path}: ${text}`);
    return json;
  };
  const post = async (path: string, body: string): Promise<Record<string, unknown>> => {
    const { status, json, text } = await http(port, path, { body });
    assert.equal(status, 200, `${path}: ${text}`);
    return json;
  };

  async function answersOnAllRoutes(name: string): Promise<void> {
    assert.equal((await post(`/models/${name}/predict`, BODY))['prediction'], 1.5, name);
    assert.equal((await get(`/models/${name}/health`))['model'], name);
    assert.deepEqual((await engine.predict(name, [1, 0, 0])).prediction, 1.5);
    assert.equal((await engine.status(name)).models[0]!.model.activeVersion, name);
    for (const path of [`/v2/models/${name}`, `/v2/models/${name}/versions/${name}`]) {
      const metadata = await get(path);
      assert.deepEqual([metadata['name'], metadata['versions']], [name, [name]], path);
      assert.equal((await get(`${path}/config`))['name'], name);
      assert.deepEqual(await get(`${path}/ready`), { name, ready: true });
      const { model_stats: stats } = await get(`${path}/stats`) as { model_stats: { name: string; version: string }[] };
      assert.deepEqual(stats.map((one) => [one.name, one.version]), [[name, name]]);
      const answer = await post(`${path}/infer`, TENSORS);
      assert.deepEqual([answer['model_name'], answer['model_version']], [name, name]);
    }
    for (const path of [name, `${name}/versions/${name}`, `${name}/labels/active`]) {
      assert.deepEqual(await post(`/v1/models/${path}:predict`, '{"instances":[[1,0,0]]}'), { predictions: [[1.5]] });
      assert.equal((await get(`/v1/models/${path}`))['name'], name);
      const { model_spec: spec } = await get(`/v1/models/${path}/metadata`) as { model_spec: { name: string } };
      assert.equal(spec.name, name);
    }
    const socket = await WebSocketClient.connect(port, { path: `/ws?model=${name}&version=${name}` });
    socket.send(BODY);
    assert.equal((await socket.nextJson())['prediction'], 1.5, name);
    socket.destroy();
  }

  test('answer on every route, after a restart too, and beside each other', async () => {
    const file = modelFile();
    for (const name of NAMES) await engine.register(name, file, { version: name, promote: true });
    for (const name of NAMES) await answersOnAllRoutes(name);
    const { model_stats: all, ...metadata } = await get('/v2/models/stats') as { model_stats: { name: string }[] };
    assert.deepEqual(all.map(({ name }) => name).sort(), [...NAMES].sort());
    assert.deepEqual(metadata, await get('/v2/models/stats/versions/stats'));
    assert.equal((await get('/v1/models') as { models: string[] }).models.length, NAMES.length);
    const index = (await http(port, '/v2/repository/index', { body: '{}' })).json as unknown as { name: string }[];
    assert.deepEqual(index.map(({ name }) => name).sort(), [...NAMES].sort());
    await engine.close();
    await serve();
    for (const name of NAMES) await until(`${name} is back`, () => engine.models.served(name).isReady);
    for (const name of NAMES) await answersOnAllRoutes(name);
  });

  test('are unloaded and loaded by name, and ready only in between', async () => {
    for (const name of ['stats', 'index', '__proto__']) {
      assert.deepEqual(await post(`/v2/repository/models/${name}/unload`, '{}'), {});
      for (const path of [`/v2/models/${name}/ready`, `/v2/models/${name}/versions/${name}/ready`]) {
        const { status, json } = await http(port, path);
        assert.deepEqual([status, json['code']], [404, 'MODEL_UNLOADED'], path);
      }
      // Its path is that of the statistics, which have no member of a model that is not there.
      if (name === 'stats') assert.deepEqual(Object.keys(await get('/v2/models/stats')), ['model_stats']);
      await post(`/v2/repository/models/${name}/load`, '{}');
      assert.deepEqual(await get(`/v2/models/${name}/ready`), { name, ready: true });
    }
  });
});

describe('Versions', () => {
  const versions = ['1.10.0', '10', '9', '2', '1.9.0', '1.10.0-rc.1', '1', '100'];
  const natural = ['1', '1.9.0', '1.10.0-rc.1', '1.10.0', '2', '9', '10', '100'];

  test('stand in natural order in every list of them', async () => {
    const dataDir = temporaryDirectory();
    const engine = await createEngine({ dataDir, ...OPTIONS, standby: 'warm' });
    const file = modelFile();
    for (const version of versions) await engine.register('m', file, { version });
    const namesOf = (list: readonly { version: string }[]): string[] => list.map(({ version }) => version);
    assert.deepEqual(namesOf((await engine.status('m')).models[0]!.versions), natural);
    assert.deepEqual(namesOf(engine.context.registry.versions('m')), natural);
    await engine.promote('m', '9');
    await engine.confirm('m');
    await engine.promote('m', '10');
    await until('the version before stands by', () => engine.models.served('m').loadedVersions.length === 2);
    const { port } = await engine.listen({ port: 0 });
    const { json } = await http(port, '/v2/models/m');
    assert.deepEqual(json['versions'], ['9', '10']);
    const index = (await http(port, '/v2/repository/index', { body: '{}' })).json as unknown as { version: string }[];
    assert.deepEqual(namesOf(index), ['9', '10']);
    const tfs = (await http(port, '/v1/models/m')).json as { model_version_status: { version: string }[] };
    assert.deepEqual(namesOf(tfs.model_version_status), ['9', '10']);
    assert.deepEqual(namesOf((await engine.status('m')).models[0]!.deployments), ['9', '10']);
    const unknown = await http(port, '/v2/models/m/versions/7/ready');
    assert.match(String(unknown.json['error']), /"1", "1\.9\.0", "1\.10\.0-rc\.1", "1\.10\.0", "2", "9", "10", "100"/);
    await engine.close();
  });

  test('are ready only while they are loaded, and none is while the engine drains or nothing is active', async () => {
    const engine = await createEngine({ dataDir: temporaryDirectory(), ...OPTIONS });
    const file = modelFile();
    await engine.register('m', file, { version: '1' });
    const { port } = await engine.listen({ port: 0 });
    const answered = async (path: string): Promise<unknown[]> => {
      const { status, json } = await http(port, path);
      return [status, json['code'] ?? json['ready']];
    };
    const states = async (path: string): Promise<unknown[]> => {
      const { json } = await http(port, `/v1/models/${path}`);
      const all = json['model_version_status'] as { version: string; state: string }[];
      return [json['ready'], ...all.map(({ version, state }) => `${version} ${state}`)];
    };
    const listed = async (): Promise<string[]> => {
      const index = (await http(port, '/v2/repository/index', { body: '{}' })).json as unknown;
      return (index as { version: string; state: string }[]).map(({ version, state }) => `${version} ${state}`);
    };
    assert.deepEqual(await answered('/v2/models/m/ready'), [503, 'NO_ACTIVE_VERSION']);
    assert.deepEqual(await answered('/v2/models/m/versions/1/ready'), [503, 'VERSION_NOT_LOADED']);
    assert.deepEqual(await answered('/v2/models/m/versions/2/ready'), [404, 'VERSION_NOT_FOUND']);
    assert.deepEqual(await answered('/v2/models/other/ready'), [404, 'MODEL_NOT_FOUND']);
    assert.deepEqual(await states('m/versions/1'), [false, '1 END']);
    assert.deepEqual(await states('m'), [false]);
    await engine.promote('m', '1');
    for (const path of ['/v2/models/m/ready', '/v2/models/m/versions/1/ready', '/v2/health/ready']) {
      assert.deepEqual(await answered(path), [200, true], path);
    }
    // A worker that is gone, until the next one is there.
    const { deployment } = engine.models.served('m').rollout.active!;
    const place = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(deployment), 'canAnswer')!;
    Object.defineProperty(deployment, 'canAnswer', { configurable: true, get: () => false });
    assert.deepEqual(await answered('/v2/models/m/ready'), [503, 'NOT_READY']);
    assert.deepEqual(await answered('/v2/models/m/versions/1/ready'), [503, 'NOT_READY']);
    assert.deepEqual(await answered('/v2/health/ready'), [503, false]);
    assert.deepEqual(await states('m'), [false, '1 LOADING']);
    assert.deepEqual(await states('m/versions/1'), [false, '1 LOADING']);
    assert.deepEqual(await listed(), ['1 UNAVAILABLE']);
    Object.defineProperty(deployment, 'canAnswer', place);
    assert.deepEqual(await answered('/v2/models/m/ready'), [200, true]);
    assert.deepEqual(await states('m'), [true, '1 AVAILABLE']);
    assert.deepEqual(await listed(), ['1 READY']);
    await engine.close();
  });
});
