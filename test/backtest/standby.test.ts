// The last good version of a recording, opened from a data directory as the engine would open it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standbysOf } from '../../src/backtest/standby.ts';
import { createEngine } from '../../src/index.ts';
import { housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a standby is run with the session options of its version', async () => {
  const dataDir = temporaryDirectory();
  const engine = await createEngine({ dataDir, workers: 1 });
  try {
    const session = { graph: 'basic', interOpThreads: 2 } as const;
    await engine.register('housing', housingFile('1'), { version: '1', session });
    const { registry } = engine.context;
    const { signature, trial, sha256, artifactBytes, outputKind } = registry.version('housing', '1');
    // The graph is all the CPU's, so this entry keeps any session from opening.
    await registry.commit(() => registry.createVersion({
      model: 'housing', version: '2', sha256, artifactBytes, signature, trial, outputKind, baseline: null, golden: null,
      warnings: [], session: { providers: ['cpu'], entries: { 'session.disable_cpu_ep_fallback': '1' } },
    }, 'test'));
    const standbys = standbysOf(dataDir, registry);
    const good = await standbys.open('housing', '1');
    assert.ok('answer' in good);
    assert.equal(good.answer([8.3, 41, 6.9, 1.02, 322, 2.5, 37.8, -122.2])?.length, 1);
    await good.close();
    const bad = await standbys.open('housing', '2');
    assert.match('unavailable' in bad ? bad.unavailable : '', /fallback to CPU EP/);
  } finally {
    await engine.close();
  }
});
