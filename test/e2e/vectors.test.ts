// A model of embeddings on the real executable, declared with --output-kind vector: a version whose vectors are as long
// as they should be and point elsewhere is taken back, a healthy one stays, live and in a backtest of the recording.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { seededRandom } from '../judge/fixtures.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { floats, model, node, Type } from '../worker/onnx.ts';

const MODEL = 'embed';
const FEATURES = 6;
const WIDTH = 16;
const ROWS = 2_000;
const REQUESTS = 1_500;
const DEADLINE_MS = 120_000;
const actor = { by: 'test' };

const random = seededRandom(33);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** Features × width; answers are x · weights. */
const weights = Array.from({ length: FEATURES }, () => Array.from({ length: WIDTH }, normal));
/** The same columns one place on, as after an export that lost the order of its outputs: lengths stay. */
const turned = weights.map((row) => [...row.slice(1), row[0]!]);
/** Questions around two centres, so that the vectors have directions of their own. */
const ask = (): number[] =>
  Array.from({ length: FEATURES }, (_, at) => (random() < 0.5 ? 2 : 1) * (at < 3 ? 1 : -1) + normal() / 3);

const onnx = (rows: readonly (readonly number[])[]): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', FEATURES]]],
  outputs: [['embedding', Type.FLOAT, ['N', WIDTH]]],
  nodes: [node('MatMul', ['x', 'w'], 'embedding')],
  constants: [floats('w', [FEATURES, WIDTH], rows.flat())],
});
const answerOf = (x: readonly number[]): number[] =>
  Array.from({ length: WIDTH }, (_, column) => x.reduce((sum, one, row) => sum + one * weights[row]![column]!, 0));

interface Told {
  readonly version: string;
  readonly check: string;
  readonly verdict: string;
  readonly action: string;
  readonly evidence: { readonly attribution?: string };
}

describe('lastgood with a model of embeddings', () => {
  const folder = temporaryDirectory();
  const dataDir = temporaryDirectory();
  const samples = join(folder, 'samples.ndjson');
  const fileOf = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const config = fileOf('config.json', JSON.stringify({
    workers: 1,
    judge: { mode: 'default', windowMs: 1_500, lookMs: 100, p95LimitMs: 60_000, cooldownMs: 0, rollbackIntervalMs: 0 },
  }));
  const bodies = Array.from({ length: 5_000 }, () => JSON.stringify({ features: ask() }));
  let server: Server;
  let admin: AdminClient;
  const status = async (): Promise<ModelStatus> => (await admin.status({ model: MODEL })).models[0]!;
  const crowdOf = (): Crowd => new Crowd(server.port, `/models/${MODEL}/predict`, bodies, 4);

  before(async () => {
    server = await Server.start(dataDir, ['--config', config, '--record', samples, '--record-inputs', 'on']);
    admin = (await connectAdmin(dataDir))!;
    const baseline = fileOf('baseline.json', JSON.stringify({
      format: 'lastgood.baseline/1', source: 'validation', rows: ROWS,
      outputs: { embedding: { shape: [ROWS, WIDTH], data: Array.from({ length: ROWS }, () => answerOf(ask())) } },
    }));
    for (const [version, rows] of [['1', weights], ['2', weights], ['turned', turned]] as const) {
      const file = fileOf(`${version}.onnx`, onnx(rows));
      await lastgoodJson(['register', MODEL, file, '--version', version, '--baseline', baseline, '--data', dataDir,
        '--output', 'embedding', '--output-kind', 'vector']);
    }
  });
  after(async () => {
    await server.stop();
  });

  test('healthy versions stay', async () => {
    for (const version of ['1', '2']) {
      await admin.promote({ model: MODEL, version }, actor);
      const crowd = crowdOf();
      await untilResolved(`${version} was judged`, async () => {
        const { health } = await status();
        return health?.version === version && health.totals.requests >= REQUESTS;
      }, DEADLINE_MS);
      const judged = (await status()).health!.checks.find(({ check }) => check === 'projections');
      await crowd.stop();
      const { model: { activeVersion }, recentDecisions } = await status();
      assert.deepEqual([activeVersion, recentDecisions], [version, []]);
      assert.notEqual(judged?.verdict, undefined);
    }
  });

  test('one whose vectors point elsewhere is taken back, by their projections', async () => {
    await admin.promote({ model: MODEL, version: 'turned' }, actor);
    const crowd = crowdOf();
    await untilResolved('it is taken back', async () => (await status()).model.activeVersion === '2', DEADLINE_MS);
    await crowd.stop();
    const [decision] = (await status()).recentDecisions;
    assert.deepEqual([decision?.version, decision?.action, decision?.trigger], ['turned', 'rollback', 'projections']);
    const { stdout } = await lastgood(['explain', '--data', dataDir]);
    assert.match(stdout, /vectors point elsewhere than the baseline's: PSI \d/);
    assert.match(stdout, /the stored window gives the same verdict/);
  });

  test('a backtest of the recording finds the same and nothing else', async () => {
    await server.stop();
    assert.ok(readFileSync(samples, 'utf8').split('\n').length > REQUESTS);
    const { code, stdout, stderr } = await lastgood(
      ['backtest', samples, '--json', '--config', config, '--data', dataDir]);
    assert.equal(code, 0, stderr);
    const told = stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Told);
    const failing = told.filter(({ verdict }) => verdict === 'fail');
    assert.deepEqual([...new Set(failing.map(({ version }) => version))], ['turned']);
    const rollback = failing.find(({ action }) => action === 'rollback');
    assert.deepEqual([rollback?.check, rollback?.evidence.attribution], ['projections', 'version']);
  });
});
