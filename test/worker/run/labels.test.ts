// Labels from a worker to a verdict: real sessions answer texts and integers, their samples go through the ring, and
// the suite judges the mix of labels.
import { unknownLabel, labelNumber } from '../../../src/domain/prediction.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baselineOfPredictions, computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { PredictionStore } from '../../../src/judge/window/prediction-store.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';
import { EVIDENCE_FORMAT } from '../../../src/judge/verdict/verdict.ts';
import type { Baseline } from '../../../src/domain/records.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { judgeOf } from '../../../src/judge/checks/suite.ts';
import { judgeOptions } from '../../judge/fixtures.ts';
import { SuiteRun } from '../../judge/checks/suite-fixtures.ts';
import { flower, smallModelBytes, SPECIES, type Species } from '../../support/small-models.ts';
import { type Bench, benchOn } from '../fixtures.ts';

const ROWS = 600;
const PER_SECOND = 5;
const ABOUT = { output: 'label', kind: 'labels', source: 'validation', createdAtMs: 0, origin: 'test' } as const;
const NAMES = new Map(SPECIES.map((name) => [labelNumber(name), name]));

const evenly = (index: number): Species => SPECIES[index % SPECIES.length]!;

async function answered(bench: Bench, speciesOf: (index: number) => Species): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let from = 0; from < ROWS; from += 50) {
    const bodies = Array.from({ length: 50 }, (_, index) =>
      JSON.stringify({ features: flower(speciesOf(from + index), from + index) }));
    const answers = await bench.batch(bodies);
    assert.equal(answers[0]!.status, 200, answers[0]!.text);
    samples.push(...bench.samples());
  }
  return samples;
}

const judged = (samples: readonly Sample[], baseline: Baseline): SuiteRun =>
  new SuiteRun({ baseline }).feed(ROWS / PER_SECOND, PER_SECOND, (index) => {
    const { value, classIndex, entropy, hash, direction, projection } = samples[index]!;
    return { value, classIndex, entropy, hash, direction, projection };
  });

test('text labels are counted by label: a class that nobody asked for fails the class mix by its name', async () => {
  const bench = await benchOn(smallModelBytes('species.onnx'), { kind: 'labels' });
  const healthy = await answered(bench, evenly);
  assert.deepEqual([...new Set(healthy.map(({ value }) => NAMES.get(value)))], SPECIES);
  const baseline = computeBaseline(
    Array.from({ length: 900 }, (_, index) => [labelNumber(evenly(index))]), { ...ABOUT, labelNames: NAMES });
  assert.deepEqual(
    baseline.labels?.map(({ name, share }) => [name, share]).sort(), SPECIES.map((name) => [name, 1 / 3]));
  const well = judged(healthy, baseline);
  assert.deepEqual([...well.failedAt.keys()], []);
  // Names have no mean, no bins and no spread.
  for (const check of ['mean_drift', 'shape', 'spread'] as const) {
    assert.equal(well.last?.checks.some((one) => one.check === check), false, check);
  }
  const biased = judged(
    await answered(bench, (index) => (index % 3 === 1 ? 'virginica' : evenly(index))), baseline);
  assert.deepEqual([...biased.failedAt.keys()], ['class_mix']);
  assert.match(biased.check('class_mix').text, /^class v\w+ has a share of .* where the baseline has 33\.3 %/);
  const again = recompute({ format: EVIDENCE_FORMAT, ...biased.last!.evidence });
  assert.equal(again?.reason, biased.check('class_mix').text);
  await bench.session.release();
});

test('integer labels are judged too, and a capture of either kind knows the labels again', async () => {
  const forest = await benchOn(smallModelBytes('rf.onnx'), { kind: 'labels' });
  const species = await benchOn(smallModelBytes('species.onnx'), { kind: 'labels' });
  const captureOf = (samples: readonly Sample[], labelNames?: ReadonlyMap<number, string>): Baseline => {
    const store = new PredictionStore();
    samples.forEach((sample) => store.add(sample));
    const about = { ...ABOUT, source: 'live', ...(labelNames === undefined ? {} : { labelNames }) } as const;
    return baselineOfPredictions(store.capture(), about);
  };
  const numbers = captureOf(await answered(forest, evenly));
  assert.deepEqual(numbers.labels?.map(({ name, share }) => [name, share]), [['0', 1 / 3], ['1', 1 / 3], ['2', 1 / 3]]);
  const texts = captureOf(await answered(species, evenly), new Map([...NAMES].slice(1)));
  const unknown = unknownLabel(labelNumber('setosa'), true);
  assert.deepEqual(texts.labels?.map(({ name }) => name).sort(), [unknown, 'versicolor', 'virginica']);
  const drifted = judged(await answered(forest, () => 'setosa'), numbers);
  assert.ok(drifted.failedAt.has('class_mix'));
  await forest.session.release();
  await species.session.release();
});

test('the plain checks of compat leave the mean of labels alone', () => {
  const baseline = computeBaseline(Array.from({ length: 200 }, (_, index) => [index % 2]), ABOUT);
  const judge = judgeOf(judgeOptions({ mode: 'compat' }), baseline);
  assert.deepEqual(judge.look(1e6, 'probation', null).checks.map(({ check }) => check), ['error_rate', 'p95_latency']);
});
