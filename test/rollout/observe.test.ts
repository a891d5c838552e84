// A judge that somebody has told to watch only: what fails is told, nothing acts, and it ends by itself.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { nowOf } from '../../src/base/moment.ts';
import { holdsOn, pauseLeftMs } from '../../src/rollout/decisions.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { RolloutBench } from './bench.ts';

const HOUR = 3_600_000;
let bench: RolloutBench | undefined;
afterEach(() => bench?.close());

describe('A judge that watches only', () => {
  for (const mode of ['default', 'compat'] as const) {
    test(`tells what fails and rolls nothing back, until its time is over (${mode})`, async () => {
      const one = bench = await RolloutBench.start({ served: ['1', '2'], engine: { judge: { mode } } });
      one.registry.setPause('m', { by: 'test', reason: 'load test', forMs: 2 * HOUR }, 'test');
      await one.rollout.onVerdict(one.verdict());
      await one.rollout.onVerdict(one.verdict());
      assert.equal(await one.answers(), '2 g2');
      const decisions = (): string[] =>
        one.registry.decisions('m').map(({ action, suppressedBy }) => `${action} ${suppressedBy ?? ''}`);
      assert.deepEqual(decisions(), ['suppressed observe'], 'told once');
      one.clock.nowMs += 2 * HOUR - 1;
      await one.rollout.onVerdict(one.verdict());
      assert.equal(await one.answers(), '2 g2');
      one.clock.nowMs += 1;
      await one.rollout.onVerdict(one.verdict());
      assert.equal(await one.answers(), '1 g3');
      assert.deepEqual(one.history('observe'), 1);
    });
  }

  test('obeys a word that comes while the target is loading', async () => {
    const one = bench = await RolloutBench.start({ served: ['1', '2'], good: ['1'], engine: { standby: 'cold' } });
    one.beforeLoad = () => {
      one.registry.setPause('m', { by: 'test', reason: '', forMs: HOUR }, 'test');
      return Promise.resolve();
    };
    await one.rollout.onVerdict(one.verdict());
    const [{ action, suppressedBy } = {}] = one.registry.decisions('m');
    assert.deepEqual([await one.answers(), action, suppressedBy], ['2 g2', 'suppressed', 'observe']);
  });

  test('acts again at once when it is told to', async () => {
    const one = bench = await RolloutBench.start({ served: ['1', '2'] });
    one.registry.setPause('m', { by: 'test', reason: '', forMs: HOUR }, 'test');
    await one.rollout.onVerdict(one.verdict());
    one.registry.setPause('m', null, 'test');
    await one.rollout.onVerdict(one.verdict());
    assert.equal(await one.answers(), '1 g3');
  });

  test('watches only in an engine that is started again too', async () => {
    const one = bench = await RolloutBench.start({ served: ['1', '2'] });
    one.registry.setPause('m', { by: 'test', reason: '', forMs: HOUR }, 'test');
    const again = one.again();
    await again.start();
    await again.onVerdict(one.verdict());
    assert.equal(again.activeVersion?.version, '2');
  });

  test('says until when, beside all else that holds the machine still', async () => {
    const one = bench = await RolloutBench.start({ served: ['1', '2'] });
    one.registry.setPause('m', { by: 'test', reason: '', forMs: HOUR }, 'test');
    one.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    const { judge } = resolveOptions({});
    const record = one.registry.model('m');
    const now = nowOf(one.clock);
    assert.equal(pauseLeftMs(record, now), HOUR);
    assert.deepEqual(holdsOn(record, judge, now), [
      { by: 'observe', untilMs: now.wallMs + HOUR }, { by: 'pinned', untilMs: null },
    ]);
    const rolledBack = { lastAutomaticRollbackAtMs: now.wallMs, lastAutomaticRollback: now, restoredGeneration: 2 };
    const restored = { ...record, pause: null, pin: null, ...rolledBack };
    assert.deepEqual(holdsOn(restored, judge, now), [
      { by: 'cooldown', untilMs: now.wallMs + judge.cooldownMs },
      { by: 'restored_failing', untilMs: now.wallMs + judge.rollbackIntervalMs },
    ]);
  });
});
