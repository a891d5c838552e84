// lastgood as a contender: the real executable on a data directory of its own, with one model registered and promoted.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ENGINE_FLAGS } from '../../src/cli/serve/supervisor.ts';
import { MODEL, modelFile } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import { ServerChild } from './child.ts';

/** The executable. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const run = promisify(execFile);

/** A folder for one run of the bench, removed at its end. */
export function temporaryFolder(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `lastgood-bench-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes the workload's model into `folder` and returns the file. */
export function writeModel(folder: string, workload: Workload): string {
  const file = join(folder, `${workload.layers.join('-')}.onnx`);
  writeFileSync(file, modelFile(workload));
  return file;
}

/** Runs a verb to its end and returns its JSON document. */
export async function verb<T>(args: readonly string[]): Promise<T> {
  const { stdout } = await run(process.execPath, [MAIN, ...args, '--json']);
  return JSON.parse(stdout) as T;
}

export interface LastgoodOptions {
  readonly folder: string;
  readonly file: string;
  readonly cpus: string | null;
  readonly args?: readonly string[];
  /** For `node` itself. */
  readonly nodeArgs?: readonly string[];
}

/** Registers the model in a new data directory below `folder` and serves it. */
export async function startLastgood(options: LastgoodOptions): Promise<ServerChild & { readonly dataDir: string }> {
  const { folder, file, cpus, args = [], nodeArgs = [] } = options;
  const dataDir = mkdtempSync(join(folder, 'data-'));
  await verb(['register', MODEL, file, '--version', '1', '--promote', '--data', dataDir]);
  const serve = ['serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', '--log-level', 'error'];
  // Without a parent, but started as it would: the process that is started must be the one whose CPU time counts.
  serve.push('--no-supervisor', ...args);
  const flags = [...ENGINE_FLAGS, ...nodeArgs];
  const child = await ServerChild.start({ command: process.execPath, args: [...flags, MAIN, ...serve], cpus });
  return Object.assign(child, { dataDir });
}
