// Models in the runtime's own format, written by the runtime itself.
import '../../src/base/telemetry-off.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRuntime } from '../../src/worker/session/runtime.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { modelFile } from './fixtures.ts';

/** The same model as an .ort file holds it. */
export async function inOrtFormat(bytes: Uint8Array): Promise<Uint8Array> {
  const optimizedModelFilePath = join(temporaryDirectory(), 'model.ort');
  const ort = await loadRuntime();
  const session = await ort.InferenceSession.create(modelFile(bytes), {
    optimizedModelFilePath, graphOptimizationLevel: 'basic', logSeverityLevel: 4,
    extra: { session: { save_model_format: 'ORT' } },
  });
  await session.release();
  return readFileSync(optimizedModelFilePath);
}
