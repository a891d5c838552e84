// The real server with the models that the check of foreign clients talks to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectAdmin } from '../../src/admin/client.ts';
import { packageRoot } from '../../src/base/package-root.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const MODELS = [
  'simple', 'dummy', 'onnx_zero_1_float16',
  ...['BOOL', 'BYTES', 'FP32', 'FP64', 'INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64']
    .map((datatype) => `identity_${datatype}`),
];

/** Where version 1 of a model lies. */
export const modelFile = (model: string): string =>
  join(packageRoot(), 'test', 'oip', 'models', model, '1', 'model.onnx');

export interface Served {
  /** HOST:PORT. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts `lastgood serve` on a free port, with a data directory of its own that is gone at the end. */
export async function serveModels(): Promise<Served> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lastgood-clients-'));
  // Their traffic is made up, so nothing is to be judged by it.
  const args = ['serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', '--no-supervisor',
    '--model-control', 'explicit', '--triton-metrics', '--judge-mode', 'observe', '--workers', '1',
    '--log-level', 'error'];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const port = await Promise.race([portOf(child.stdout), ended.then(() => {
      throw new Error('lastgood serve ended at once');
    })]);
    const admin = await connectAdmin(dataDir);
    if (admin === null) throw new Error('the admin socket is not there');
    for (const model of MODELS) {
      await admin.register({ model, version: '1', file: modelFile(model), promote: true }, { by: 'clients' });
    }
    return { address: `127.0.0.1:${port}`, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function portOf(output: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface({ input: output })) {
    if (!line.startsWith('{')) continue;
    const { event, port } = JSON.parse(line) as { event?: string; port?: number };
    if (event === 'ready' && port !== undefined) return port;
  }
  throw new Error('lastgood serve said no port');
}
