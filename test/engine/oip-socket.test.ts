// `oip.v2` on a real engine: tensors both ways as JSON and as bytes, versions by name, errors by id.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Type, identity, linear } from '../worker/onnx.ts';

const FRAMES = 200;

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

const floats = (...values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const request = (id: unknown, data: readonly number[], rest: object = {}): object => ({
  id, model_name: 'm', inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 3, 3], data }], ...rest,
});
const dataOf = (json: Readonly<Record<string, unknown>>): unknown => (json['outputs'] as { data: unknown }[])[0]?.data;

suite('oip.v2', () => {
  let engine: Engine;
  let port = 0;
  let client: WebSocketClient;
  const ask = async (frame: Buffer) => {
    client.send(frame);
    return readOipFrame(await client.nextBinary());
  };

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, bodyBytesMax: 100_000 });
    await engine.register('m', file(linear()), { version: '1', promote: true });
    await engine.register('m', file(linear(1000)), { version: '2' });
    await engine.register('texts', file(identity(Type.STRING, ['N'])), { version: '1', promote: true });
    await engine.register('big', file(identity(Type.INT64, ['N'])), { version: '1', promote: true });
    ({ port } = await engine.listen({ port: 0 }));
    client = await WebSocketClient.connect(port, { protocols: 'oip.v2' });
  });

  after(async () => {
    client.destroy();
    await engine.close();
  });

  test('JSON in, JSON out, with the id and the same words as over HTTP', async () => {
    assert.deepEqual([client.status, client.protocol], [101, 'oip.v2']);
    const body = request('a', [1, 2, 3, 0, 0, 0]);
    const { json, tail } = await ask(oipFrame(body));
    const plain = await http(port, '/v2/models/m/infer', { body: JSON.stringify(body) });
    assert.deepEqual(json, plain.json);
    assert.deepEqual([json['id'], dataOf(json), tail.length], ['a', [321.5, 0.5], 0]);
  });

  test('raw tensors in and out, several of them, and one way only', async () => {
    const binary = { name: 'x', datatype: 'FP32', shape: [1, 3], parameters: { binary_data_size: 12 } };
    const { json, tail } = await ask(oipFrame(
      { id: 1, model_name: 'm', inputs: [binary], parameters: { binary_data_output: true } }, floats(1, 1, 1)));
    assert.deepEqual([json['id'], tail.readFloatLE(0), tail.length], [1, 111.5, 4]);
    const inOnly = await ask(oipFrame({ id: 2, model_name: 'm', inputs: [binary] }, floats(0, 0, 1)));
    assert.deepEqual([dataOf(inOnly.json), inOnly.tail.length], [[100.5], 0]);
    const utf8 = Buffer.concat([Buffer.of(4, 0, 0, 0), Buffer.from('grü')]);
    const texts = await ask(oipFrame({
      id: 't', model_name: 'texts', parameters: { binary_data_output: true },
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: utf8.length } }],
    }, utf8));
    assert.deepEqual(texts.tail, utf8);
    client.send(oipFrame('{"id":"b","model_name":"big","inputs":' +
      '[{"name":"x","datatype":"INT64","shape":[1],"data":[9223372036854775807]}]}'));
    const exact = (await client.nextBinary()).toString('utf8', 4);
    assert.match(exact, /"data":\[9223372036854775807\]/);
  });

  test('the model comes from the frame, else from the URL; a version is served when it is loaded', async () => {
    const named = await WebSocketClient.connect(port, { path: '/ws?model=m', protocols: 'oip.v2' });
    named.send(oipFrame(request(1, [1, 0, 0], { model_name: undefined })));
    assert.deepEqual(dataOf(readOipFrame(await named.nextBinary()).json), [1.5]);
    named.destroy();
    const versioned = await ask(oipFrame(request(2, [1, 0, 0], { model_version: '1' })));
    assert.equal(versioned.json['model_version'], '1');
    const unloaded = await ask(oipFrame(request(3, [1, 0, 0], { model_version: '2' })));
    assert.deepEqual([unloaded.json['id'], unloaded.json['code']], [3, 'VERSION_NOT_LOADED']);
    const unknown = await ask(oipFrame(request(4, [1, 0, 0], { model_name: 'nobody' })));
    assert.deepEqual([unknown.json['id'], unknown.json['code']], [4, 'MODEL_NOT_FOUND']);
    const odd = await ask(oipFrame(request(5, [1, 0, 0], { model_name: 7 })));
    assert.deepEqual([odd.json['id'], odd.json['code']], [5, 'INVALID_REQUEST']);
  });

  test('whatever is wrong with a frame is answered with its id, and the socket goes on', async () => {
    for (const [frame, id, code] of [
      [oipFrame(request('short', [1, 2])), 'short', 'INVALID_REQUEST'],
      [oipFrame('{"id":"broken","model_name":"m","inputs":[}'), 'broken', 'INVALID_JSON'],
      [Buffer.of(1, 2), null, 'INVALID_REQUEST'],
      [oipFrame(''), null, 'INVALID_REQUEST'],
      [Buffer.concat([Buffer.of(255, 255, 255, 255), Buffer.from('{"id":"long"}')]), 'long', 'INVALID_REQUEST'],
      [Buffer.concat([oipFrame(request('more', [1, 2, 3])), Buffer.of(0)]), 'more', 'INVALID_REQUEST'],
      [oipFrame(request('late', [1, 2, 3], { parameters: { timeout: 1 } })), 'late', 'DEADLINE_EXCEEDED'],
      [oipFrame(request('odd', [1, 2, 3], { parameters: { triton_x: 1 } })), 'odd', 'INVALID_REQUEST'],
    ] as const) {
      const { json } = await ask(frame);
      assert.deepEqual([json['id'], json['code']], [id, code]);
    }
    client.send('a text');
    const { json } = readOipFrame(await client.nextBinary());
    assert.match(String(json['error']), /oip.v2 takes binary frames/);
    assert.deepEqual(dataOf((await ask(oipFrame(request(9, [1, 1, 1])))).json), [111.5]);
  });

  test('many frames at once are each answered once', async () => {
    client.send(...Array.from({ length: FRAMES }, (_, id) => oipFrame(request(id, [id, 0, 0]))));
    const seen = new Map<unknown, unknown>();
    for (let count = 0; count < FRAMES; count += 1) {
      const { json } = readOipFrame(await client.nextBinary());
      seen.set(json['id'], dataOf(json));
    }
    for (let id = 0; id < FRAMES; id += 1) assert.deepEqual(seen.get(id), [id + 0.5]);
  });
});
