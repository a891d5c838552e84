// One client's inputs against a version that is known good, on the real executable, beside healthy traffic: what the
// version before fails as well takes nobody out, and the decision says that the inputs are to blame; a version that
// fails by itself still goes, whatever is sent beside it. The attacks are those of an audit (poison1, poison2, poison4
// and onenan): NaN in tensors, finite floats up to 3e38, rows that saturate, and an index that is in no table. Its
// embedding models looked ids up in a table of a hundred rows; lookup() is the same in small.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import type { DecisionRecord } from '../../src/domain/records.ts';
import { Server } from '../support/binary.ts';
import { demoBodies, demoFiles } from '../support/demo-models.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { logarithm, lookup } from '../worker/onnx.ts';

const actor = { by: 'test' };
const DEADLINE_MS = 60_000;
const IDS = 100;
const ROW = 8;

/** Numbers from -1 to 1 that are the same in each run. */
function numbers(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
const bodyOf = (features: readonly number[]): string => JSON.stringify({ features });
const idBodies = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => bodyOf([from + at]));
/** The same unknown index in the other protocols that rows come in. */
const PROTOCOLS: readonly (readonly [string, string, (id: number) => string])[] = [
  ['ids-oip', '/v2/models/ids-oip/infer', (id) =>
    JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [id] }] })],
  ['ids-tfs', '/v1/models/ids-tfs:predict', (id) => JSON.stringify({ instances: [[id]] })],
];
const table = (size: number): Uint8Array => lookup(numbers(size, size));

describe('lastgood serve, sent what no version answers', () => {
  let server: Server;
  let admin: AdminClient;
  const crowds: Crowd[] = [];
  const crowd = (model: string, bodies: readonly string[], path = `/models/${model}/predict`, clients = 1): Crowd => {
    const one = new Crowd(server.port, path, bodies, clients);
    crowds.push(one);
    return one;
  };
  const statusOf = async (model: string): Promise<ModelStatus> => (await admin.status({ model })).models[0]!;
  /** Waits for a decision and returns it. */
  async function decided(model: string, is: (decision: DecisionRecord) => boolean): Promise<DecisionRecord> {
    let found: DecisionRecord | undefined;
    await untilResolved(`a decision about ${model}`, async () => {
      found = (await statusOf(model)).recentDecisions.find(is);
      return found !== undefined;
    }, DEADLINE_MS).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify((await statusOf(model)).recentDecisions.map((one) =>
        [one.action, one.suppressedBy, one.reason, one.evidence['findings']]))}`);
    });
    return found!;
  }
  const suppressedOf = async (model: string, ...triggers: string[]): Promise<void> => {
    // Before enough inputs were kept it may have been told that nobody knows.
    await decided(model, (one) => triggers.includes(one.trigger) && one.suppressedBy === 'inputs');
    const status = await statusOf(model);
    const { failed } = status.versions.find(({ version }) => version === '2')!;
    assert.deepEqual([status.model.activeVersion, failed ?? null], ['2', null], 'it goes on serving and is not marked');
  };

  before(async () => {
    const config = join(temporaryDirectory(), 'config.json');
    // How fast this host is just now is not what is tested.
    const checks = { p95_latency: { mode: 'off' } };
    const judge = { mode: 'default', windowMs: 1_500, lookMs: 100, cooldownMs: 0, rollbackIntervalMs: 0, checks };
    writeFileSync(config, JSON.stringify({ workers: 1, judge }));
    const dataDir = temporaryDirectory();
    server = await Server.start(dataDir, ['--config', config]);
    admin = (await connectAdmin(dataDir))!;
    const files = ['1', '2', 'small'].map((version) => join(temporaryDirectory(), `${version}.onnx`));
    for (const [at, size] of [IDS, IDS, IDS / 2].entries()) writeFileSync(files[at]!, table(size));
    for (const version of ['1', '2']) {
      for (const model of ['housing', 'breast-cancer'] as const) {
        await admin.register({ model, version, ...demoFiles(model, version), promote: true }, actor);
        await admin.confirm({ model }, actor);
      }
      const logarithms = join(temporaryDirectory(), 'logarithm.onnx');
      writeFileSync(logarithms, logarithm());
      await admin.register({ model: 'logarithm', version, file: logarithms, promote: true }, actor);
      await admin.confirm({ model: 'logarithm' }, actor);
      for (const model of ['ids', ...PROTOCOLS.map(([name]) => name), 'one-id']) {
        await admin.register({ model, version, file: files[Number(version) - 1]!, promote: true }, actor);
        await admin.confirm({ model }, actor);
      }
    }
    await admin.register({ model: 'ids', version: 'small', file: files[2]! }, actor);
  });
  after(async () => {
    await Promise.all(crowds.map((one) => one.stop()));
    await server.stop();
  });

  test('NaN: it is counted apart, and nothing is decided', async () => {
    const healthy = crowd('housing', demoBodies('housing'));
    const data = ['NaN', ...numbers(ROW - 1)].join(',');
    const body = `{"inputs":[{"name":"features","datatype":"FP32","shape":[1,${ROW}],"data":[${data}]}]}`;
    const url = `http://127.0.0.1:${server.port}/v2/models/housing/infer`;
    const headers = { 'content-type': 'application/json' };
    for (let sent = 0; sent < 60; sent += 1) {
      assert.equal((await fetch(url, { method: 'POST', body, headers })).status, 200);
    }
    await untilResolved('the judge has seen all of it', async () =>
      (await statusOf('housing')).health?.totals.nonFiniteInputs === 60);
    const { health, recentDecisions } = await statusOf('housing');
    assert.deepEqual([health?.violations, health?.totals.nonFinite, recentDecisions], [[], 0, []]);
    await healthy.stop();
  });

  test('numbers at which version 2 alone overflows: they are counted apart, and decide nothing', async () => {
    const healthy = crowd('breast-cancer', demoBodies('breast-cancer'));
    for (let sent = 0; sent < 120; sent += 1) {
      const features = Array.from({ length: 30 }, (_, at) => (at === sent % 30 ? (sent < 60 ? 3e38 : -3e38) : 0));
      const answer = await fetch(`http://127.0.0.1:${server.port}/models/breast-cancer/predict`, {
        method: 'POST', body: bodyOf(features), headers: { 'content-type': 'application/json' },
      });
      assert.equal(answer.status, 200);
    }
    await untilResolved('the judge has seen them', async () =>
      (await statusOf('breast-cancer')).health!.totals.nonFiniteInputs > 20);
    const { health, recentDecisions, model } = await statusOf('breast-cancer');
    assert.deepEqual([health!.totals.nonFinite, model.activeVersion], [0, '2']);
    assert.deepEqual(recentDecisions.filter(({ trigger }) => trigger === 'non_finite'), []);
    await healthy.stop();
  });

  test('numbers that no version has a finite answer to: the decision says so, and the version stays', async () => {
    const healthy = crowd('logarithm', idBodies(1, IDS));
    const poison = crowd('logarithm', idBodies(-IDS, 0));
    await suppressedOf('logarithm', 'non_finite');
    await Promise.all([healthy.stop(), poison.stop()]);
  });

  test('rows that saturate in any version, many in one request', async () => {
    const rowsOf = (seed: number): number[][] =>
      Array.from({ length: 64 }, (_, row) => numbers(30, seed * 64 + row + 1).map((x) => 1e6 * (2 + x)));
    const poison = crowd('breast-cancer', Array.from({ length: 8 }, (_, seed) =>
      JSON.stringify({ instances: rowsOf(seed) })));
    await suppressedOf('breast-cancer', 'constant_output');
    await poison.stop();
  });

  test('an index that is in no table; and a version whose table is too small goes all the same', async () => {
    const healthy = crowd('ids', idBodies(0, IDS));
    const poison = [1_000, 2_000, 3_000].map((from) => crowd('ids', idBodies(from, from + 500)));
    await suppressedOf('ids', 'error_rate', 'hard_failure');
    const { generation } = await admin.promote({ model: 'ids', version: 'small' }, actor);
    const decision = await decided('ids', (one) => one.generation === generation && one.action === 'rollback');
    assert.deepEqual([decision.rolledBackTo, (await statusOf('ids')).model.activeVersion], ['2', '2']);
    await Promise.all([healthy, ...poison].map((one) => one.stop()));
  });

  for (const [model, path, bodyOfId] of PROTOCOLS) {
    test(`an index that is in no table, sent to ${path}`, async () => {
      const healthy = crowd(model, idBodies(0, IDS));
      const poison = crowd(model, Array.from({ length: 500 }, (_, at) => bodyOfId(1_000 + at)), path);
      await suppressedOf(model, 'error_rate', 'hard_failure');
      await Promise.all([healthy.stop(), poison.stop()]);
      assert.deepEqual([healthy.failures, poison.failures], [[], []]);
    });
  }

  test('one and the same question that nobody answers, on eight connections', async () => {
    const poison = crowd('one-id', [bodyOf([IDS + 1])], undefined, 8);
    await suppressedOf('one-id', 'hard_failure');
    await poison.stop();
  });
});
