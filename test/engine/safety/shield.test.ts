// What a version on probation fails is answered by the standby: on a real engine over every way in, and the order of
// events that no real model can be made to give, with runners that write to the slab as workers do.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { Shield } from '../../../src/engine/safety/shield.ts';
import type { Runner } from '../../../src/engine/safety/shield.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { BatchScheduler } from '../../../src/worker/pool/scheduler.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { createSlab } from '../../../src/shared-memory/slab-arena.ts';
import type { Slab } from '../../../src/shared-memory/slab.ts';
import type { BatchResult } from '../../../src/worker/messages.ts';
import { floatFrame, readFloatAnswer } from '../../support/float-frames.ts';
import { http } from '../../support/http.ts';
import type { Answer } from '../../support/http.ts';
import { oipFrame, readOipFrame } from '../../support/oip-frames.ts';
import { postPacked } from '../../support/packed-post.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';
import { Type, identity, logarithm, lookup } from '../../worker/onnx.ts';

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

/** Version 1 gives its input back; `fragile` fails for all but 0, 1 and 2, `nonfinite` has no answer to 0 and below. */
async function engineWith(options: object): Promise<{ engine: Engine; port: number }> {
  const judge = { mode: 'observe', lookMs: 20 } as const;
  const engine = await createEngine({ dataDir: temporaryDirectory(), judge, ...options });
  await engine.register('m', file(identity(Type.FLOAT, ['N', 1])), { version: '1', promote: true });
  await engine.confirm('m');
  await engine.register('m', file(lookup()), { version: 'fragile' });
  await engine.register('m', file(logarithm()), { version: 'nonfinite' });
  const { port } = await engine.listen({ port: 0 });
  return { engine, port };
}

const infer = (data: readonly number[]): string =>
  JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length, 1], data }] });
const told = ({ status, json }: Answer): unknown => [status, json['model_version'], json['prediction']];

describe('Shield on a real engine', () => {
  let engine: Engine;
  let port = 0;
  const predict = (x: number): Promise<Answer> => http(port, '/predict', { body: JSON.stringify({ features: [x] }) });
  const inferBinary = (x: number): Promise<Answer> => {
    const header = Buffer.from(JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], parameters: { binary_data_size: 4 } }],
    }));
    return http(port, '/v2/models/m/infer', {
      body: [Buffer.concat([header, Buffer.from(Float32Array.of(x).buffer)])],
      headers: { 'inference-header-content-length': String(header.length) },
    });
  };
  const shielded = (): number => engine.models.served('m').counts.shielded;

  before(async () => {
    ({ engine, port } = await engineWith({ jsonNonFinite: 'null' }));
  });
  after(async () => {
    await engine.close();
  });

  test('a failed run is answered by the standby over /predict, a failure still counts against the version', async () => {
    await engine.promote('m', 'fragile');
    const answers = await Promise.all([0, 7, 1, 8, 2, 9].map(predict));
    assert.deepEqual(answers.map(told), [
      [200, 'fragile', 0.25], [200, '1', 7], [200, 'fragile', 0.5], [200, '1', 8], [200, 'fragile', 0.75],
      [200, '1', 9],
    ]);
    await until('the judge has seen all six', () => engine.models.served('m').health?.totals.requests === 6);
    const { totals, errorRate } = engine.models.served('m').health!;
    assert.deepEqual([totals.ok, totals.modelFailures, errorRate], [3, 3, 0.5]);
    assert.deepEqual([shielded(), (await http(port, '/health')).json['shielded']], [3, 3]);
    assert.equal((await engine.status('m')).models[0]?.shielded, 3);
  });

  test('frames, several rows and tensors are answered by the standby as well, each in its own form', async () => {
    const socket = await WebSocketClient.connect(port);
    socket.send(JSON.stringify({ id: 'a', features: [7] }));
    const frame = await socket.nextJson();
    assert.deepEqual([frame['id'], frame['prediction'], frame['model_version']], ['a', 7, '1']);
    socket.destroy();
    const { json } = await http(port, '/predict', { body: JSON.stringify({ instances: [[1], [7]] }) });
    assert.deepEqual([json['predictions'], json['model_version']], [[1, 7], '1']);
    const tensors = await http(port, '/v2/models/m/infer', { body: infer([7, 8]) });
    assert.deepEqual([tensors.status, tensors.json['model_version']], [200, '1']);
    assert.deepEqual((tensors.json['outputs'] as { data: number[] }[])[0]?.data, [7, 8]);
    const binary = await inferBinary(7);
    assert.deepEqual([binary.status, binary.json['model_version']], [200, '1']);
    assert.deepEqual((binary.json['outputs'] as { data: number[] }[])[0]?.data, [7]);
  });

  test('lastgood.f32 gets the numbers of the standby, several rows in one frame as well', async () => {
    const before = shielded();
    const socket = await WebSocketClient.connect(port, { path: '/ws?model=m', protocols: 'lastgood.f32' });
    socket.send(floatFrame(1, [7]), floatFrame(2, [1]), floatFrame(3, [8, 9]));
    const answers = [];
    for (let count = 0; count < 3; count += 1) answers.push(readFloatAnswer(await socket.nextBinary()));
    socket.destroy();
    const shown = answers.sort((a, b) => a.id - b.id).map(({ id, status, values }) => [id, status, values]);
    assert.deepEqual(shown, [[1, 200, [7]], [2, 200, [0.5]], [3, 200, [8, 9]]]);
    assert.equal(shielded(), before + 2);
  });

  test('oip.v2 and POST /v2 get the raw tensors of the standby, which say whose they are', async () => {
    const before = shielded();
    const tensor = { name: 'x', datatype: 'FP32', shape: [2, 1], parameters: { binary_data_size: 8 } };
    const asked = { inputs: [tensor], parameters: { binary_data_output: true } };
    const bytes = Buffer.from(Float32Array.of(7, 8).buffer);
    const socket = await WebSocketClient.connect(port, { path: '/ws', protocols: 'oip.v2' });
    socket.send(oipFrame({ id: 'a', model_name: 'm', ...asked }, bytes));
    const { json, tail } = readOipFrame(await socket.nextBinary());
    socket.destroy();
    assert.deepEqual([json['id'], json['model_version'], [...tail]], ['a', '1', [...bytes]]);
    const header = Buffer.from(JSON.stringify(asked));
    const posted = await postPacked(port, '/v2/models/m/infer', Buffer.concat([header, bytes]), {
      'inference-header-content-length': String(header.length),
    });
    const length = Number(posted.headers['inference-header-content-length']);
    const told = JSON.parse(posted.plain.toString('utf8', 0, length)) as { readonly model_version: string };
    assert.deepEqual([posted.status, told.model_version, [...posted.plain.subarray(length)]], [200, '1', [...bytes]]);
    assert.equal(shielded(), before + 2);
  });

  test('a version that was asked for by name answers for itself', async () => {
    const before = shielded();
    const answer = await http(port, '/v2/models/m/versions/fragile/infer', { body: infer([7]) });
    assert.deepEqual([answer.status, answer.json['code'], shielded()], [500, 'MODEL_FAILED', before]);
  });

  test('a client fault is nobody else\'s to answer', async () => {
    const before = shielded();
    const answer = await http(port, '/predict', { body: '{"features":[1,2]}' });
    assert.deepEqual([answer.status, answer.json['code'], shielded()], [400, 'ROW_LENGTH', before]);
  });

  test('a version that is known good is not shielded', async () => {
    await engine.confirm('m');
    assert.equal((await predict(7)).status, 500);
  });

  test('an answer that is not finite is replaced; one that the standby cannot give either stays as it was', async () => {
    await engine.rollback('m', { to: '1' });
    await engine.promote('m', 'nonfinite');
    assert.deepEqual([told(await predict(1)), told(await predict(0))], [[200, 'nonfinite', 0], [200, '1', 0]]);
    const { json } = await inferBinary(NaN);
    const [output] = json['outputs'] as { data: unknown[] }[];
    assert.deepEqual([json['model_version'], output?.data], ['nonfinite', [null]]);
    assert.equal(engine.models.served('m').counts.unshielded, 1, 'both have no number for it');
    const socket = await WebSocketClient.connect(port, { path: '/ws?model=m', protocols: 'lastgood.f32' });
    socket.send(floatFrame(1, [-2]));
    assert.deepEqual(readFloatAnswer(await socket.nextBinary()).values, [-2], 'no NaN leaves over frames either');
    socket.destroy();
  });
});

test('with shield off the clients see what the version does', async () => {
  const { engine, port } = await engineWith({ shield: 'off' });
  await engine.promote('m', 'fragile');
  const answer = await http(port, '/predict', { body: '{"features":[7]}' });
  assert.deepEqual([answer.status, answer.json['code']], [500, 'MODEL_FAILED']);
  assert.equal(engine.models.served('m').counts.shielded, 0);
  await engine.close();
});

const signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
} as const;

const LONG = 'an error that is quite long, for its kind';

/** A runner that does to the slab what `work` says. */
function runner(id: number, work: (slab: Slab) => Promise<BatchResult> | BatchResult): Runner & {
  readonly stamps: number[]; readonly places: BatchScheduler;
} {
  const stamps: number[] = [];
  const places = new BatchScheduler(1, () => undefined);
  return {
    id, version: { signature }, stamps, places, holdPlace: () => places.holdPlace(),
    run: async (slab) => {
      stamps.push(slab.generation);
      return work(slab);
    },
  };
}

/** Answers every pending entry with `text`, as a worker does; `lost` breaks off after the first. */
const answering = (text: string, outcome: Outcome, lost = false) => (slab: Slab): BatchResult => {
  const overflow: { entry: number; answer: Uint8Array }[] = [];
  for (let entry = 0; entry < slab.entryCount; entry += 1) {
    if (slab.status(entry) !== 0) continue;
    const answer = Buffer.from(`${text} to ${Buffer.from(slab.request(entry)).toString()}`);
    slab.setOutcome(entry, outcome);
    if (!slab.setAnswer(entry, outcome === Outcome.ok ? 200 : 500, answer)) overflow.push({ entry, answer });
    if (lost) throw new Error('the worker is gone');
  }
  return { overflow };
};

function shieldWith(answerBytes: number): {
  shield: Shield; slab: Slab; losses: number[]; texts: (result: BatchResult | undefined) => string[];
} {
  const losses: number[] = [];
  const shield = new Shield({
    isOn: true, monotonicUs: () => 5, onLost: ({ generation }, requests) => losses.push(generation, requests),
  });
  const slab = createSlab({ entriesMax: 4, requestBytes: 256, answerBytes });
  for (const text of ['a', 'b']) slab.append(EntryKind.predictJson, Buffer.from(text), 1, 1e9);
  slab.stamp(9, 1, 2);
  const texts = (result: BatchResult | undefined): string[] => [0, 1].map((entry) => {
    const bytes = slab.answer(entry) ?? result?.overflow.find((one) => one.entry === entry)?.answer;
    return `${slab.status(entry)} ${Buffer.from(bytes ?? []).toString()}`;
  });
  return { shield, slab, losses, texts };
}

describe('Shield', () => {
  test('a batch whose worker is lost is run again whole, and its requests count against the generation once', async () => {
    const { shield, slab, losses, texts } = shieldWith(4_096);
    const active = runner(1, answering('half', Outcome.ok, true));
    const standby = runner(2, answering('good', Outcome.ok));
    const result = await shield.run(active, standby, slab);
    assert.deepEqual(texts(result), ['200 good to a', '200 good to b']);
    assert.deepEqual(losses, [9, 2]);
    assert.deepEqual([active.stamps, standby.stamps], [[9], [0]], 'the second run is judged for nobody');
  });

  test('when the standby fails too, or is lost too, the first answers come back as they were', async () => {
    for (const work of [
      answering('worse', Outcome.modelFailure), answering('worse', Outcome.nonFinite),
      answering('late', Outcome.expired), answering('gone', Outcome.ok, true),
    ]) {
      for (const bytes of [64, 4_096]) {
        const { shield, slab, texts } = shieldWith(bytes);
        const active = runner(1, answering(LONG, Outcome.modelFailure));
        const result = await shield.run(active, runner(2, work), slab);
        assert.deepEqual(texts(result), ['a', 'b'].map((of) => `500 ${LONG} to ${of}`));
        assert.deepEqual(shield.counts, { shielded: 0, unshielded: 2 });
      }
    }
  });

  test('answers that no longer fit the slab travel beside it', async () => {
    const { shield, slab, texts } = shieldWith(64);
    const active = runner(1, answering(LONG, Outcome.modelFailure));
    const result = await shield.run(active, runner(2, answering('good', Outcome.ok)), slab);
    assert.deepEqual(texts(result), ['200 good to a', '200 good to b']);
  });

  test('while a batch is run again no other is taken, so the standby never gets more than the version had', async () => {
    const { shield, slab } = shieldWith(4_096);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const active = runner(1, answering('bad', Outcome.modelFailure));
    const standby = runner(2, async (one) => {
      await gate;
      return answering('good', Outcome.ok)(one);
    });
    const first = shield.run(active, standby, slab);
    await until('the standby has it', () => standby.stamps.length === 1);
    assert.equal(active.places.hasPlace('shielded'), false);
    release();
    await first;
    assert.equal(active.places.hasPlace('shielded'), true);
  });

  test('what is taken back from the standby before it was begun is asked again', async () => {
    const { shield, slab, texts } = shieldWith(4_096);
    const recalled = (): BatchResult => ({ overflow: [], isRecalled: true });
    const answers = [recalled, answering('good', Outcome.ok)];
    const active = runner(1, answering('bad', Outcome.modelFailure));
    const result = await shield.run(active, runner(2, (one) => answers.shift()!(one)), slab);
    assert.deepEqual(texts(result), ['200 good to a', '200 good to b']);
    assert.deepEqual(shield.counts, { shielded: 2, unshielded: 0 });
  });

  test('a standby whose answers look different covers nobody', () => {
    const { shield } = shieldWith(64);
    const active = runner(1, answering('', Outcome.ok));
    const other = { ...runner(2, answering('', Outcome.ok)), version: { signature: { ...signature, outputs: [] } } };
    assert.deepEqual([shield.covers(active, other), shield.covers(active, active)], [false, false]);
    assert.equal(shield.covers(active, runner(3, answering('', Outcome.ok))), true);
  });
});
