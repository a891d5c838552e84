// The promise on real models: a version that answers nonsense is taken back by the monitor, and nobody is dropped.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import { housingBaseline, housingBodies, housingFile } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('Engine', () => {
  test('goes back to the last good version by itself while every request gets its answer', async () => {
    const dataDir = temporaryDirectory();
    const engine = await createEngine({
      dataDir, port: 0, judge: { lookMs: 50, cooldownMs: 0 }, logLevel: 'silent',
    });
    const { registry } = engine;
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
    await crowd.stop();
    assert.ok(crowd.countOf('dollars') > 0);
    assert.deepEqual(crowd.failures, []);
    assert.equal(crowd.answers.filter(({ status }) => status === 200).length, crowd.sent);
    assert.equal(registry.version('housing', 'dollars').health, 'unhealthy');
    assert.equal(registry.model('housing').activeVersion, '1');
    await engine.close();
  });
});
