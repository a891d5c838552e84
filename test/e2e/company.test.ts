// 64 clients at once on the real executable, over every protocol, against models that mix whatever shares a run: each
// gets the answer that it gets alone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { VersionRecord } from '../../src/domain/records.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { linear } from '../worker/onnx.ts';
import { fixedSoftmax, quantised, runningSum, sequenceFirst, sharesOfRows } from '../worker/mixers.ts';

const CLIENTS = 64;
/** Requests of different clients meet in a batch by chance. */
const ROUNDS = 3;

interface Served {
  readonly model: string;
  readonly bytes: Uint8Array;
  readonly rowShape: readonly number[];
  /** Rows of one request for whole tensors. */
  readonly wholeRows: number;
}

const MODELS: readonly Served[] = [
  { model: 'running-sum', bytes: runningSum(), rowShape: [2], wholeRows: 1 },
  { model: 'sequence-first', bytes: sequenceFirst(), rowShape: [1, 6], wholeRows: 1 },
  { model: 'softmax', bytes: sharesOfRows(), rowShape: [4], wholeRows: 2 },
  { model: 'softmax-of-four', bytes: fixedSoftmax(0), rowShape: [3], wholeRows: 4 },
  { model: 'quantised', bytes: quantised(), rowShape: [10], wholeRows: 1 },
];

type Row = readonly number[];

/** Rows of both signs and of five orders of magnitude. */
const rowOf = (index: number, { rowShape }: Served): Row =>
  Array.from({ length: rowShape.at(-1)! }, (_, column) => Math.fround(
    (column % 2 === 0 ? 1 : -1) * (1 + ((index * 7 + column * 3) % 10)) * 10 ** ((index % 5) - 2)));
const nested = (row: Row, { rowShape }: Served): unknown => (rowShape.length === 1 ? row : [row]);
const wholeOf = (row: Row, { wholeRows }: Served): Row[] =>
  Array.from({ length: wholeRows }, (_, at) => row.map((value) => Math.fround(value * (1 - at / 8))));
const rawOf = (row: Row, served: Served): Buffer => Buffer.from(Float32Array.from(wholeOf(row, served).flat()).buffer);
const tensorOf = (served: Served, rest: object): object =>
  ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [served.wholeRows, ...served.rowShape], ...rest }] });
const rawTensor = (served: Served): object =>
  tensorOf(served, { parameters: { binary_data_size: served.wholeRows * served.rowShape.at(-1)! * 4 } });

/** Asks for all rows at once; each answer has all that the model said, and nothing that differs each time. */
type Protocol = (port: number, served: Served, rows: readonly Row[]) => Promise<unknown[]>;

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

const overHttp = (path: (model: string) => string, bodyOf: (row: Row, served: Served) => object): Protocol =>
  (port, served, rows) => Promise.all(rows.map(async (row) => {
    const { status, json } = await http(port, path(served.model), { agent, body: JSON.stringify(bodyOf(row, served)) });
    assert.equal(status, 200, JSON.stringify(json));
    return json['prediction'] ?? json['predictions'] ?? json['outputs'];
  }));

async function withSocket<T>(
  port: number, protocols: string, path: string, use: (client: WebSocketClient) => Promise<T>,
): Promise<T> {
  const client = await WebSocketClient.connect(port, { protocols, path });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

// Answers come in any order; the rows' places are their ids.
async function byId<T>(count: number, next: () => Promise<{ readonly id: number; readonly answer: T }>): Promise<T[]> {
  const answers: T[] = [];
  for (let come = 0; come < count; come += 1) {
    const { id, answer } = await next();
    answers[id] = answer;
  }
  return answers;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'POST /predict': overHttp((model) => `/models/${model}/predict`, (row, served) =>
    ({ features: nested(row, served) })),
  TFS: overHttp((model) => `/v1/models/${model}:predict`, (row, served) =>
    ({ instances: wholeOf(row, served).map((one) => nested(one, served)) })),
  'OIP JSON': overHttp((model) => `/v2/models/${model}/infer`, (row, served) =>
    tensorOf(served, { data: wholeOf(row, served).flat() })),
  'OIP binary': (port, served, rows) => Promise.all(rows.map(async (row) => {
    const head = Buffer.from(JSON.stringify(rawTensor(served)));
    const headers = { 'Inference-Header-Content-Length': String(head.length) };
    const body = [Buffer.concat([head, rawOf(row, served)])];
    const { status, json } = await http(port, `/v2/models/${served.model}/infer`, { agent, headers, body });
    assert.equal(status, 200, JSON.stringify(json));
    return json['outputs'];
  })),
  'oip.v2': (port, served, rows) => withSocket(port, 'oip.v2', '/ws', (client) => {
    client.send(...rows.map((row, id) =>
      oipFrame({
        id, model_name: served.model, ...rawTensor(served), parameters: { binary_data_output: true },
      }, rawOf(row, served))));
    return byId(rows.length, async () => {
      const { json, tail } = readOipFrame(await client.nextBinary());
      assert.equal(json['error'], undefined);
      return { id: json['id'] as number, answer: tail.toString('hex') };
    });
  }),
  'lastgood.json': (port, served, rows) => withSocket(port, 'lastgood.json', '/ws', (client) => {
    client.send(...rows.map((row, id) =>
      JSON.stringify({ id, model: served.model, features: nested(row, served) })));
    return byId(rows.length, async () => {
      const { id, prediction, error } = await client.nextJson();
      assert.equal(error, undefined);
      return { id: id as number, answer: prediction };
    });
  }),
  'lastgood.f32': (port, served, rows) => withSocket(port, 'lastgood.f32', `/ws?model=${served.model}`, (client) => {
    client.send(...rows.map((row, id) => floatFrame(id, row)));
    return byId(rows.length, async () => {
      const { id, values, error } = readFloatAnswer(await client.nextBinary());
      assert.equal(error, undefined);
      return { id, answer: values };
    });
  }),
};

async function assertAlike(protocol: Protocol, port: number, served: Served): Promise<void> {
  const rows = Array.from({ length: CLIENTS }, (_, index) => rowOf(index, served));
  const alone: unknown[] = [];
  for (const row of rows) alone.push(...(await protocol(port, served, [row])));
  for (let round = 0; round < ROUNDS; round += 1) assert.deepEqual(await protocol(port, served, rows), alone);
}

describe('a model that mixes its rows, under 64 clients at once', () => {
  const dataDir = temporaryDirectory();
  const data = ['--data', dataDir];
  const fileOf = (bytes: Uint8Array): string => {
    const path = join(temporaryDirectory(), 'model.onnx');
    writeFileSync(path, bytes);
    return path;
  };
  let server: Server;

  before(async () => {
    server = await Server.start(dataDir, ['--workers', '1']);
    for (const { model, bytes } of MODELS) {
      const { version } = await lastgoodJson<{ version: VersionRecord }>(
        ['register', model, fileOf(bytes), '--promote', ...data]);
      assert.equal(version.stacking?.mode, 'none', model);
    }
  });
  after(async () => {
    agent.destroy();
    await server.stop();
  });

  for (const served of MODELS) {
    for (const [name, protocol] of Object.entries(PROTOCOLS)) {
      // Rows of an open shape cannot be told apart in a frame of bare floats.
      if (name === 'lastgood.f32' && served.rowShape.length > 1) continue;
      test(`${served.model} answers each over ${name} as if it were alone`, () =>
        assertAlike(protocol, server.port, served));
    }
  }

  test('takes an operator at his word, but for what is not proven', async () => {
    const file = fileOf(quantised());
    const refused = await lastgood(['register', 'wished', file, '--stacking', 'rows', ...data]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /not proven that they keep apart: .* wanted none, .* or rows!/);
    const forced = await lastgood(['register', 'wished', file, '--stacking', 'rows!', ...data]);
    assert.match(forced.stdout, /stacking: rows, because an operator wants it, against the proof: output "y"/);
    const denied = await lastgood(['register', 'denied', fileOf(linear()), '--stacking', 'none', '--promote', ...data]);
    assert.match(denied.stdout, /stacking: none, because an operator wants none/);
    const { json } = await http(server.port, '/v2/models/denied/config');
    assert.deepEqual((json['parameters'] as Record<string, unknown>)['stacking'], { string_value: 'none' });
  });

  test('says so at register, in the status and to clients', async () => {
    const registered = await lastgood(['register', 'again', fileOf(quantised()), ...data]);
    assert.match(registered.stdout, /stacking: none, because .* DynamicQuantizeLinear .* one scale from all rows/);
    const { stdout } = await lastgood(['status', 'running-sum', ...data]);
    assert.match(stdout, /stacking +none, because .* CumSum: it works along the rows/);
    const { json } = await http(server.port, '/v2/models/running-sum/config');
    const { stacking } = json['parameters'] as Record<string, unknown>;
    assert.deepEqual([json['max_batch_size'], json['dynamic_batching'], stacking],
      [0, undefined, { string_value: 'none' }]);
  });
});

test('the library answers many rows, and many callers at once, each as if it were alone', async () => {
  const engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1 });
  try {
    for (const served of MODELS.filter(({ rowShape }) => rowShape.length === 1)) {
      const { model, bytes } = served;
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, bytes);
      await engine.register(model, file, { promote: true });
      const rows = Array.from({ length: CLIENTS }, (_, index) => rowOf(index, served));
      const alone: unknown[] = [];
      for (const row of rows) alone.push((await engine.predict(model, row)).prediction);
      const together = await Promise.all(rows.map((row) => engine.predict(model, row)));
      assert.deepEqual(together.map(({ prediction }) => prediction), alone, model);
      assert.deepEqual((await engine.predictMany(model, rows)).predictions, alone, model);
    }
  } finally {
    await engine.close();
  }
});
