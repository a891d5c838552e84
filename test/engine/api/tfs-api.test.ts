// TensorFlow Serving's REST API on a real engine: both forms, every kind of value, versions and labels, descriptions.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { healthAnswerOf } from '../../../src/engine/models/model-views.ts';
import { http } from '../../support/http.ts';
import type { Answer } from '../../support/http.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { Type, identity, linear, model, node, twoInputs } from '../../worker/onnx.ts';

const REQUESTS = 60;

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

/** Texts to a plain output and to one whose name says that it holds bytes. */
const texts = (): Uint8Array => model({
  inputs: [['x', Type.STRING, ['N']]],
  outputs: [['text', Type.STRING, ['N']], ['text_bytes', Type.STRING, ['N']]],
  nodes: [node('Identity', ['x'], 'text'), node('Identity', ['x'], 'text_bytes')],
});

suite('/v1', () => {
  let engine: Engine;
  let port = 0;
  const post = (path: string, body: unknown): Promise<Answer> =>
    http(port, `/v1/models/${path}:predict`, { body: typeof body === 'string' ? body : JSON.stringify(body) });

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, judge: { lookMs: 50 } });
    await engine.register('m', file(linear(0.5)), { version: '1', promote: true });
    await engine.confirm('m');
    await engine.register('m', file(linear(1000)), { version: '2', promote: true });
    await engine.register('m', file(linear(7)), { version: '3' });
    const others: [string, Uint8Array][] = [
      ['two', twoInputs()], ['texts', texts()], ['scalar', identity(Type.FLOAT, [])],
      ['cube', identity(Type.FLOAT, ['N', 2, 2])], ['open', identity(Type.DOUBLE, ['N', 'M'])],
    ];
    for (const [name, type] of Object.entries({
      bool: Type.BOOL, uint8: Type.UINT8, int16: Type.INT16, int64: Type.INT64, uint64: Type.UINT64, half: Type.FLOAT16,
    })) others.push([name, identity(type, ['N'])]);
    for (const [name, bytes] of others) await engine.register(name, file(bytes), { version: '1', promote: true });
    ({ port } = await engine.listen({ port: 0 }));
    await until('version 1 stands by', () => engine.models.served('m').loadedVersions.length === 2);
  });

  after(async () => {
    await engine.close();
  });

  test('row form and column form answer in their own form', async () => {
    const row = await post('m', { instances: [[1, 0, 0], [0, 1, 0]] });
    assert.deepEqual([row.status, row.json], [200, { predictions: [[1001], [1010]] }]);
    const named = await post('m', { signature_name: 'serving_default', instances: [{ x: [1, 0, 0] }] });
    assert.deepEqual(named.json, { predictions: [[1001]] });
    const column = await post('m', { inputs: [[1, 0, 0], [0, 1, 0]] });
    assert.deepEqual(column.json, { outputs: [[1001], [1010]] });
    assert.deepEqual((await post('m', { inputs: { x: [[1, 0, 0]] } })).json, { outputs: [[1001]] });
    assert.deepEqual((await post('cube', { instances: [[[1, 2], [3, 4]]] })).json, { predictions: [[[1, 2], [3, 4]]] });
    assert.deepEqual((await post('scalar', { inputs: 5 })).json, { outputs: 5 });
  });

  test('several inputs and outputs go by name', async () => {
    const rows = await post('two', { instances: [{ a: [1, 2], b: [3, 4] }, { b: [0, 0], a: [5, 6] }] });
    assert.deepEqual(rows.json, { predictions: [{ sum: [4, 6], same: [3, 4] }, { sum: [5, 6], same: [0, 0] }] });
    const column = await post('two', { inputs: { a: [[1, 2]], b: [[3, 4]] } });
    assert.deepEqual(column.json, { outputs: { sum: [[4, 6]], same: [[3, 4]] } });
  });

  test('texts and base64 in, base64 out where the name says so', async () => {
    const b64 = (text: string): object => ({ b64: Buffer.from(text).toString('base64') });
    const rows = await post('texts', { instances: ['grün', b64('rot'), { x: 'blau' }, { x: b64('') }] });
    assert.deepEqual(rows.json, {
      predictions: ['grün', 'rot', 'blau', ''].map((text) => ({ text, text_bytes: b64(text) })),
    });
    for (const value of [{ b64: '*' }, { b64: 1 }, { b64: 'YQ==', more: 1 }, { b64: '/w==' }, 1, null, ['a', 'b']]) {
      assert.equal((await post('texts', { inputs: [value] })).status, 400);
    }
  });

  test('every element type keeps its values, 64-bit integers all their digits, NaN and the infinities', async () => {
    for (const [name, values] of [
      ['bool', '[true,false,true]'], ['uint8', '[0,255]'], ['int16', '[-32768,32767]'],
      ['int64', '[9223372036854775807,-9223372036854775808,9007199254740993]'], ['uint64', '[18446744073709551615,0]'],
      ['half', '[0.5,-2,65504]'],
    ] as const) {
      const { status, text } = await post(name, `{"instances":${values}}`);
      assert.deepEqual([status, text], [200, `{"predictions":${values}}`]);
    }
    assert.equal((await post('bool', '{"inputs":[0,1]}')).text, '{"outputs":[false,true]}');
    const open = await new Promise<string>((resolve, reject) => {
      fetch(`http://127.0.0.1:${port}/v1/models/open:predict`, {
        method: 'POST', body: '{"inputs":[[NaN,Infinity],[-Infinity,-0]]}',
      }).then((answer) => answer.text()).then(resolve, reject);
    });
    assert.equal(open, '{"outputs":[[NaN,Infinity],[-Infinity,-0]]}');
    for (const [name, value] of [
      ['uint8', '256'], ['uint8', '-1'], ['uint8', '1.5'], ['int64', '9223372036854775808'], ['uint64', '-1'],
      ['int64', 'NaN'], ['bool', '2'], ['half', '65520'], ['uint8', '"1"'],
    ] as const) {
      const { status, json } = await post(name, `{"inputs":[${value}]}`);
      assert.deepEqual([status, json['code']], [400, 'INVALID_REQUEST'], `${name} ${value}`);
    }
  });

  test('what is wrong with a body is said', async () => {
    for (const [name, body, wanted] of [
      ['m', '{"instances":[[1,2,3]],"inputs":[[1,2,3]]}', /has both "instances" and "inputs"/],
      ['m', '{}', /has neither "instances" and "inputs"/],
      ['m', '{"instances":[]}', /"instances" is empty/],
      ['m', '{"instances":3}', /"instances" is 3; wanted an array of rows/],
      ['m', '{"instances":[[1,2]]}', /shape \[1,2\]; wanted \[-1,3\]/],
      ['m', '{"instances":[[1,2,3],[1,2]]}', /unequal length/],
      ['m', '{"instances":[[1,2,3],4]}', /unequal length/],
      ['m', '{"instances":[{"y":[1,2,3]}]}', /row 0 names "y"; wanted "x"/],
      ['m', '{"inputs":{}}', /"inputs" lacks input "x"/],
      ['m', '{"instances":[[1,2,"3"]]}', /value 2 of input "x" is "3"/],
      ['m', '{"signature_name":"other","instances":[[1,2,3]]}', /"signature_name" is "other"/],
      ['two', '{"instances":[[1,2]]}', /row 0 is an array; wanted an object with "a", "b"/],
      ['m', '{"instances":[[1,2,3]', /ends where/],
      ['m', '[1]', /it is an array/],
      ['scalar', '{"instances":[1]}', /shape \[1\]; wanted \[\]/],
    ] as const) {
      const { status, json } = await post(name, body);
      assert.equal(status, 400, body);
      assert.match(String(json['error']), wanted);
    }
    assert.deepEqual(healthAnswerOf(engine.models.served('m'), engine.context).violations, []);
  });

  test('versions and labels choose who answers', async () => {
    const first = async (path: string): Promise<unknown> => {
      const { json } = await post(path, { instances: [[1, 0, 0]] });
      return json['code'] ?? (json['predictions'] as number[][])[0]?.[0];
    };
    for (const [path, wanted] of [
      ['m', 1001], ['m/versions/2', 1001], ['m/versions/1', 1.5], ['m/versions/3', 'VERSION_NOT_LOADED'],
      ['m/versions/9', 'VERSION_NOT_FOUND'], ['m/labels/stable', 1001], ['m/labels/active', 1001],
      ['m/labels/lastgood', 1.5], ['m/labels/canary', 'LABEL_NOT_FOUND'], ['m/labels/odd', 'LABEL_NOT_FOUND'],
      ['nobody', 'MODEL_NOT_FOUND'],
    ] as const) assert.equal(await first(path), wanted, path);
  });

  test('status and metadata are those of TensorFlow Serving, and of KServe', async () => {
    const get = async (path: string): Promise<Answer> => http(port, `/v1/models${path}`);
    const { json } = await get('/m');
    assert.deepEqual([json['name'], json['ready']], ['m', true]);
    const ok = { error_code: 'OK', error_message: '' };
    const states = json['model_version_status'] as { version: string }[];
    assert.deepEqual(states.sort((a, b) => a.version.localeCompare(b.version)), [
      { version: '1', state: 'AVAILABLE', status: ok }, { version: '2', state: 'AVAILABLE', status: ok },
    ]);
    assert.deepEqual((await get('/m/versions/3')).json['model_version_status'],
      [{ version: '3', state: 'END', status: ok }]);
    assert.deepEqual((await get('/m/labels/lastgood')).json['model_version_status'],
      [{ version: '1', state: 'AVAILABLE', status: ok }]);
    assert.equal((await get('/m/versions/9')).status, 404);
    assert.ok(((await get('')).json['models'] as string[]).includes('m'));
    const metadata = (await get('/m/metadata')).json as {
      model_spec: object; metadata: { signature_def: { signature_def: Record<string, { inputs: object }> } };
    };
    assert.deepEqual(metadata.model_spec, { name: 'm', signature_name: '', version: '2' });
    assert.deepEqual(metadata.metadata.signature_def.signature_def['serving_default']?.inputs, {
      x: {
        dtype: 'DT_FLOAT', name: 'x',
        tensor_shape: { dim: [{ size: '-1', name: '' }, { size: '3', name: '' }], unknown_rank: false },
      },
    });
    assert.equal((await get('/m/versions/1/metadata')).status, 200);
  });

  test('other verbs and methods are refused as JSON', async () => {
    for (const [path, method, status, code] of [
      ['/v1/models/m:predict', 'GET', 405, 'METHOD_NOT_ALLOWED'], ['/v1/models/m', 'POST', 404, 'ROUTE_NOT_FOUND'],
      ['/v1/models/m:classify', 'POST', 404, 'ROUTE_NOT_FOUND'],
      ['/v1/models/m:predict', 'PUT', 405, 'METHOD_NOT_ALLOWED'],
      ['/v1/models/m/versions/2', 'DELETE', 405, 'METHOD_NOT_ALLOWED'],
      ['/v1/models/m/other', 'GET', 404, 'ROUTE_NOT_FOUND'],
      ['/v1/models/%ZZ:predict', 'POST', 400, 'INVALID_REQUEST'],
    ] as const) {
      const { status: got, json } = await http(port, path, { method });
      assert.deepEqual([got, json['code']], [status, code], `${method} ${path}`);
    }
  });

  test('requests of several clients share runs', async () => {
    const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, at) =>
      post('m', at % 2 === 0 ? { instances: [[at, 0, 0]] } : { inputs: [[at, 0, 0], [at, 1, 0]] })));
    answers.forEach(({ json }, at) => {
      assert.deepEqual(json, at % 2 === 0 ? { predictions: [[at + 1000]] } : { outputs: [[at + 1000], [at + 1010]] });
    });
    assert.ok(engine.models.served('m').batcher.counts.batches < engine.models.served('m').batcher.counts.accepted);
  });
});
