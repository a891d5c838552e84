// What is found out before a rollback for a latency or a drift, and what is done then: on real deployments, which are
// timed for real; the answers to recent inputs come from the test.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PairCounts } from '../../src/judge/pairs/pair-counts.ts';
import { pairsEvidenceSchema } from '../../src/judge/pairs/pair-schema.ts';
import type { PairExpectation } from '../../src/judge/pairs/pair-schema.ts';
import { judgePairs } from '../../src/judge/pairs/pair-verdict.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import type { Finding } from '../../src/judge/verdict/findings.ts';
import type { Signature } from '../../src/domain/records.ts';
import { Attribution } from '../../src/rollout/attribution/attribution.ts';
import type { PairGatherer } from '../../src/rollout/attribution/pair-gatherer.ts';
import { monotonicUs } from '../../src/base/clock.ts';
import { linear, slow } from '../worker/onnx.ts';
import { RolloutBench } from './bench.ts';

const LATENCY = ['p95_latency'] as const;
const DRIFT = ['shape'] as const;
const ONE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};

let bench: RolloutBench;
/** What the pairs say. */
const pairs: Awaited<ReturnType<PairGatherer['lookInto']>> = { drawn: null, waitedMs: 0, episode: 0, changes: [] };
afterEach(() => bench.close());

/** Version 1 stands by for version 2; both may be made to calculate. */
async function start(products?: readonly [number, number], engine: object = {}): Promise<Attribution> {
  bench = new RolloutBench({ judge: { mode: 'default' }, ...engine });
  for (const [index, version] of ['1', '2'].entries()) {
    if (products === undefined) await bench.register(version, linear(index + 1));
    else await bench.register(version, slow(products[index]!), ONE);
    bench.activate(version);
    if (version === '1') bench.registry.confirm({ model: 'm', by: 'test' });
  }
  await bench.rollout.start();
  await bench.settled();
  return new Attribution({
    model: 'm', batchSizeMax: 4, registry: bench.registry, deployments: bench.deployments,
    clock: { ...bench.clock, monotonicUs }, othersTooSlow: () => [], failed: () => [],
    windowMs: 60_000, seed: 1, pairs: { sizeMax: Infinity, lookInto: () => Promise.resolve(pairs) },
  });
}
const finding = (blames: 'version' | 'data'): Finding => {
  const values = Array.from({ length: 100 }, (_, at) => at);
  const good = { values, classes: values.map(() => -1) };
  const active = blames === 'data' ? good : { ...good, values: values.map((value) => value + 1_000) };
  return findingOf({ cause: 'drift', facts: {
    kind: 'regression', version: '2', standby: '1', active, good, cosines: null, usual: { active: null, good: null },
  } });
};
const last = () => bench.registry.decisions('m')[0];

describe('A latency over its limit', () => {
  test('is the version\'s when the standby is far faster on the same rows, and rolls back', async () => {
    const attribution = await start([1, 8]);
    bench.attribute = (cause, version) => attribution.attribute(cause, version);
    // On a busy machine it takes more pairs of runs than those of the first look.
    for (let look = 0; last()?.action !== 'rollback'; look += 1) {
      bench.clock.nowMs += 1_000;
      await bench.rollout.onVerdict(bench.verdict(2, LATENCY));
      if (look > 0) await sleep(100);
    }
    assert.equal(bench.rollout.activeVersion?.version, '1');
    const decision = last();
    assert.deepEqual([decision?.action, decision?.trigger], ['rollback', 'p95_latency']);
    const [found] = decision?.evidence['findings'] as Finding[];
    assert.deepEqual([found?.cause, found?.blames], ['latency', 'version']);
    assert.deepEqual(findingOf(found!), found, 'what is stored gives the same finding again');
  });

  test('is the host\'s when both need the same time: said once, and asked again only after a while', async () => {
    const attribution = await start([1, 1]);
    let asked = 0;
    let timed = await attribution.attribute('latency', bench.verdict(2, LATENCY));
    // On a busy machine it takes more pairs of runs than those of the first look.
    while (timed.blames === 'pairs') {
      await sleep(100);
      timed = await attribution.attribute('latency', bench.verdict(2, LATENCY));
    }
    bench.attribute = () => {
      asked += 1;
      return Promise.resolve(timed);
    };
    for (let look = 0; look < 3; look += 1) await bench.rollout.onVerdict(bench.verdict(2, LATENCY));
    assert.deepEqual([bench.rollout.activeVersion?.version, asked], ['2', 1]);
    const [found] = last()?.evidence['findings'] as Finding[];
    assert.equal(found?.blames, 'host', found?.text);
    bench.clock.nowMs += 60_000;
    await bench.rollout.onVerdict(bench.verdict(2, LATENCY));
    assert.equal(asked, 2);
    assert.deepEqual(bench.registry.decisions('m').map(({ suppressedBy }) => suppressedBy), ['host']);
  });

  test('does not keep a failure from being acted on at once', async () => {
    await start();
    await bench.rollout.onVerdict(bench.verdict(2, ['constant_output', 'p95_latency', 'shape']));
    assert.deepEqual([bench.rollout.activeVersion?.version, last()?.trigger], ['1', 'constant_output']);
  });
});

describe('A drift', () => {
  test('of answers unlike the standby\'s rolls back; of answers alike is told as a drift of the data', async () => {
    for (const blames of ['data', 'version'] as const) {
      await start();
      bench.attribute = () => Promise.resolve(finding(blames));
      for (let look = 0; look < 3; look += 1) await bench.rollout.onVerdict(bench.verdict(2, DRIFT));
      const { action, suppressedBy, trigger } = last()!;
      assert.deepEqual([action, suppressedBy, trigger],
        blames === 'data' ? ['suppressed', 'data_drift', 'shape'] : ['rollback', null, 'shape']);
      if (blames === 'data') await bench.close();
    }
  });

  test('is acted on when the host is to blame only for the latency beside it, and then is the trigger', async () => {
    await start();
    const slowHost = findingOf({ cause: 'latency', facts: {
      version: '2', standby: '1', stuck: null, usualMs: 1, others: [],
      probes: [{ rows: 1, activeMs: [9, 9, 9], standbyMs: [9, 9, 9] }],
    } });
    bench.attribute = (cause) => Promise.resolve(cause === 'latency' ? slowHost : finding('version'));
    await bench.rollout.onVerdict(bench.verdict(2, [...LATENCY, ...DRIFT]));
    const { action, trigger, reason } = last()!;
    assert.deepEqual([action, trigger, reason], ['rollback', 'shape', 'shape is over its limit']);
  });

  test('that cannot be attributed is told and not acted on; with attribution off it is acted on', async () => {
    const attribution = await start();
    bench.attribute = (cause, version) => attribution.attribute(cause, version);
    await bench.rollout.onVerdict(bench.verdict(2, DRIFT));
    assert.deepEqual([last()?.action, last()?.suppressedBy], ['suppressed', 'unattributed']);
    await bench.close();
    await start(undefined, { judge: { mode: 'default', attribution: 'off' } });
    await bench.rollout.onVerdict(bench.verdict(2, DRIFT));
    assert.equal(bench.rollout.activeVersion?.version, '1');
  });

  test('a pin that is set, or a version that is promoted, while it is looked into is obeyed', async () => {
    for (const change of ['pin', 'promote'] as const) {
      await start();
      await bench.register('3', linear(3));
      bench.attribute = async () => {
        if (change === 'pin') bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
        else await bench.rollout.promote('3', { allowSignatureChange: false, reason: '', by: 'test' });
        return finding('version');
      };
      await bench.rollout.onVerdict(bench.verdict(2, DRIFT));
      assert.equal(bench.rollout.activeVersion?.version, change === 'pin' ? '2' : '3');
      assert.equal(last()?.suppressedBy, change === 'pin' ? 'pinned' : 'promoted_over');
      if (change === 'pin') await bench.close();
    }
  });
});

describe('Answers that differ from those of the version before', () => {
  const counts = new PairCounts({ version: '2', twin: '1', kind: 'classes', sigma: null });
  for (let at = 0; at < 20; at += 1) {
    const answer = (classIndex: number) => ({ outcome: 'answered', value: 0.9, classIndex } as const);
    counts.add({ input: at, atUs: at * 1e6, fresh: answer(1), twin: answer(0), cosine: null });
  }
  const facts = counts.facts();
  const verdict = judgePairs(facts);
  const told = () => bench.registry.decisions('m').filter(({ trigger }) => trigger === 'pairs');

  test('are told once, of the generation that gave them and of no later one', async () => {
    await start();
    const { generation } = bench.rollout.active!;
    await bench.rollout.onPairs({ generation: generation - 1, facts, verdict }, null);
    assert.deepEqual(told(), [], 'another version answers by now');
    await bench.rollout.onPairs({ generation, facts, verdict }, null);
    await bench.rollout.onPairs({ generation, facts, verdict }, null);
    assert.deepEqual(told().map((one) => [one.generation, one.version, one.action]), [[generation, '2', 'warn']]);
  });

  /** What became of answers that differ more than is expected: all decisions of that, the newest first. */
  async function judged(
    source: PairExpectation['source'], inputDrift: 'pass' | 'fail' | 'inconclusive' | null, engine: object = {},
    isPinned = false,
  ): Promise<string[]> {
    await start(undefined, engine);
    if (isPinned) bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
    const over = counts.facts({ source, change: 0.2, classes: [], otherClasses: null });
    const standing = { generation: bench.rollout.active!.generation, facts: over, verdict: judgePairs(over) };
    for (let look = 0; look < 2; look += 1) await bench.rollout.onPairs(standing, inputDrift);
    return told().map(({ action, suppressedBy }) => suppressedBy ?? action);
  }

  test('over what an operator declared take the version out, and the decision can be judged again', async () => {
    assert.deepEqual(await judged('declared', null), ['rollback']);
    assert.equal(bench.rollout.activeVersion?.version, '1');
    assert.equal(bench.registry.version('m', '2').health, 'unhealthy');
    const { pairs: stored } = pairsEvidenceSchema.parse(told()[0]!.evidence);
    assert.equal(judgePairs(stored).disagrees?.text, told()[0]!.reason);
  });

  test('over what validation rows let expect count only while the inputs are like those', async () => {
    assert.deepEqual(await judged('validation', 'pass'), ['rollback']);
    for (const drift of ['fail', 'inconclusive', null] as const) {
      await bench.close();
      assert.deepEqual(await judged('validation', drift), ['warn'], String(drift));
      assert.equal(bench.rollout.activeVersion?.version, '2');
    }
  });

  test('move nothing while the version is pinned, the judge observes, or compat judges', async () => {
    assert.deepEqual(await judged('declared', null, {}, true), ['pinned']);
    await bench.close();
    assert.deepEqual(await judged('declared', null, { judge: { mode: 'observe' } }), ['observe']);
    await bench.close();
    assert.deepEqual(await judged('declared', null, { judge: { mode: 'compat' } }), ['warn']);
    assert.equal(bench.rollout.activeVersion?.version, '2');
  });

  test('of a version that nothing stands behind are written down once', async () => {
    bench = new RolloutBench({ judge: { mode: 'default' } });
    await bench.register('2', linear(1));
    bench.activate('2');
    await bench.rollout.start();
    const over = counts.facts({ source: 'declared', change: 0.2, classes: [], otherClasses: null });
    const standing = { generation: bench.rollout.active!.generation, facts: over, verdict: judgePairs(over) };
    for (let look = 0; look < 2; look += 1) await bench.rollout.onPairs(standing, null);
    assert.deepEqual(told().map(({ action }) => action), ['no_target']);
    assert.equal(bench.rollout.phase, 'no_rollback_target');
  });
});

describe('A failure', () => {
  const inputs = (): Finding => findingOf({ cause: 'failure', facts: {
    version: '2', standby: '1', asked: 64, answered: 0, checks: [], recent: null,
  } });

  test('that the standby shares is told once, as the inputs\', and marks nobody, whatever holds it still', async () => {
    for (const isPinned of [false, true]) {
      await start();
      if (isPinned) bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
      bench.attribute = () => Promise.resolve(inputs());
      for (let look = 0; look < 3; look += 1) {
        await bench.rollout.onVerdict(bench.verdict(2, ['error_rate']));
        bench.clock.nowMs += 60_000;
      }
      const told = bench.registry.decisions('m').map(({ action, suppressedBy }) => `${action} ${suppressedBy}`);
      assert.deepEqual(told, ['suppressed inputs']);
      assert.equal(bench.registry.version('m', '2').failed ?? null, null);
      // A later one that the standby answers takes the version out, unless it is pinned.
      bench.attribute = () => Promise.resolve(findingOf({ ...inputs(), cause: 'failure', facts: {
        version: '2', standby: '1', asked: 64, answered: 64, checks: [], recent: null,
      } }));
      await bench.rollout.onVerdict(bench.verdict(2, ['error_rate']));
      assert.equal(bench.rollout.activeVersion?.version, isPinned ? '2' : '1');
      if (!isPinned) await bench.close();
    }
  });

  test('rolls back where no standby is loaded, and the decision says so', async () => {
    const attribution = await start(undefined, { standby: 'cold' });
    bench.attribute = (cause, verdict) => attribution.attribute(cause, verdict);
    await bench.rollout.onVerdict(bench.verdict(2, ['hard_failure']));
    assert.equal(bench.rollout.activeVersion?.version, '1');
    const [found] = last()?.evidence['findings'] as Finding[];
    assert.match(found!.text, /no other version was asked what failed: no last good version is loaded/);
  });
});
