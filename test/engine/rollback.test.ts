// The promise on real models: a version that answers nonsense is taken back by the monitor, and nobody is dropped.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import { housingBaseline, housingBodies, housingFile } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { held, linear } from '../worker/onnx.ts';

/** 2 n^3 operations: several seconds on one core. */
const HELD_SIZE = 5_000;

describe('Engine', () => {
  test('goes back to the last good version by itself while every request gets its answer', async () => {
    const dataDir = temporaryDirectory();
    const engine = await createEngine({
      dataDir, port: 0, judge: { lookMs: 50, cooldownMs: 0, windowMs: 3_000 }, logLevel: 'silent',
    });
    const { registry } = engine.context;
    for (const version of ['1', 'dollars']) {
      await engine.register('housing', housingFile(version), { version, baseline: housingBaseline(version) });
    }
    await engine.promote('housing', '1');
    const front = await engine.listen();
    const crowd = new Crowd(front.port, '/predict', housingBodies, 8);
    await until('version 1 answers', () => crowd.countOf('1') > 50);
    const rolledBack = new Promise<string | null>((resolve) =>
      engine.once('rollback', ({ decision }) => resolve(`${decision.trigger} ${decision.rolledBackTo ?? ''}`)),
    );
    await engine.promote('housing', 'dollars');
    assert.equal(await rolledBack, 'mean_drift 1');
    const late = await engine.rollback('housing');
    assert.deepEqual([late.from, late.rolledBackTo, late.generation], ['dollars', '1', 3], 'asked a moment later');
    await crowd.stop();
    assert.ok(crowd.countOf('dollars') > 0);
    assert.deepEqual(crowd.failures, []);
    assert.equal(crowd.answers.filter(({ status }) => status === 200).length, crowd.sent);
    assert.equal(registry.version('housing', 'dollars').health, 'unhealthy');
    assert.equal(registry.model('housing').activeVersion, '1');
    await engine.close();
  });

  test('a version whose runs do not come back fails by its deadlines and is taken back while they still last', async () => {
    const engine = await createEngine({
      dataDir: temporaryDirectory(), port: 0, workers: 1, deadlineMs: 100, logLevel: 'silent',
      judge: { lookMs: 20, cooldownMs: 0, samplesMin: 5, p95LimitMs: 3_600_000 },
    });
    for (const [version, bytes] of [['1', linear()], ['held', held()]] as const) {
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, bytes);
      await engine.register('m', path, { version, promote: version === '1' });
    }
    await engine.confirm('m');
    const front = await engine.listen();
    await engine.promote('m', 'held');
    const rolledBack = new Promise<string>((resolve) =>
      engine.once('rollback', ({ decision }) => resolve(decision.trigger)));
    // Long enough for the deadlines, the look and the rollback on a busy machine, and over before the test is.
    const crowd = new Crowd(front.port, '/predict', [JSON.stringify({ features: [HELD_SIZE, 0, 0] })], 8);
    assert.equal(await rolledBack, 'hard_failure');
    await until('version 1 answers', () => crowd.countOf('1') > 0);
    await crowd.stop();
    assert.deepEqual([...new Set(crowd.answers.map(({ status }) => status))].sort(), [200, 504]);
    assert.deepEqual(crowd.failures, []);
    await engine.close();
  });
});
