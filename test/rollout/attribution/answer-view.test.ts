// Pairs of a kept row's answers: which sizes of an answer are none, with and without baselines of the two versions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referenceOf } from '../../../src/judge/baseline/reference.ts';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { pairOf, SizeLimit } from '../../../src/rollout/attribution/answer-view.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';

const reading = { kind: 'regression', width: 1 } as const;
function pairOfNumbers(own: number, twin: number, max: number): ReturnType<typeof pairOf> {
  const outcome = Number.isFinite(own) ? Outcome.ok : Outcome.nonFinite;
  return pairOf(reading, { input: 1, atUs: 0, outcome, outputs: [own] }, [twin], max);
}
const reference = referenceOf(computeBaseline(Array.from({ length: 200 }, (_, at) => [at / 100]), {
  output: 'y', kind: 'regression', source: 'validation', createdAtMs: 0, origin: 'test',
}));

test('an answer far beyond the sizes of a baseline, of the twin or else of the other, is none beside a NaN', () => {
  for (const limit of [new SizeLimit(reference, null), new SizeLimit(null, reference)]) {
    assert.equal(pairOfNumbers(NaN, 1e30, limit.max).twin.outcome, 'nonFinite');
    assert.equal(pairOfNumbers(NaN, 100, limit.max).twin.outcome, 'answered');
    assert.equal(pairOfNumbers(5, 1e30, limit.max).twin.outcome, 'answered', 'where the version has an answer');
  }
});

test('without any baseline the answers that both give say what is usual, from twenty of them on', () => {
  const limit = new SizeLimit(null, null);
  for (let at = 0; at < 19; at += 1) limit.note(pairOfNumbers(at, at, limit.max));
  assert.equal(pairOfNumbers(NaN, 1e30, limit.max).twin.outcome, 'answered', 'nobody knows yet');
  for (let at = 0; at < 50; at += 1) limit.note(pairOfNumbers(NaN, 1e30, limit.max));
  assert.equal(pairOfNumbers(NaN, 1e30, limit.max).twin.outcome, 'answered', 'what only one answers says nothing');
  limit.note(pairOfNumbers(19, 19, limit.max));
  assert.equal(pairOfNumbers(NaN, 1e30, limit.max).twin.outcome, 'nonFinite');
  assert.equal(pairOfNumbers(NaN, 100, limit.max).twin.outcome, 'answered');
});
