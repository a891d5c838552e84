import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exposure } from '../../../src/judge/verdict/exposure.ts';
import { exposureSchema } from '../../../src/judge/verdict/circumstances.ts';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { emptySample, Outcome, SampleKind } from '../../../src/shared-memory/sample-ring.ts';
import { judgeOptions, TestRings, verdictIn, watch } from '../fixtures.ts';

const SECOND_US = 1_000_000;
const LIMITS = { p95LimitMs: 100, windowMs: 60_000 };

function at(second: number, outcome: Outcome, other: Partial<Sample> = {}): Sample {
  return { ...emptySample(), kind: SampleKind.request, outcome, latencyUs: 1_000, atUs: second * SECOND_US, ...other };
}

test('each kind of bad request has its own first one, last good one before it, and requests since', () => {
  const exposure = new Exposure(LIMITS);
  for (let second = 1; second <= 5; second += 1) exposure.add(at(second, Outcome.ok));
  exposure.add(at(6, Outcome.nonFinite));
  exposure.add(at(7, Outcome.ok));
  exposure.add(at(8, Outcome.deadline));
  exposure.add(at(9, Outcome.modelFailure));
  exposure.add(at(10, Outcome.ok, { latencyUs: 100_001 }));
  const { failed, nonFinite, slow } = exposure.view(20 * SECOND_US);
  assert.deepEqual(nonFinite,
    { bad: 1, requests: 5, before: { bad: 0, requests: 5 }, firstAgoMs: 14_000, lastGoodAgoMs: 15_000 });
  assert.deepEqual(failed,
    { bad: 2, requests: 3, before: { bad: 0, requests: 7 }, firstAgoMs: 12_000, lastGoodAgoMs: 13_000 });
  assert.deepEqual(slow,
    { bad: 1, requests: 1, before: { bad: 0, requests: 9 }, firstAgoMs: 10_000, lastGoodAgoMs: 13_000 });
});

test('what says nothing of the version is not exposure, and a version that is bad from the start has no good one', () => {
  const exposure = new Exposure(LIMITS);
  exposure.add(at(1, Outcome.clientFault, { latencyUs: 1e9 }));
  exposure.add(at(2, Outcome.expired, { latencyUs: 1e9 }));
  exposure.add(at(2, Outcome.modelFailure, { kind: SampleKind.row }));
  assert.deepEqual(exposure.view(SECOND_US), { failed: null, nonFinite: null, slow: null });
  exposure.add(at(3, Outcome.modelFailure));
  assert.deepEqual(exposure.view(3 * SECOND_US).failed,
    { bad: 1, requests: 1, before: { bad: 0, requests: 0 }, firstAgoMs: 0, lastGoodAgoMs: null });
});

test('a run of bad requests that was over long ago is no detection delay of the next one', () => {
  const exposure = new Exposure(LIMITS);
  exposure.add(at(1, Outcome.modelFailure));
  exposure.add(at(300, Outcome.modelFailure));
  exposure.add(at(601, Outcome.ok));
  exposure.add(at(602, Outcome.modelFailure));
  assert.deepEqual(exposure.view(610 * SECOND_US).failed,
    { bad: 1, requests: 1, before: { bad: 2, requests: 3 }, firstAgoMs: 8_000, lastGoodAgoMs: 9_000 });
});

test('a stored verdict carries the exposure, with what came before the generation was watched', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  state.handle(rings.attach(1), 0);
  const options = judgeOptions({ mode: 'default' });
  const lookUs = options.lookMs * 1_000;
  for (let request = 1; request <= 10; request += 1) {
    rings.write(0, { generation: 1, atUs: request * 1_000, input: request });
  }
  state.drain(0);
  state.handle(watch(1, { options }), 0);
  for (let request = 11; request <= 30; request += 1) {
    rings.write(0, { generation: 1, outcome: Outcome.modelFailure, atUs: request * 1_000, input: request });
  }
  state.drain(lookUs);
  const verdict = verdictIn(state.look(lookUs));
  const stored = JSON.parse(JSON.stringify(verdict?.evidence)) as Record<string, unknown>;
  const { failed } = exposureSchema.parse(stored['exposure']);
  assert.deepEqual([failed?.bad, failed?.requests, failed?.before], [20, 20, { bad: 0, requests: 10 }]);
  const lookMs = options.lookMs;
  assert.deepEqual([failed?.firstAgoMs, failed?.lastGoodAgoMs], [lookMs - 11, lookMs - 10]);
  assert.deepEqual([recompute(stored)?.trigger, recompute(stored)?.reason], [verdict?.trigger, verdict?.reason]);
});
