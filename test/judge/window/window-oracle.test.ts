import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { emptySample, Outcome, SampleKind } from '../../../src/shared-memory/sample-ring.ts';
import { baselineOf, healthOf, judgeOptions, seededRandom, TestRings, verdictIn, watch } from '../fixtures.ts';

// Each look fails on latency, so that its evidence shows the window.
const options = judgeOptions({ p95LimitMs: 0.001 });
const DRAIN_US = 50_000;
const SECONDS = 10;
const OUTCOMES = [Outcome.ok, Outcome.ok, Outcome.ok, Outcome.clientFault, Outcome.modelFailure, Outcome.nonFinite,
  Outcome.deadline];

/** Ten seconds of samples from three workers, in order of time; a worker answers in bursts. */
function tenSeconds(random: () => number): { ring: number; sample: Sample }[] {
  const stream: { ring: number; sample: Sample }[] = [];
  let burstRing = 0;
  for (let atUs = 1; atUs < SECONDS * 1e6; atUs += 50 + Math.floor(random() * 4_000)) {
    if (random() < 0.02) burstRing = Math.floor(random() * 3);
    const outcome = OUTCOMES[Math.floor(random() * OUTCOMES.length)]!;
    const value = outcome === Outcome.ok && random() < 0.9 ? random() : NaN;
    const kind = random() < 0.2 ? SampleKind.row : SampleKind.request;
    const latencyUs = 100 + Math.floor(random() ** 4 * 1e6);
    const sample = { ...emptySample(), generation: 1, kind, outcome, value, latencyUs, atUs };
    stream.push({ ring: burstRing, sample });
  }
  return stream;
}

function naive(samples: readonly Sample[]) {
  const counting = samples.filter((sample) =>
    sample.kind === SampleKind.request && sample.outcome !== Outcome.clientFault);
  const newest = counting.slice(-options.windowSamples);
  const failed = (sample: Sample): boolean =>
    sample.outcome === Outcome.modelFailure || sample.outcome === Outcome.deadline;
  const predictions = samples.map((sample) => sample.value).filter((value) => !Number.isNaN(value));
  return {
    latenciesMs: newest.map((sample) => sample.latencyUs / 1_000),
    errors: newest.filter(failed).length,
    predictions: predictions.slice(-options.windowSamples),
    requests: samples.filter((sample) => sample.kind === SampleKind.request).length,
    predictionTotal: predictions.length,
  };
}

test('ten seconds from three rings give at every look the window of a naive list sorted by time', () => {
  for (const seed of [11, 12, 13]) {
    const stream = tenSeconds(seededRandom(seed));
    const state = new MonitorState();
    const rings = new TestRings(3, 4_096);
    state.handle(rings.attach(1), 0);
    state.handle(watch(1, { options, baseline: baselineOf(0.5, 0.3) }), 0);
    let written = 0;
    let looks = 0;
    for (let nowUs = DRAIN_US; nowUs <= SECONDS * 1e6; nowUs += DRAIN_US) {
      for (; written < stream.length && stream[written]!.sample.atUs <= nowUs; written += 1) {
        rings.write(stream[written]!.ring, stream[written]!.sample);
      }
      state.drain(nowUs);
      const reports = state.look(nowUs);
      if (reports.length === 0) continue;
      looks += 1;
      const wanted = naive(stream.slice(0, written).map((entry) => entry.sample));
      const window = verdictIn(reports)?.evidence['window'] as Record<string, unknown>;
      assert.deepEqual(window['latenciesMs'], wanted.latenciesMs);
      assert.equal(window['errors'], wanted.errors);
      assert.deepEqual(window['predictions'], wanted.predictions);
      const { totals } = healthOf(reports);
      assert.deepEqual([totals.requests, totals.predictions, totals.lapped],
        [wanted.requests, wanted.predictionTotal, 0]);
    }
    assert.equal(looks, SECONDS);
  }
});
