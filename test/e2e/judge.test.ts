// The judge on the real executable with the demo models under load: each failing version is taken back for the reason
// that it was built with and no client sees an error meanwhile; what is harmless stays.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import type { DecisionRecord } from '../../src/domain/records.ts';
import { Server } from '../support/binary.ts';
import { demoBodies, demoFiles } from '../support/demo-models.ts';
import type { DemoModel } from '../support/demo-models.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const actor = { by: 'test' };
const MODELS: readonly DemoModel[] = ['breast-cancer', 'digits', 'housing'];
const CLIENTS = 4;
/** Requests that a harmless version has to answer, in windows of a second or two: the judge has seen all it needs. */
const JUDGED_REQUESTS = 400;
const DEADLINE_MS = 120_000;

/** What may see a version: the checks that models/README.md names. */
const DRIFT = ['mean_drift', 'class_mix', 'shape', 'spread', 'confidence', 'repeats'];
const SEEN_BY: Readonly<Record<string, readonly string[]>> = {
  slow: ['p95_latency'],
  fragile: ['error_rate', 'hard_failure'],
  nonfinite: ['non_finite'],
  unscaled: [...DRIFT, 'constant_output'],
  collapsed: DRIFT,
  dollars: DRIFT,
  inverted: DRIFT,
};
const FAILING: Readonly<Record<DemoModel, readonly string[]>> = {
  'breast-cancer': ['unscaled', 'slow', 'fragile', 'nonfinite', 'collapsed'],
  digits: ['unscaled', 'slow', 'fragile', 'nonfinite', 'inverted'],
  housing: ['unscaled', 'slow', 'fragile', 'nonfinite', 'dollars'],
};

describe('lastgood serve judging the demo models under load', () => {
  let server: Server;
  let admin: AdminClient;
  const crowds: Crowd[] = [];
  const crowdOf = (model: DemoModel, bodies = demoBodies(model)): Crowd => {
    const crowd = new Crowd(server.port, `/models/${model}/predict`, bodies, CLIENTS);
    crowds.push(crowd);
    return crowd;
  };
  const statusOf = async (model: DemoModel): Promise<ModelStatus> => (await admin.status({ model })).models[0]!;
  const decisionsOf = async (model: DemoModel): Promise<readonly DecisionRecord[]> =>
    (await statusOf(model)).recentDecisions;
  const shown = ({ version, action, suppressedBy, trigger, reason }: DecisionRecord): string =>
    `${version} ${action} ${suppressedBy ?? ''} ${trigger}: ${reason}`;

  before(async () => {
    const config = join(temporaryDirectory(), 'config.json');
    writeFileSync(config, JSON.stringify({
      workers: 1,
      judge: {
        mode: 'default', windowMs: 1_500, lookMs: 100, p95LimitMs: 40, cooldownMs: 0, rollbackIntervalMs: 0,
      },
    }));
    const dataDir = temporaryDirectory();
    server = await Server.start(dataDir, ['--config', config]);
    admin = (await connectAdmin(dataDir))!;
    for (const model of MODELS) {
      await admin.register({ model, version: '1', ...demoFiles(model, '1'), promote: true }, actor);
      await admin.confirm({ model }, actor);
      for (const version of ['2', 'regraph', ...FAILING[model]]) {
        await admin.register({ model, version, ...demoFiles(model, version) }, actor);
      }
    }
  });
  after(async () => {
    await Promise.all(crowds.map((crowd) => crowd.stop()));
    await server.stop();
  });

  /** Promotes a failing version, waits until the judge has taken it back, and returns the decision. */
  async function seeRollback(model: DemoModel, version: string): Promise<DecisionRecord> {
    const { generation } = await admin.promote({ model, version }, actor);
    let found: DecisionRecord | undefined;
    await untilResolved(`${model} ${version} is taken back`, async () => {
      found = (await decisionsOf(model)).find((one) => one.generation === generation && one.action === 'rollback');
      return found !== undefined;
    }, DEADLINE_MS).catch(async (error: unknown) => {
      const { health, recentDecisions } = await statusOf(model);
      const checks = health?.checks.map(({ text, verdict }) => `${verdict}: ${text}`) ?? [];
      throw new Error([String(error), ...checks, ...recentDecisions.map(shown)].join('\n'));
    });
    return found!;
  }

  for (const model of MODELS) {
    test(`every failing version of ${model} is taken back for its reason, and no client sees an error`, async () => {
      const crowd = crowdOf(model);
      for (const version of FAILING[model]) {
        const decision = await seeRollback(model, version);
        assert.ok(SEEN_BY[version]!.includes(decision.trigger), shown(decision));
        assert.equal(decision.rolledBackTo, '1');
      }
      await crowd.stop();
      assert.deepEqual(crowd.failures, []);
      const bad = crowd.answers.filter(({ status, hasNull }) => status !== 200 || hasNull);
      assert.deepEqual(bad, [], 'the standby answered what they could not');
      assert.ok((await statusOf(model)).shielded > 0);
    });
  }

  test('the same weights in another graph, and a retrained version with its own baseline, stay', async () => {
    for (const version of ['regraph', '2']) {
      await Promise.all(MODELS.map(async (model) => {
        const crowd = crowdOf(model);
        await admin.promote({ model, version }, actor);
        await untilResolved(`${model} ${version} was judged`, async () => {
          const { health, model: { activeVersion } } = await statusOf(model);
          if (activeVersion !== version) return true;
          return health?.version === version && health.totals.requests >= JUDGED_REQUESTS;
        }, DEADLINE_MS);
        await crowd.stop();
        const status = await statusOf(model);
        assert.equal(status.model.activeVersion, version, status.recentDecisions.map(shown).join('\n'));
      }));
    }
  });

  test('a burst of a slow host is told and nothing is taken back', async () => {
    const { model: { activeVersion } } = await statusOf('housing');
    const crowd = crowdOf('housing');
    // The whole engine stands still most of the time, as on a host that somebody else has taken.
    const { pid } = server;
    const isOver = Date.now() + 6_000;
    try {
      while (Date.now() < isOver) {
        process.kill(pid, 'SIGSTOP');
        await sleep(60);
        process.kill(pid, 'SIGCONT');
        await sleep(15);
      }
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await crowd.stop();
    const { model, recentDecisions } = await statusOf('housing');
    assert.equal(model.activeVersion, activeVersion, recentDecisions.map(shown).join('\n'));
    // That a retrained version answers differently is told as well, and is no matter of the host.
    const told = recentDecisions.filter(({ generation, trigger }) =>
      generation === model.generation && trigger !== 'pairs');
    assert.ok(told.every(({ action }) => action === 'suppressed'), told.map(shown).join('\n'));
  });

  test('inputs that moved are told as such, and the version stays', async () => {
    // On probation, where a drift would roll back.
    if ((await statusOf('breast-cancer')).phase === 'steady') {
      await admin.promote({ model: 'breast-cancer', version: '2' }, actor);
    }
    const { model: { activeVersion } } = await statusOf('breast-cancer');
    const crowd = crowdOf('breast-cancer', demoBodies('breast-cancer', (rows) =>
      rows.map((row) => row.map((value) => value * 2))));
    let told: DecisionRecord | undefined;
    await untilResolved('the drift is told', async () => {
      const { model, recentDecisions } = await statusOf('breast-cancer');
      told = recentDecisions.find(({ generation, suppressedBy }) =>
        generation === model.generation && suppressedBy === 'data_drift');
      return told !== undefined || model.activeVersion !== activeVersion;
    }, DEADLINE_MS);
    await crowd.stop();
    const { model, recentDecisions } = await statusOf('breast-cancer');
    assert.equal(model.activeVersion, activeVersion, recentDecisions.map(shown).join('\n'));
    assert.ok(DRIFT.includes(told?.trigger ?? '') || told?.trigger === 'p95_latency', shown(told!));
  });
});
