// A recording of the real engine, judged again by lastgood backtest: with the data directory of the engine it asks the
// version before whether the version or the data moved.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { lastgood, Server } from '../support/binary.ts';
import { demoBodies, demoFiles } from '../support/demo-models.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const actor = { by: 'test' };
const MODEL = 'breast-cancer';
const REQUESTS = 600;
/** And for so long, which is more than a window: a fast machine answers them before a drift can last. */
const SERVING_MS = 2_500;
const DEADLINE_MS = 120_000;

interface Told {
  readonly version: string;
  readonly check: string;
  readonly verdict: string;
  readonly action: string;
  readonly evidence: {
    readonly suppressedBy?: string; readonly attribution?: string; readonly finding?: { readonly text: string };
  };
}

describe('lastgood backtest of what lastgood serve recorded', () => {
  const folder = temporaryDirectory();
  const dataDir = temporaryDirectory();
  const samples = join(folder, 'samples.ndjson');
  const config = join(folder, 'config.json');

  async function drifts(...args: string[]): Promise<Map<string, Told[]>> {
    const { code, stdout, stderr } = await lastgood(
      ['backtest', samples, '--json', '--config', config, '--mode', 'default', ...args]);
    assert.equal(code, 0, stderr);
    const told = stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Told);
    const failing = told.filter(({ verdict, evidence }) => verdict === 'fail' && evidence.attribution !== undefined);
    const byVersion = new Map<string, Told[]>();
    for (const one of failing) byVersion.set(one.version, [...byVersion.get(one.version) ?? [], one]);
    return byVersion;
  }

  test('blames the version for what is the version\'s and the data for what is the data\'s', async () => {
    // observe, so that every version serves to its end.
    const judge = {
      mode: 'observe', windowMs: 1_500, lookMs: 100, p95LimitMs: 60_000, cooldownMs: 0, rollbackIntervalMs: 0,
    };
    writeFileSync(config, JSON.stringify({ workers: 1, judge }));
    const server = await Server.start(
      dataDir, ['--config', config, '--record', samples, '--record-inputs', 'on', '--pairs', 'off']);
    const admin = (await connectAdmin(dataDir))!;
    const serve = async (version: string, bodies: readonly string[]): Promise<void> => {
      const crowd = new Crowd(server.port, `/models/${MODEL}/predict`, bodies, 4);
      const enoughMs = performance.now() + SERVING_MS;
      const isDone = (): Promise<boolean> =>
        Promise.resolve(crowd.countOf(version) >= REQUESTS && performance.now() >= enoughMs);
      await untilResolved(`${version} answered`, isDone, DEADLINE_MS);
      await crowd.stop();
      assert.deepEqual(crowd.failures, []);
    };
    try {
      for (const version of ['1', '2', 'collapsed']) {
        await admin.register({ model: MODEL, version, ...demoFiles(MODEL, version) }, actor);
      }
      const asked = demoBodies(MODEL);
      await admin.promote({ model: MODEL, version: '1' }, actor);
      await serve('1', asked);
      await admin.promote({ model: MODEL, version: 'collapsed' }, actor);
      await serve('collapsed', asked);
      await admin.promote({ model: MODEL, version: '2' }, actor);
      await serve('2', demoBodies(MODEL, (rows) => rows.map((row) => row.map((value) => value * 2))));
    } finally {
      await server.stop();
    }
    assert.ok(readFileSync(samples, 'utf8').includes('"inputs":['));

    const asked = await drifts('--data', dataDir);
    assert.equal(asked.has('1'), false);
    const wrong = asked.get('collapsed')![0]!;
    assert.deepEqual([wrong.action, wrong.evidence.attribution], ['rollback', 'version'], wrong.evidence.finding?.text);
    const moved = asked.get('2')![0]!;
    assert.deepEqual([moved.action, moved.evidence.suppressedBy, moved.evidence.attribution],
      ['suppressed', 'data_drift', 'data'], moved.evidence.finding?.text);

    const unasked = await drifts();
    assert.ok([...unasked.values()].flat().every(({ evidence }) => evidence.attribution === 'unavailable'));
    assert.equal(unasked.get('2')![0]!.action, 'rollback', 'without the models the verdict stands');
  });
});
