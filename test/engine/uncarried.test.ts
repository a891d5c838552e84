// Inputs that would reach the model as something else than what was sent, on every way into a real engine: texts that
// the runtime cuts or replaces, and arrays that are not nested as their shape is. The client is told; nothing is run.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { postPacked } from '../support/packed-post.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Type, identity } from '../worker/onnx.ts';

/** JSON texts of texts; the last one is a pair of surrogates, which is a character. */
const UNCARRIED = ['"a\\u0000b"', '"\\u0000"', '"\\ud83d"', '"a\\ude00b"', '"\\ude00\\ud83d"'];
const CARRIED = ['"\\ud83d\\ude00"', '"\\u0001"', '""'];
const RAGGED = ['[[1,2,3],[4,5,6,7,8]]', '[[1,2,3,4],[5,6,7]]', '[[1,2],[3,4],[5,6],[7,8]]', '[[1,2,3,4],5,6,7,8]',
  '[1,2,3,4,[5,6,7,8]]'];
const NESTED = '[[1,2,3,4],[5,6,7,8]]';
const headers = { 'content-type': 'application/json' };

suite('What the model would not see as it was sent', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), judge: { mode: 'observe' } });
    const models = { text: identity(Type.STRING, ['N', 1]), matrix: identity(Type.FLOAT, ['N', 2, 4]) };
    for (const [model, bytes] of Object.entries(models)) {
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, bytes);
      await engine.register(model, path, { version: '1', promote: true });
    }
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(() => engine.close());

  const post = async (path: string, body: string): Promise<number> =>
    (await http(port, path, { body, headers })).status;

  async function overSocket(model: string, features: string): Promise<number> {
    const socket = await WebSocketClient.connect(port, { path: `/ws?model=${model}` });
    socket.send(`{"id":1,"features":${features}}`);
    const { error } = await socket.nextJson();
    socket.destroy();
    return error === undefined ? 200 : 400;
  }

  async function inLibrary(model: string, features: string): Promise<number> {
    try {
      await engine.predict(model, JSON.parse(features) as number[]);
      return 200;
    } catch (error) {
      return isLastgoodError(error) ? error.status : 500;
    }
  }

  async function overFrames(model: string, tensor: object): Promise<number> {
    const socket = await WebSocketClient.connect(port, { path: '/ws', protocols: 'oip.v2' });
    socket.send(oipFrame({ id: '1', model_name: model, inputs: [tensor] }));
    const { json } = readOipFrame(await socket.nextBinary());
    socket.destroy();
    return json['error'] === undefined ? 200 : 400;
  }

  const lengthAndBytes = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };

  async function packed(bytes: Uint8Array): Promise<number> {
    const tail = lengthAndBytes(bytes);
    const tensor = { name: 'x', datatype: 'BYTES', shape: [1, 1], parameters: { binary_data_size: tail.length } };
    const header = Buffer.from(JSON.stringify({ inputs: [tensor] }));
    const sent = Buffer.concat([header, tail]);
    const { status } = await postPacked(port, '/v2/models/text/infer', sent,
      { 'inference-header-content-length': String(header.length) });
    const raw = await postPacked(port, '/v2/models/text/infer', Buffer.from(bytes),
      { 'inference-header-content-length': '0' });
    assert.equal(raw.status, status);
    return status;
  }

  /** The text on every way, as JSON or as bytes. */
  async function statusesOf(text: string): Promise<number[]> {
    const tensor = { name: 'x', datatype: 'BYTES', shape: [1, 1], data: [JSON.parse(text) as string] };
    return [
      await post('/models/text/predict', `{"features":[${text}]}`),
      await post('/models/text/predict', `{"instances":[["good"],[${text}]]}`),
      await post('/v2/models/text/infer',
        `{"inputs":[{"name":"x","datatype":"BYTES","shape":[1,1],"data":[${text}]}]}`),
      await post('/v1/models/text:predict', `{"instances":[[${text}]]}`),
      await post('/v1/models/text:predict', `{"inputs":[[${text}]]}`),
      await overSocket('text', `[${text}]`),
      await overFrames('text', tensor),
      await inLibrary('text', `[${text}]`),
    ];
  }

  test('is refused for a text with U+0000 or with half a surrogate pair, on every way', async () => {
    for (const text of UNCARRIED) assert.deepEqual(await statusesOf(text), new Array<number>(8).fill(400), text);
    for (const text of CARRIED) assert.deepEqual(await statusesOf(text), new Array<number>(8).fill(200), text);
  });

  test('is refused for raw bytes that are no such text, also in base64', async () => {
    const cases: readonly (readonly [readonly number[], number])[] = [
      [[0x61, 0, 0x62], 400], [[0xed, 0xa0, 0xbd], 400], [[0xff], 400], [[0xf0, 0x9f, 0x98, 0x80], 200],
    ];
    for (const [bytes, status] of cases) {
      assert.equal(await packed(Uint8Array.from(bytes)), status, bytes.join());
      const b64 = Buffer.from(bytes).toString('base64');
      assert.equal(await post('/v1/models/text:predict', `{"instances":[[{"b64":"${b64}"}]]}`), status, b64);
    }
  });

  test('says which value it is and what is wanted', async () => {
    const { json } = await http(port, '/models/text/predict', { body: '{"features":["a\\u0000b"]}', headers });
    assert.match(String(json['error']), /"a\\u0000b"; wanted a text without U\+0000 and without half a surrogate pair/);
  });

  test('is refused for arrays that are not nested as their shape is, on every way', async () => {
    const ask = async (data: string): Promise<number[]> => {
      const wrapped = `[${data}]`;
      const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2, 4], data: JSON.parse(wrapped) as number[] };
      return [
        await post('/models/matrix/predict', `{"features":${data}}`),
        await post('/models/matrix/predict', `{"instances":[${NESTED},${data}]}`),
        await post('/v2/models/matrix/infer',
          `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2,4],"data":${wrapped}}]}`),
        await post('/v1/models/matrix:predict', `{"instances":[${data}]}`),
        await post('/v1/models/matrix:predict', `{"inputs":[${data}]}`),
        await overSocket('matrix', data),
        await overFrames('matrix', tensor),
        await inLibrary('matrix', data),
      ];
    };
    for (const data of RAGGED) assert.deepEqual(await ask(data), new Array<number>(8).fill(400), data);
    assert.deepEqual(await ask(NESTED), new Array<number>(8).fill(200));
  });
});
