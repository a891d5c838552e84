// The standby is asked what the active version was asked, on real models, beside the traffic.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { ModelStatus } from '../../../src/admin/answers.ts';
import { packageRoot } from '../../../src/base/package-root.ts';
import type { DecisionRecord } from '../../../src/domain/records.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { PairStanding } from '../../../src/judge/pairs/pair-verdict.ts';
import type { EngineOptions } from '../../../src/options/options.ts';
import type { CheckEvidence } from '../../../src/judge/checks/check.ts';
import type { PairedChanges } from '../../../src/judge/verdict/paired.ts';
import { PairGatherer } from '../../../src/rollout/attribution/pair-gatherer.ts';
import { housingBaseline, housingFile, housingRows } from '../../support/housing.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** An engine that never acts, with `active` in front of the confirmed version 1 of housing, which is loaded too. */
async function serving(active: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await createEngine({
    dataDir: temporaryDirectory(), workers: 1, logLevel: 'silent', judge: { mode: 'observe', lookMs: 50 }, ...options,
  });
  for (const version of ['1', active]) {
    await engine.register('housing', housingFile(version), { version, baseline: housingBaseline(version) });
    await engine.promote('housing', version);
    if (version === '1') await engine.confirm('housing');
  }
  await until('both versions are loaded', () => engine.models.served('housing').loadedVersions.length === 2);
  return engine;
}

const standingOf = (engine: Engine): PairStanding | null => engine.models.served('housing').pairs.standing;

const statusOf = async (engine: Engine): Promise<ModelStatus> => (await engine.status()).models[0]!;

const toldBy = async (engine: Engine): Promise<DecisionRecord[]> =>
  (await statusOf(engine)).recentDecisions.filter(({ trigger }) => trigger === 'pairs');

async function askUntil(engine: Engine, isDone: () => boolean): Promise<void> {
  for (let at = 0; !isDone(); at += 1) await engine.predict('housing', housingRows[at % housingRows.length]!);
}

suite('PairGatherer', () => {
  test('the same weights in another graph agree with the version before, and nothing is told', async () => {
    const engine = await serving('regraph');
    await askUntil(engine, () => (standingOf(engine)?.facts.pairs ?? 0) >= 25);
    const { facts, verdict } = standingOf(engine)!;
    assert.deepEqual([facts.version, facts.twin], ['regraph', '1']);
    assert.equal(facts.disagreement?.hits, 0);
    assert.equal(facts.failed.plus + facts.failed.minus + facts.nonFinite.plus + facts.nonFinite.minus, 0);
    assert.equal(verdict.disagrees, null);
    const { pairs, recentDecisions } = await statusOf(engine);
    assert.equal(pairs?.facts.twin, '1');
    assert.deepEqual(recentDecisions, []);
    await engine.close();
  });

  test('a version that answers everything differently is told once, with pairs to recompute it, and stays', async () => {
    const engine = await serving('dollars', { judge: { mode: 'default', lookMs: 50, checks: {
      mean_drift: { mode: 'off' }, shape: { mode: 'off' }, spread: { mode: 'off' },
    } } });
    await askUntil(engine, () => (standingOf(engine)?.facts.pairs ?? 0) >= 40);
    while ((await toldBy(engine)).length === 0) await engine.predict('housing', housingRows[0]!);
    const [decision, ...more] = await toldBy(engine);
    assert.deepEqual(more, []);
    assert.deepEqual([decision!.action, decision!.version], ['warn', 'dollars']);
    assert.match(decision!.reason, /versions dollars and 1 answer \d+ of \d+ questions differently \(100 %\)/);
    assert.equal(engine.models.served('housing').rollout.activeVersion?.version, 'dollars');
    await engine.close();
  });

  test('a version that was promoted as the same function and answers otherwise is rolled back', async () => {
    const engine = await serving('regraph', { judge: { mode: 'default', lookMs: 50 } });
    await engine.confirm('housing');
    await engine.register('housing', housingFile('2'), { version: '2', baseline: housingBaseline('2') });
    await engine.promote('housing', '2', { expect: 'same' });
    assert.equal((await statusOf(engine)).versions.find(({ version }) => version === '2')?.expect, 'same');
    await askUntil(engine, () => engine.models.served('housing').rollout.activeVersion?.version === 'regraph');
    const [decision] = await toldBy(engine);
    assert.deepEqual([decision!.action, decision!.version, decision!.rolledBackTo], ['rollback', '2', 'regraph']);
    assert.match(decision!.reason, /answer \d+ of \d+ questions differently .*; 2 % at most were declared/);
    await engine.close();
  });

  test('what is expected is measured again beside another version than the one at registration', async () => {
    const engine = await serving('regraph');
    const golden = join(packageRoot(), 'models', 'housing', 'dollars.golden.json');
    const { expected } = await engine.register('housing', housingFile('dollars'), {
      version: 'dollars', baseline: housingBaseline('dollars'), golden,
    });
    assert.equal(expected?.against, 'regraph');
    await engine.register('housing', housingFile('2'), { version: '2', promote: true });
    await engine.confirm('housing');
    await engine.promote('housing', 'dollars');
    const recordOf = async () => (await statusOf(engine)).versions.find(({ version }) => version === 'dollars')!;
    for (let at = 0; (await recordOf()).expected?.against !== '2'; at += 1) {
      await engine.predict('housing', housingRows[at % housingRows.length]!);
    }
    const { warnings } = await recordOf();
    assert.deepEqual(warnings.filter((one) => /differ/.test(one)),
      ['answers differ from version "2" on 100 % of the 4 validation rows']);
    await engine.close();
  });

  test('with another generation all counting begins anew, and without a twin, or with pairs off, there is none', async () => {
    const engine = await serving('regraph');
    await askUntil(engine, () => (standingOf(engine)?.facts.pairs ?? 0) > 5);
    await engine.confirm('housing');
    await engine.rollback('housing', { to: '1', reason: 'a test' });
    await until('the counts are of the restored version', () => {
      const standing = standingOf(engine);
      return standing === null || standing.facts.version === '1';
    });
    await engine.close();
    const off = await serving('regraph', { pairs: 'off' });
    await askUntil(off, () => (off.models.served('housing').health?.totals.requests ?? 0) > 20);
    assert.equal(standingOf(off), null);
    await off.close();
  });

  test('counts for a failing check from its alarm on what each version answered, and forgets it with the generation', async () => {
    const engine = await serving('dollars', { pairs: 'off' });
    const { pairs, rollout } = engine.models.served('housing');
    const baseline = { mean: 2, standardDeviation: 1 };
    const window = { windowMs: 60_000, samples: 100, effective: 100, sigmas: 5 };
    const alarm: CheckEvidence = {
      check: 'mean_drift', effect: 'rollback', samplesMin: 1, inputs: null, inputsMin: 1, chance: 1e-6, twoLooksMs: 0,
      unjudged: null, rows: 1_000, limit: 2, baseline, windows: [{ now: window, firstLook: null }],
    };
    assert.equal(standingOf(engine), null, 'pairs are off');
    const { generation } = rollout.active!;
    const look = async (of: number): Promise<PairedChanges['changes'][number]> =>
      (await pairs.lookInto([alarm], of, 'dollars')).changes[0]!;
    let found = await look(generation);
    assert.deepEqual([found.check, found.margin, found.levels], ['mean_drift', 0.25, []]);
    assert.ok(pairs.isAlarmed);
    for (let at = 0; found.levels.reduce((sum, one) => sum + one.pairs, 0) < 20; at += 1) {
      await engine.predict('housing', housingRows[at % housingRows.length]!);
      found = await look(generation);
    }
    // Dollars are hundreds of thousands of times the usual answers.
    assert.ok(found.levels.every(({ level }) => level > found.margin), JSON.stringify(found));
    assert.deepEqual((await look(generation + 1)).levels, [], 'of another generation');
    await engine.close();
  });

  test('asks no more than the share of the worker time that has passed allows', async () => {
    const engine = await serving('regraph', { pairs: 'off', reservoir: 'always' });
    const served = engine.models.served('housing');
    let nowUs = 1e6;
    const paired: number[] = [];
    const gatherer = new PairGatherer({
      clock: { wallMs: () => 0, monotonicUs: () => nowUs },
      active: () => served.rollout.active, twin: () => served.deploymentOf('1'),
      isOnProbation: () => true, referenceOf: () => null, expectationOf: () => null, onBegin: () => undefined,
      expectedPairsOf: () => [], onPairs: (pairs) => paired.push(pairs),
    });
    await gatherer.look();
    await askUntil(engine, () => (served.health?.totals.requests ?? 0) > 20);
    await gatherer.look();
    assert.deepEqual(paired, [], 'no time has passed');
    nowUs += 1e6;
    await gatherer.look();
    assert.ok(paired.length > 0);
    await engine.close();
  });
});
