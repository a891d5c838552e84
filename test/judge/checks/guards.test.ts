// What keeps a breach from failing a check, each guard by itself: numbers in, verdict out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { psiLimit } from '../../../src/judge/statistics/chance.ts';
import { shapeOf } from '../../../src/judge/checks/drift-check.ts';
import { projectionShapes } from '../../../src/judge/checks/projections.ts';
import { CHECKS } from '../../../src/judge/checks/table.ts';
import type { EvidenceOf } from '../../../src/judge/checks/check.ts';
import { InputCounts } from '../../../src/judge/window/input-counts.ts';
import { inputShapes } from '../../../src/judge/checks/input-drift.ts';
import { decideRate } from '../../../src/judge/checks/rate-check.ts';
import type { RateWindow } from '../../../src/judge/checks/rate-check.ts';
import { chanceText } from '../../../src/judge/types/number-text.ts';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { seededRandom } from '../fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

const failed = { outcome: Outcome.modelFailure };
const every = (n: number, bad: object) => (index: number): object => (index % n === 0 ? bad : {});

const window = (windowMs: number, hits: number, trials: number): RateWindow =>
  ({ windowMs, hits, trials, rest: { hits, trials }, oneInput: 0, firstLook: null });
const rate = (...windows: RateWindow[]) =>
  ({ limit: 0.05, samplesMin: 20, chance: 1e-6, twoLooksMs: 10_000, spreadOut: true, windows });

test('a share over the long window decides nothing once it is over', () => {
  const long = window(300_000, 200, 1_500);
  assert.equal(decideRate(rate(window(60_000, 40, 300), long)).verdict, 'fail');
  assert.equal(decideRate(rate(window(60_000, 2, 300), long)).verdict, 'pass');
});

test('a chance too small for a number is told as below one that is none', () => {
  assert.deepEqual([0, 1e-320, 3e-7, 0.25].map(chanceText), ['below 1e-300', 'below 1e-300', '3e-7', '25 %']);
});

test('a share over the short window wants a second look ten seconds later', () => {
  const now = window(60_000, 60, 300);
  const firstLook = { hits: 50, trials: 280, agoMs: 9_000 };
  assert.equal(decideRate(rate(now)).verdict, 'pass');
  assert.equal(decideRate(rate({ ...now, firstLook })).verdict, 'pass');
  assert.equal(decideRate(rate({ ...now, firstLook: { ...firstLook, agoMs: 10_000 } })).verdict, 'fail');
});

test('failures of a few seconds count as one burst, and the same number spread over a minute does not', () => {
  const burst = new SuiteRun().feed(120, 50, () => ({})).feed(10, 50, every(2, failed)).feed(120, 50, () => ({}));
  assert.deepEqual([...burst.failedAt], []);
  const spread = new SuiteRun().feed(120, 50, () => ({})).feed(60, 50, every(12, failed)).feed(20, 50, () => ({}));
  assert.deepEqual([...spread.failedAt.keys()], ['error_rate']);
});

const drift: Omit<EvidenceOf<'mean_drift'>, 'windows'> = {
  check: 'mean_drift', effect: 'rollback', samplesMin: 50, inputs: null, inputsMin: 20, chance: 1e-6,
  twoLooksMs: 10_000, unjudged: null, rows: 1_000, limit: 2, baseline: { mean: 0, standardDeviation: 1 },
};
const far = (windowMs: number, sigmas: number, agoMs: number | null) => {
  const now = { windowMs, samples: 500, effective: 500, sigmas };
  return { now, firstLook: agoMs === null ? null : { agoMs, window: now } };
};
const verdictOf = (...windows: ReturnType<typeof far>[]): string =>
  CHECKS.mean_drift.verdictOf({ ...drift, windows });

test('a drift wants a second look ten seconds later, and to last until now', () => {
  assert.equal(verdictOf(far(60_000, 4, null)), 'pass');
  assert.equal(verdictOf(far(60_000, 4, 9_000)), 'pass');
  assert.equal(verdictOf(far(60_000, 4, 10_000)), 'fail');
  assert.equal(verdictOf(far(60_000, 0.1, null), far(300_000, 4, 60_000)), 'pass', 'over by now');
  assert.equal(verdictOf(far(60_000, 2.1, null), far(300_000, 4, 60_000)), 'fail');
});

test('few rows on both sides differ by more than any fixed limit, and the limit knows', () => {
  const random = seededRandom(3);
  const histogram = (rows: number): number[] => {
    const counts = new Array<number>(12).fill(0);
    for (let row = 0; row < rows; row += 1) counts[1 + Math.floor(10 * random())]! += 1;
    return counts;
  };
  let naive = 0;
  for (let trial = 0; trial < 500; trial += 1) {
    const about = { psi: 0.25, chance: 1e-6, worth: { effective: 92 }, rows: 92 };
    const { psi, limit } = shapeOf(histogram(92), histogram(92), about);
    if (psi > 0.25) naive += 1;
    assert.ok(psi <= limit, `PSI ${psi} with the limit ${limit}`);
  }
  assert.ok(naive > 50, `${naive} of 500 are over 0.25 for no reason`);
});

test('each of eight projections is allowed an eighth of the chance, and its own part of the rows', () => {
  const counts = [0, 100, 100, 100, 100, 0];
  const eight = <T>(value: T): T[] => Array.from({ length: 8 }, () => value);
  const evidence: EvidenceOf<'projections'> = {
    ...drift, check: 'projections', psi: 0.01, baseline: eight({ edges: [0, 1, 2, 3, 4], counts }), windows: [],
  };
  const now = { windowMs: 60_000, samples: 800, effective: 400, counts: eight([0, 25, 25, 25, 25, 0]) };
  const worth = { effective: 50, proven: 50 };
  for (const { limit } of projectionShapes(evidence, now)) {
    assert.equal(limit, psiLimit(0.01, 1e-6 / 8, 4, worth, 400));
    assert.ok(limit > psiLimit(0.01, 1e-6, 4, worth, 400));
  }
});

test('confidence looks at the mean of the entropy and at its shape, each by itself', () => {
  const counts = [0, 250, 250, 250, 250, 0];
  const of = (mean: number, seen: number[]): string => {
    const window = { windowMs: 60_000, samples: 1_000, effective: 1_000, mean, counts: seen };
    return CHECKS.confidence.verdictOf({
      ...drift, check: 'confidence', shift: 0.5, psi: 0.25,
      windows: [{ now: window, firstLook: { agoMs: 10_000, window } }],
      baseline: { mean: 0.5, standardDeviation: 0.2, edges: [0, 1, 2, 3, 4], counts },
    });
  };
  assert.equal(of(0.52, counts), 'pass');
  assert.equal(of(0.75, counts), 'fail', 'surer or less sure in the mean');
  assert.equal(of(0.5, [0, 500, 0, 0, 500, 0]), 'fail', 'sure of some, lost with others');
});

test('spread allows rare large answers their uneven numbers', () => {
  const random = seededRandom(8);
  const rare = (): number => (random() < 0.01 ? 10 : 0) + 0.01 * random();
  const baseline = computeBaseline(Array.from({ length: 1_000 }, () => [rare()]), {
    output: 'y', kind: 'regression', source: 'validation', createdAtMs: 0, origin: 'test',
  });
  const run = new SuiteRun({ baseline }).feed(1_200, 2, () => ({ value: rare() }));
  assert.equal(run.failedAt.has('spread'), false, 'minutes without one, and minutes with three');
});

test('each watched input is allowed its part of the chance, and what is no number is counted by itself', () => {
  const counts = [0, 50, 50, 0, 0];
  const columns = ['a', 'b', 'c', 'd'].map((name) => ({ name, edges: [0, 1, 2], counts }));
  const evidence: EvidenceOf<'input_drift'> = { ...drift, check: 'input_drift', psi: 0.01, columns, windows: [] };
  const now = { windowMs: 60_000, samples: 60, effective: 60, counts: columns.map(() => counts) };
  for (const { limit } of inputShapes(evidence, now)) {
    assert.equal(limit, psiLimit(0.01, 1e-6 / 4, 2, { effective: 60 }, 1_000));
  }
  const counted = new InputCounts({ rows: 100, count: 6, columns: [
    { name: 'a', edges: [0, 1, 2], counts, counters: { from: 1, length: 5 } },
  ] }, 60_000);
  for (const value of [NaN, -1, 0.5, Infinity, 9]) counted.add({ names: ['a'], values: [value], atUs: 1 });
  assert.deepEqual(counted.windows.totals(0, 0, 6), [5, 1, 1, 0, 1, 2]);
});
