// What the judge says it can see is what its checks do see: the fault it names fails, a slightly smaller one does not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { countInBins } from '../../../src/judge/statistics/bins.ts';
import type { CheckName, CheckResult } from '../../../src/judge/types/messages.ts';
import { priceOf, sightsOf, waitText } from '../../../src/judge/checks/detectability.ts';
import type { Sight, Traffic } from '../../../src/judge/checks/detectability.ts';
import { mixOf } from '../../../src/judge/checks/class-mix.ts';
import { shapeOf } from '../../../src/judge/checks/drift-check.ts';
import { isBreach } from '../../../src/judge/checks/rate-check.ts';
import { referenceOf } from '../../../src/judge/baseline/reference.ts';
import type { Baseline, OutputKind } from '../../../src/domain/records.ts';
import { judgeOptions, seededRandom } from '../fixtures.ts';

const options = judgeOptions({ mode: 'default' });
const random = seededRandom(12);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const baselineOf = (kind: OutputKind, row: () => number[]): Baseline =>
  computeBaseline(Array.from({ length: 1_000 }, row), {
    output: 'y', kind, source: 'validation', createdAtMs: 0, origin: 'test',
  });
const small = (rows: readonly number[][]): Baseline =>
  computeBaseline(rows, { output: 'y', kind: 'regression', source: 'validation', createdAtMs: 0, origin: 'test' });
const bell = baselineOf('regression', () => [10 + normal()]);
const thirds = baselineOf('classes', () => (random() < 0.6 ? [0.9, 0.1] : [0.1, 0.9]));
const at = (perSecond: number): Traffic => ({ requests: perSecond, predictions: perSecond, inputs: perSecond });
const sights = (perSecond: number, baseline: Baseline | null, results: readonly CheckResult[] = []): Sight[] =>
  sightsOf(options, baseline, at(perSecond), results);
const seen = (check: CheckName, perSecond: number, baseline: Baseline | null = bell): Sight =>
  sights(perSecond, baseline).find((one) => one.check === check)!;

describe('sightsOf', () => {
  test('names the smallest share of failures that is a breach in the window that holds enough', () => {
    const { smallest, samples, windowMs, text } = seen('error_rate', 2);
    assert.deepEqual([samples, windowMs], [600, 300_000]);
    const { errorRateLimit: limit, samplesMin, chance } = options;
    const rate = { limit, samplesMin, chance, twoLooksMs: 0, spreadOut: false };
    const hits = Math.round(smallest! * samples);
    assert.deepEqual([hits, hits - 1].map((count) => isBreach({ hits: count, trials: samples }, rate)), [true, false]);
    assert.match(text, /^9\.\d+ % failed \(limit 5 %\)$/);
    assert.equal(seen('p95_latency', 0.02).windowMs, 1_200_000, 'a longer one where five minutes hold too few');
  });

  test('names the population stability, and by how many deviations answers move to have it', () => {
    for (const perSecond of [1, 20]) {
      const { smallest, samples, text } = seen('shape', perSecond);
      const { bins, rows, standardDeviation } = referenceOf(bell)!;
      const sigmas = Number(/move by ([\d.]+) standard deviations/.exec(text)?.[1]);
      const isOver = (moved: number): boolean => {
        const counts = countInBins(bins.edges, bell.values.map((value) => value + moved * standardDeviation));
        const scaled = counts.map((count) => (count * samples) / bell.values.length);
        const about = { psi: 0.25, chance: options.chance, worth: { effective: samples }, rows };
        const test = shapeOf(bins.counts, scaled, about);
        return test.psi > test.limit;
      };
      assert.deepEqual([isOver(sigmas * 1.05), isOver(sigmas * 0.8)], [true, false], `${perSecond}/s: ${text}`);
      assert.ok(smallest! >= 0.25);
    }
    assert.ok(seen('shape', 0.0025).smallest! > 0.27, 'few answers show larger faults only');
  });

  test('names the share by which a class has to move, more than the limit where chance wants more', () => {
    const { names, counts } = referenceOf(thirds)!.classes!;
    const few = seen('class_mix', 0.003, thirds);
    const moved = (share: number): number[] =>
      counts.map((count, index) => Math.max(0, count / 1_000 + (index === 0 ? -share : share)) * few.samples);
    assert.deepEqual(names, ['0', '1', 'others']);
    assert.ok(few.smallest! > 0.15);
    const chanceOf = (share: number): number =>
      mixOf(counts, moved(share).slice(0, 2).concat(0), { effective: few.samples }, 0.1).chance;
    assert.ok(chanceOf(few.smallest!) < options.chance);
    assert.ok(chanceOf(few.smallest! * 0.8) > options.chance);
    assert.match(seen('class_mix', 100, thirds).text, /^a class 11\.?\d* % more or less frequent$/);
  });

  test('tells the deviations, the spread, the repeats and the run that are seen', () => {
    assert.match(seen('mean_drift', 10).text, /^a mean 2\.\d+ standard deviations off$/);
    assert.match(seen('spread', 10).text, /^a spread below 0\.4\d+ or above 2\.\d+ times$/);
    assert.match(seen('repeats', 10).text, /^one answer given \d\.\d+ % of the time$/);
    assert.match(seen('constant_output', 10).text, /^50 equal answers in a row to different questions$/);
    const unsure = baselineOf('classes', () => [0.5 + 0.4 * random()].flatMap((share) => [share, 1 - share]));
    assert.match(seen('confidence', 10, unsure).text, /^a mean entropy 0\.5\d+ standard deviations off$/);
    const slow = seen('mean_drift', 0.003);
    assert.equal(slow.windowMs, 43_200_000);
    assert.ok(slow.smallest! >= 2);
  });

  test('says how many samples are missing and how long they take, or that they never come', () => {
    const result = (check: CheckName, samples: number): CheckResult => ({
      check, verdict: 'inconclusive', value: null, limit: 1, samples, samplesMin: 200, effect: 'rollback', text: '',
    });
    const [shape] = sights(0.6, bell, [result('shape', 63)]).filter(({ check }) => check === 'shape');
    assert.equal(shape!.missing, 137);
    assert.equal(waitText(shape!, 0.6), 'needs 137 more samples, about 4 min at 0.6/s');
    assert.equal(waitText(sights(0.6, bell, [result('shape', 200)]).find(({ check }) => check === 'shape')!, 0.6), '');
    const never = seen('shape', 0.001);
    assert.deepEqual([never.smallest, never.waitMs], [null, null]);
    assert.match(never.text, /^nothing: 24 h hold 86 of 200 samples$/);
    assert.match(waitText(never, 0.001), /more than the longest window ever holds at 0\.001\/s/);
    assert.match(waitText(seen('shape', 0), 0), /^needs 200 more samples; nothing comes in now$/);
    assert.match(waitText({ missing: 1, waitMs: 9e6 }, 1), /^needs 1 more sample, about 3 h at 1\/s$/);
  });

  test('leaves out what has nothing to say, and says what a baseline is missing for', () => {
    const names = sights(1, bell).map(({ check }) => check);
    assert.ok(!names.includes('class_mix') && !names.includes('projections') && names.includes('shape'));
    assert.match(seen('shape', 1, null).text, /^nothing: the version has no baseline$/);
    assert.match(seen('input_drift', 1).text, /^nothing: no baseline of inputs$/);
    const one = small([[4]]);
    for (const check of ['mean_drift', 'shape', 'spread', 'repeats'] as const) {
      const { smallest, text, missing } = seen(check, 1, one);
      assert.deepEqual([smallest, missing], [null, 0], 'no sample makes the baseline larger');
      assert.equal(text, 'nothing: the baseline has 1 row; wanted at least 100');
    }
    assert.doesNotMatch(seen('error_rate', 1, one).text, /baseline/);
    const equal = small(Array.from({ length: 100 }, () => [4]));
    assert.equal(seen('mean_drift', 1, equal).text, 'nothing: all answers of the baseline are equal');
    assert.equal(seen('spread', 1, equal).text, 'nothing: all answers of the baseline are equal');
    assert.equal(seen('confidence', 1, thirds).text, 'nothing: all answers of the baseline are equally sure');
    const inputs = { rows: 99, columns: [], source: 'validation', createdAtMs: 0, hash: '' } as const;
    assert.match(seen('input_drift', 1, { ...bell, inputs }).text, /^nothing: the baseline has 99 rows; wanted at/);
    const off = { ...options, checks: { ...options.checks, error_rate: { mode: 'off' as const } } };
    assert.ok(sightsOf(off, bell, at(1), []).every(({ check }) => check !== 'error_rate'));
    assert.deepEqual(sightsOf(judgeOptions({ mode: 'compat' }), bell, at(1), []), []);
  });
});

test('priceOf says the budget, and what is seen at the traffic that is expected, with and without a baseline', () => {
  const [budget, alone, compared] = priceOf(options, 2);
  assert.match(budget!, /^chance may explain a breach with 0\.000001 per look .* \(86400 looks a day/);
  assert.match(alone!, /seen at 2\/s\. hard failure: .*; error rate: 9\.\d+ % failed \(limit 5 %\); .*p95 latency: /);
  assert.match(compared!, /mean drift: a mean 2\.\d+ .*; shape: PSI 0\.\d+; .*input drift: PSI 0\.\d+ of an input/);
  assert.match(priceOf(options, 0.0001)[1]!, /error rate: nothing: 24 h hold 8 of 20 samples/);
  assert.deepEqual(priceOf(judgeOptions({ mode: 'compat' }), 2), []);
});
