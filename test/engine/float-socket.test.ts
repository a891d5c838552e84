// `lastgood.f32` on a real engine: what the upgrade refuses, many sockets at once, and the limits of one socket.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { SOCKET_IN_FLIGHT_MAX } from '../../src/api/websocket/connection.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Type, identity, linear } from '../worker/onnx.ts';

const SOCKETS = 8;
const FRAMES = 100;

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

suite('lastgood.f32', () => {
  let engine: Engine;
  let port = 0;
  const open = (path = '/ws?model=m'): Promise<WebSocketClient> =>
    WebSocketClient.connect(port, { path, protocols: 'lastgood.f32' });

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, bodyBytesMax: 100_000 });
    await engine.register('m', file(linear()), { version: '1', promote: true });
    await engine.register('integers', file(identity(Type.INT64, ['N', 2])), { version: '1', promote: true });
    await engine.register('idle', file(linear(1)), { version: '1' });
    ({ port } = await engine.listen({ port: 0 }));
  });

  after(async () => {
    await engine.close();
  });

  test('every frame of every socket gets its own answer, the same as over HTTP', async () => {
    const clients = await Promise.all(Array.from({ length: SOCKETS }, () => open()));
    assert.deepEqual([clients[0]!.status, clients[0]!.protocol], [101, 'lastgood.f32']);
    for (const [socket, client] of clients.entries()) {
      for (let id = 0; id < FRAMES; id += 1) client.send(floatFrame(id, [socket, id, 1]));
    }
    for (const [socket, client] of clients.entries()) {
      const answers = new Map<number, readonly number[]>();
      for (let count = 0; count < FRAMES; count += 1) {
        const { id, status, values } = readFloatAnswer(await client.nextBinary());
        assert.equal(status, 200);
        answers.set(id, values);
      }
      assert.equal(answers.size, FRAMES);
      for (const [id, values] of answers) assert.deepEqual(values, [socket + 10 * id + 100 + 0.5]);
      client.destroy();
    }
    const { json } = await http(port, '/models/m/predict', { body: '{"features":[3,7,1]}' });
    assert.equal(json['prediction'], 173.5);
  });

  test('the upgrade is refused for other types, unknown models and models that are not active', async () => {
    for (const [model, status, code] of [
      ['integers', 400, 'FLOATS_REFUSED'], ['nobody', 404, 'MODEL_NOT_FOUND'], ['idle', 503, 'NO_ACTIVE_VERSION'],
    ] as const) {
      const client = await open(`/ws?model=${model}`);
      assert.equal(client.status, status);
      assert.match(client.handshake, new RegExp(code));
      client.destroy();
    }
    const unnamed = await open('/ws');
    assert.equal(unnamed.status, 101, 'the model that was active first');
    unnamed.destroy();
  });

  test('a text frame, a frame without an id and one of a wrong length are answered, and the socket goes on', async () => {
    const client = await open();
    client.send('{"features":[1,2,3]}');
    const text = readFloatAnswer(await client.nextBinary());
    assert.deepEqual([text.status, text.code], [400, 'INVALID_REQUEST']);
    assert.match(text.error!, /lastgood.f32 takes binary frames/);
    client.send(Buffer.of(1, 2));
    const short = readFloatAnswer(await client.nextBinary());
    assert.deepEqual([short.id, short.status], [0, 400]);
    client.send(floatFrame(6, [1, 2]));
    const wrong = readFloatAnswer(await client.nextBinary());
    assert.deepEqual([wrong.id, wrong.code], [6, 'INVALID_REQUEST']);
    client.send(floatFrame(7, [1, 1, 1]));
    assert.deepEqual(readFloatAnswer(await client.nextBinary()).values, [111.5]);
    client.destroy();
  });

  test('frames beyond the limit of one socket are refused with their ids, the others are answered', async () => {
    const client = await open();
    const sent = SOCKET_IN_FLIGHT_MAX * 4;
    client.send(...Array.from({ length: sent }, (_, id) => floatFrame(id, [0, 0, 0])));
    const seen = new Set<number>();
    let refused = 0;
    for (let count = 0; count < sent; count += 1) {
      const { id, status, code } = readFloatAnswer(await client.nextBinary());
      seen.add(id);
      if (status === 200) continue;
      assert.deepEqual([status, code], [429, 'SOCKET_BUSY']);
      refused += 1;
    }
    assert.equal(seen.size, sent);
    assert.ok(refused > 0);
    client.destroy();
  });

  test('a version in the URL is answered by that one, over every subprotocol, if it is loaded', async () => {
    await engine.register('two', file(linear(1)), { version: '1', promote: true });
    await engine.register('two', file(linear(2)), { version: '2', promote: true });
    for (const [version, wanted] of [['1', 322], ['2', 323]] as const) {
      const floats = await open(`/ws?model=two&version=${version}`);
      floats.send(floatFrame(1, [1, 2, 3]));
      assert.deepEqual(readFloatAnswer(await floats.nextBinary()).values, [wanted]);
      const texts = await WebSocketClient.connect(port, { path: `/ws?model=two&version=${version}` });
      texts.send('{"id":1,"features":[1,2,3]}', '{"id":2,"model":"m","features":[1,2,3]}');
      const answers = [await texts.nextJson(), await texts.nextJson()].map((one) =>
        [one['id'], one['prediction'], one['model_version']]);
      assert.deepEqual(answers.sort(), [[1, wanted, version], [2, 321.5, '1']]);
      for (const client of [floats, texts]) client.destroy();
    }
    for (const protocols of ['lastgood.f32', 'lastgood.json', 'oip.v2']) {
      const unknown = await WebSocketClient.connect(port, { path: '/ws?model=two&version=9', protocols });
      assert.equal(unknown.status, 404);
      assert.match(unknown.handshake, /VERSION_NOT_FOUND/);
      unknown.destroy();
    }
  });

  test('a frame beyond the body limit ends its socket', async () => {
    const client = await open();
    client.send(Buffer.alloc(100_004));
    assert.equal((await client.closed).code, 1006);
  });
});
