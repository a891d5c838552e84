// Starts the bundled load generator in a process of its own and waits for what it found.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Contender } from '../contenders/contender.ts';
import type { LoadOrder, LoadReport } from './generator-process.ts';
import { GENERATOR_BUSY_SHARE } from './result.ts';
import type { LoadResult } from './result.ts';

const PROCESS = fileURLToPath(new URL('./generator-process.js', import.meta.url));
const OUTPUT_BYTES_MAX = 1024 * 1024;
const run = promisify(execFile);

export interface GeneratorLoad {
  readonly connections: number;
  readonly inFlight?: number;
  readonly seconds: number;
  /** Requests a second, or null for a closed loop. */
  readonly rate: number | null;
  /** Load before the seconds that count: a generator that has just started is slow. */
  readonly warmSeconds?: number;
  readonly cpus: string | null;
}

/** Puts this load on a contender. */
export async function runGenerator(contender: Contender, load: GeneratorLoad): Promise<LoadResult> {
  const { transport, host, port, request } = contender;
  const { connections, inFlight = 1, seconds, rate, warmSeconds = 0, cpus } = load;
  const order: LoadOrder = {
    transport, host, port, path: request.path, headers: request.headers, body: request.body.toString('base64'),
    connections, inFlight, seconds, rate, warmSeconds,
  };
  const node = [process.execPath, PROCESS, JSON.stringify(order)];
  const [command = '', ...args] = cpus === null ? node : ['taskset', '-c', cpus, ...node];
  const { stdout } = await run(command, args, { maxBuffer: OUTPUT_BYTES_MAX });
  const { cpuSeconds, loopShare, ...report } = JSON.parse(stdout) as LoadReport;
  // At a constant rate the loop spins between requests; it was the limit when it fell behind its own schedule.
  const isGeneratorBound = rate === null
    ? loopShare > GENERATOR_BUSY_SHARE
    : report.answered < rate * report.seconds * GENERATOR_BUSY_SHARE;
  return { ...report, generatorCpuSeconds: cpuSeconds, isGeneratorBound };
}
