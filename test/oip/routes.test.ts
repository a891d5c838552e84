// The protocol's routes on a real engine: versions by name, the repository behind its token, timeouts, descriptions.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, identity, linear } from '../worker/onnx.ts';

const TOKEN = 'a-token-of-the-test';
const BEARER = { authorization: `Bearer ${TOKEN}` };

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

const body = (first: number, parameters: object = {}): string => JSON.stringify({
  id: String(first), parameters, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [first, 0, 0] }],
});

const resultOf = ({ json }: Answer): unknown =>
  [json['model_version'], (json['outputs'] as { data: number[] }[])[0]?.data[0]];

suite('/v2 routes', () => {
  let engine: Engine;
  let port = 0;
  let activeAnswers = 0;
  const infer = async (path: string, first = 1): Promise<Answer> => {
    const answer = await http(port, `/v2/models/${path}/infer`, { body: body(first) });
    if (answer.json['model_version'] === '2') activeAnswers += 1;
    return answer;
  };

  before(async () => {
    const dataDir = temporaryDirectory();
    engine = await createEngine({ dataDir, workers: 1, adminToken: TOKEN, judge: { lookMs: 50 } });
    await engine.register('m', file(linear(0.5)), { version: '1', promote: true });
    await engine.confirm('m');
    await engine.register('m', file(linear(1000)), { version: '2', promote: true });
    await engine.register('m', file(linear(7)), { version: '3' });
    ({ port } = await engine.listen({ port: 0 }));
    await until('version 1 stands by', () => engine.models.served('m').loadedVersions.length === 2);
  });

  after(async () => {
    await engine.close();
  });

  test('a version in the URL is answered by that version, loaded ones only', async () => {
    assert.deepEqual(resultOf(await infer('m')), ['2', 1001]);
    assert.deepEqual(resultOf(await infer('m/versions/2')), ['2', 1001]);
    assert.deepEqual(resultOf(await infer('m/versions/1')), ['1', 1.5]);
    const registered = await infer('m/versions/3');
    assert.deepEqual([registered.status, registered.json['code']], [503, 'VERSION_NOT_LOADED']);
    const unknown = await infer('m/versions/9');
    assert.deepEqual([unknown.status, unknown.json['code']], [404, 'VERSION_NOT_FOUND']);
    assert.equal((await http(port, '/v2/models/m/versions/1/ready')).status, 200);
    assert.equal((await http(port, '/v2/models/m/versions/3/ready')).status, 503);
    assert.deepEqual((await http(port, '/v2/models/m')).json['versions'], ['1', '2']);
  });

  test('a named version is answered while the active one is kept busy, and the other way round', async () => {
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, at) => infer(at % 3 === 0 ? 'm/versions/1' : 'm', at)));
    answers.forEach((answer, at) => {
      assert.deepEqual(resultOf(answer), at % 3 === 0 ? ['1', at + 0.5] : ['2', at + 1000]);
      assert.equal(answer.json['id'], String(at));
    });
  });

  test('samples of a version that answers only because it was named are not judged', async () => {
    const judged = (): number => engine.models.served('m').health?.totals.requests ?? 0;
    await until('the monitor has seen all that the active version answered', () => judged() === activeAnswers);
    for (let at = 0; at < 5; at += 1) await infer('m/versions/1');
    await infer('m/versions/2');
    await until('the monitor has seen the last one', () => judged() >= activeAnswers);
    assert.equal(judged(), activeAnswers);
  });

  test('a timeout in microseconds is answered with 504 when it passed in the queue', async () => {
    const late = await http(port, '/v2/models/m/infer', { body: body(1, { timeout: 1 }) });
    assert.deepEqual([late.status, late.json['code']], [504, 'DEADLINE_EXCEEDED']);
    assert.equal((await http(port, '/v2/models/m/infer', { body: body(1, { timeout: 20_000_000 }) })).status, 200);
    assert.equal((await http(port, '/v2/models/m/infer', { body: body(1, { timeout: 'soon' }) })).status, 400);
  });

  test('metadata and config describe the signature, only working extensions are named', async () => {
    const { json: metadata } = await http(port, '/v2/models/m');
    assert.deepEqual(metadata['inputs'], [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }]);
    const { json: config } = await http(port, '/v2/models/m/config');
    assert.deepEqual(config['input'], [{ name: 'x', data_type: 'TYPE_FP32', dims: [3] }]);
    assert.ok((config['max_batch_size'] as number) > 1);
    const { stacking, limits } = config['parameters'] as Record<string, { readonly string_value: string }>;
    assert.deepEqual(stacking, { string_value: 'rows' });
    assert.deepEqual(JSON.parse(limits!.string_value),
      { rowsPerRun: 1_024, elementsPerRun: null, elements: null, dimensions: [] });
    const { json: server } = await http(port, '/v2');
    assert.ok(!(server['extensions'] as string[]).some((name) => /shared_memory|sequence|trace/.test(name)));
  });

  test('wrong methods are answered with 405 on every route', async () => {
    for (const [method, path] of [
      ['POST', '/v2'], ['POST', '/v2/health/live'], ['GET', '/v2/models/m/infer'], ['POST', '/v2/models/m/stats'],
      ['GET', '/v2/models/m/versions/1/infer'], ['GET', '/v2/repository/index'], ['DELETE', '/v2/models/m'],
      ['GET', '/v2/repository/models/m/load'],
    ] as const) {
      const answer = await http(port, path, { method });
      assert.deepEqual([answer.status, answer.json['code']], [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`);
    }
  });

  test('load and unload want the admin token, and unload of a serving model the word force', async () => {
    const unload = (headers: Record<string, string>, force: boolean): Promise<Answer> =>
      http(port, '/v2/repository/models/m/unload', { headers, body: JSON.stringify({ parameters: { force } }) });
    assert.equal((await unload({}, true)).status, 401);
    const refused = await unload(BEARER, false);
    assert.deepEqual([refused.status, refused.json['code']], [409, 'UNLOAD_REFUSED']);
    assert.equal((await infer('m')).status, 200);
    assert.equal((await unload(BEARER, true)).status, 200);
    const gone = await infer('m');
    assert.deepEqual([gone.status, gone.json['code']], [404, 'MODEL_UNLOADED']);
    const index = await http(port, '/v2/repository/index', { body: '{}' });
    assert.deepEqual(JSON.parse(index.text), [{ name: 'm', state: 'UNAVAILABLE', reason: 'unloaded' }]);
    assert.equal((await http(port, '/v2/repository/any/index', { body: '' })).text, index.text);
    assert.equal((await http(port, '/v2/repository/models/m/load', { headers: BEARER, body: '' })).status, 200);
    assert.deepEqual(resultOf(await infer('m')), ['2', 1001]);
    assert.equal((await unload(BEARER, true)).status, 200);
    await engine.promote('m', '2');
    assert.deepEqual(resultOf(await infer('m')), ['2', 1001], 'a promote brings the model back');
  });

  test('load of a new version goes through its trial and is promoted; a bad file changes nothing', async () => {
    const load = (parameters: object): Promise<Answer> =>
      http(port, '/v2/repository/models/m/load', { headers: BEARER, body: JSON.stringify({ parameters }) });
    const bad = await load({ 'file:5/model.onnx': Buffer.from('no model').toString('base64') });
    assert.deepEqual([bad.status, bad.json['code']], [422, 'TRIAL_FAILED']);
    assert.deepEqual(resultOf(await infer('m')), ['2', 1001]);
    for (const text of ['%%%', '']) assert.equal((await load({ 'file:5/model.onnx': text })).status, 400, text);
    const good = await load({ config: '{}', 'file:4/model.onnx': Buffer.from(linear(4)).toString('base64') });
    assert.equal(good.status, 200);
    assert.deepEqual(resultOf(await infer('m')), ['4', 5]);
    const unclear = await load({ version: '3', expect: 'nothing' });
    assert.equal(unclear.status, 400);
    assert.match(unclear.text, /wanted same, or change=PERCENT/);
    assert.equal((await load({ version: '3', expect: 'change=50' })).status, 200);
    const loaded = (await engine.status()).models[0]!.versions.find(({ version }) => version === '3');
    assert.equal(loaded?.expect, 'change=50');
    assert.deepEqual(resultOf(await infer('m')), ['3', 8]);
    const other = await load({ 'file:6/model.onnx': Buffer.from(identity(Type.FLOAT, [2])).toString('base64') });
    assert.deepEqual([other.status, other.json['code']], [409, 'SIGNATURE_CHANGED']);
  });

  test('load takes how the runtime is to run a new version, as an object or as a text, and of no other', async () => {
    const load = (parameters: object): Promise<Answer> =>
      http(port, '/v2/repository/models/m/load', { headers: BEARER, body: JSON.stringify({ parameters }) });
    const content = Buffer.from(linear(9)).toString('base64');
    const session = { graph: 'basic', intraOpThreads: 2 };
    for (const [version, given] of [['7', session], ['8', JSON.stringify(session)]] as const) {
      assert.equal((await load({ [`file:${version}/model.onnx`]: content, session: given })).status, 200, version);
      assert.deepEqual(engine.context.registry.version('m', version).session, session);
    }
    const limited = { 'file:9/model.onnx': content, elements_max: 2, dimension_max: 7 };
    assert.equal((await load(limited)).status, 200);
    assert.deepEqual(engine.context.registry.version('m', '9').requestLimits, { elementsMax: 2, dimensionMax: 7 });
    const { status: refused, json: answer } = await infer('m');
    assert.deepEqual([refused, answer['code']], [400, 'ELEMENTS_TOO_MANY']);
    for (const wrong of [{ graph: 'most' }, '{"graph":', '[]', 3, { providers: [] }]) {
      const { status, json } = await load({ 'file:10/model.onnx': content, session: wrong });
      assert.deepEqual([status, json['code']], [400, 'INVALID_REQUEST'], JSON.stringify(wrong));
    }
    for (const odd of [{ session }, { stacking: 'none' }, { elements_max: 3 }, { dimension_max: 3 }]) {
      const { status, text } = await load({ version: '3', ...odd });
      assert.equal(status, 400);
      assert.match(text, /is said of a new version when it comes; wanted its files beside it/);
    }
  });
});
