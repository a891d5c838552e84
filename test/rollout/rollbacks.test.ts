// Rollbacks on real registries and real deployments: what the monitor and an operator can make happen, and what not.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { RolloutBench } from './bench.ts';
import type { BenchOptions } from './bench.ts';

let bench: RolloutBench;
afterEach(() => bench.close());
const start = async (options: BenchOptions): Promise<RolloutBench> => (bench = await RolloutBench.start(options));
const operator = { by: 'cli:test', reason: 'looks wrong', health: null };
const INTERVAL = { mode: 'default', cooldownMs: 120_000, rollbackIntervalMs: 600_000 } as const;
const suppressed = (): (string | null)[] =>
  bench.registry.decisions('m').filter(({ action }) => action === 'suppressed').map(({ suppressedBy }) => suppressedBy);
const refusedWith = (code: string) => (error: unknown): boolean => isLastgoodError(error) && error.code === code;

describe('ModelRollout on a failing verdict', () => {
  test('the failing version is unhealthy before another is active, for every reader and in the transaction itself', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    const before = bench.disk.writes.length;
    await bench.rollout.onVerdict(bench.verdict());
    const writes = bench.disk.writes.slice(before);
    assert.ok(writes.indexOf('version m 2 unhealthy') >= 0);
    assert.ok(writes.indexOf('version m 2 unhealthy') < writes.indexOf('model m 1'), writes.join(', '));
    for (const { active, health } of bench.seen) assert.notEqual(health[active ?? ''], 'unhealthy');
    const [seen] = bench.events('rollback');
    assert.deepEqual([seen?.active, seen?.generation, seen?.health['2']], ['1', 3, 'unhealthy']);
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['1 g3', 'steady']);
    const stored = bench.registry.decisions('m')[0];
    assert.deepEqual(stored, seen?.event.decision);
    const { errorRate, findings } = stored!.evidence as { errorRate: number; findings: { blames: string }[] };
    assert.deepEqual([stored?.action, stored?.rolledBackTo, errorRate], ['rollback', '1', 0.5]);
    assert.deepEqual(findings.map(({ blames }) => blames), ['version'], 'what was found out stands beside it');
  });

  test('a warm standby takes over as soon as the registry has it', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    assert.deepEqual(bench.loaded(), ['1', '2']);
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(bench.rollout.activeVersion?.version, '1');
    assert.deepEqual(bench.loads, ['2', '1'], 'nothing was loaded for the rollback');
  });

  test('a verdict about another generation changes nothing', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    // A verdict that counted would be written down as suppressed.
    bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    const before = JSON.stringify(bench.store.dump());
    const told = bench.seen.length;
    for (const generation of [0, 1, 3, 99]) await bench.rollout.onVerdict(bench.verdict(generation));
    assert.equal(JSON.stringify(bench.store.dump()), before);
    assert.deepEqual([bench.seen.length, await bench.answers()], [told, '2 g2']);
  });

  for (const [standby, first] of [['warm', 'operator'], ['cold', 'operator'], ['cold', 'monitor']] as const) {
    test(`monitor and operator in the same turn make one rollback (${standby} standby, ${first} first)`, async () => {
      await start({ served: ['1', '2', '3'], good: ['1', '2'], engine: { standby } });
      const verdict = bench.verdict();
      const byMonitor = (): Promise<unknown> => bench.rollout.onVerdict(verdict);
      // The monitor asks first whose the failures are: it is ahead once the candidate is being loaded for it.
      const isLoading = new Promise<void>((resolve) => {
        bench.beforeLoad = () => {
          resolve();
          return Promise.resolve();
        };
      });
      const byOperator = async (): Promise<unknown> => {
        if (first === 'monitor') await isLoading;
        return bench.rollout.rollback(operator);
      };
      const [one, other] = first === 'monitor' ? [byMonitor, byOperator] : [byOperator, byMonitor];
      const outcomes = await Promise.allSettled([one(), other()]);
      await bench.rollout.onVerdict(verdict);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.deepEqual(
        refused.map(({ reason }) => refusedWith('GENERATION_CONFLICT')(reason)), first === 'monitor' ? [true] : []);
      assert.equal(bench.events('rollback').length, 1);
      const trigger = first === 'monitor' ? 'error_rate' : 'operator';
      assert.equal(bench.events('rollback')[0]?.event.decision.trigger, trigger);
      assert.deepEqual([bench.history('rollback'), bench.registry.decisions('m').length], [1, 1]);
      assert.deepEqual([bench.registry.generationOf('m'), await bench.answers()], [4, '2 g4']);
      assert.notEqual(bench.registry.version('m', '2').health, 'unhealthy');
    });
  }

  test('a cold standby is loaded first, while the failing version goes on answering, and then takes over', async () => {
    await start({ served: ['1', '2'], good: ['1'], engine: { standby: 'cold' } });
    assert.deepEqual(bench.loaded(), ['2']);
    let meanwhile = '';
    bench.beforeLoad = async () => void (meanwhile = await bench.answers());
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([meanwhile, await bench.answers()], ['2 g2', '1 g3']);
    await bench.settled();
    assert.deepEqual(bench.loaded(), ['1'], 'the failing version was let go');
  });

  test('a target whose file is damaged or gone is passed over for the next healthy one, and said so', async () => {
    await start({ served: ['1', '2', '3', '4'], good: ['1', '2', '3'], engine: { standby: 'cold' } });
    bench.damage('3');
    rmSync(bench.artifactOf('2'));
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '1 g5');
    assert.deepEqual(bench.events('problem').map(({ event }) => event.what.match(/"\d"/)?.[0]), ['"3"', '"2"']);
    assert.equal(bench.history('load_failed'), 2);
    assert.equal(bench.registry.version('m', '4').health, 'unhealthy');
  });

  test('when no target loads the version goes on serving, and that is said once however many verdicts come', async () => {
    await start({ served: ['1', '2'], good: ['1'], engine: { standby: 'cold' } });
    bench.damage('1');
    for (let look = 0; look < 5; look += 1) await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['2 g2', 'no_rollback_target']);
    assert.deepEqual(bench.loads, ['2', '1']);
    assert.deepEqual([bench.history('no_rollback_target'), bench.history('load_failed')], [1, 1]);
    assert.deepEqual(bench.events('decision').map(({ event }) => event.decision.action), ['no_target']);
    assert.equal(bench.events('phase').filter(({ event }) => event.phase === 'no_rollback_target').length, 1);
    assert.equal(bench.registry.version('m', '2').health, 'new', 'a refused rollback marks nothing');
  });

  test('with only one version there is no target, which is said once, until an operator releases one', async () => {
    await start({ served: ['1', '2'] });
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '1 g3');
    for (let look = 0; look < 5; look += 1) await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['1 g3', 'no_rollback_target']);
    assert.equal(bench.history('no_rollback_target'), 1);
    assert.equal(bench.registry.decisions('m').filter(({ action }) => action === 'no_target').length, 1);
    await assert.rejects(bench.rollout.rollback(operator), refusedWith('NO_ROLLBACK_TARGET'));
    bench.registry.release({ model: 'm', version: '2', by: 'test' });
    bench.rollout.reconsider();
    assert.equal(bench.rollout.phase, 'probation');
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '2 g4');
  });

  test('a promote that comes in while the targets are loading is not taken for the version that failed', async () => {
    await start({ served: ['1', '2'], good: ['1'], fresh: ['3'], engine: { standby: 'cold' } });
    bench.damage('1');
    bench.beforeLoad = async (version) => {
      if (version !== '1') return;
      await bench.rollout.promote('3', { allowSignatureChange: false, reason: '', by: 'test' });
    };
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['3 g3', 'probation']);
    assert.equal(bench.events('decision').length, 0);
  });
});

describe('ModelRollout suppresses the machine and not the operator', () => {
  test('a pin, a cooldown or the observing mode each store one decision per generation', async () => {
    for (const suppressedBy of ['pinned', 'cooldown', 'observe'] as const) {
      const judge = suppressedBy === 'observe' ? { mode: 'observe' as const } : { cooldownMs: 60_000 };
      await start({ served: ['1', '2', '3'], good: ['1', '2'], engine: { judge } });
      if (suppressedBy === 'pinned') bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
      if (suppressedBy === 'cooldown') await bench.rollout.onVerdict(bench.verdict());
      const before = await bench.answers();
      for (let look = 0; look < 4; look += 1) await bench.rollout.onVerdict(bench.verdict());
      const decisions = bench.registry.decisions('m').filter(({ action }) => action === 'suppressed');
      assert.deepEqual(decisions.map((decision) => decision.suppressedBy), [suppressedBy]);
      assert.equal(bench.events('decision').length, 1);
      assert.equal(await bench.answers(), before);
      if (suppressedBy === 'cooldown') {
        bench.clock.nowMs += 60_000;
        await bench.rollout.onVerdict(bench.verdict());
        assert.equal(await bench.answers(), '1 g5', 'after the cooldown the machine acts again');
      } else {
        const { rolledBackTo, newGeneration } = await bench.rollout.rollback(operator);
        assert.deepEqual([rolledBackTo, newGeneration], ['2', 4]);
      }
      if (suppressedBy !== 'observe') await bench.close();
    }
  });

  test('three bad versions that are promoted within a minute all go back: only what it restored is bound', async () => {
    await start({ served: ['0', '1'], good: ['0', '1'], fresh: ['2', '3', '4'], engine: { judge: INTERVAL } });
    for (const [index, bad] of ['2', '3', '4'].entries()) {
      await bench.rollout.promote(bad, { allowSignatureChange: false, reason: '', by: 'test' });
      bench.clock.nowMs += 1_000;
      await bench.rollout.onVerdict(bench.verdict());
      assert.equal(await bench.answers(), `1 g${4 + 2 * index}`);
      bench.clock.nowMs += 15_000;
    }
    assert.deepEqual([bench.history('rollback'), suppressed()], [3, []]);
    bench.clock.nowMs += 100_000;
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), suppressed()], ['1 g8', ['cooldown']], 'counted from the last of them');
  });

  test('when what it restored fails too it stops and says so once, over a restart, until nothing fails', async () => {
    await start({ served: ['0', '1', '2'], good: ['0', '1'], engine: { judge: INTERVAL } });
    await bench.rollout.onVerdict(bench.verdict());
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([suppressed(), bench.rollout.phase], [['cooldown'], 'steady']);
    bench.clock.nowMs += 120_000;
    for (let look = 0; look < 3; look += 1) await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['1 g4', 'restored_failing']);
    assert.deepEqual([suppressed(), bench.history('restored_failing')], [['restored_failing', 'cooldown'], 1]);
    assert.match(bench.events('problem')[0]!.event.what, /the restored version fails too/);

    const restarted = bench.again();
    await restarted.start();
    assert.equal(restarted.phase, 'restored_failing');
    bench.clock.nowMs += 600_000;
    await restarted.onVerdict(bench.verdict());
    assert.deepEqual([restarted.activeVersion?.version, bench.history('restored_failing')], ['1', 1], 'no oscillation');

    await restarted.onHealth(bench.health(['it is slow']));
    assert.equal(restarted.phase, 'restored_failing');
    await restarted.onHealth(bench.health([]));
    assert.deepEqual([restarted.phase, bench.history('recovered')], ['steady', 1]);
    assert.match(bench.registry.version('m', '1').failed?.decision ?? '', /^m-g4-/, 'which is no trust earned');
    await restarted.onVerdict(bench.verdict());
    assert.equal(restarted.activeVersion?.version, '0', 'what fails later is judged as any other');
  });

  test('compat knows no interval', async () => {
    await start({ served: ['1', '2', '3'], good: ['1', '2'], engine: { judge: { ...INTERVAL, mode: 'compat' } } });
    await bench.rollout.onVerdict(bench.verdict());
    bench.clock.nowMs += 120_000;
    await bench.rollout.onVerdict(bench.verdict());
    assert.equal(await bench.answers(), '1 g5');
  });

  test('a pin that is set while the target is loading is obeyed', async () => {
    await start({ served: ['1', '2'], good: ['1'], engine: { standby: 'cold' } });
    bench.beforeLoad = () => {
      bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
      return Promise.resolve();
    };
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), suppressed()], ['2 g2', ['pinned']]);
    assert.equal(bench.registry.version('m', '2').health, 'new', 'nothing was marked');
  });

  test('an operator goes to the version that is named, and to none that is unhealthy, unknown or never served', async () => {
    await start({ served: ['1', '2', '3'], good: ['2'], fresh: ['4'] });
    for (const to of ['3', '4', '9']) {
      const before = JSON.stringify(bench.store.dump());
      await assert.rejects(bench.rollout.rollback({ ...operator, to }), refusedWith('NO_ROLLBACK_TARGET'), to);
      assert.equal(JSON.stringify(bench.store.dump()), before, 'a refused rollback changes nothing');
    }
    await bench.rollout.rollback({ ...operator, to: '1' });
    assert.equal(await bench.answers(), '1 g4');
  });
});

describe('ModelRollout with a disk that refuses', () => {
  test('rolls back in memory, says so, and writes it when the disk is back', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    bench.disk.refuses = true;
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([await bench.answers(), bench.registry.generationOf('m')], ['1 g3', 2]);
    assert.match(bench.events('problem')[0]!.event.what, /in memory only/);
    assert.equal(bench.events('rollback').length, 1);
    await bench.rollout.follow();
    assert.equal(bench.registry.generationOf('m'), 2);
    assert.equal(await bench.answers(), '1 g3', 'the registry that is behind is not followed');
    bench.disk.refuses = false;
    await bench.rollout.follow();
    const { generation, activeVersion } = bench.registry.model('m');
    assert.deepEqual([generation, activeVersion, bench.registry.version('m', '2').health], [3, '1', 'unhealthy']);
    assert.deepEqual(bench.registry.decisions('m'), bench.events('rollback').map(({ event }) => event.decision));
    assert.equal(await bench.answers(), '1 g3');
  });

  test('decides nothing more and accepts no change upon a generation that only it knows', async () => {
    await start({ served: ['1', '2', '3'], good: ['1', '2'], fresh: ['4'] });
    bench.disk.refuses = true;
    await bench.rollout.onVerdict(bench.verdict());
    for (let look = 0; look < 3; look += 1) await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([bench.events('rollback').length, await bench.answers()], [1, '2 g4']);
    const promote = (): Promise<unknown> =>
      bench.rollout.promote('4', { allowSignatureChange: false, reason: '', by: 'test' });
    await assert.rejects(promote(), refusedWith('DISK_REFUSED'));
    await assert.rejects(bench.rollout.rollback(operator), refusedWith('DISK_REFUSED'));
    await assert.rejects(bench.rollout.confirm('test'), refusedWith('DISK_REFUSED'));
    bench.disk.refuses = false;
    await promote();
    assert.deepEqual([await bench.answers(), bench.history('rollback')], ['4 g5', 1]);
    assert.equal(bench.registry.version('m', '3').health, 'unhealthy');
  });

  test('shows a rollback that the disk refuses as it will be stored, with the decision that will be', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    bench.disk.refuses = true;
    await bench.rollout.onVerdict(bench.verdict());
    // The bench's disk refuses at the transaction, the engine's when that is committed; nothing comes between the two.
    bench.disk.refuses = false;
    const shown = bench.rollout.inForce(() => {
      const { activeVersion, generation } = bench.registry.model('m');
      return [activeVersion, generation, bench.registry.version('m', '2').health, bench.registry.decisions('m').length];
    });
    assert.deepEqual(shown, ['1', 3, 'unhealthy', 1]);
    assert.equal(bench.registry.generationOf('m'), 2, 'nothing of it is stored');
    const told = bench.rollout.unsaved;
    assert.deepEqual([told?.action, told?.rolledBackTo, told?.trigger], ['rollback', '1', bench.verdict().trigger]);
    await bench.rollout.follow();
    assert.deepEqual([bench.rollout.unsaved, bench.registry.decisions('m')], [null, [told]]);
  });

  test('lets a change that builds on a rollback wait for its write, when that is under way', async () => {
    await start({ served: ['1', '2'], good: ['1'] });
    let flush = (): void => undefined;
    bench.disk.flushed = new Promise((resolve) => (flush = resolve));
    await bench.rollout.onVerdict(bench.verdict());
    assert.deepEqual([bench.rollout.isSaved, await bench.answers()], [false, '1 g3']);
    const confirmed = bench.rollout.confirm('test');
    flush();
    await confirmed;
    assert.deepEqual([bench.rollout.isSaved, bench.rollout.phase], [true, 'steady']);
  });

  test('gives way to another process that wrote the same generation first', async () => {
    await start({ served: ['1', '2'], good: ['1'], fresh: ['3'] });
    bench.disk.refuses = true;
    await bench.rollout.onVerdict(bench.verdict());
    bench.disk.refuses = false;
    bench.activate('3');
    await bench.rollout.follow();
    assert.equal(await bench.answers(), '3 g3');
    assert.equal(bench.registry.model('m').activeVersion, '3');
  });
});
