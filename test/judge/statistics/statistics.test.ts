import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinomialLimits, binomialUpperTail, wilsonInterval } from '../../../src/judge/statistics/binomial.ts';
import { chiSquareQuantile, chiSquareSurvival, lnGamma } from '../../../src/judge/statistics/gamma.ts';
import {
  chiSquareFit, chiSquareHomogeneity, jensenShannonBits, jensenShannonDistance, largestShareDifference,
  populationStability,
} from '../../../src/judge/statistics/statistics.ts';
import { assertClose, vector } from '../vectors.ts';

type Numbers = Record<string, number>;
interface Histograms {
  readonly input: { baseline_counts: number[]; window_counts: number[] };
  readonly expected: Numbers;
}

test('lnGamma gives factorials, halves and small arguments', () => {
  let factorial = 1;
  for (let n = 1; n <= 20; n += 1) {
    assertClose(Math.exp(lnGamma(n)), factorial, `Γ(${n})`, 1e-12);
    factorial *= n;
  }
  assertClose(lnGamma(0.5), Math.log(Math.PI) / 2, 'lnΓ(1/2)', 1e-13);
  assertClose(lnGamma(0.25), Math.log(3.625609908221908), 'lnΓ(1/4)', 1e-13);
  assertClose(lnGamma(1_001), 5912.128178488163, 'ln 1000!', 1e-13);
});

test('chiSquareSurvival agrees with the exact tail exp(-x/2) of two degrees, also far out', () => {
  for (const x of [0, 0.01, 1, 2, 10, 100, 1_000]) {
    assertClose(chiSquareSurvival(x, 2), Math.exp(-x / 2), `tail at ${x}`, 1e-11);
  }
});

test('chiSquareQuantile gives the PSI thresholds of the vector and inverts the tail', () => {
  const { input, expected } = vector('psi_null_scaling') as
    { input: { bins: number; n: number }; expected: Numbers };
  const degrees = input.bins - 1;
  assertClose(chiSquareQuantile(1e-6, degrees), expected['chi2_q_1e-6']!);
  assertClose(chiSquareQuantile(1e-3, degrees), expected['chi2_q_0.999']!);
  assertClose(chiSquareQuantile(1e-6, degrees) / input.n, expected['psi_threshold_1e-6_at_n200']!);
  for (const tail of [0.9, 0.5, 1e-3, 1e-12]) {
    for (const freedom of [1, 4, 60]) {
      assertClose(chiSquareSurvival(chiSquareQuantile(tail, freedom), freedom), tail, `tail ${tail}`, 1e-10);
    }
  }
});

test('binomialUpperTail gives the false-alarm rates of the p95 rule and the exact tail of the Wilson vector', () => {
  const { input, expected } = vector('false_alarm_p95_rule') as
    { input: { n_q: [number, number][] }; expected: { p: number[] } };
  input.n_q.forEach(([n, rate], index) => {
    assertClose(binomialUpperTail(n - Math.floor(0.95 * n), n, rate), expected.p[index]!, `n ${n}`);
  });
  const lower = vector('wilson_lower_1e-4') as { input: Numbers; expected: Numbers };
  const { k, n, limit } = lower.input as { k: number; n: number; limit: number };
  assertClose(binomialUpperTail(k, n, limit), lower.expected['exact_binomial_p_at_limit']!);
});

test('binomialUpperTail agrees with a sum over all outcomes on both sides of the mode, and for many trials', () => {
  const rate = 0.3;
  const pmf: number[] = [];
  for (let hits = 0, ways = 1; hits <= 25; ways = (ways * (25 - hits)) / (hits + 1), hits += 1) {
    pmf.push(ways * rate ** hits * (1 - rate) ** (25 - hits));
  }
  for (let hits = 0; hits <= 26; hits += 1) {
    const wanted = pmf.slice(hits).reduce((sum, share) => sum + share, 0);
    assertClose(binomialUpperTail(hits, 25, rate), wanted, `P(X >= ${hits})`, 1e-11);
  }
  assert.equal(binomialUpperTail(1, 100_000, 0.05), 1);
  const median = binomialUpperTail(5_000, 100_000, 0.05);
  assert.ok(median > 0.5 && median < 0.51);
});

test('BinomialLimits gives the integer table of the vector, and trials + 1 where nothing is enough', () => {
  const { input, expected } = vector('binomial_kcrit') as
    { input: { n: number[]; alpha: number }; expected: Record<string, number[]> };
  const tables: [string, number, number][] = [
    ['limit_0.05', 0.05, input.alpha], ['limit_0.01', 0.01, input.alpha],
    ['limit_0.05_alpha_1e-4', 0.05, 1e-4], ['limit_0.01_alpha_1e-4', 0.01, 1e-4],
  ];
  for (const [name, rate, alpha] of tables) {
    const limits = new BinomialLimits(rate, alpha);
    for (const round of [1, 2]) {
      assert.deepEqual(input.n.map((n) => limits.hitsNeeded(n)), expected[name], `${name}, round ${round}`);
    }
  }
  assert.equal(new BinomialLimits(0.05, 1e-6).hitsNeeded(4), 5);
});

test('wilsonInterval gives the intervals of the vectors and stays inside 0…1', () => {
  for (const id of ['wilson_0_20', 'wilson_1_20', 'wilson_10_200', 'wilson_5_1000']) {
    const { input, expected } = vector(id) as
      { input: { k: number; n: number }; expected: { lower: number; upper: number } };
    const { lower, upper } = wilsonInterval(input.k, input.n);
    assertClose(lower, expected.lower, `${id} lower`);
    assertClose(upper, expected.upper, `${id} upper`);
  }
  const oneSided = vector('wilson_lower_1e-4') as { input: Numbers; expected: Numbers };
  const { lower } = wilsonInterval(oneSided.input['k']!, oneSided.input['n']!, oneSided.expected['z']);
  assertClose(lower, oneSided.expected['lower']!);
  assert.deepEqual(wilsonInterval(0, 0), { lower: 0, upper: 1 });
  assert.equal(wilsonInterval(20, 20).upper, 1);
});

test('a decision by the Wilson bound is wrong as often as its vector says, so only the exact tail decides', () => {
  const { input, expected } = vector('wilson_is_anticonservative') as
    { input: { n: number[]; limit: number }; expected: { k_needed: number[]; true_p: number[] } };
  input.n.forEach((n, index) => {
    assertClose(binomialUpperTail(expected.k_needed[index]!, n, input.limit), expected.true_p[index]!, `n ${n}`);
  });
});

test('populationStability and the Jensen-Shannon measures give the vector of ten bins', () => {
  const { input, expected } = vector('psi_10bins') as Histograms;
  const { baseline_counts: baseline, window_counts: window } = input;
  assertClose(populationStability(baseline, window, 0), expected['psi']!);
  assertClose(jensenShannonBits(baseline, window), expected['jsd_bits']!);
  assertClose(jensenShannonDistance(baseline, window), expected['js_distance_base2']!);
  assertClose(largestShareDifference(baseline, window), expected['l_infinity']!);
  const { statistic, degrees } = chiSquareFit(baseline, window);
  assertClose(statistic, expected['chi2_window_vs_fixed_baseline']!);
  assertClose(chiSquareSurvival(statistic, degrees), expected['chi2_p_df9']!);
});

test('populationStability adds half a sample to every bin of both sides, so an empty one stays finite', () => {
  const { input, expected } = vector('psi_empty_bin') as Histograms;
  const { baseline_counts: baseline, window_counts: window } = input;
  assertClose(populationStability(baseline, window), expected['add_half_per_bin_both_sides']!);
  assertClose(jensenShannonBits(baseline, window), expected['jsd_bits_no_smoothing_needed']!);
  assert.equal(populationStability(baseline, window, 0), Infinity);
  assert.equal(populationStability([5, 0, 5], [7, 0, 7], 0), 0);
});

test('jensenShannonDistance gives the published example', () => {
  const { input, expected } = vector('js_scipy_doc') as { input: { p: number[]; q: number[] }; expected: Numbers };
  assertClose(jensenShannonDistance(input.p, input.q), expected['distance_base_2']!);
  assertClose(jensenShannonBits(input.p, input.q), expected['divergence_bits']!);
});

test('chiSquareFit gives the published goodness-of-fit examples', () => {
  const uniform = vector('chi2_gof_scipy_doc') as { input: { observed: number[] }; expected: Numbers };
  const { observed } = uniform.input;
  const frequencies = vector('chi2_hellinger_evidently_test') as Histograms;
  const cases: [number[], number[], Numbers][] = [
    [observed.map(() => 1), observed, uniform.expected],
    [frequencies.input.baseline_counts, frequencies.input.window_counts, frequencies.expected],
  ];
  for (const [baseline, window, expected] of cases) {
    const { statistic, degrees } = chiSquareFit(baseline, window);
    assertClose(statistic, expected['chi2']!);
    assert.equal(degrees, expected['df']);
    assertClose(chiSquareSurvival(statistic, degrees), expected['p']!);
  }
});

test('chiSquareHomogeneity gives the published contingency example and the class counts of the vector', () => {
  const published = vector('chi2_contingency_scipy_doc') as { input: { a: number[]; b: number[] }; expected: Numbers };
  const classes = vector('chi2_argmax') as { input: { baseline: number[]; window: number[] }; expected: Numbers };
  const cases: [number[], number[], Numbers][] = [
    [published.input.a, published.input.b, published.expected],
    [classes.input.baseline, classes.input.window, classes.expected],
  ];
  for (const [baseline, window, expected] of cases) {
    const { statistic, degrees } = chiSquareHomogeneity(baseline, window);
    assertClose(statistic, expected['chi2']!);
    assert.equal(degrees, expected['df']);
    assertClose(chiSquareSurvival(statistic, degrees), expected['p']!);
  }
  assertClose(largestShareDifference(classes.input.baseline, classes.input.window), classes.expected['l_infinity']!);
});

test('a class that neither side has seen costs no degree of freedom', () => {
  assert.equal(chiSquareHomogeneity([5, 0, 5], [4, 0, 6]).degrees, 1);
  assert.equal(chiSquareFit([5, 0, 5], [5, 0, 5]).statistic, 0);
});
