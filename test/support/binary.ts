// Runs the real executable for end-to-end tests: a server in its own process on a free port, and verbs as an operator
// types them.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The compiled executable. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface VerbResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `lastgood ARGS…` to its end. */
export async function lastgood(args: readonly string[], env: Record<string, string> = {}): Promise<VerbResult> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Runs a verb with --json and returns its document; throws when the verb failed. */
export async function lastgoodJson<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await lastgood([...args, '--json']);
  if (code !== 0) throw new Error(`run lastgood ${args.join(' ')}: exit code ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout) as T;
}

interface Ready {
  readonly event: 'ready';
  readonly port: number;
  readonly pid: number;
}

/** A running `lastgood serve`. */
export class Server {
  readonly port: number;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly #stderr: () => string;

  private constructor(ready: Ready, child: ChildProcess, exit: Promise<number | null>, stderr: () => string) {
    this.port = ready.port;
    this.pid = ready.pid;
    this.process = child;
    this.exit = exit;
    this.#stderr = stderr;
  }

  /** Starts it on a free port and returns when it is ready. */
  static async start(dataDir: string, args: readonly string[] = []): Promise<Server> {
    const all = [MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', ...args];
    const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    const exit = once(child, 'exit').then(([code]) => code as number | null);
    const ready = await Promise.race([readyLine(child), exit.then(() => null)]);
    if (ready === null) throw new Error(`start lastgood serve: it ended at once: ${stderr}`);
    return new Server(ready, child, exit, () => stderr);
  }

  /** Starts it and kills it `afterMs` later, wherever its start has got to. */
  static async killStarting(dataDir: string, afterMs: number): Promise<void> {
    const all = [MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json'];
    const child = spawn(process.execPath, all, { stdio: 'ignore' });
    const exit = once(child, 'exit');
    await sleep(afterMs);
    child.kill('SIGKILL');
    await exit;
  }

  get log(): string {
    return this.#stderr();
  }

  /** Sends SIGTERM and returns the exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.exit;
  }
}

async function readyLine({ stdout }: ChildProcess): Promise<Ready | null> {
  if (stdout === null) return null;
  for await (const line of createInterface({ input: stdout })) {
    if (!line.startsWith('{')) continue;
    const value = JSON.parse(line) as Ready | { readonly event: 'other' };
    if (value.event !== 'ready') continue;
    stdout.resume();
    return value;
  }
  return null;
}
