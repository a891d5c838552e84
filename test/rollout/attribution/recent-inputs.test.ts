// The same kept rows to two versions of a real model, beside its traffic.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { monotonicUs } from '../../../src/base/clock.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { EngineOptions } from '../../../src/options/options.ts';
import { REPLAY_ROWS, replayRows } from '../../../src/rollout/attribution/recent-inputs.ts';
import { outputDifference } from '../../../src/domain/judged-output.ts';
import type { Deployment } from '../../../src/rollout/deployment/deployment.ts';
import { RowReader, rowRingOffset } from '../../../src/shared-memory/row-ring.ts';
import type { RingRow } from '../../../src/shared-memory/row-ring.ts';
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

/** All rows that the deployment's workers hold. */
function keptRows({ rows: { reservoir }, workers }: Deployment): RingRow[] {
  const kept: RingRow[] = [];
  for (let ring = 0; reservoir !== null && ring < workers; ring += 1) {
    new RowReader(reservoir.memory, rowRingOffset(ring, reservoir.size), reservoir.size)
      .drain((row) => kept.push({ ...row, outputs: row.outputs.slice(), inputs: row.inputs.slice() }));
  }
  return kept;
}

const deploymentsOf = (engine: Engine, standby: string): readonly [Deployment, Deployment] => {
  const served = engine.models.served('housing');
  return [served.rollout.active!.deployment, served.deploymentOf(standby)];
};

/** Rows as they were asked, until some are kept: at most every twenty milliseconds one is. */
async function someRows(engine: Engine, move: (value: number) => number = (value) => value): Promise<RingRow[]> {
  const [active] = deploymentsOf(engine, '1');
  for (let at = 0; keptRows(active).length < REPLAY_ROWS; at += 1) {
    await engine.predict('housing', housingRows[at % housingRows.length]!.map(move));
  }
  return keptRows(active).slice(0, REPLAY_ROWS);
}

suite('replayRows', () => {
  test('the same weights in another graph answer drifted inputs alike, and keep and count nothing of it', async () => {
    const engine = await serving('1', 'regraph');
    const rows = await someRows(engine, (value) => value * 3);
    const [, standby] = deploymentsOf(engine, '1');
    // The first row is run whatever it takes; a busy host may leave others for the next time.
    const { answers } = await replayRows(standby, rows.map(({ inputs }) => inputs), monotonicUs());
    assert.ok(answers.length >= 1);
    answers.forEach((answer, at) => assert.ok(Math.abs(answer![0]! - rows[at]!.outputs[0]!) < 1e-4));
    assert.deepEqual(keptRows(standby), [], 'the standby keeps nothing of it');
    await engine.close();
    await assert.rejects(replayRows(standby, rows.map(({ inputs }) => inputs), monotonicUs()));
  });

  test('what the time does not reach is left, but for the first row', async () => {
    const engine = await serving('1', 'regraph');
    const rows = await someRows(engine);
    const [, standby] = deploymentsOf(engine, '1');
    // An hour ago: all rows but the first are late.
    const { answers } = await replayRows(standby, rows.map(({ inputs }) => inputs), monotonicUs() - 3.6e9);
    assert.equal(answers.length, 1);
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
    const [active, standby] = deploymentsOf(engine, '1');
    assert.equal(outputDifference(active.version, standby.version),
      'version "1" is judged as regression, version "r" as score');
    await engine.models.served('housing').pairs.look();
    assert.equal(engine.models.served('housing').pairs.standing, null);
    await engine.close();
  });
});
