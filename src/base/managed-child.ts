// One handle for child processes: starts one, speaks to it over its IPC channel, says how it ended, and does not wait
// for its end beyond a limit. What a child holds is its own, so it may be killed at any time, whatever it is doing.
// Beside it the child's end of the channel.
import { type ChildProcess, fork } from 'node:child_process';
import { constants, getPriority, setPriority } from 'node:os';
import { failedTask, reasonOf } from './errors.ts';
import { mallocEnvironment } from './process-memory.ts';
import { TELEMETRY_OFF_ENVIRONMENT } from './telemetry-off.ts';

/** What native code wrote last is the best hint at why it crashed. */
const STDERR_CHARS_MAX = 2_000;
/** How much nicer a child is that works beside the traffic, however nice this process is itself. */
const BACKGROUND_NICENESS = 10;

interface ChildOptions<Report> {
  /** The compiled file. */
  readonly entry: string;
  /** What becomes of what it writes to stderr; `keep` keeps the end of it. */
  readonly stderr: 'ignore' | 'inherit' | 'keep';
  /** How messages are carried; `advanced` keeps what JSON loses. */
  readonly serialization?: 'json' | 'advanced';
  /** Whether it works beside the traffic: whoever serves goes first. */
  readonly isBackground?: boolean;
  readonly onReport: (report: Report) => void;
}

export class ManagedChild<Command, Report> {
  /** Resolves when it has ended, after its last report, with how: a signal, a code, or why it never began. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor({ entry, stderr, serialization = 'json', isBackground = false, onReport }: ChildOptions<Report>) {
    const child = fork(entry, [], {
      execArgv: [], serialization,
      env: { ...process.env, ...mallocEnvironment(), ...TELEMETRY_OFF_ENVIRONMENT },
      stdio: ['ignore', 'ignore', stderr === 'keep' ? 'pipe' : stderr, 'ipc'],
    });
    this.#child = child;
    if (isBackground) stepBack(child.pid);
    child.stderr?.setEncoding('utf8').on('data', (text: string) =>
      (this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS_MAX)));
    child.on('message', (report) => onReport(report as Report));
    this.ended = new Promise((resolve) => {
      // Of one that runs, its end tells more.
      child.on('error', (error) => {
        if (child.pid === undefined) resolve(reasonOf(error));
      });
      child.once('close', (code, signal) => resolve(signal ?? `code ${code ?? 0}`));
    });
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }
  /** The last line that it wrote to stderr, when that is kept. */
  get lastWords(): string {
    return this.#stderr.trim().split('\n').at(-1) ?? '';
  }

  /** Sends a command; to one that has ended it is dropped. */
  post(command: Command): void {
    // A refused write is followed by the end of the child.
    if (this.#child.connected) this.#child.send(command as object, () => undefined);
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Waits for its end, which it was told of or comes to by itself; kills it after `limitMs`: then it is overdue. */
  async endWithin(limitMs: number): Promise<{ readonly how: string; readonly isOverdue: boolean }> {
    let isOverdue = false;
    const timer = setTimeout(() => {
      isOverdue = true;
      this.kill();
    }, limitMs);
    const how = await this.ended;
    clearTimeout(timer);
    return { how, isOverdue };
  }
}

function stepBack(pid: number | undefined): void {
  try {
    if (pid === undefined) return;
    setPriority(pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + BACKGROUND_NICENESS));
  } catch {
    // It has ended already; its end tells more.
  }
}

/** In a child: tells its parent; resolves when that is sent, rejects when the parent is gone. */
export function tellParent(report: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(report, undefined, {}, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** In a child of one task: does what its parent asks once, tells what that gives, or why it failed, and lets go. */
export function answerParent(work: (command: never) => object | Promise<object>): void {
  process.once('message', (command: unknown) => {
    void Promise.resolve(command as never).then(work).catch(failedTask).then(tellParent)
      .finally(() => process.disconnect());
  });
}
