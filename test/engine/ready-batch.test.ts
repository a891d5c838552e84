// A batch that lies ready behind the one that a worker runs belongs to no version yet: a rollback takes it along.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../src/engine/engine.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, identity, slow } from '../worker/onnx.ts';

function file(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

suite('A batch that lies ready', () => {
  test('is answered by the version that is active when its turn comes', async () => {
    const engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, judge: { mode: 'observe' } });
    try {
      await engine.register('m', file(identity(Type.FLOAT, ['N', 1])), { version: '1', promote: true });
      await engine.confirm('m');
      await engine.register('m', file(slow(120)), { version: '2', promote: true });
      await engine.confirm('m');
      const running = engine.predict('m', [1]);
      // Long enough for the run to begin, much shorter than the run.
      await sleep(20);
      const ready = engine.predict('m', [2]);
      await sleep(20);
      await engine.rollback('m');
      const { prediction, modelVersion } = await ready;
      assert.deepEqual([prediction, modelVersion], [2, '1']);
      assert.equal((await running).prediction, 1);
    } finally {
      await engine.close();
    }
  });
});
