// Starts the servers under test as child processes of the bench and ends them by their own handles. A server prints
// one JSON line with its port when it is ready.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { TELEMETRY_OFF_ENVIRONMENT } from '../../src/base/telemetry-off.ts';

const STOP_MS = 15_000;

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** CPUs as taskset writes them, or null for all. */
  readonly cpus: string | null;
}

/** A server in a process of its own. */
export class ServerChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, pid: number, port: number, ended: Promise<unknown>) {
    this.process = child;
    this.pid = pid;
    this.port = port;
    this.#ended = ended;
  }

  /** Starts it and resolves when it printed its port; rejects with its stderr when it ended before. */
  static async start({ command, args, cpus }: ChildOptions): Promise<ServerChild> {
    // taskset becomes the server by exec, so the pid is the server's either way.
    const [file, all] = cpus === null ? [command, args] : ['taskset', ['-c', cpus, command, ...args]];
    const env = { ...process.env, ...TELEMETRY_OFF_ENVIRONMENT };
    const child = spawn(file, [...all], { stdio: ['ignore', 'pipe', 'pipe'], env });
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-4_000)));
    const ended = once(child, 'exit');
    const port = await Promise.race([portLine(child), ended.then(() => null)]);
    if (port === null || child.pid === undefined) throw new Error(`start ${args.join(' ')}: it ended: ${errors}`);
    return new ServerChild(child, child.pid, port, ended);
  }

  /** Stops its threads, so that the contender under load has the machine to itself. */
  pause(): void {
    this.process.kill('SIGSTOP');
  }

  resume(): void {
    this.process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.resume();
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

async function portLine({ stdout }: ChildProcess): Promise<number | null> {
  if (stdout === null) return null;
  for await (const line of createInterface({ input: stdout })) {
    if (!line.startsWith('{')) continue;
    const { port, event } = JSON.parse(line) as { readonly port?: number; readonly event?: string };
    // A server that listens may not answer yet.
    if (port === undefined || event === 'listening') continue;
    // Unread output would fill the pipe and stop the server.
    stdout.resume();
    return port;
  }
  return null;
}
