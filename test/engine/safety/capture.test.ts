// When live answers become a baseline, and when they do not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertHealthy, liveBaseline } from '../../../src/engine/safety/capture.ts';
import type { CaptureAbout } from '../../../src/engine/safety/capture.ts';
import type { CapturedPredictions, CheckName, CheckResult } from '../../../src/judge/types/messages.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import type { Baseline, VersionRecord } from '../../../src/domain/records.ts';
import { seededRandom } from '../../judge/fixtures.ts';

const random = seededRandom(6);
const captured = (mean: number, more: Partial<CapturedPredictions> = {}): CapturedPredictions => ({
  kind: 'captured', request: 1, model: 'm', generation: 4, forMs: 600_000, classCounts: [], entropies: [],
  projections: [], inputs: null, values: Array.from({ length: 1_500 }, () => mean + random()), ...more,
});
const record = (version: string, baseline: Baseline | null): VersionRecord => ({
  model: 'm', version, baseline, outputKind: 'regression',
  signature: { inputs: [], outputs: [{ name: 'price', datatype: 'FP32', shape: [-1, 1] }] },
} as unknown as VersionRecord);
const about = (more: Partial<CaptureAbout> = {}): CaptureAbout => ({
  version: record('2', null), generation: 4, others: [], options: resolveOptions({}).judge, acceptsNew: false, nowMs: 9,
  labelNames: () => new Map(),
  ...more,
});

describe('assertHealthy', () => {
  const failing = (check: CheckName, verdict: CheckResult['verdict'] = 'fail'): CheckResult =>
    ({ check, verdict, value: 1, limit: 0, samples: 9, samplesMin: 1, effect: 'rollback', text: `${check} is over` });
  const refused = (checks: readonly CheckResult[], acceptsNew: boolean, message: RegExp): void =>
    assert.throws(() => assertHealthy('m', checks, acceptsNew), { code: 'NOT_HEALTHY', message });

  test('refuses answers that have drifted, naming every check that fails, unless that is meant', () => {
    const drifted = [failing('class_mix'), failing('shape'), failing('confidence'), failing('spread', 'pass')];
    refused(drifted, false, /now: class mix, shape, confidence \(class_mix is over; .*\); wanted answers like those/);
    refused(drifted, false, /of its baseline, or --accept-new-distribution if the new ones are meant$/);
    assertHealthy('m', drifted, true);
    refused([failing('mean_drift')], false, /now: mean drift \(/);
  });

  test('refuses a version that is slow, fails or answers nonsense, whatever is meant', () => {
    for (const check of ['hard_failure', 'error_rate', 'p95_latency', 'non_finite', 'constant_output'] as const) {
      for (const acceptsNew of [false, true]) {
        refused([failing(check), failing('shape')], acceptsNew, /wanted a version that answers in time and without/);
      }
    }
  });

  test('takes a version whose checks pass, wait, or speak of what comes in only', () => {
    const passing = [failing('shape', 'pass'), failing('error_rate', 'inconclusive')];
    assertHealthy('m', [...passing, failing('input_drift')], false);
    assertHealthy('m', [], false);
  });
});

describe('liveBaseline', () => {
  test('takes a thousand answers over ten minutes, with edges, counts, atom, source and hash', () => {
    const { rows, source, output, bins, atomShare, hash, createdAtMs } = liveBaseline(captured(5), about());
    assert.deepEqual([rows, source, output, createdAtMs], [1_500, 'live', 'price', 9]);
    assert.equal(bins!.counts.reduce((sum, count) => sum + count, 0), 1_500);
    assert.ok(bins!.edges.length >= 10 && atomShare! < 0.01);
    assert.match(hash!, /^[0-9a-f]{64}$/);
  });

  test('says how many answers, or how much time, is missing', () => {
    const few = captured(5, { values: [1, 2] });
    assert.throws(() => liveBaseline(few, about()), { message: /2 live predictions; wanted 1000, 998 more/ });
    assert.throws(() => liveBaseline(captured(5, { generation: 3 }), about()), { code: 'NOT_ENOUGH_SAMPLES' });
    const early = captured(5, { forMs: 360_000 });
    assert.throws(() => liveBaseline(early, about()), { message: /of 360 s; wanted.* 240 s more/ });
    const options = { captureSamples: 2, captureMs: 0 };
    assert.equal(liveBaseline(few, about({ options })).rows, 2);
  });

  test('refuses answers that are no scores, or no shares, of a version that is judged by such', () => {
    const as = (outputKind: string, declared?: object): Partial<CaptureAbout> =>
      ({ version: { ...record('2', null), outputKind, ...(declared && { declared }) } as VersionRecord });
    const values = Array.from({ length: 1_500 }, (_, index) => (index % 500 === 0 ? 1.5 : random()));
    for (const [kind, pattern] of [
      ['score', /"price" has 3 of 1500 live answers outside of 0 to 1 \(1\.5 for one\), which is no score as declared/],
      ['classes', /which is no share of a class as declared; register the version with --output-kind vector/],
    ] as const) {
      assert.throws(() => liveBaseline(captured(0, { values }), about(as(kind, { kind }))),
        { code: 'INVALID_BASELINE', message: pattern });
    }
    assert.throws(() => liveBaseline(captured(-0.5), about(as('score'))), { message: /as its baseline was until now/ });
    assert.equal(liveBaseline(captured(0), about(as('score', { kind: 'score' }))).kind, 'score');
    assert.equal(liveBaseline(captured(9), about(as('scalar'))).rows, 1_500, 'nobody said what one number means');
  });

  test('refuses answers far from what the version before gave live, unless that is meant', () => {
    const first = liveBaseline(captured(5), about());
    const before = record('1', first);
    const validated = record('1', { ...first, source: 'validation' });
    const own = record('2', first);
    assert.equal(liveBaseline(captured(5.01), about({ others: [before] })).rows, 1_500, 'a small change is none');
    assert.throws(() => liveBaseline(captured(9), about({ others: [before] })),
      { code: 'INVALID_BASELINE', message: /version "1" gave live: PSI [\d.]+, wanted at most 1/ });
    assert.equal(liveBaseline(captured(9), about({ others: [before], acceptsNew: true })).rows, 1_500);
    assert.equal(liveBaseline(captured(9), about({ others: [validated, own] })).rows, 1_500, 'only live ones count');
    const newer = record('3', { ...liveBaseline(captured(9), about()), createdAtMs: 20 });
    assert.equal(liveBaseline(captured(9), about({ others: [before, newer] })).rows, 1_500, 'the newest counts');
  });
});
