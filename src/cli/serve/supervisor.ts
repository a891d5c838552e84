// lastgood serve's parent process: starts the engine as a child, passes signals on, starts it again when it dies, and
// leaves when it is told to or when that is no use. It loads no native code and touches no data, so nothing that a
// model does can end it.
//
//   starting --ready--> serving --death--> (pause) --> starting …      a stop signal, in any state: stopping --> exit
//
// The IPC channel between the two carries the ready message, and its end tells the engine that its parent is gone. No
// ManagedChild: an engine takes signals, has Node's flags, the terminal and a group of its own, and ends as it will.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { createInFlightFile, InFlightFile } from '../../shared-memory/in-flight.ts';
import { mallocEnvironment } from '../../base/process-memory.ts';
import type { EngineLog } from '../../engine/log.ts';
import { Heartbeat } from './heartbeat.ts';
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

/** What it tells all the while. */
export interface PulseMessage {
  readonly event: 'pulse';
  /** Verbs that are under way, and the last that are over, each with its model. */
  readonly doing: readonly string[];
  readonly last: readonly string[];
}

export interface SuperviseOptions {
  /** Those of `lastgood serve`. */
  readonly args: readonly string[];
  readonly log: EngineLog;
  /** An engine whose event loop stands still for so long is killed and started again; 0 waits for ever. */
  readonly stalledMs: number;
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
  readonly #stalledMs: number;
  #child: ChildProcess | null = null;
  #address: string | null = null;
  #isStopping = false;
  #pause: NodeJS.Timeout | null = null;

  constructor({ args, log, passesHangUp, stalledMs }: SuperviseOptions, leave: (code: number) => void) {
    this.#args = args;
    this.#stalledMs = stalledMs;
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
    const watch = new StallWatch(child, this.#stalledMs, (what) => {
      this.#log.error({ ...what, running: this.#runningNow() }, 'the engine stands still and is killed');
    });
    child.on('message', (message: ReadyMessage | PulseMessage) => {
      if (message.event === 'pulse') {
        watch.beat(message);
        return;
      }
      isReady = true;
      this.#address = message.address;
    });
    child.once('error', (error) => this.#log.error({ reason: error.message }, 'the engine could not be started'));
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      this.#child = null;
      watch.end();
      const isFirst = this.#address === null;
      const atMs = performance.now();
      this.#inFlight?.noteEnd(signal === null ? null : constants.signals[signal], watch.hasKilled);
      const running = this.#runningNow();
      const isExplained = !watch.hasKilled && (running.length > 0 || signal === HUNG_SIGNAL);
      const death = { code, signal, isReady, isFirst, isExplained, livedMs: atMs - startedMs, atMs };
      this.#onDeath(death, running);
    });
  }

  /** Model and version of each batch that is being run, or was when the engine died. */
  #runningNow(): string[] {
    return (this.#inFlight?.running() ?? []).map(({ model, version }) => `${model} ${version}`);
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

/** Kills an engine that stands still. */
class StallWatch {
  readonly #child: ChildProcess;
  readonly #heartbeat: Heartbeat;
  readonly #timer: NodeJS.Timeout;
  readonly #onStill: (what: object) => void;
  #pulse: PulseMessage | null = null;
  hasKilled = false;

  constructor(child: ChildProcess, stalledMs: number, onStill: (what: object) => void) {
    this.#child = child;
    this.#onStill = onStill;
    this.#heartbeat = new Heartbeat(stalledMs);
    this.#timer = setInterval(() => this.#look(), this.#heartbeat.lookMs);
  }

  beat(pulse: PulseMessage): void {
    this.#pulse = pulse;
    this.#heartbeat.beat();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (!this.#heartbeat.isStill(performance.now(), isStopped(this.#child.pid)) || this.hasKilled) return;
    this.hasKilled = true;
    const { doing = [], last = [] } = this.#pulse ?? {};
    this.#onStill({ doing, last });
    this.#child.kill('SIGKILL');
  }
}

/** Whether a process was stopped by a signal or a debugger; where the system does not say it was not. */
function isStopped(pid: number | undefined): boolean {
  try {
    // After the name, which may hold anything: see proc_pid_stat(5).
    const stat = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8');
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** As a shell tells it: 128 and the number of the signal. */
function exitCodeOf({ code, signal }: Death): number {
  return code ?? SIGNAL_CODE_BASE + (signal === null ? 0 : constants.signals[signal]);
}
