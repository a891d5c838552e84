// A version that was found failing and stayed, since nothing could be done: nobody but a person goes back to it.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { RolloutBench } from './bench.ts';
import type { BenchOptions } from './bench.ts';

let bench: RolloutBench | undefined;
afterEach(() => bench?.close());
const start = async (options: BenchOptions): Promise<RolloutBench> => (bench = await RolloutBench.start(options));
const INTERVAL = { mode: 'default', cooldownMs: 120_000, rollbackIntervalMs: 600_000 } as const;

const promote = (bench: RolloutBench, version: string): Promise<unknown> =>
  bench.rollout.promote(version, { allowSignatureChange: false, reason: '', by: 'test' });

describe('A version that failed and stayed', () => {
  test('is not gone back to but by name, until somebody vouches for it', async () => {
    const bench = await start({ served: ['1', '2'], fresh: ['3', '4'], engine: { judge: INTERVAL } });
    bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    await bench.rollout.onVerdict(bench.verdict());
    bench.registry.setPin('m', null, 'test');
    const lastGood = (): unknown[] => {
      const { lastGoodVersion, lastGoodTrust } = bench.registry.model('m');
      return [lastGoodVersion, lastGoodTrust];
    };
    await promote(bench, '3');
    assert.deepEqual(lastGood(), ['1', 'unproven'], 'version 2 served later, and failed');
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '1 g4');
    assert.deepEqual(lastGood(), [null, null], 'rather none than one that failed');
    const operator = { by: 'test', reason: '', health: null };
    await assert.rejects(bench.rollout.rollback(operator), (error) => {
      assert.ok(isLastgoodError(error) && error.code === 'NO_ROLLBACK_TARGET');
      const { versions } = error.details as { versions: { version: string; reason: string }[] };
      assert.deepEqual(versions.map(({ version }) => version), ['1', '3', '2', '4']);
      assert.match(versions[2]!.reason, /^failed \(decision m-g2-/);
      assert.match(error.message, /"3" is in quarantine \(too many errors\).*"4" has never served/);
      return true;
    });
    bench.registry.release({ model: 'm', version: '2', by: 'test' });
    assert.deepEqual([...lastGood(), bench.history('release')], ['2', 'unproven', 1]);
  });

  test('is gone back to when a person names it, and then is on probation', async () => {
    const bench = await start({ served: ['1', '2'], good: ['2'], fresh: ['3'], engine: { judge: INTERVAL } });
    bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    await bench.rollout.onVerdict(bench.verdict());
    bench.registry.setPin('m', null, 'test');
    await promote(bench, '3');
    await bench.rollout.rollback({ by: 'test', reason: '', health: null, to: '2' });
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['2 g4', 'probation']);
    assert.equal(bench.registry.decisions('m')[0]?.targetTrust, 'unproven', 'what it had earned is gone');
  });

  test('is one that was promoted over while it was being looked into, if it is to blame', async () => {
    for (const stuck of ['active', 'standby'] as const) {
      const bench = await start({ served: ['1', '2'], fresh: ['3'], engine: { judge: INTERVAL } });
      const facts = { version: '2', standby: '1', probes: [], stuck, usualMs: null, others: [] };
      bench.attribute = async () => {
        await promote(bench, '3');
        return findingOf({ cause: 'latency', facts });
      };
      await bench.rollout.onVerdict(bench.verdict(2, ['p95_latency']));
      const isBlamed = stuck === 'active';
      assert.equal(bench.registry.model('m').lastGoodVersion, isBlamed ? '1' : '2');
      assert.equal(bench.deployments.standbyVersion, isBlamed ? '1' : '2');
      const [decision] = bench.registry.decisions('m');
      assert.equal(decision?.suppressedBy, isBlamed ? 'promoted_over' : undefined);
      if (isBlamed) await bench.close();
    }
  });

  test('is one whose verdict came when another was in its place already', async () => {
    const bench = await start({ served: ['1', '2'], fresh: ['3'], engine: { judge: INTERVAL } });
    const verdict = bench.verdict();
    await promote(bench, '3');
    assert.equal(bench.registry.model('m').lastGoodVersion, '2');
    await bench.rollout.onVerdict(verdict);
    assert.deepEqual([await bench.answers(), bench.registry.model('m').lastGoodVersion], ['3 g3', '1']);
  });

  test('is none whose verdict comes late, where it was found that the last good one fails the same inputs', async () => {
    const bench = await start({ served: ['1', '2'], fresh: ['3'], engine: { judge: INTERVAL } });
    const facts = { version: '2', standby: '1', asked: 64, answered: 0, checks: [], recent: null };
    bench.attribute = () => Promise.resolve(findingOf({ cause: 'failure', facts }));
    const verdict = bench.verdict();
    await bench.rollout.onVerdict(verdict);
    assert.equal(bench.registry.decisions('m')[0]?.suppressedBy, 'inputs');
    await promote(bench, '3');
    await bench.rollout.onVerdict(verdict);
    assert.equal(bench.registry.model('m').lastGoodVersion, '2');
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
    await bench.rollout.onHealth(bench.health([]));
    assert.match(String(failed()), /^m-g2-/, 'nor is a moment after it failed again');
    bench.clock.nowMs += resolveOptions({}).judge.probationMs;
    await bench.rollout.onHealth(bench.health([]));
    assert.deepEqual([failed(), bench.history('recovered')], [undefined, 1]);
    assert.equal(bench.registry.version('m', '2').earned?.how, 'probation ended');
    await bench.rollout.onVerdict(bench.verdict());
    assert.match(String(failed()), /^m-g2-/, 'that it fails again is news');
  });
});
