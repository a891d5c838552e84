// The limits of open dimensions and of a run's rows, over every protocol of the real server: learned in the trial, from
// what runs of the model take.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { LimitsView } from '../../src/domain/run-limits.ts';
import { Server, lastgood } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { pairs, wide } from '../worker/greedy.ts';

const MIB = 1024 ** 2;
/** Of a request: some 2,000 numbers a row of `pairs`, of which each pair takes 8 bytes. */
const REQUEST_BYTES = 32 * MIB;

type Told = Readonly<Record<string, unknown>>;

const rowOf = (length: number): number[] => new Array<number>(length).fill(1);
const raw = (length: number): Buffer => Buffer.from(Float32Array.from(rowOf(length)).buffer);
const tensors = (shape: readonly number[], parameters?: object): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape, ...(parameters ? { parameters } : { data: rowOf(shape[1]!) }) }],
});
const post = async (port: number, path: string, body: object): Promise<Told> =>
  (await http(port, path, { body: JSON.stringify(body) })).json;

/** Asks for one row of so many numbers. */
const PROTOCOLS: Readonly<Record<string, (port: number, length: number) => Promise<Told>>> = {
  '/predict': (port, length) => post(port, '/models/pairs/predict', { features: rowOf(length) }),
  '/v2 as JSON': (port, length) => post(port, '/v2/models/pairs/infer', tensors([1, length])),
  '/v2 of a version': (port, length) => post(port, '/v2/models/pairs/versions/1/infer', tensors([1, length])),
  '/v2 with raw tensors': async (port, length) => {
    const json = JSON.stringify(tensors([1, length], { binary_data_size: length * 4 }));
    const headers = { 'inference-header-content-length': String(json.length) };
    return (await http(port, '/v2/models/pairs/infer', { body: [json, raw(length)], headers })).json;
  },
  '/v1 in rows': (port, length) => post(port, '/v1/models/pairs:predict', { instances: [rowOf(length)] }),
  '/v1 in columns': (port, length) => post(port, '/v1/models/pairs:predict', { inputs: [rowOf(length)] }),
  'lastgood.json': async (port, length) => {
    const answer = await overSocket(port, 'lastgood.json', JSON.stringify({ model: 'pairs', features: rowOf(length) }));
    return JSON.parse(answer.toString()) as Told;
  },
  'oip.v2': async (port, length) => {
    const json = JSON.stringify({ model_name: 'pairs', ...tensors([1, length], { binary_data_size: length * 4 }) });
    return readOipFrame(await overSocket(port, 'oip.v2', oipFrame(json, raw(length)))).json;
  },
};

async function overSocket(port: number, protocols: string, message: string | Buffer): Promise<Buffer> {
  const client = await WebSocketClient.connect(port, { protocols, path: '/ws' });
  client.send(message);
  const answer = typeof message === 'string' ? Buffer.from(await client.next()) : await client.nextBinary();
  client.destroy();
  return answer;
}

suite('What a run takes of memory', () => {
  const dataDir = temporaryDirectory();
  let server: Server;
  let most = 0;

  const limitsOf = async (model: string): Promise<LimitsView> => {
    const { json } = await http(server.port, `/v2/models/${model}/config`);
    const { limits } = json['parameters'] as { readonly limits: { readonly string_value: string } };
    return JSON.parse(limits.string_value) as LimitsView;
  };

  before(async () => {
    const config = join(temporaryDirectory(), 'config.json');
    writeFileSync(config, JSON.stringify({ models: { few: { batchSizeMax: 1 }, said: { dimensionMax: 3 } } }));
    const args = [
      '--request-memory-max', String(REQUEST_BYTES), '--run-memory-max', String(REQUEST_BYTES), '--workers', '1',
      '--config', config,
    ];
    server = await Server.start(dataDir, args);
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    for (const [model, bytes] of Object.entries({ pairs: pairs(), wide: wide(), few: wide(), said: pairs() })) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, bytes);
      await admin.register({ model, version: '1', file, promote: true }, actor);
    }
    most = (await limitsOf('pairs')).dimensions[0]!.most;
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  test('limits an open dimension to what the trial measured', () => {
    assert.ok(most > 1_024 && most < 4_096, String(most));
  });

  for (const [name, ask] of Object.entries(PROTOCOLS)) {
    test(`is the limit over ${name}: what is larger is refused by name, and nobody pays for it`, async () => {
      assert.equal((await ask(server.port, most))['code'], undefined);
      const { code, error, details } = await ask(server.port, most + 1);
      assert.equal(code, 'SIZE_TOO_LARGE');
      assert.match(String(error), new RegExp(`dimension 1 of input "x" is ${most + 1}; wanted at most ${most},`));
      assert.match(String(error), /--request-memory-max, or --dimension-max/);
      if (details !== undefined) assert.deepEqual(details, { input: 'x', dimension: 1, got: most + 1, limit: most });
    });
  }

  test('is no failure of the version that refuses', async () => {
    const { json } = await http(server.port, '/models/pairs/health');
    assert.deepEqual([json['healthy'], json['violations']], [true, []]);
  });

  test('decides how many rows share a run, and a batch of one request keeps it short', async () => {
    const { rowsPerRun } = await limitsOf('wide');
    assert.ok(rowsPerRun >= 8 && rowsPerRun <= 32, String(rowsPerRun));
    assert.equal((await limitsOf('few')).rowsPerRun, Math.min(16, rowsPerRun));
    const { json } = await http(server.port, '/v2/models/wide/config');
    assert.equal(json['max_batch_size'], rowsPerRun);
    const { json: answer } = await http(server.port, '/models/wide/predict', {
      body: JSON.stringify({ instances: Array.from({ length: 100 }, (_, at) => [at]) }),
    });
    assert.deepEqual(answer['predictions'], Array.from({ length: 100 }, (_, at) => at));
    const { stdout } = await lastgood(['status', 'wide', '--data', dataDir]);
    assert.match(stdout, new RegExp(`runs +${rowsPerRun} rows at most; in the trial .* for one and .* for \\d+`));
  });

  test('gives way to what the operator says of a model', async () => {
    assert.deepEqual((await limitsOf('said')).dimensions, [{ input: 'x', dimension: 1, most: 3 }]);
    const refused = await post(server.port, '/models/said/predict', { features: rowOf(4) });
    assert.equal(refused['code'], 'SIZE_TOO_LARGE');
  });

  test('gives way to what is said of a version, which a rollback takes back', async () => {
    const file = join(temporaryDirectory(), 'model.onnx');
    writeFileSync(file, pairs());
    const asked = ['--dimension-max', '5', '--elements-max', '4', '--promote', '--data', dataDir];
    const { stdout } = await lastgood(['register', 'said', file, '--version', '2', ...asked]);
    assert.match(stdout, /largest request: elementsMax 4, dimensionMax 5/);
    const ask = (length: number): Promise<Told> =>
      post(server.port, '/models/said/predict', { features: rowOf(length) });
    assert.deepEqual((await limitsOf('said')).dimensions, [{ input: 'x', dimension: 1, most: 5 }]);
    assert.equal((await ask(4))['code'], undefined);
    assert.equal((await ask(5))['code'], 'ELEMENTS_TOO_MANY');
    assert.equal((await ask(6))['code'], 'SIZE_TOO_LARGE');
    const status = await lastgood(['status', 'said', '--data', dataDir]);
    assert.match(status.stdout, /largest request +x\[1\] 5, 4 elements at most \(of this version: elementsMax 4, dim/);
    assert.equal((await lastgood(['rollback', 'said', '--data', dataDir])).code, 0);
    assert.equal((await ask(4))['code'], 'SIZE_TOO_LARGE');
  });
});
