import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chiSquareSurvival, lnGamma } from '../../../src/judge/statistics/gamma.ts';
import { noncentralQuantile, normalDeviations } from '../../../src/judge/statistics/noncentral.ts';

/** P(X >= x) as the mixture that defines the law: a Poisson number of pairs of further degrees. */
function survival(x: number, degrees: number, noncentrality: number): number {
  const half = noncentrality / 2;
  const spread = 12 * Math.sqrt(half) + 40;
  let sum = 0;
  for (let pairs = Math.max(0, Math.floor(half - spread)); pairs <= half + spread; pairs += 1) {
    const weight = half === 0 ? Number(pairs === 0) : Math.exp(pairs * Math.log(half) - half - lnGamma(pairs + 1));
    sum += weight * chiSquareSurvival(x, degrees + 2 * pairs);
  }
  return sum;
}

test('normalDeviations gives the quantiles of the normal law', () => {
  assert.ok(Math.abs(normalDeviations(0.025) - 1.959963984540054) < 1e-9);
  assert.ok(Math.abs(normalDeviations(1e-6) - 4.753424308822899) < 1e-8);
});

test('noncentralQuantile is exceeded as seldom as was asked for, by the defining mixture', () => {
  for (const tail of [1e-6, 1e-8]) {
    for (const degrees of [1, 4, 9, 12, 30]) {
      // From 50 on, the default PSI in 200 answers, it is exact to half a per cent; below it is too careful.
      for (const [noncentrality, part] of [[5, 0.05], [50, 0.005], [500, 0.005], [5_000, 0.005]] as const) {
        const x = noncentralQuantile(tail, degrees, noncentrality);
        const about = `${tail} ${degrees} ${noncentrality}`;
        assert.ok(survival(x * 1.001, degrees, noncentrality) < tail, `${about}: too low`);
        assert.ok(survival(x * (1 - part), degrees, noncentrality) > tail, `${about}: too high`);
      }
    }
  }
});
