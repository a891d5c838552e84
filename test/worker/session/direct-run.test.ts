import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSession } from '../../../src/worker/session/direct-run.ts';
import { loadRuntime } from '../../../src/worker/session/runtime.ts';
import type { OrtTensor } from '../../../src/worker/session/runtime.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { linear, lookup } from '../onnx.ts';

async function opened(bytes: Uint8Array): Promise<Awaited<ReturnType<typeof openSession>>> {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  const file = { path, kind: 'onnx', dataFiles: [] } as const;
  return openSession(await loadRuntime(), file, { intraOpNumThreads: 1, logSeverityLevel: 4 });
}

describe('openSession', () => {
  test('finds the native session of the pinned runtime, whose run() gives what the public one gives', async () => {
    const ort = await loadRuntime();
    const { session, run } = await opened(linear());
    assert.ok(run !== null, 'the native session was not found: look at the version in package.json');
    for (const rows of [1, 5, 64]) {
      const data = Float32Array.from({ length: rows * 3 }, (_, index) => index / 7);
      const feeds = { x: new ort.Tensor('float32', data, [rows, 3]) };
      const direct: OrtTensor | undefined = run(feeds, { y: null })['y'];
      const published = await session.run(feeds);
      assert.deepEqual(direct?.data, published['y']?.data);
      assert.deepEqual(direct?.dims, [rows, 1]);
    }
    await session.release();
  });

  test('throws what the runtime says of a failing run, and leaves the binding as it was', async () => {
    const ort = await loadRuntime();
    const { session, run } = await opened(lookup());
    assert.throws(() => run!({ x: new ort.Tensor('float32', Float32Array.of(7), [1, 1]) }, { y: null }), /Gather/);
    const second = await opened(linear());
    assert.ok(second.run !== null);
    await Promise.all([session.release(), second.session.release()]);
  });
});
