// Vectors from a worker to a verdict: real sessions answer, their samples go through the ring, the suite judges them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baselineOfPredictions, computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import type { CheckName } from '../../../src/judge/types/messages.ts';
import { PredictionStore } from '../../../src/judge/window/prediction-store.ts';
import type { Baseline } from '../../../src/domain/records.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { DIRECTIONS } from '../../../src/domain/projection.ts';
import { seededRandom } from '../../judge/fixtures.ts';
import { SuiteRun } from '../../judge/checks/suite-fixtures.ts';
import { benchOn } from '../fixtures.ts';
import { floats, model, node, Type } from '../onnx.ts';

const SIZE = 6;
const PER_SECOND = 64;
const SECONDS = 150;

/** y = x * w, a vector of six numbers. */
const turning = (w: readonly number[]): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', SIZE]]], outputs: [['embedding', Type.FLOAT, ['N', SIZE]]],
  nodes: [node('MatMul', ['x', 'w'], 'embedding')], constants: [floats('w', [SIZE, SIZE], w)],
});
const matrix = (at: (row: number, column: number) => number): number[] =>
  Array.from({ length: SIZE * SIZE }, (_, index) => at(Math.floor(index / SIZE), index % SIZE));
const SAME = matrix((row, column) => Number(row === column));
/** Two planes turned by a right angle: every length stays what it was. */
const TURNED = matrix((row, column) =>
  row > 3 ? Number(row === column) : row % 2 === 0 ? Number(column === row + 1) : -Number(column === row - 1));
/** Every vector lands on one line; what is left of it differs in length. */
const COLLAPSED = matrix((_, column) => Number(column === 0));

const random = seededRandom(7);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
/** A cloud that points one way, as the embeddings of one domain do. */
const row = (): number[] => Array.from({ length: SIZE }, (_, index) => (index % 3) + 0.5 * normal());

function validation(): Baseline {
  const about = { output: 'embedding', kind: 'vector', source: 'validation', createdAtMs: 0, origin: 'test' } as const;
  return computeBaseline(Array.from({ length: 2_000 }, row), about);
}

/** Samples that a worker writes for new rows, in batches of as many requests as a second has. */
async function answered(w: readonly number[]): Promise<Sample[]> {
  const bench = await benchOn(turning(w), { kind: 'vector' });
  const samples: Sample[] = [];
  for (let second = 0; second < SECONDS; second += 1) {
    const bodies = Array.from({ length: PER_SECOND }, () => JSON.stringify({ features: row() }));
    const answers = await bench.batch(bodies);
    assert.equal(answers[0]!.status, 200, answers[0]!.text);
    samples.push(...bench.samples());
  }
  await bench.session.release();
  assert.equal(samples.length, SECONDS * PER_SECOND);
  return samples;
}

/** Judges samples at a steady rate; only their times are made up. */
function judged(samples: readonly Sample[], baseline: Baseline): SuiteRun {
  return new SuiteRun({ baseline }).feed(SECONDS, PER_SECOND, (index) => {
    const { value, hash, input, direction, projection, entropy, classIndex, outcome } = samples[index]!;
    return { value, hash, input, direction, projection, entropy, classIndex, outcome };
  });
}
const failed = (run: SuiteRun): CheckName[] => [...run.failedAt.keys()];

test('a version whose vectors point where its baseline says fails nothing, and the check has judged it', async () => {
  const run = judged(await answered(SAME), validation());
  assert.deepEqual(failed(run), []);
  const { verdict, text } = run.check('projections');
  assert.equal(verdict, 'pass');
  assert.match(text, /^vectors point where the baseline's do: PSI 0\.\d+ of the worst projection is within the limit/);
});

test('turned vectors of the same lengths fail the check of projections and no other', async () => {
  const run = judged(await answered(TURNED), validation());
  assert.deepEqual(failed(run), ['projections']);
  assert.match(run.check('projections').text, /^vectors point elsewhere .* is over the limit of \d/);
  assert.equal(run.check('projections').effect, 'rollback');
});

test('vectors that collapsed onto one line fail the check of projections', async () => {
  assert.ok(failed(judged(await answered(COLLAPSED), validation())).includes('projections'));
});

test('a baseline captured live tells the same apart', async () => {
  const store = new PredictionStore();
  for (const sample of await answered(SAME)) store.add(sample);
  const captured = store.capture();
  assert.equal(captured.projections.length, DIRECTIONS);
  for (const of of captured.projections) assert.ok(Math.abs(of.length - (SECONDS * PER_SECOND) / DIRECTIONS) < 20);
  const baseline = baselineOfPredictions(captured, {
    output: 'embedding', kind: 'vector', source: 'live', createdAtMs: 0, origin: 'test',
  });
  assert.deepEqual(failed(judged(await answered(SAME), baseline)), []);
  assert.deepEqual(failed(judged(await answered(TURNED), baseline)), ['projections']);
});
