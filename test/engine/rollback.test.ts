// The promise on real models: a version that answers nonsense is taken back by the monitor, and nobody is dropped.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/package-root.ts';
import { registerVersion } from '../../src/rollout/registration.ts';
import { until } from '../support/poll.ts';

const housing = (file: string): string => join(packageRoot(), 'models', 'housing', file);
interface Traffic {
  readonly rows: readonly (readonly number[])[];
}

describe('Engine', () => {
  test('goes back to the last good version by itself while every request gets its answer', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lastgood-engine-'));
    const engine = await createEngine({
      dataDir, port: 0, judge: { lookMs: 50, cooldownMs: 0 }, logLevel: 'silent',
    });
    const { registry } = engine;
    const ports = { dataDir, registry, clock: systemClock, trialMs: 60_000, intraOpThreads: 1 };
    for (const version of ['1', 'dollars']) {
      const files = { file: housing(`${version}.onnx`), baseline: housing(`${version}.baseline.json`) };
      await registerVersion(ports, { model: 'housing', version, ...files }, 'test');
    }
    await until('the engine serves the new model', () => engine.models.has('housing'));
    const { rollout } = engine.served('housing');
    await rollout.promote('1', { allowSignatureChange: false, reason: '', by: 'test' });
    const front = await engine.listen();
    const { rows } = JSON.parse(readFileSync(housing('traffic.json'), 'utf8')) as Traffic;
    const seen = new Map<string, number>();
    let sent = 0;
    let stop = false;
    const client = async (offset: number): Promise<void> => {
      for (let index = offset; !stop; index += 1) {
        sent += 1;
        const body = JSON.stringify({ features: rows[index % rows.length] });
        const response = await fetch(`http://127.0.0.1:${front.port}/predict`, {
          method: 'POST', headers: { 'content-type': 'application/json' }, body,
        });
        const answer = (await response.json()) as { model_version: string };
        assert.equal(response.status, 200);
        seen.set(answer.model_version, (seen.get(answer.model_version) ?? 0) + 1);
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, offset) => client(offset)));
    await until('version 1 answers', () => (seen.get('1') ?? 0) > 50);
    const rolledBack = new Promise<string | null>((resolve) =>
      engine.once('rollback', ({ decision }) => resolve(`${decision.trigger} ${decision.rolledBackTo ?? ''}`)),
    );
    await rollout.promote('dollars', { allowSignatureChange: false, reason: '', by: 'test' });
    assert.equal(await rolledBack, 'mean_drift 1');
    stop = true;
    await clients;
    assert.ok((seen.get('dollars') ?? 0) > 0);
    assert.equal([...seen.values()].reduce((sum, count) => sum + count, 0), sent);
    assert.equal(registry.version('housing', 'dollars').health, 'unhealthy');
    assert.equal(registry.model('housing').activeVersion, '1');
    await engine.close();
    rmSync(dataDir, { recursive: true });
  });
});
