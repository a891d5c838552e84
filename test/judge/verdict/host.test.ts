// Whether a latency is the version's or the host's, from times that were taken of both versions in turn, or in pairs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeHost } from '../../../src/judge/verdict/host.ts';
import type { HostFacts } from '../../../src/judge/verdict/host.ts';
import { DrawnOrder, RunTimes } from '../../../src/judge/pairs/run-times.ts';

const facts = (active: number, standby: number, more: Partial<HostFacts> = {}): HostFacts => ({
  version: '2', standby: '1', stuck: null, usualMs: 0.2, others: [],
  probes: [
    { rows: 1, activeMs: [active, active, active * 9], standbyMs: [standby, standby * 9, standby] },
    { rows: 32, activeMs: [active, active, active], standbyMs: [standby, standby, standby] },
  ],
  ...more,
});
const blamed = (about: HostFacts): string => judgeHost(about).blames;

describe('judgeHost on what earlier builds timed', () => {
  test('blames the version that needs far longer than the last good one, whatever the host does', () => {
    assert.equal(blamed(facts(60, 0.2)), 'version');
    assert.equal(blamed(facts(600, 2, { others: ['digits'] })), 'version');
  });

  test('blames the host when both versions are equally fast, or equally slow', () => {
    assert.equal(blamed(facts(0.2, 0.2)), 'host');
    assert.equal(blamed(facts(40, 41)), 'host');
    assert.equal(blamed(facts(0.03, 0.06)), 'host');
  });

  test('a somewhat slower version is to blame, unless the host is seen to be slow', () => {
    assert.equal(blamed(facts(4, 2, { usualMs: 2 })), 'version');
    assert.equal(blamed(facts(40, 20, { usualMs: 2 })), 'host', 'the last good one is ten times as slow as it was');
    assert.equal(blamed(facts(4, 2, { usualMs: 2, others: ['digits'] })), 'host', 'another model is too slow as well');
  });

  test('only a batch of many rows may show that a version is slow', () => {
    const [single] = facts(0.2, 0.2).probes!;
    const many = { rows: 32, activeMs: [50, 50, 50], standbyMs: [0.4, 0.4, 0.4] };
    assert.equal(blamed(facts(0, 0, { probes: [single!, many] })), 'version');
  });

  test('without times the other models decide', () => {
    assert.equal(blamed(facts(0, 0, { standby: null, probes: [] })), 'version');
    assert.equal(blamed(facts(0, 0, { standby: null, probes: [], others: ['digits'] })), 'host');
    assert.equal(blamed(facts(0, 0, { probes: [{ rows: 1, activeMs: [60], standbyMs: [0.2] }] })), 'version');
  });

  test('a version that does not come back from a run is to blame; when it is the last good one, the host is', () => {
    assert.equal(blamed(facts(0, 0, { probes: [], stuck: 'active' })), 'version');
    assert.equal(blamed(facts(0, 0, { probes: [], stuck: 'standby' })), 'host');
  });
});

/** The times of both versions for one batch, by two numbers between 0 and 1 that are drawn for each. */
type Law = (a: number, b: number) => readonly [activeMs: number, standbyMs: number];

/** Numbers between 0 and 1, the same at every run of the test. */
function uniform(seed: number): () => number {
  const order = new DrawnOrder(seed);
  return () => Array.from({ length: 16 }).reduce<number>((sum) => sum / 2 + (order.next() ? 0.5 : 0), 0);
}

function paired(pairs: number, law: Law, more: Partial<HostFacts> = {}, waitedMs = 0, seed = 1): HostFacts {
  const times = new RunTimes(1);
  const draw = uniform(seed);
  for (let pair = 0; pair < pairs; pair += 1) times.note(...law(draw(), draw()));
  return {
    version: '2', standby: '1', stuck: null, usualMs: null, others: [], ...more,
    runs: { sizes: [times.facts()!], episode: 0, waitedMs, waitMs: 600_000 },
  };
}
const WARM = { isOver: true, isSlowSince: true };
/** Times of a host on which each third run takes three times as long. */
const noisy = (ms: number, draw: number): number => (draw < 1 / 3 ? 3 * ms : ms);

describe('judgeHost on pairs of runs', () => {
  test('blames a version that takes longer for the same batches within twenty pairs, and not by a few', () => {
    const slow: Law = () => [40, 2];
    assert.equal(blamed(paired(20, slow, { warmUp: WARM })), 'version');
    assert.equal(blamed(paired(10, slow, { warmUp: WARM })), 'pairs');
    assert.equal(blamed(paired(4, slow, { warmUp: WARM }, 600_000)), 'version', 'when no more have come in time');
    assert.equal(blamed(paired(4, () => [4, 2], { warmUp: WARM }, 600_000)), 'host', 'which a host may do to four');
    const some: Law = (a) => [a < 0.25 ? 60 : 2, 2];
    assert.equal(blamed(paired(400, some, { warmUp: WARM })), 'version', 'slow for a quarter of its inputs');
  });

  test('tells a version that is slow under load only, and a host that is slow for both, and acts on neither', () => {
    const alike = judgeHost(paired(80, () => [40, 41]));
    assert.equal(alike.blames, 'host');
    assert.match(alike.text, /the versions are equally fast, so it is slow under load only, or the host is$/);
    assert.equal(blamed(paired(80, () => [4, 2], { warmUp: WARM })), 'version');
    const slowed = judgeHost(paired(80, () => [4, 2], { usualMs: 0.1, warmUp: WARM }));
    assert.equal(slowed.blames, 'host');
    assert.match(slowed.text, /: the host is slow for both$/);
    assert.equal(blamed(paired(80, () => [4, 2], { others: ['digits'], warmUp: WARM })), 'host');
    assert.equal(blamed(paired(80, () => [40, 2], { others: ['digits'], warmUp: WARM })), 'version');
  });

  test('is not misled by a noisy host, at whichever of its looks', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      for (const pairs of [20, 50, 100, 200, 400, 800]) {
        const facts = paired(pairs, (a, b) => [noisy(2, a), noisy(2, b)], { warmUp: WARM }, 0, seed);
        assert.notEqual(blamed(facts), 'version', `seed ${seed}, ${pairs} pairs`);
      }
    }
  });

  test('waits for the first pairs, and does without them only when none came in time', () => {
    const none = (waitedMs: number): HostFacts =>
      ({ ...facts(0, 0, { warmUp: WARM }), runs: { sizes: [], episode: 0, waitedMs, waitMs: 600_000 } });
    assert.equal(blamed(none(5_000)), 'pairs');
    assert.equal(blamed(none(600_000)), 'version');
  });

  test('waits for the end of a warm-up, and without a twin counts only requests after it', () => {
    const begun = judgeHost(paired(40, () => [40, 2], { warmUp: { isOver: false, isSlowSince: false } }));
    assert.equal(begun.blames, 'pairs');
    assert.match(begun.text, /it is still warming up$/);
    const alone = { standby: null, probes: [], warmUp: { isOver: true, isSlowSince: false } };
    assert.equal(blamed(facts(0, 0, alone)), 'unknown');
    assert.equal(blamed(facts(0, 0, { ...alone, warmUp: WARM })), 'version');
  });

  test('the order of the runs is drawn, by a seed', () => {
    const orderOf = (seed: number): boolean[] => {
      const order = new DrawnOrder(seed);
      return Array.from({ length: 64 }, () => order.next());
    };
    assert.deepEqual(orderOf(7), orderOf(7));
    assert.notDeepEqual(orderOf(7), orderOf(8));
    const first = orderOf(0).filter((isFirst) => isFirst).length;
    assert.ok(first > 16 && first < 48, `${first} of 64`);
  });
});
