// Inputs that a model has a value for: left out, they have it; given, they are of that request alone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { linear, Type, valueInfo } from '../worker/onnx.ts';

/** x·w + b, where b is 0.5 unless a request says otherwise. */
function modelFile(): string {
  const model = fromBinary(ModelProtoSchema, linear());
  model.irVersion = 8n;
  model.graph!.input.unshift(create(ValueInfoProtoSchema, valueInfo(['b', Type.FLOAT, [1]])));
  const file = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(file, toBinary(ModelProtoSchema, model));
  return file;
}

const X = { name: 'x', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] };
const bias = (value: number): object => ({ name: 'b', datatype: 'FP32', shape: [1], data: [value] });
const USUAL = 321.5;
const NOT_IN_ROWS = /input "b" may be left out and has one value for all rows, .*; wanted it as a tensor/;

describe('Inputs that a model has a value for', () => {
  const dataDir = temporaryDirectory();
  let engine: Engine;
  let port = 0;
  const serve = async (): Promise<void> => {
    engine = await createEngine({ dataDir, workers: 1, judge: { mode: 'observe' }, logLevel: 'silent' });
    ({ port } = await engine.listen({ port: 0 }));
  };
  before(async () => {
    await serve();
    await engine.register('m', modelFile(), { promote: true });
  });
  after(() => engine.close());

  const infer = async (inputs: readonly object[]): Promise<number> => {
    const { status, json, text } = await http(port, '/v2/models/m/infer', { body: JSON.stringify({ inputs }) });
    assert.equal(status, 200, text);
    return (json['outputs'] as { data: number[] }[])[0]!.data[0]!;
  };
  const asked = async (path: string, body: object): Promise<Record<string, unknown>> =>
    (await http(port, path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })).json;

  test('are in the metadata with their value, and leave stacking and rows as they are', async () => {
    const { json } = await http(port, '/v2/models/m');
    assert.deepEqual(json['inputs'], [
      { name: 'x', datatype: 'FP32', shape: [-1, 3] },
      { name: 'b', datatype: 'FP32', shape: [1], parameters: { optional: true, default: [0.5] } },
    ]);
    const version = (await engine.status()).models[0]!.versions[0]!;
    assert.equal(version.stacking?.mode, 'rows');
    assert.deepEqual(version.warnings.filter((text) => text.includes('default')), []);
    assert.equal((await asked('/predict', { features: [1, 2, 3] }))['prediction'], USUAL);
    const named = { x: [1, 2, 3], b: [1] };
    for (const rows of [{ features: named }, { instances: [{ x: [1, 2, 3] }, named] }]) {
      assert.match(String((await asked('/predict', rows))['error']), NOT_IN_ROWS);
    }
    const socket = await WebSocketClient.connect(port, { protocols: 'lastgood.json' });
    socket.send(JSON.stringify({ id: 1, model: 'm', features: named }));
    assert.match(String((await socket.nextJson())['error']), NOT_IN_ROWS);
    socket.destroy();
  });

  test('may be given in every protocol of whole tensors, in any order, and only as they are declared', async () => {
    assert.equal(await infer([X]), USUAL);
    assert.equal(await infer([X, bias(100)]), 421);
    assert.equal(await infer([bias(-1), X]), 320);
    const head = { inputs: [{ ...X, data: undefined, parameters: { binary_data_size: 12 } },
      { name: 'b', datatype: 'FP32', shape: [1], parameters: { binary_data_size: 4 } }] };
    const text = JSON.stringify(head);
    const raw = Buffer.from(Float32Array.of(1, 2, 3, 1_000).buffer);
    const binary = await http(port, '/v2/models/m/infer', {
      body: [text, raw], headers: { 'inference-header-content-length': String(text.length) },
    });
    assert.equal((binary.json['outputs'] as { data: number[] }[])[0]!.data[0], 1_321, binary.text);
    const socket = await WebSocketClient.connect(port, { protocols: 'oip.v2' });
    socket.send(oipFrame({ model_name: 'm', ...head }, raw));
    const { json } = readOipFrame(await socket.nextBinary());
    assert.equal((json['outputs'] as { data: number[] }[])[0]!.data[0], 1_321);
    socket.destroy();
    assert.deepEqual((await asked('/v1/models/m:predict', { inputs: { x: [[1, 2, 3]], b: [7] } }))['outputs'], [[328]]);
    assert.deepEqual((await asked('/v1/models/m:predict', { inputs: [[1, 2, 3]] }))['outputs'], [[USUAL]]);
    const inRows = await asked('/v1/models/m:predict', { instances: [{ x: [1, 2, 3], b: 7 }] });
    assert.match(String(inRows['error']), NOT_IN_ROWS);
    const wrong = await http(port, '/v2/models/m/infer', {
      body: JSON.stringify({ inputs: [X, { ...bias(1), shape: [2], data: [1, 2] }] }),
    });
    assert.deepEqual([wrong.status, wrong.json['code']], [400, 'INVALID_REQUEST']);
  });

  test('are of their own request alone, whoever else asks at the same moment, and after a restart', async () => {
    const values = Array.from({ length: 60 }, (_, at) => (at % 3 === 0 ? null : at));
    const answers = await Promise.all(values.map((value) => infer(value === null ? [X] : [X, bias(value)])));
    assert.deepEqual(answers, values.map((value) => 321 + (value ?? 0.5)));
    await engine.close();
    await serve();
    assert.deepEqual([await infer([X]), await infer([X, bias(2)])], [USUAL, 323]);
  });
});
