// GET /metrics and the statistics of a real engine under real requests.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { CHECK_NAMES } from '../../src/options/judge-options.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { parseMetrics, total } from '../support/prometheus.ts';
import type { Family } from '../support/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const TOKEN = 'a-token-of-the-test';

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

const features = JSON.stringify({ features: [1, 2, 3] });
const infer = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }] });

suite('GET /metrics on a real engine', () => {
  let engine: Engine;
  let port = 0;
  let scraped: Map<string, Family> = new Map();

  const text = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return response.text();
  };
  /** A text that was written after this was called; none of its counts may be below the one before. */
  const scrape = async (): Promise<Map<string, Family>> => {
    await sleep(1_050);
    const before = scraped;
    scraped = parseMetrics(await text());
    for (const { name, type, samples } of before.values()) {
      if (type === 'gauge') continue;
      for (const one of samples) {
        const now = total(scraped, one.name, one.labels);
        assert.ok(now >= one.value, `${name} went back from ${one.value} to ${now}`);
      }
    }
    return scraped;
  };
  const post = async (path: string, body: string): Promise<number> => (await http(port, path, { body })).status;

  before(async () => {
    engine = await createEngine({
      dataDir: temporaryDirectory(), workers: 1, adminToken: TOKEN, tritonMetrics: true, bodyBytesMax: 4_096,
      modelControl: 'explicit', judge: { lookMs: 50 },
    });
    await engine.register('m', file(linear(1)), { version: '1', promote: true });
    await engine.register('m', file(linear(2)), { version: '2' });
    ({ port } = await engine.listen({ port: 0 }));
  });

  after(async () => {
    await engine.close();
  });

  test('has the counters of all that may happen before any of it has', async () => {
    const families = await scrape();
    const values = (name: string): number[] => families.get(name)!.samples.map(({ value }) => value);
    for (const name of ['lastgood_requests_total', 'lastgood_rollbacks_total', 'lastgood_check_breaches_total']) {
      assert.deepEqual(new Set(values(name)), new Set([0]), name);
    }
    assert.equal(values('lastgood_requests_total').length, 84 + 21, 'of the one loaded version and of none');
    assert.equal(values('lastgood_check_breaches_total').length, CHECK_NAMES.length);
    assert.equal(values('lastgood_rollbacks_total').length, CHECK_NAMES.length + 2);
  });

  test('counts what was answered by version, track, protocol and code, the same in all families', async () => {
    for (let request = 0; request < 20; request += 1) assert.equal(await post('/predict', features), 200);
    for (let request = 0; request < 7; request += 1) assert.equal(await post('/v2/models/m/infer', infer), 200);
    assert.equal(await post('/predict', '{"features":[1]}'), 400);
    assert.equal(await post('/predict', JSON.stringify({ features: 'x'.repeat(5_000) })), 413);
    assert.equal(await post('/models/nothing/predict', features), 404);
    const families = await scrape();
    const canary = { model: 'm', version: '1', track: 'canary' };
    assert.equal(total(families, 'lastgood_requests_total'), 28);
    assert.equal(total(families, 'lastgood_requests_total', { ...canary, protocol: 'predict', code: '200' }), 20);
    assert.equal(total(families, 'lastgood_requests_total', { ...canary, protocol: 'predict', code: '400' }), 1);
    assert.equal(total(families, 'lastgood_requests_total', { ...canary, protocol: 'oip', code: '200' }), 7);
    assert.equal(total(families, 'lastgood_request_duration_seconds_count', canary), 28);
    assert.equal(total(families, 'lastgood_queue_duration_seconds_count', canary), 28);
    assert.equal(total(families, 'lastgood_inference_duration_seconds_count', canary), 27);
    assert.equal(total(families, 'lastgood_rows_total', canary), 34);
    assert.equal(total(families, 'lastgood_batch_size_sum', canary), 34, 'every row is in one run');
    assert.ok(total(families, 'lastgood_request_duration_seconds_sum') > 0);
    assert.equal(total(families, 'lastgood_requests_rejected_total', { reason: 'too_large' }), 1);
    assert.equal(total(families, 'lastgood_front_refusals_total', { error: 'MODEL_NOT_FOUND' }), 1);
    assert.ok(total(families, 'lastgood_connections') > 0);
    assert.equal(total(families, 'lastgood_model_active_info', { model: 'm', version: '1' }), 1);
    assert.equal(total(families, 'lastgood_model_generation', { model: 'm' }), 1);
    assert.equal(total(families, 'lastgood_rollout_phase', { phase: 'probation' }), 1);
    assert.ok(total(families, 'lastgood_model_load_duration_seconds', { version: '1' }) > 0);
    assert.ok(total(families, 'lastgood_check_threshold_seconds', { version: '1', check: 'p95_latency' }) > 0);
    assert.equal(total(families, 'nv_inference_request_success', { model: 'm', version: '1' }), 27);
    assert.equal(total(families, 'nv_inference_count', { model: 'm', version: '1' }), 34);
  });

  test('never goes back over a promote, a rollback, and an unload with a load', async () => {
    const answered = async (version: string): Promise<number> =>
      total(await scrape(), 'lastgood_request_duration_seconds_count', { version });
    await engine.promote('m', '2');
    for (let request = 0; request < 5; request += 1) assert.equal(await post('/predict', features), 200);
    assert.deepEqual([await answered('2'), total(scraped, 'lastgood_model_generation')], [5, 2]);
    await engine.rollback('m');
    for (let request = 0; request < 5; request += 1) assert.equal(await post('/predict', features), 200);
    assert.deepEqual([await answered('1'), await answered('2')], [33, 5]);
    assert.equal(total(scraped, 'lastgood_rollbacks_total', { model: 'm', trigger: 'operator' }), 1);
    assert.equal(await post('/v2/repository/models/m/unload', '{"parameters":{"force":true}}'), 200);
    assert.equal(await post('/predict', features), 404);
    assert.equal(await post('/v2/repository/models/m/load', ''), 200);
    assert.equal(await post('/predict', features), 200);
    // The text has only the models that are served, so it is compared with the one before the unload.
    assert.equal(await answered('1'), 34);
  });

  test('never goes back when the monitor dies and is started again', async () => {
    await scrape();
    // Not a ring: the thread throws.
    engine.context.monitor.post({
      kind: 'attach', deploymentId: 99, model: 'm', version: '1', memory: new SharedArrayBuffer(8), rings: 1,
      capacity: 3,
    });
    await until('the monitor is started again', () => engine.context.meters.monitorRestarts > 0);
    assert.equal(await post('/predict', features), 200);
    assert.equal(total(await scrape(), 'lastgood_monitor_restarts_total'), 1);
    assert.ok(total(scraped, 'lastgood_requests_total', { version: '1', code: '200' }) > 30);
  });

  test('is written once for all who ask within a second, and by one question to the monitor', async () => {
    await scrape();
    const first = await text();
    assert.equal(await post('/predict', features), 200);
    assert.deepEqual(new Set(await Promise.all([text(), text(), text()])), new Set([first]));
  });

  test('the statistics are of now, of a version or of all', async () => {
    const success = async (path: string): Promise<[string, string, number][]> => {
      const { status, json } = await http(port, path);
      assert.equal(status, 200);
      interface Entry { name: string; version: string; inference_stats: { success: { count: number } } }
      return (json['model_stats'] as Entry[]).map(({ name, version, inference_stats }) =>
        [name, version, inference_stats.success.count]);
    };
    const before = (await success('/v2/models/m/versions/1/stats'))[0]![2];
    for (let request = 1; request <= 3; request += 1) {
      assert.equal(await post('/predict', features), 200);
      assert.deepEqual(await success('/v2/models/m/versions/1/stats'), [['m', '1', before + request]]);
    }
    assert.deepEqual(await success('/v2/models/stats'), await success('/v2/models/m/stats'));
    assert.equal((await http(port, '/v2/models/m/versions/9/stats')).status, 404);
  });
});
