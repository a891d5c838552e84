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
  /** The supervisor, or the engine itself with --no-supervisor. */
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  /** One for each engine that came up; more than one when the supervisor started another. */
  readonly starts: readonly Ready[];
  readonly #stderr: () => string;

  private constructor(
    starts: readonly Ready[], child: ChildProcess, exit: Promise<number | null>, stderr: () => string,
  ) {
    this.port = starts[0]!.port;
    this.starts = starts;
    this.process = child;
    this.exit = exit;
    this.#stderr = stderr;
  }

  /** Starts it on a free port, by way of `launcher` if that is given, and returns when it is ready. */
  static async start(dataDir: string, args: readonly string[] = [], launcher: readonly string[] = []): Promise<Server> {
    const [command = '', ...all] = [
      ...launcher, process.execPath, MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', ...args,
    ];
    const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    const exit = once(child, 'exit').then(([code]) => code as number | null);
    const starts: Ready[] = [];
    const ready = new Promise<true>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const value = line.startsWith('{') ? (JSON.parse(line) as Ready | { readonly event: 'other' }) : null;
        if (value?.event !== 'ready') return;
        starts.push(value);
        resolve(true);
      });
    });
    if (!(await Promise.race([ready, exit.then(() => false)]))) {
      throw new Error(`start lastgood serve: it ended at once: ${stderr}`);
    }
    return new Server(starts, child, exit, () => stderr);
  }

  /** The process that serves now. */
  get pid(): number {
    return this.starts.at(-1)!.pid;
  }

  /** Starts it and kills it `afterMs` later, wherever its start has got to. */
  static async killStarting(dataDir: string, afterMs: number): Promise<void> {
    const all = [MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--no-supervisor'];
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
