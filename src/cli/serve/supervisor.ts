// lastgood serve's parent process: starts the engine as a child, passes signals on, starts it again when it dies, and
// leaves when it is told to or when that is no use. It loads no native code and touches no data, so nothing that a
// model does can end it.
//
//   starting --ready--> serving --death--> (pause) --> starting …        a stop signal, in any state: stopping --> exit
//
// The IPC channel between the two carries the ready message, and its end tells the engine that its parent is gone. No
// ManagedChild: an engine takes signals, has Node's flags, the terminal and a group of its own, and ends as it will.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { createInFlightFile, InFlightFile } from '../../shared-memory/in-flight.ts';
import { mallocEnvironment } from '../../base/process-memory.ts';
import type { EngineLog } from '../../engine/log.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { Death } from './restart-policy.ts';

/** An engine that ends by this signal has a worker that does not come back, and wants to be started again. */
export const HUNG_SIGNAL = 'SIGALRM';
const SIGNAL_CODE_BASE = 128;

/**
 * For Node itself, from whoever starts an engine. The halves of the young heap grow to 16 MiB by default, twice and for
 * every thread; requests leave next to nothing on the heap, so an engine is as fast with less.
 */
export const ENGINE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

/** Where an engine finds the in-flight record: behind the three of every process and the IPC channel. */
export const IN_FLIGHT_FD = 4;

/** What the engine tells its supervisor when it listens. */
export interface ReadyMessage {
  readonly event: 'ready';
  /** HOST:PORT as --listen takes it, so that the next engine gets the same port. */
  readonly address: string;
}

export interface SuperviseOptions {
  /** Those of `lastgood serve`. */
  readonly args: readonly string[];
  readonly log: EngineLog;
  /** SIGHUP is for the engine, which reads files again then; otherwise it ends both, as at the end of a terminal. */
  readonly passesHangUp: boolean;
}

/** Runs engines until one ends for good; resolves with the exit code. */
export function supervise(options: SuperviseOptions): Promise<number> {
  return new Promise((resolve) => new Supervisor(options, resolve).start());
}

class Supervisor {
  readonly #args: readonly string[];
  readonly #log: EngineLog;
  readonly #leave: (code: number) => void;
  readonly #policy = new RestartPolicy();
  readonly #inFlight: InFlightFile | null;
  #child: ChildProcess | null = null;
  #address: string | null = null;
  #isStopping = false;
  #pause: NodeJS.Timeout | null = null;

  constructor({ args, log, passesHangUp }: SuperviseOptions, leave: (code: number) => void) {
    this.#args = args;
    this.#log = log;
    this.#leave = leave;
    const fd = createInFlightFile();
    this.#inFlight = fd === null ? null : new InFlightFile(fd);
    if (fd === null) log.warn({}, 'no shared memory: what runs when the engine dies is not known afterwards');
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal));
    if (passesHangUp) process.on('SIGHUP', () => this.#child?.kill('SIGHUP'));
  }

  start(): void {
    const startedMs = performance.now();
    // A later --listen wins over an earlier one. A port that was taken freely is kept: clients know it by now.
    const again = this.#address === null ? [] : ['--listen', this.#address];
    // Of two flags that say the same the later one counts: what this process was started with.
    const flags = [...ENGINE_FLAGS, ...process.execArgv];
    const child = spawn(process.execPath, [...flags, ...this.#args, ...again, '--no-supervisor'], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', this.#inFlight?.fd ?? 'ignore'],
      env: { ...process.env, ...mallocEnvironment() },
      // A group of its own, or a terminal's Ctrl-C would reach the engine twice, which means: end at once.
      detached: true,
    });
    this.#child = child;
    let isReady = false;
    child.on('message', (message: ReadyMessage) => {
      isReady = true;
      this.#address = message.address;
    });
    child.once('error', (error) => this.#log.error({ reason: error.message }, 'the engine could not be started'));
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      this.#child = null;
      const isFirst = this.#address === null;
      const atMs = performance.now();
      this.#inFlight?.noteEnd(signal === null ? null : constants.signals[signal]);
      const running = this.#inFlight?.running() ?? [];
      const isExplained = running.length > 0 || signal === HUNG_SIGNAL;
      const death = { code, signal, isReady, isFirst, isExplained, livedMs: atMs - startedMs, atMs };
      this.#onDeath(death, running.map(({ model, version }) => `${model} ${version}`));
    });
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#pause !== null) {
      clearTimeout(this.#pause);
      this.#leave(0);
      return;
    }
    this.#child?.kill(this.#isStopping ? 'SIGKILL' : signal);
    this.#isStopping = true;
  }

  #onDeath(death: Death, running: readonly string[]): void {
    const { code, signal } = death;
    if (this.#isStopping || code === 0) {
      // Told to stop before it could listen to signals: there was nothing to answer, and it did stop.
      const isUnborn = !death.isReady && (signal === 'SIGTERM' || signal === 'SIGINT');
      this.#leave(isUnborn ? 0 : exitCodeOf(death));
      return;
    }
    const how = signal === null ? `exit code ${code ?? 'none'}` : signal;
    const pauseMs = this.#policy.next(death);
    if (pauseMs === null) {
      if (!death.isFirst) this.#log.error({ how }, 'the engine ended too often to be started again');
      this.#leave(exitCodeOf(death));
      return;
    }
    const what = signal === HUNG_SIGNAL ? 'the engine ended to free a stuck worker' : 'the engine ended';
    const level = signal === HUNG_SIGNAL ? 'warn' : 'error';
    this.#log[level]({ how, running, livedMs: Math.round(death.livedMs), pauseMs }, `${what} and is started again`);
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.start();
    }, pauseMs);
  }
}

/** As a shell tells it: 128 and the number of the signal. */
function exitCodeOf({ code, signal }: Death): number {
  return code ?? SIGNAL_CODE_BASE + (signal === null ? 0 : constants.signals[signal]);
}
