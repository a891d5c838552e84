import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moments } from '../../../src/judge/statistics/distribution.ts';
import type { CheckWindow } from '../../../src/judge/checks/compat.ts';
import {
  checkErrorRate, checkMeanDrift, checkP95Latency, CompatWindow, driftSigmas, p95LatencyMs,
} from '../../../src/judge/checks/compat.ts';
import { baselineOf, judgeOptions, seededRandom } from '../fixtures.ts';
import { assertClose, vector } from '../vectors.ts';

const limits = judgeOptions({ p95LimitMs: 25 });

function windowOf(parts: { latenciesMs?: number[]; errors?: number; predictions?: number[] }): CheckWindow {
  return {
    latenciesUs: (parts.latenciesMs ?? []).map((ms) => ms * 1_000),
    errors: parts.errors ?? 0,
    predictions: parts.predictions ?? [],
  };
}
const repeat = (value: number, count: number): number[] => new Array<number>(count).fill(value);

test('p95LatencyMs takes the element int(0.95 n) of the sorted window, as the vector has it', () => {
  const { input, expected } = vector('blog_p95_n20') as
    { input: { latency_ms: number[] }; expected: { blog_p95: number } };
  assert.equal(p95LatencyMs(input.latency_ms.map((ms) => ms * 1_000)), expected.blog_p95);
});

test('driftSigmas measures by the sample standard deviation and is blind to a collapse onto the mean', () => {
  const { input, expected } = vector('blog_mean_drift_blind') as
    { input: { baseline: number[]; window: number[] };
      expected: { baseline_mean: number; baseline_std_sample: number; blog_drift: number } };
  const { mean, standardDeviation } = moments(input.baseline);
  assertClose(mean, expected.baseline_mean, 'mean');
  assertClose(standardDeviation, expected.baseline_std_sample, 'standard deviation');
  const drift = driftSigmas(input.window, baselineOf(mean, standardDeviation));
  assert.ok(drift !== null && Math.abs(drift - expected.blog_drift) < 1e-9);
});

test('checkP95Latency fails only strictly over the limit and from samplesMin requests on', () => {
  const result = (latenciesMs: number[]): string =>
    checkP95Latency({ window: windowOf({ latenciesMs }), limits, baseline: null }).verdict;
  assert.equal(result(repeat(25, 200)), 'pass');
  assert.equal(result([...repeat(1, 190), ...repeat(25.001, 10)]), 'fail');
  assert.equal(result([...repeat(1, 191), ...repeat(9_000, 9)]), 'pass');
  assert.equal(result(repeat(9_000, 19)), 'inconclusive');
  assert.equal(result(repeat(9_000, 20)), 'fail');
});

test('checkErrorRate fails only strictly over the limit and from samplesMin requests on', () => {
  const result = (requests: number, errors: number): string =>
    checkErrorRate({ window: windowOf({ latenciesMs: repeat(1, requests), errors }), limits, baseline: null }).verdict;
  assert.equal(result(200, 10), 'pass');
  assert.equal(result(200, 11), 'fail');
  assert.equal(result(19, 19), 'inconclusive');
  assert.equal(result(20, 1), 'pass');
  assert.equal(result(20, 2), 'fail');
});

test('checkMeanDrift fails on both sides, only strictly over the limit and from predictionsMin predictions on', () => {
  const baseline = baselineOf(0.5, 0.25);
  const result = (value: number, count: number): string =>
    checkMeanDrift({ window: windowOf({ predictions: repeat(value, count) }), limits, baseline }).verdict;
  assert.equal(result(1, 10), 'pass');
  assert.equal(result(1.001, 10), 'fail');
  assert.equal(result(-0.001, 10), 'fail');
  assert.equal(result(50, 9), 'inconclusive');
});

test('checkMeanDrift is inconclusive and says why without a baseline and with one that has no spread', () => {
  const window = windowOf({ predictions: repeat(7, 100) });
  const without = checkMeanDrift({ window, limits, baseline: null });
  assert.equal(without.verdict, 'inconclusive');
  assert.match(without.text, /no baseline/);
  const flat = checkMeanDrift({ window, limits, baseline: baselineOf(0.5, 0) });
  assert.equal(flat.verdict, 'inconclusive');
  assert.equal(flat.value, null);
  assert.match(flat.text, /no spread/);
});

test('driftSigmas of predictions whose sum overflows is still a number, and a failing one', () => {
  const predictions = repeat(1.5e308, 10);
  assert.equal(driftSigmas(predictions, baselineOf(0, 1)), Number.MAX_VALUE);
});

test('check texts name the value, the limit and the number of samples', () => {
  const latency = checkP95Latency({ window: windowOf({ latenciesMs: repeat(81.3, 200) }), limits, baseline: null });
  assert.equal(latency.text, 'p95 latency 81.3 ms is over the limit of 25 ms (200 requests)');
  const errors = checkErrorRate({
    window: windowOf({ latenciesMs: repeat(1, 200), errors: 15 }), limits, baseline: null,
  });
  assert.equal(errors.text, 'error rate 7.5 % is over the limit of 5 % (15 of 200 requests failed)');
  const drift = checkMeanDrift({ window: windowOf({ predictions: repeat(0.9, 50) }), limits,
    baseline: baselineOf(0.5, 0.1) });
  assert.equal(drift.text,
    "mean prediction 0.9 is 4 standard deviations from the baseline's 0.5, over the limit of 2 (50 predictions)");
  const few = checkErrorRate({ window: windowOf({ latenciesMs: repeat(1, 12) }), limits, baseline: null });
  assert.equal(few.text, 'error rate is not judged yet: 12 of 20 requests, 8 more needed');
});

test('a value just over its limit is not written as the limit', () => {
  const { text } = checkP95Latency({ window: windowOf({ latenciesMs: repeat(25.004, 20) }), limits, baseline: null });
  assert.equal(text, 'p95 latency 25.004 ms is over the limit of 25 ms (20 requests)');
});

test('CompatWindow holds exactly the newest entries of a naive list, at every length and capacity', () => {
  const random = seededRandom(7);
  for (const capacity of [1, 2, 7, 200]) {
    const window = new CompatWindow(capacity);
    const requests: { latencyUs: number; error: boolean; atUs: number }[] = [];
    const predictions: number[] = [];
    for (let step = 0; step < 700; step += 1) {
      const request = { latencyUs: Math.floor(random() * 1e6), error: random() < 0.3, atUs: step };
      requests.push(request);
      window.addRequest(request.latencyUs, request.error, request.atUs);
      for (let row = random() * 3; row > 1; row -= 1) {
        predictions.push(row);
        window.addPrediction(row);
      }
      const newest = requests.slice(-capacity);
      assert.deepEqual(window.view(), {
        latenciesUs: newest.map((entry) => entry.latencyUs),
        errors: newest.filter((entry) => entry.error).length,
        predictions: predictions.slice(-capacity),
        firstUs: newest[0]?.atUs,
        lastUs: newest.at(-1)?.atUs,
      });
    }
  }
});

test('an empty CompatWindow has no times and no values', () => {
  const { latenciesUs, errors, predictions, firstUs, lastUs } = new CompatWindow(200).view();
  assert.deepEqual({ latenciesUs, errors, predictions, firstUs, lastUs },
    { latenciesUs: [], errors: 0, predictions: [], firstUs: null, lastUs: null });
});
