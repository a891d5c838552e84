// Answers that differ from the baseline by 90 % of what a limit allows: nothing is wrong with them, however often one
// looks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { computeInputBaseline } from '../../../src/judge/baseline/input-baseline.ts';
import { largestShareDifference, populationStability } from '../../../src/judge/statistics/statistics.ts';
import type { Baseline, Bins } from '../../../src/domain/records.ts';
import { predictionOf } from '../../../src/domain/sequence.ts';
import { seededRandom } from '../fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

const PART = 0.9;
const PSI = 0.25;
const CLASS_SHARE = 0.1;
/** Looks at each stream, one a second. */
const LOOKS = 900;
const about = { output: 'y', source: 'validation', createdAtMs: 0, origin: 'test' } as const;
const random = seededRandom(77);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Bins tilted, one up and the next one down, until their PSI from the baseline is 90 % of the limit. */
function tilted({ counts }: Bins): number[] {
  let [within, over] = [0, 3];
  const at = (tilt: number): number[] => counts.map((count, bin) => count * Math.exp(bin % 2 === 0 ? tilt : -tilt));
  for (let halving = 0; halving < 40; halving += 1) {
    const middle = (within + over) / 2;
    if (populationStability(counts, at(middle)) < PSI * PART) within = middle;
    else over = middle;
  }
  return at(within);
}

/** A value of a random bin by these weights, inside the baseline's range. */
function drawFrom({ edges }: Bins, weights: readonly number[]): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  const bin = weights.findIndex((weight) => (left -= weight) < 0);
  return edges[bin - 1]! + random() * (edges[bin]! - edges[bin - 1]!);
}

test('a shape at 90 % of its limit fails nothing, at few answers and at many', () => {
  const rows = Array.from({ length: 1_000 }, () => [10 + normal()]);
  const baseline = computeBaseline(rows, { ...about, kind: 'regression' });
  const bins = baseline.bins!;
  const weights = tilted(bins);
  assert.ok(Math.abs(populationStability(bins.counts, weights) - PSI * PART) < 1e-3);
  for (const perSecond of [2, 20]) {
    const run = new SuiteRun({ baseline }).feed(LOOKS, perSecond, () => ({ value: drawFrom(bins, weights) }));
    assert.deepEqual([...run.failedAt.keys()], [], `${perSecond}/s: ${run.check('shape').text}`);
    assert.ok(run.check('shape').value! > PSI * 0.7, 'it is as near as it should be');
  }
});

test('a class mix at 90 % of its limit fails nothing, at few answers and at many', () => {
  const scores = (best: number): number[] =>
    [0, 1, 2].map((index) => (index === best ? 0.7 : 0.15) + (index === best ? 1 : -0.5) * 0.1 * random());
  const pick = (shares: readonly number[]): number => {
    let left = random();
    return Math.max(0, shares.findIndex((share) => (left -= share) < 0));
  };
  const usual = [0.5, 0.3, 0.2];
  const baseline: Baseline =
    computeBaseline(Array.from({ length: 1_000 }, () => scores(pick(usual))), { ...about, kind: 'classes' });
  const own = baseline.classShares!;
  // From the stored shares, because the limit is a distance from those.
  const moved = [own[0]! - CLASS_SHARE * PART, own[1]! + CLASS_SHARE * PART, own[2]!];
  assert.ok(largestShareDifference(own, moved) < CLASS_SHARE);
  for (const perSecond of [2, 20]) {
    const run = new SuiteRun({ baseline }).feed(LOOKS, perSecond, () => predictionOf('classes', scores(pick(moved))));
    assert.equal(run.failedAt.has('class_mix'), false, `${perSecond}/s: ${run.check('class_mix').text}`);
    assert.ok(run.check('class_mix').value! > CLASS_SHARE * 0.6, 'it is as near as it should be');
  }
});

test('inputs at 90 % of their limit warn of nothing', () => {
  const values = Array.from({ length: 1_000 }, () => normal());
  const of = { rows: 1_000, source: 'validation', createdAtMs: 0 } as const;
  const inputs = computeInputBaseline([{ name: 'x', at: 0, values }], of)!;
  const { bins } = inputs.columns[0]!;
  const weights = tilted(bins);
  const answers = computeBaseline(values.map((value) => [value]), { ...about, kind: 'regression' });
  const names = ['x'];
  const run = new SuiteRun({ baseline: { ...answers, inputs } })
    .feedInputs(LOOKS, 10, names, () => [drawFrom(bins, weights)], () => ({ value: normal() }));
  assert.equal(run.failedAt.has('input_drift'), false, run.check('input_drift').text);
  assert.ok(run.check('input_drift').value! > PSI * 0.7, 'it is as near as it should be');
});
