import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPTURE_PREDICTIONS_MAX, PredictionStore } from '../../../src/judge/window/prediction-store.ts';
import { emptySample } from '../../../src/shared-memory/sample-ring.ts';
import { CompatWindow } from '../../../src/judge/window/compat-window.ts';
import { seededRandom } from '../fixtures.ts';

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

test('PredictionStore keeps the newest predictions and counts the classes of just those', () => {
  const store = new PredictionStore();
  assert.deepEqual(store.capture(), { values: [], classCounts: [], entropies: [], projections: [] });
  const plain = emptySample();
  for (let step = 0; step < CAPTURE_PREDICTIONS_MAX; step += 1) {
    store.add({ ...plain, value: step, classIndex: 5, entropy: 0.5 });
  }
  for (let step = 0; step < 3; step += 1) {
    store.add({ ...plain, value: -step, classIndex: step === 0 ? -1 : 1 });
  }
  const { values, classCounts, entropies } = store.capture();
  assert.equal(entropies.length, CAPTURE_PREDICTIONS_MAX - 3, 'entropies that are there');
  assert.equal(values.length, CAPTURE_PREDICTIONS_MAX);
  assert.deepEqual([values[0], values.at(-1)], [3, -2]);
  assert.deepEqual(classCounts, [0, 2, 0, 0, 0, CAPTURE_PREDICTIONS_MAX - 3]);
});
