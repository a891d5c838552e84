// One client against a good version on probation, on the real executable behind a proxy that names who asks, beside
// healthy clients: by rows that saturate, many in one request, in every protocol that rows come in as JSON, and by rows
// that were searched for through the routes of single versions, on which the two differ. Whatever is sent, version 2
// goes on answering, and the decision says why.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import { Server } from '../support/binary.ts';
import { demoBodies, demoFiles } from '../support/demo-models.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MODEL = 'breast-cancer';
const FEATURES = 30;
const ROWS = 64;
const actor = { by: 'test' };
const healthyRows = demoBodies(MODEL).map((body) => (JSON.parse(body) as { features: number[] }).features);

/** Numbers from 0 to 1 that are the same in each run. */
let state = 1;
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}
const saturating = (): number[][] =>
  Array.from({ length: ROWS }, () => Array.from({ length: FEATURES }, () => 1e6 * (1 + random())));

const tensor = (rows: readonly (readonly number[])[]): string => JSON.stringify({
  inputs: [{ name: 'features', datatype: 'FP32', shape: [rows.length, FEATURES], data: rows.flat() }],
});

/** How rows are sent in one request. */
type Send = readonly [path: string, body: (rows: readonly (readonly number[])[]) => string];
const PLAIN: Send = [`/models/${MODEL}/predict`, (rows) => JSON.stringify({ instances: rows })];
const PROTOCOLS: readonly Send[] = [
  PLAIN, [`/v2/models/${MODEL}/infer`, tensor],
  [`/v1/models/${MODEL}:predict`, (rows) => JSON.stringify({ instances: rows })],
];
/** What the decision may say: nobody is blamed for what one client has chosen. */
const EXCUSES = ['one_source', 'data_drift', 'inputs', 'more_pairs', 'unattributed'];
const SAID = ['one_source', 'data_drift', 'inputs'];

describe('One client against a version on probation', () => {
  let server: Server;
  let admin: AdminClient;
  before(async () => {
    const config = join(temporaryDirectory(), 'config.json');
    // How fast this host is just now is not what is tested.
    const judge = { windowMs: 1_500, lookMs: 100, checks: { p95_latency: { mode: 'off' } } };
    writeFileSync(config, JSON.stringify({
      workers: 1, judge, sourceHeader: 'x-client-id', trustedProxy: '127.0.0.1',
    }));
    const dataDir = temporaryDirectory();
    server = await Server.start(dataDir, ['--config', config]);
    admin = (await connectAdmin(dataDir))!;
    for (const version of ['1', '2']) {
      await admin.register({ model: MODEL, version, ...demoFiles(MODEL, version), promote: true }, actor);
      if (version === '1') await admin.confirm({ model: MODEL }, actor);
    }
  });
  after(() => server.stop());

  const ask = (client: string, path: string, body: string) =>
    http(server.port, path, { headers: { 'x-client-id': client, 'content-type': 'application/json' }, body });
  /** Attacks between healthy requests of five clients until the decisions say why nothing is done. */
  async function attack(sends: readonly Send[], rowsOf: () => number[][]): Promise<void> {
    // A generation of its own, on probation.
    await admin.promote({ model: MODEL, version: '1' }, actor);
    await admin.confirm({ model: MODEL }, actor);
    const { generation } = await admin.promote({ model: MODEL, version: '2' }, actor);
    for (let round = 0; ; round += 1) {
      const [path, bodyOf] = sends[round % sends.length]!;
      await ask('evil', path, bodyOf(rowsOf()));
      for (let good = 0; good < 5; good += 1) {
        const features = healthyRows[(round * 5 + good) % healthyRows.length]!;
        const { status } = await ask(`good-${good}`, `/models/${MODEL}/predict`, JSON.stringify({ features }));
        assert.equal(status, 200);
      }
      const { model, recentDecisions } = (await admin.status({ model: MODEL })).models[0]!;
      const told = recentDecisions.filter((one) => one.generation === generation);
      assert.equal(model.activeVersion, '2', JSON.stringify(told.map(({ reason, evidence }) =>
        [reason, evidence['findings']])));
      assert.ok(told.every(({ action, suppressedBy }) => action === 'warn' || EXCUSES.includes(suppressedBy!)));
      if (told.some(({ suppressedBy }) => SAID.includes(suppressedBy!))) return;
    }
  }

  test('by rows that saturate, many in one request, over each protocol in turn', () => attack(PROTOCOLS, saturating));

  test('by rows on which it and the version before differ, searched for through the routes of both', async () => {
    const found: number[][] = [];
    const deviations = Array.from({ length: FEATURES }, (_, at) => {
      const column = healthyRows.map((row) => row[at]!);
      const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
      return Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length);
    });
    const near = (row: readonly number[], by: number): number[] =>
      row.map((value, at) => value + deviations[at]! * by * (random() - 0.5));
    const scoresOf = async (version: string, rows: readonly number[][]): Promise<number[]> => {
      const { json } = await ask('evil', `/v2/models/${MODEL}/versions/${version}/infer`, tensor(rows));
      const { outputs } = json as { outputs: { datatype: string; data: number[] }[] };
      return outputs.find(({ datatype }) => datatype === 'FP32')!.data;
    };
    while (found.length < 500) {
      const rows = Array.from({ length: 400 }, () => near(healthyRows[Math.floor(random() * healthyRows.length)]!, 4));
      const [before, now] = [await scoresOf('1', rows), await scoresOf('2', rows)];
      found.push(...rows.filter((_, row) => now[row]! >= 0.5 && before[row]! < 0.5));
    }
    await attack([PLAIN], () =>
      Array.from({ length: ROWS }, () => near(found[Math.floor(random() * found.length)]!, 1e-3)));
  });
});
