// The same recent inputs to two versions of a real model, beside its traffic.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { monotonicUs } from '../../../src/base/clock.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { EngineOptions } from '../../../src/options/options.ts';
import { keptRows, RECENT_ROWS_MIN, runRecentInputs } from '../../../src/rollout/attribution/recent-inputs.ts';
import type { RecentInputsRun } from '../../../src/rollout/attribution/recent-inputs.ts';
import { housingBaseline, housingFile, housingRows } from '../../support/housing.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** An engine with `active` in front of the confirmed version `standby` of housing, which is loaded too. */
async function serving(standby: string, active: string, options: EngineOptions = {}): Promise<Engine> {
  const judge = { checks: { mean_drift: { mode: 'off' }, shape: { mode: 'off' } } } as const;
  const engine = await createEngine({
    dataDir: temporaryDirectory(), workers: 2, logLevel: 'silent', judge: { mode: 'observe', ...judge }, ...options,
  });
  for (const version of [standby, active]) {
    await engine.register('housing', housingFile(version), { version, baseline: housingBaseline(version) });
    await engine.promote('housing', version);
    if (version === standby) await engine.confirm('housing');
  }
  const served = engine.models.served('housing');
  await until('both versions are loaded', () => served.loadedVersions.length === 2);
  return engine;
}

// Rows are kept at most every twenty milliseconds, so this is as long as it takes.
async function ask(engine: Engine, rows: readonly (readonly number[])[], kept = RECENT_ROWS_MIN + 5): Promise<void> {
  const { deployment } = engine.models.served('housing').rollout.active!;
  for (let at = 0; keptRows(deployment).length < kept; at += 1) {
    await engine.predict('housing', rows[at % rows.length]!);
  }
}

async function compare(engine: Engine, standby: string): Promise<RecentInputsRun | { readonly unavailable: string }> {
  const served = engine.models.served('housing');
  return runRecentInputs(served.rollout.active!.deployment, served.deploymentOf(standby), monotonicUs);
}

const differences = (run: RecentInputsRun): number[] =>
  run.pairs.map(({ active, standby }) => Math.abs(active.value - standby.value));

suite('runRecentInputs', () => {
  test('a version in another unit answers every recent input differently', async () => {
    const engine = await serving('2', 'dollars');
    await ask(engine, housingRows);
    const run = await compare(engine, '2');
    assert.ok('pairs' in run, JSON.stringify(run));
    assert.ok(run.pairs.length >= RECENT_ROWS_MIN);
    assert.ok(run.pairs.every(({ active, standby }) => active.value > 1_000 * standby.value), JSON.stringify(run));
    assert.ok(run.pairs.every(({ cosine }) => cosine === null));
    await engine.close();
  });

  test('the same weights in another graph answer drifted inputs alike, with more samples for nobody', async () => {
    const engine = await serving('1', 'regraph');
    await ask(engine, housingRows.map((row) => row.map((value) => value * 3)));
    await until('all samples are in', () => (engine.models.served('housing').health?.totals.requests ?? 0) > 0);
    const run = await compare(engine, '1');
    assert.ok('pairs' in run, JSON.stringify(run));
    assert.ok(Math.max(...differences(run)) < 1e-4, JSON.stringify(run));
    const before = keptRows(engine.models.served('housing').deploymentOf('1'));
    assert.deepEqual(before, [], 'the standby keeps nothing of it');
    await engine.close();
  });

  test('says why there is nothing to compare', async () => {
    const off = await serving('1', 'regraph', { reservoir: 'off' });
    assert.deepEqual(await compare(off, '1'), { unavailable: 'no inputs are kept' });
    await off.close();
    const engine = await serving('1', 'regraph');
    await engine.predict('housing', housingRows[0]!);
    assert.deepEqual(await compare(engine, '1'), { unavailable: '1 recent inputs are kept; wanted at least 20' });
    await ask(engine, housingRows);
    const served = engine.models.served('housing');
    const standby = served.deploymentOf('1');
    const active = served.rollout.active!.deployment;
    await engine.close();
    assert.deepEqual(await runRecentInputs(active, standby, monotonicUs),
      { unavailable: 'version "1" is not loaded any more' });
  });

  test('stops at its time limit and compares what it reached, the newest rows', async () => {
    const engine = await serving('1', 'regraph');
    await ask(engine, housingRows, 60);
    const served = engine.models.served('housing');
    const active = served.rollout.active!.deployment;
    // An hour ahead of the workers' clock, so that they find no row late; every look at it takes so long.
    const clock = (stepUs: number): (() => number) => {
      let nowUs = monotonicUs() + 3.6e9;
      return () => (nowUs += stepUs);
    };
    const hurried = await runRecentInputs(active, served.deploymentOf('1'), clock(3e6));
    assert.deepEqual(hurried, { unavailable: 'only 8 inputs were run in 5 s' });
    const some = await runRecentInputs(active, served.deploymentOf('1'), clock(6e5));
    assert.ok('pairs' in some && some.pairs.length === 32, JSON.stringify(some));
    const newest = keptRows(active).slice(-some.pairs.length).map(({ outputs }) => outputs[0]);
    assert.deepEqual(some.pairs.map(({ active: { value } }) => value), newest);
    await engine.close();
  });

  test('inputs are kept after the probation only if the standby is asked them or a drift may lead to a rollback', async () => {
    for (const [options, wanted] of [[{}, 1], [{ pairs: 'probation' }, 0], [{ pairs: 'off' }, 0],
      [{ pairs: 'off', reservoir: 'always' }, 1]] as const) {
      const engine = await serving('1', 'regraph', options);
      await engine.confirm('housing');
      for (const row of housingRows.slice(0, 5)) await engine.predict('housing', row);
      assert.equal(Math.min(1, keptRows(engine.models.served('housing').rollout.active!.deployment).length), wanted);
      await engine.close();
    }
  });
});

suite('versions that mean different things', () => {
  test('are not compared, and the reason is said', async () => {
    const engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, logLevel: 'silent' });
    await engine.register('housing', housingFile('1'), { version: '1', outputKind: 'regression', promote: true });
    await engine.confirm('housing');
    await engine.register('housing', housingFile('regraph'), { version: 'r', outputKind: 'score', promote: true });
    await until('both versions are loaded', () => engine.models.served('housing').loadedVersions.length === 2);
    await ask(engine, housingRows);
    assert.deepEqual(await compare(engine, '1'),
      { unavailable: 'version "1" is judged as regression, version "r" as score' });
    await engine.close();
  });
});
