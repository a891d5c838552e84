// Whether the last good version has moved, when the questions that both were asked come again and again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binsOf } from '../../../src/judge/statistics/bins.ts';
import { judgeAttribution, type Compared } from '../../../src/judge/verdict/attribution.ts';
import { effectiveOf } from '../../../src/rollout/attribution/recent-inputs.ts';
import { seededRandom } from '../fixtures.ts';

const ROUNDS = 600;
const ROWS = 1_000;

describe('judgeAttribution', () => {
  for (const [times, questions] of [[1, 200], [2, 100], [4, 50], [8, 25]] as const) {
    test(`blames a version that answers nonsense although ${questions} questions come ${times} times each`, () => {
      const random = seededRandom(31 + times);
      let data = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        if (judgeAttribution(nonsense(random, times, questions)).blames === 'data') data += 1;
      }
      // At one chance in a thousand for each of two tests two are more than likely enough.
      assert.ok(data <= 4, `called data ${data} times of ${ROUNDS}`);
    });
  }
});

describe('effectiveOf', () => {
  test("is Kish's number of the times that each question is there", () => {
    assert.equal(effectiveOf([1, 2, 3, 4]), 4);
    assert.equal(effectiveOf([1, 1, 2, 2]), 2);
    assert.equal(effectiveOf([1, 1, 1, 2]), 1.6);
    assert.equal(effectiveOf([0, 0, 0]), 3);
    assert.equal(effectiveOf([]), 0);
  });
});

// The active version's scores are noise at one end; the last good one's are as they ever were.
function nonsense(random: () => number, times: number, questions: number): Compared {
  const validation = Array.from({ length: ROWS }, random).sort((a, b) => a - b);
  const asked = Array.from({ length: questions }, random)
    .flatMap((score) => Array.from({ length: times }, () => score));
  const classOf = (score: number): number => Number(score >= 0.5);
  const count = (scores: readonly number[]): number[] =>
    [0, 1].map((index) => scores.filter((score) => classOf(score) === index).length);
  const { edges, counts } = binsOf(validation, Math.sqrt(1 / 12));
  const usual = { rows: ROWS, edges: [...edges], counts: [...counts], classCounts: count(validation) };
  const bad = asked.map(() => 0.4 + 0.02 * random());
  return {
    kind: 'score', version: '2', standby: '1', cosines: null,
    active: { values: bad, classes: bad.map(classOf) }, good: { values: asked, classes: asked.map(classOf) },
    effective: effectiveOf(asked.map((_, index) => 1 + Math.floor(index / times))),
    usual: { active: usual, good: usual },
  };
}
