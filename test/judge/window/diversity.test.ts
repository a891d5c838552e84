// What repeated questions are worth.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputDiversity } from '../../../src/judge/window/diversity.ts';

const BLOCK_MS = 300_000;
const near = (value: number, wanted: number, share: number): void =>
  assert.ok(Math.abs(value - wanted) <= share * wanted, `${value}, wanted ${wanted} within ${share * 100} %`);

/** Hash n of a fixed stream: spread as hashes of inputs are. */
const hash = (number: number): number => (Math.imul(number + 1, 0x9e3779b1) >>> 1) | 1;

function fed(samples: number, inputOf: (index: number) => number, perSecond = 100): InputDiversity {
  const diversity = new InputDiversity(BLOCK_MS);
  for (let index = 0; index < samples; index += 1) diversity.add(inputOf(index), (index * 1e6) / perSecond);
  return diversity;
}

describe('InputDiversity', () => {
  test('takes different inputs for as many as there are, in any number, and unknown ones too', () => {
    for (const samples of [1, 20, 200, 4_096, 200_000]) {
      near(fed(samples, hash).effective(samples), samples, 0.03);
      assert.equal(fed(samples, () => 0).effective(samples), samples);
    }
    // A window that is longer than what was counted.
    near(fed(5_000, hash).effective(1e6), 1e6, 0.5);
  });

  test('is worth as many as there were questions where each comes equally often', () => {
    near(fed(400, (index) => hash(index >> 2)).effective(400), 100, 0.05);
    near(fed(30_000, (index) => hash(index % 50)).effective(30_000), 50, 0.02);
  });

  test("is Kish's number where a few questions are most of the traffic, not the number of different ones", () => {
    // Of 1,024 samples one question takes half, another a quarter, and so on; the rest differ.
    const weights = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1];
    const stream = weights.flatMap((count, index) => Array.from({ length: count }, () => hash(index)));
    const kish = 1_024 ** 2 / weights.reduce((sum, count) => sum + count ** 2, 0);
    near(fed(1_024, (index) => stream[index]!).effective(1_024), kish, 0.02);
    const rare = fed(20_000, (index) => (index % 2 === 0 ? hash(0) : hash(index)));
    near(rare.effective(20_000), 4, 0.02);
    assert.ok(rare.distinct() > 9_000);
  });

  test('forgets what was asked long ago', () => {
    const diversity = fed(10_000, () => hash(0));
    near(diversity.effective(10_000), 1, 0.01);
    for (let index = 0; index < 300_000; index += 1) diversity.add(hash(index), 1e8 + index * 1e4);
    near(diversity.effective(1_000), 1_000, 0.05);
  });
});
