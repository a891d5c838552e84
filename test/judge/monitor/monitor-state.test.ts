import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthReport } from '../../../src/judge/types/messages.ts';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { Outcome, SampleKind } from '../../../src/shared-memory/sample-ring.ts';
import { baselineOf, healthOf, judgeOptions, MODEL, TestRings, verdictIn, watch } from '../fixtures.ts';

const LOOK_US = judgeOptions().lookMs * 1_000;

/** A monitor with one attached ring that judges generation 1; `look` drains and looks one look interval later. */
function watching(more: Parameters<typeof watch>[1] = {}, capacity = 1_024) {
  const state = new MonitorState();
  const rings = new TestRings(1, capacity);
  let nowUs = 0;
  state.handle(rings.attach(1), nowUs);
  state.handle(watch(1, more), nowUs);
  const reports = () => {
    nowUs += LOOK_US;
    state.drain(nowUs);
    return state.look(nowUs);
  };
  const write = (count: number, sample: Partial<Sample>): void =>
    rings.write(0, ...Array.from({ length: count }, () => ({ generation: 1, ...sample })));
  return { state, rings, write, reports, health: (): HealthReport => healthOf(reports()) };
}

test('client faults are counted in the totals and never enter the window', () => {
  const { write, health } = watching();
  write(100, { outcome: Outcome.clientFault, latencyUs: 9_000_000 });
  const faultsOnly = health();
  const { requests, clientFaults } = faultsOnly.totals;
  assert.deepEqual([requests, clientFaults, faultsOnly.windowSamples], [100, 100, 0]);
  assert.deepEqual(faultsOnly.checks.map((check) => check.verdict), ['inconclusive', 'inconclusive', 'inconclusive']);
  assert.equal(faultsOnly.latencyMs, null);
  write(20, { outcome: Outcome.ok, latencyUs: 1_000 });
  const { errorRate, p95LatencyMs, violations } = health();
  assert.deepEqual([errorRate, p95LatencyMs, violations], [0, 1, []]);
});

test('model failures and deadlines are errors; an answer that is not finite is no error and no prediction', () => {
  const { write, health } = watching();
  write(10, { outcome: Outcome.ok, value: 1 });
  write(4, { outcome: Outcome.modelFailure });
  write(3, { outcome: Outcome.deadline });
  write(3, { outcome: Outcome.nonFinite, value: NaN });
  const { errorRate, totals } = health();
  assert.equal(errorRate, 7 / 20);
  assert.deepEqual(totals, {
    requests: 20, ok: 10, clientFaults: 0, modelFailures: 4, nonFinite: 3, nonFiniteInputs: 0,
    deadlines: 3, predictions: 10, lapped: 0,
  });
});

test('row samples bring predictions and no requests', () => {
  const { write, health } = watching({ baseline: baselineOf(0, 1) });
  write(1, { kind: SampleKind.request, value: 2, latencyUs: 500 });
  write(9, { kind: SampleKind.row, value: 4, latencyUs: 500 });
  const { totals, windowSamples, predictionDrift, checks } = health();
  assert.deepEqual([totals.requests, totals.predictions, windowSamples], [1, 10, 1]);
  assert.equal(predictionDrift, 3.8);
  assert.equal(checks.find((check) => check.check === 'mean_drift')?.verdict, 'fail');
});

test('a failing check gives a verdict at every look while it lasts, and none afterwards', () => {
  const { write, reports } = watching();
  write(19, { latencyUs: 900_000 });
  assert.equal(verdictIn(reports()), undefined);
  write(1, { latencyUs: 900_000 });
  for (const look of [2, 3]) {
    const verdict = verdictIn(reports());
    assert.equal(verdict?.trigger, 'p95_latency');
    assert.deepEqual([verdict.evidence['look'], verdict.evidence['failingSinceLook']], [look, 2]);
    assert.equal(verdict.evidence['failingForMs'], (look - 2) * 1_000);
  }
  write(200, { latencyUs: 1_000 });
  assert.equal(verdictIn(reports()), undefined);
});

test('the trigger is the error rate before the latency before the drift, and the reason names all of them', () => {
  const { write, reports } = watching({ baseline: baselineOf(0, 1) });
  write(20, { value: 50, latencyUs: 900_000 });
  assert.equal(verdictIn(reports())?.trigger, 'p95_latency');
  write(20, { outcome: Outcome.modelFailure, latencyUs: 900_000 });
  const verdict = verdictIn(reports());
  assert.equal(verdict?.trigger, 'error_rate');
  assert.match(verdict.reason, /^error rate 50 % .*; p95 latency 900 ms .*; mean prediction 50 /);
});

test('looks come once per lookMs, also for a monitor that was held up', () => {
  const state = new MonitorState();
  assert.equal(state.nextLookUs, Infinity);
  state.handle(watch(1), 0);
  assert.equal(state.nextLookUs, LOOK_US);
  assert.equal(state.look(LOOK_US - 1).length, 0);
  assert.equal(state.look(LOOK_US + 5).length, 1);
  assert.equal(state.nextLookUs, 2 * LOOK_US);
  assert.equal(state.look(10 * LOOK_US + 5).length, 1);
  assert.equal(state.nextLookUs, 11 * LOOK_US + 5);
});

test('samples that a slow monitor lost are counted, also those of rings that are gone', () => {
  const { state, rings, write, health } = watching({}, 8);
  write(5, { latencyUs: 1 });
  state.drain(1);
  for (let sample = 0; sample < 20; sample += 1) rings.write(0, { generation: 1, latencyUs: 2 });
  const first = health().totals;
  assert.deepEqual([first.requests, first.lapped], [13, 12]);
  const second = new TestRings(2, 8);
  state.handle(second.attach(2), 2);
  for (let sample = 0; sample < 10; sample += 1) second.write(1, { generation: 1 });
  state.handle({ kind: 'detach', request: 0, deploymentId: 1, model: MODEL }, 3);
  state.handle({ kind: 'detach', request: 0, deploymentId: 2, model: MODEL }, 3);
  const last = health().totals;
  assert.deepEqual([last.requests, last.lapped], [21, 14]);
});

test('detach reads the rings a last time and nothing after it', () => {
  const { state, rings, write, health } = watching();
  write(30, {});
  const answer = state.handle({ kind: 'detach', request: 8, deploymentId: 1, model: MODEL }, 1);
  assert.deepEqual(answer, [{ kind: 'detached', request: 8 }]);
  rings.write(0, { generation: 1 });
  assert.equal(health().totals.requests, 30);
  assert.equal(state.hasRings, false);
});

test('attaching a deployment twice reads its samples once', () => {
  const { state, rings, write, health } = watching();
  write(3, {});
  state.drain(1);
  state.handle(rings.attach(1), 1);
  assert.equal(health().totals.requests, 3);
});

test('the main thread and a deployment may have rings for the same model', () => {
  const { state, write, health } = watching();
  const own = new TestRings(1, 16);
  state.handle(own.attach(0), 0);
  own.write(0, { generation: 1, outcome: Outcome.deadline });
  write(3, {});
  const { totals } = health();
  assert.deepEqual([totals.requests, totals.deadlines], [4, 1]);
});

test('a new baseline counts from the next look on, and one for another generation is ignored', () => {
  const { state, write, health } = watching();
  write(10, { value: 5 });
  assert.equal(health().predictionDrift, null);
  state.handle({ kind: 'baseline', model: MODEL, generation: 2, baseline: baselineOf(0, 1) }, 1);
  assert.equal(health().predictionDrift, null);
  state.handle({ kind: 'baseline', model: MODEL, generation: 1, baseline: baselineOf(0, 1) }, 1);
  assert.equal(health().predictionDrift, 5);
  state.handle({ kind: 'baseline', model: MODEL, generation: 1, baseline: null }, 1);
  assert.equal(health().predictionDrift, null);
});

test('capture answers the predictions of the judged generation, with what still waits in the rings', () => {
  const { state, write } = watching();
  write(2, { value: 0.9, classIndex: 2 });
  write(1, { value: 0.8, classIndex: 0 });
  write(1, { generation: 7, value: 9 });
  assert.deepEqual(state.handle({ kind: 'capture', request: 4, model: MODEL }, 1), [{
    kind: 'captured', request: 4, model: MODEL, generation: 1, forMs: 0.001, values: [0.9, 0.9, 0.8],
    classCounts: [1, 0, 2],
    entropies: [], projections: [], inputs: null,
  }]);
  assert.deepEqual(state.handle({ kind: 'capture', request: 5, model: 'unknown' }, 1), [{
    kind: 'captured', request: 5, model: 'unknown', generation: 0, forMs: 0, values: [], classCounts: [], entropies: [],
    projections: [], inputs: null,
  }]);
});

test('after unwatch nothing is reported and old samples are late; a new watch starts from nothing', () => {
  const { state, write, reports, health } = watching();
  write(5, {});
  state.drain(1);
  state.handle({ kind: 'unwatch', model: MODEL }, 1);
  write(2, {});
  assert.deepEqual(reports(), []);
  assert.equal(state.lateSamples(MODEL), 2);
  state.handle(watch(2), 2);
  assert.equal(health().totals.requests, 0);
});

test('stop takes in what waits, looks a last time and ends the monitor', () => {
  const { state, write } = watching();
  write(7, {});
  const reports = state.handle({ kind: 'stop' }, 5);
  assert.equal(healthOf(reports).totals.requests, 7);
  assert.equal(state.stopped, true);
  assert.deepEqual(state.handle({ kind: 'capture', request: 1, model: MODEL }, 6), []);
});
