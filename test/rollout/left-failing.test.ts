// A version that was found failing and stayed, since nothing could be done: it is gone back to after all others.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { resolveOptions } from '../../src/options/options.ts';
import type { DecisionRecord } from '../../src/registry/records.ts';
import { isLeftFailing, SUPPRESSIONS } from '../../src/rollout/decisions.ts';
import { RolloutBench } from './bench.ts';
import type { BenchOptions } from './bench.ts';

let bench: RolloutBench | undefined;
afterEach(() => bench?.close());
const start = async (options: BenchOptions): Promise<RolloutBench> => (bench = await RolloutBench.start(options));
const INTERVAL = { mode: 'default', cooldownMs: 120_000, rollbackIntervalMs: 600_000 } as const;

describe('A version that failed and stayed', () => {
  test('is gone back to after all others, until somebody vouches for it', async () => {
    const bench = await start({ served: ['1', '2'], fresh: ['3', '4'], engine: { judge: INTERVAL } });
    const promote = (version: string): Promise<unknown> =>
      bench.rollout.promote(version, { allowSignatureChange: false, reason: '', by: 'test' });
    await bench.rollout.onVerdict(bench.verdict());
    await promote('3');
    bench.clock.nowMs += 120_000;
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(bench.registry.decisions('m')[0]?.suppressedBy, 'interval');
    await promote('4');
    assert.equal(bench.registry.model('m').lastGoodVersion, '1', 'version 3 served later, and failed');
    bench.clock.nowMs += 480_000;
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '1 g6');
    assert.equal(bench.registry.model('m').lastGoodVersion, '3', 'better than none');
    bench.registry.release({ model: 'm', version: '3', by: 'test' });
    assert.deepEqual([bench.registry.version('m', '3').failed, bench.history('release')], [null, 1]);
  });

  test('is none when others are to blame, or may be', () => {
    const causes = ['observe', 'pinned', 'cooldown', 'interval', 'restored_failing'];
    for (const suppressedBy of SUPPRESSIONS) {
      const decision = { action: 'suppressed', suppressedBy } as DecisionRecord;
      assert.equal(isLeftFailing(decision), causes.includes(suppressedBy), suppressedBy);
    }
    assert.equal(isLeftFailing({ action: 'warn', suppressedBy: null } as DecisionRecord), false);
  });

  test('has recovered after a probation without a violation', async () => {
    const bench = await start({ served: ['1', '2'], good: ['1', '2'], engine: { judge: INTERVAL } });
    await bench.rollout.confirm('test');
    bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    await bench.rollout.onVerdict(bench.verdict());
    const failed = (): unknown => bench.registry.version('m', '2').failed?.decision;
    assert.match(String(failed()), /^m-g2-/);
    await bench.rollout.onHealth(bench.health([]));
    assert.match(String(failed()), /^m-g2-/, 'a moment is no recovery');
    bench.clock.nowMs += resolveOptions({}).judge.probationMs;
    await bench.rollout.onHealth(bench.health(['it is slow']));
    assert.match(String(failed()), /^m-g2-/);
    await bench.rollout.onHealth(bench.health([]));
    assert.deepEqual([failed(), bench.history('recovered')], [undefined, 1]);
    await bench.rollout.onVerdict(bench.verdict());
    assert.match(String(failed()), /^m-g2-/, 'that it fails again is news');
  });
});
