// The limit of a request's rows, over every protocol of the real server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { Server } from '../support/binary.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { untilResolved } from '../support/poll.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { batchMean, linear } from '../worker/onnx.ts';

const LIMIT = 5;
const LIMIT_OF_OTHER = 2;
const WIDTH = 3;

interface Told {
  readonly status: number;
  readonly code: unknown;
  readonly error: unknown;
}

type Protocol = (port: number, model: string, rows: number) => Promise<Told>;

const rowsOf = (rows: number): number[][] => Array.from({ length: rows }, (_, at) => [at, 0, 0]);
const told = ({ status, json }: { readonly status: number; readonly json: Record<string, unknown> }): Told =>
  ({ status, code: json['code'], error: json['error'] });
// Frames have no status: 413 is what the code stands for.
const toldBy = (json: Readonly<Record<string, unknown>>): Told =>
  ({ status: json['code'] === undefined ? 200 : 413, code: json['code'], error: json['error'] });
const tensors = (rows: number): object => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, WIDTH], data: rowsOf(rows).flat() }],
});
const binaryTensors = (rows: number, more: object): { readonly json: string; readonly raw: Buffer } => {
  const raw = Buffer.from(Float32Array.from(rowsOf(rows).flat()).buffer);
  const parameters = { binary_data_size: raw.length };
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [rows, WIDTH], parameters }];
  return { json: JSON.stringify({ ...more, inputs }), raw };
};

async function overSocket(port: number, protocols: string, message: string | Buffer, path = '/ws'): Promise<Buffer> {
  const client = await WebSocketClient.connect(port, { protocols, path });
  client.send(message);
  const answer = typeof message === 'string' ? Buffer.from(await client.next()) : await client.nextBinary();
  client.destroy();
  return answer;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'POST /predict': async (port, model, rows) =>
    told(await http(port, `/models/${model}/predict`, { body: JSON.stringify({ instances: rowsOf(rows) }) })),
  '/v2 as JSON': async (port, model, rows) =>
    told(await http(port, `/v2/models/${model}/infer`, { body: JSON.stringify(tensors(rows)) })),
  '/v2 with raw tensors': async (port, model, rows) => {
    const { json, raw } = binaryTensors(rows, {});
    const headers = {
      'inference-header-content-length': String(json.length), 'content-length': String(json.length + raw.length),
    };
    return told(await http(port, `/v2/models/${model}/infer`, { body: [json, raw], headers }));
  },
  '/v2 of a version': async (port, model, rows) =>
    told(await http(port, `/v2/models/${model}/versions/1/infer`, { body: JSON.stringify(tensors(rows)) })),
  '/v1 in rows': async (port, model, rows) =>
    told(await http(port, `/v1/models/${model}:predict`, { body: JSON.stringify({ instances: rowsOf(rows) }) })),
  '/v1 in columns': async (port, model, rows) =>
    told(await http(port, `/v1/models/${model}:predict`, { body: JSON.stringify({ inputs: rowsOf(rows) }) })),
  'lastgood.json': async (port, model, rows) => {
    // The id behind the rows: it has to be found all the same.
    const answer = await overSocket(port, 'lastgood.json', JSON.stringify({ model, instances: rowsOf(rows), id: 9 }));
    const json = JSON.parse(answer.toString()) as Record<string, unknown>;
    assert.equal(json['id'], 9);
    return toldBy(json);
  },
  'oip.v2': async (port, model, rows) => {
    const { json, raw } = binaryTensors(rows, { id: 'a', model_name: model });
    const answer = readOipFrame(await overSocket(port, 'oip.v2', oipFrame(json, raw)));
    assert.equal(answer.json['id'], 'a');
    return toldBy(answer.json);
  },
  'lastgood.f32': async (port, model, rows) => {
    const frame = floatFrame(4, rowsOf(rows).flat());
    const { id, ...answer } = readFloatAnswer(await overSocket(port, 'lastgood.f32', frame, `/ws?model=${model}`));
    assert.equal(id, 4);
    return answer;
  },
};

suite('The limit of a request\'s rows', () => {
  let server: Server;

  before(async () => {
    const dataDir = temporaryDirectory();
    const config = join(temporaryDirectory(), 'config.json');
    writeFileSync(config, JSON.stringify({ models: { other: { rowsMax: LIMIT_OF_OTHER } } }));
    const args = ['--rows-max', String(LIMIT), '--config', config, '--judge-mode', 'observe', '--workers', '1'];
    server = await Server.start(dataDir, args);
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    for (const [model, bytes] of Object.entries({ m: linear(), other: linear(), mixing: batchMean() })) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, bytes);
      await admin.register({ model, version: '1', file, promote: true }, actor);
    }
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  for (const [name, ask] of Object.entries(PROTOCOLS)) {
    test(`holds over ${name}, for each model its own`, async () => {
      for (const [model, limit] of [['m', LIMIT], ['other', LIMIT_OF_OTHER]] as const) {
        assert.equal((await ask(server.port, model, limit)).status, 200, model);
        const { status, code, error } = await ask(server.port, model, limit + 1);
        assert.deepEqual([status, code], [413, 'ROWS_TOO_MANY'], model);
        assert.match(String(error), new RegExp(`model "${model}".*wanted at most ${limit} in one request`));
      }
    });
  }

  test('is what clients are told of before they ask', async () => {
    const config = await http(server.port, '/v2/models/other/config');
    assert.equal(config.json['max_batch_size'], LIMIT_OF_OTHER);
  });

  test('is not held against tensors of a model whose first dimension is seen to be no rows', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [LIMIT + 1, 2], data: Array<number>(2 * LIMIT + 2).fill(1) }];
    const { status } = await http(server.port, '/v2/models/mixing/infer', { body: JSON.stringify({ inputs }) });
    assert.equal(status, 200);
  });

  test('counts as a mistake of the client and never against the version', async () => {
    const text = await metrics(server.port);
    const refused = /^lastgood_requests_total\{[^}]*model="m"[^}]*code="413"[^}]*\} (\d+)$/m.exec(text);
    assert.ok(Number(refused?.[1]) > 0, text.split('\n').filter((line) => line.includes('requests_total')).join('\n'));
    let health: Record<string, unknown> = {};
    await untilResolved('the monitor has looked', async () => {
      health = (await http(server.port, '/models/m/health')).json;
      return health['error_rate'] !== null;
    });
    assert.deepEqual([health['healthy'], health['error_rate']], [true, 0]);
  });
});

async function metrics(port: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  return answer.text();
}
