import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPTURE_PREDICTIONS_MAX, PredictionStore } from '../../../src/judge/window/prediction-store.ts';
import { emptySample } from '../../../src/shared-memory/sample-ring.ts';

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
