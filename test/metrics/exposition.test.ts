import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exposition } from '../../src/metrics/exposition.ts';
import { ModelMeter } from '../../src/metrics/model-meter.ts';
import { countSample, newSampleCounts } from '../../src/metrics/sample-counts.ts';
import { SampleMeter } from '../../src/metrics/sample-meter.ts';
import { modelStatistics } from '../../src/metrics/statistics.ts';
import { MetricText } from '../../src/metrics/text-format.ts';
import { writeTritonNames } from '../../src/metrics/triton-exposition.ts';
import type { EngineView, ModelView } from '../../src/metrics/views.ts';
import { emptySample, Outcome, SampleKind } from '../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { Track } from '../../src/shared-memory/slab.ts';
import { parseMetrics, total } from '../support/prometheus.ts';

const sample = (more: Partial<Sample>): Sample => ({ ...emptySample(), rows: 1, batchRows: 1, ...more });

function modelView(meter: ModelMeter, more: Partial<ModelView> = {}): ModelView {
  return {
    model: 'digits', meter, active: { version: '2', digest: 'abc' }, lastGood: '1', generation: 5, phase: 'steady',
    isSaved: true, isHealthy: true, pending: 3, loaded: [{ version: '2', role: 'active', state: 'ready' }],
    sources: 2,
    checks: [
      { check: 'p95_latency', unit: 'ms', value: 12.5, limit: 500 },
      { check: 'mean_drift', unit: 'deviations', value: null, limit: 2 },
    ],
    checksInForce: ['p95_latency', 'mean_drift', 'class_mix'],
    ...more,
  };
}

function engineView(...models: ModelView[]): EngineView {
  return {
    models, phases: ['steady', 'probation'], refusals: new Map([['BODY_TOO_LARGE', 2], ['ROUTE_NOT_FOUND', 7]]),
    inFlight: 1,
    held: { connections: 2, refusedConnections: 0, sockets: 1, unreadBytes: 9 }, tls: null,
    isDraining: false, monitorRestarts: 0, restarts: 3, stalls: 1, isDiskWritable: false,
    process: {
      version: '1.2.3', node: '20', startSeconds: 1e9, cpuSeconds: 1.5, residentBytes: 1e8, memoryBytes: 5e7,
      memoryMax: 1e9,
    },
  };
}

const scrape = (...models: ModelView[]) => parseMetrics(exposition(engineView(...models)).toString());

describe('the counts of samples', () => {
  test('put a duration on a bound into the bucket of that bound, and what is above all into the last', () => {
    const counts = newSampleCounts();
    for (const latencyUs of [100, 101, 30e6, 30e6 + 1]) countSample(counts, sample({ latencyUs }));
    const { counts: buckets, sum } = counts.request;
    assert.deepEqual([buckets[0], buckets[1], buckets[16], buckets[17]], [1, 1, 1, 1]);
    assert.equal(sum, 100 + 101 + 30e6 + 30e6 + 1);
  });

  test('count a run once, by its first request, with the rows of all of them', () => {
    const counts = newSampleCounts();
    for (const isRunFirst of [true, false, false]) countSample(counts, sample({ runUs: 20, batchRows: 3, isRunFirst }));
    countSample(counts, sample({ kind: SampleKind.row, runUs: 20, batchRows: 3, isRunFirst: true }));
    assert.deepEqual([...counts.runsBySize], [[3, { runs: 1, us: 20 }]]);
    assert.deepEqual([counts.rows, counts.batch.sum, counts.inference.sum], [3, 3, 60]);
  });

  test('tell very large runs by the next power of two, so that there are never many sizes', () => {
    const counts = newSampleCounts();
    for (const batchRows of [1_024, 1_500, 2_000]) {
      countSample(counts, sample({ runUs: 20, batchRows, isRunFirst: true }));
    }
    assert.deepEqual([...counts.runsBySize].map(([size, { runs }]) => [size, runs]), [[1_024, 1], [2_048, 2]]);
  });

  test('leave requests that no run answered out of the inference durations', () => {
    const counts = newSampleCounts();
    countSample(counts, sample({ outcome: Outcome.clientFault, latencyUs: 50, queueUs: 10 }));
    assert.deepEqual([counts.request.sum, counts.queue.sum, counts.inference.sum, counts.rows], [50, 10, 0, 0]);
  });

  test('are handed over once each, by version and track', () => {
    const meter = new SampleMeter();
    meter.add(sample({ track: Track.canary }), '1');
    meter.add(sample({ track: Track.stable }), '1');
    meter.add(sample({ track: Track.canary }), '2');
    meter.add(sample({ track: Track.canary }), '1');
    const taken = meter.take().map(({ version, track, counts }) => [version, track, counts.requests[Outcome.ok]]);
    assert.deepEqual(taken, [['1', Track.stable, 1], ['1', Track.canary, 2], ['2', Track.canary, 1]]);
    assert.deepEqual([meter.take(), meter.isEmpty], [[], true]);
    meter.add(sample({}), '1');
    assert.equal(meter.take().length, 1);
  });
});

describe('GET /metrics', () => {
  test('is strictly in the text format and says the same of a model in all its families', () => {
    const meter = new ModelMeter();
    const { answers, samples } = meter.of('2', Track.canary);
    for (let request = 0; request < 10; request += 1) {
      answers.add(EntryKind.predictJson, 200);
      countSample(samples, sample({ latencyUs: 300 * request, queueUs: 20, runUs: 15, isRunFirst: true }));
    }
    meter.of('1', Track.named).answers.add(EntryKind.oip, 400);
    meter.unserved.add(EntryKind.oip, 429);
    meter.queueFull += 1;
    meter.countRollback('mean_drift');
    meter.countHold('cooldown');
    const families = scrape(modelView(meter));
    const of = { model: 'digits' };
    assert.equal(total(families, 'lastgood_requests_total', of), 12);
    const canary = { ...of, version: '2', track: 'canary' };
    assert.equal(total(families, 'lastgood_requests_total', { ...canary, protocol: 'predict', code: '200' }), 10);
    assert.equal(total(families, 'lastgood_requests_total', { version: '1', track: 'named', protocol: 'oip' }), 1);
    assert.equal(total(families, 'lastgood_requests_total', { version: '', code: '429' }), 1);
    assert.equal(total(families, 'lastgood_requests_rejected_total', { ...of, reason: 'queue_full' }), 1);
    assert.equal(total(families, 'lastgood_requests_rejected_total', { reason: 'too_large' }), 2);
    assert.equal(total(families, 'lastgood_front_refusals_total', { error: 'ROUTE_NOT_FOUND' }), 7);
    assert.equal(total(families, 'lastgood_request_duration_seconds_count', canary), 10);
    assert.equal(total(families, 'lastgood_request_duration_seconds_bucket', { ...canary, le: '0.0001' }), 1);
    assert.equal(total(families, 'lastgood_request_duration_seconds_bucket', { ...canary, le: '0.00025' }), 1);
    assert.equal(total(families, 'lastgood_request_duration_seconds_bucket', { ...canary, le: '0.0005' }), 2);
    assert.equal(total(families, 'lastgood_request_duration_seconds_sum', canary), 0.0135);
    assert.equal(total(families, 'lastgood_batch_size_count', canary), 10);
    assert.equal(total(families, 'lastgood_model_active_info', { version: '2', digest: 'abc' }), 1);
    assert.equal(total(families, 'lastgood_rollbacks_total', { ...of, trigger: 'mean_drift' }), 1);
    assert.equal(total(families, 'lastgood_rollout_phase', { phase: 'steady' }), 1);
    assert.equal(total(families, 'lastgood_rollout_phase', { phase: 'probation' }), 0);
    assert.equal(total(families, 'lastgood_check_seconds', { check: 'p95_latency' }), 0.0125);
    assert.equal(total(families, 'lastgood_check_threshold_seconds'), 0.5);
    assert.equal(total(families, 'lastgood_check_threshold_deviations', { check: 'mean_drift' }), 2);
    assert.equal(families.get('lastgood_check_deviations')?.samples.length, 0, 'a check without data has no value');
    assert.equal(total(families, 'lastgood_holds_total', { ...of, reason: 'cooldown' }), 1);
    assert.equal(total(families, 'lastgood_holds_total', { ...of, reason: 'no_target' }), 0);
    assert.equal(total(families, 'lastgood_sources', of), 2);
    const process = ['engine_restarts_total', 'engine_stalls_total', 'disk_writable'];
    assert.deepEqual(process.map((name) => total(families, `lastgood_${name}`)), [3, 1, 0]);
  });

  test('has no series of a version that was removed, and goes on with those that are there', () => {
    const meter = new ModelMeter();
    for (const version of ['1', '2']) meter.of(version, Track.stable).answers.add(EntryKind.predictJson, 200);
    meter.retainOnly((version) => version === '2');
    const families = scrape(modelView(meter));
    assert.equal(total(families, 'lastgood_requests_total', { version: '1' }), 0);
    const of = families.get('lastgood_requests_total')!.samples.filter(({ labels }) => labels['version'] === '1');
    assert.deepEqual(of, []);
    assert.equal(total(families, 'lastgood_requests_total', { version: '2' }), 1);
  });

  test('has every counter that may go up before it does, and no more of them than it says', () => {
    const meter = new ModelMeter();
    meter.noteLoad('2', 0.1);
    const families = scrape(modelView(meter));
    const series = (name: string, labels: Readonly<Record<string, string>>): number[] =>
      families.get(name)!.samples.filter((one) => Object.entries(labels).every(([key, value]) =>
        one.labels[key] === value)).map(({ value }) => value);
    const zeros = (count: number): number[] => new Array<number>(count).fill(0);
    assert.deepEqual(series('lastgood_requests_total', { version: '2' }), zeros(84));
    assert.deepEqual(series('lastgood_requests_total', { version: '' }), zeros(21));
    for (const track of ['stable', 'canary', 'named', 'shield']) {
      for (const code of ['200', '500', '504']) {
        const labels = { model: 'digits', version: '2', track, code };
        assert.deepEqual(series('lastgood_requests_total', { ...labels, protocol: 'predict' }), [0]);
      }
    }
    for (const trigger of ['p95_latency', 'mean_drift', 'class_mix', 'operator', 'engine']) {
      assert.deepEqual(series('lastgood_rollbacks_total', { model: 'digits', trigger }), [0]);
    }
    assert.deepEqual(series('lastgood_check_breaches_total', { model: 'digits' }), zeros(3));
    meter.countRollback('class_mix');
    meter.countBreach('class_mix');
    meter.of('2', Track.canary).answers.add(EntryKind.oip, 500);
    const after = scrape(modelView(meter));
    for (const [name, of] of families) {
      for (const { name: one, labels } of of.samples) {
        assert.ok(total(after, one, labels) >= total(families, one, labels), `${name} goes on`);
      }
    }
    assert.equal(total(after, 'lastgood_rollbacks_total', { trigger: 'class_mix' }), 1);
    assert.equal(total(after, 'lastgood_check_breaches_total', { check: 'class_mix' }), 1);
    // One that is not loaded any more keeps what it counted, and no more.
    const gone = parseMetrics(exposition(engineView(modelView(meter, { loaded: [] }))).toString());
    const kept = gone.get('lastgood_requests_total')!.samples.filter(({ labels }) => labels['version'] === '2');
    assert.deepEqual(kept.map(({ value }) => value), [1]);
  });

  test('escapes what a label or a help may hold', () => {
    const text = new MetricText();
    const hostile = 'a"b\\c\nd';
    text.gauge('x', 'one\ntwo \\ three', [[{ model: hostile }, NaN], [{ model: '' }, -Infinity]]);
    const family = parseMetrics(text.toString()).get('x');
    const read = family?.samples.map(({ labels, value }) => [labels['model'], value]);
    assert.deepEqual(read, [[hostile, NaN], ['', -Infinity]]);
    assert.equal(family?.help, 'one\\ntwo \\\\ three');
  });

  test('counts of a model never go back while versions come and go, also beyond the bound of versions', () => {
    const meter = new ModelMeter();
    const add = (version: string): void => {
      meter.of(version, Track.stable).answers.add(EntryKind.oip, 200);
      const counts = newSampleCounts();
      countSample(counts, sample({}));
      meter.addSamples({ version, track: Track.stable, counts });
    };
    let before = 0;
    for (let version = 1; version <= 300; version += 1) {
      add('busy');
      add(String(version));
      if (version % 25 > 0) continue;
      const now = total(scrape(modelView(meter)), 'lastgood_requests_total', { version: 'busy' });
      assert.ok(now > before, `${now} after ${before}`);
      before = now;
    }
    const versions = new Set([...meter.versions()].map(({ version }) => version));
    assert.ok(versions.size <= 64 && versions.has('busy') && versions.has('300'));
  });

  test("has Triton's names beside its own when they are asked for, tracks added up", () => {
    const meter = new ModelMeter();
    const answered = sample({ latencyUs: 100, queueUs: 30, runUs: 50, isRunFirst: true });
    countSample(meter.of('2', Track.canary).samples, answered);
    countSample(meter.of('2', Track.stable).samples, answered);
    countSample(meter.of('2', Track.stable).samples, sample({ outcome: Outcome.modelFailure, latencyUs: 9 }));
    const text = exposition(engineView(modelView(meter)));
    writeTritonNames(text, [modelView(meter)]);
    const families = parseMetrics(text.toString());
    const labels = { model: 'digits', version: '2' };
    const values = [
      'request_success', 'count', 'exec_count', 'request_duration_us', 'queue_duration_us',
      'compute_input_duration_us', 'compute_infer_duration_us', 'compute_output_duration_us',
    ].map((name) => total(families, `nv_inference_${name}`, labels));
    assert.deepEqual(values, [2, 2, 2, 209, 60, 40, 100, 0]);
    assert.equal(total(families, 'nv_inference_request_failure', { ...labels, reason: 'BACKEND' }), 1);
    assert.equal(total(families, 'nv_inference_pending_request_count', labels), 3);
  });
});

test('the statistics have every leaf that clients read unchecked, in whole nanoseconds', () => {
  const meter = new ModelMeter();
  countSample(meter.of('2', Track.canary).samples,
    sample({ latencyUs: 100.5, queueUs: 30, runUs: 50, rows: 4, batchRows: 4, isRunFirst: true, atUs: 5e6 }));
  const statistics = modelStatistics('digits', '2', meter, { wallMs: 1e12, nowUs: 6e6 }) as Record<string, unknown>;
  const leaf = (count: number, ns: number) => ({ count, ns });
  assert.deepEqual(statistics, {
    name: 'digits', version: '2', last_inference: 1e12 - 1_000, inference_count: 4, execution_count: 1,
    inference_stats: {
      success: leaf(1, 100_500), fail: leaf(0, 0), queue: leaf(1, 30_000), compute_input: leaf(1, 20_500),
      compute_infer: leaf(1, 50_000), compute_output: leaf(1, 0), cache_hit: leaf(0, 0), cache_miss: leaf(0, 0),
    },
    response_stats: {},
    batch_stats: [
      { batch_size: 4, compute_input: leaf(1, 0), compute_infer: leaf(1, 50_000), compute_output: leaf(1, 0) },
    ],
    memory_usage: [],
  });
});
