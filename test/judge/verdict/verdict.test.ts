import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { baselineOf, judgeOptions, seededRandom, TestRings, verdictIn, watch } from '../fixtures.ts';

const LOOK_US = judgeOptions().lookMs * 1_000;

/** The verdict on a random window; undefined when it happens to be healthy. */
function randomVerdict(random: () => number) {
  const state = new MonitorState();
  const rings = new TestRings(1, 512);
  state.handle(rings.attach(1), 0);
  const options = judgeOptions({ p95LimitMs: 1 + random() * 100, errorRateLimit: 0.01 + random() / 5 });
  const baseline = random() < 0.2 ? null : baselineOf(random(), random() < 0.1 ? 0 : random());
  state.handle(watch(1, { options, baseline }), 0);
  const badShare = random() / 4;
  for (let count = random() * 400; count > 0; count -= 1) {
    const outcome = random() < badShare ? Outcome.modelFailure : Outcome.ok;
    rings.write(0, { generation: 1, outcome, latencyUs: Math.floor(random() * 60_000), value: random() * 4 });
  }
  state.drain(LOOK_US);
  return verdictIn(state.look(LOOK_US));
}

test('recompute gives the same trigger, reason and checks from evidence that was stored as JSON', () => {
  const random = seededRandom(3);
  const triggers = new Set<string>();
  for (let round = 0; round < 200; round += 1) {
    const verdict = randomVerdict(random);
    if (verdict === undefined) continue;
    triggers.add(verdict.trigger);
    const stored = JSON.parse(JSON.stringify(verdict.evidence)) as Record<string, unknown>;
    const { trigger, reason } = verdict;
    assert.deepEqual(recompute(stored), { verdict: 'fail', trigger, reason, checks: stored['checks'], findings: [] });
  }
  assert.deepEqual([...triggers].sort(), ['error_rate', 'mean_drift', 'p95_latency']);
});

test('recompute decides from the raw values: other errors in the evidence give another verdict', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  state.handle(rings.attach(1), 0);
  state.handle(watch(1), 0);
  for (let request = 0; request < 20; request += 1) {
    rings.write(0, { generation: 1, outcome: request < 2 ? Outcome.modelFailure : Outcome.ok, atUs: request * 1_000 });
  }
  state.drain(LOOK_US);
  const verdict = verdictIn(state.look(LOOK_US));
  assert.equal(verdict?.evidence['firstErrorAgoMs'], 1_000);
  const window = verdict.evidence['window'] as Record<string, unknown>;
  assert.deepEqual([window['oldestAgoMs'], window['newestAgoMs']], [1_000, 981]);
  assert.equal(recompute({ ...verdict.evidence, window: { ...window, errors: 1 } })?.verdict, 'pass');
});

test('recompute answers null for evidence that is no verdict of this suite', () => {
  assert.equal(recompute({}), null);
  assert.equal(recompute({ format: 'lastgood.evidence/1', suite: 'other' }), null);
});
