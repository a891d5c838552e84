// The main thread's handle of the recorder thread, which gets the monitor's commands and reads the rings beside it.
// Main thread; nothing waits for the recorder but its end.
import { Worker } from 'node:worker_threads';
import { reasonOf } from '../base/errors.ts';
import type { MonitorCommand } from '../judge/types/messages.ts';

/** A file system that hangs must not hold the end of the engine back. */
const STOP_MS_MAX = 2_000;

/** Given to the thread at its start. */
export interface RecorderStart {
  readonly path: string;
  readonly bytesMax: number;
  readonly filesMax: number;
  /** The same moment on both clocks. */
  readonly wallMs: number;
  readonly nowUs: number;
}
export type RecorderReport =
  | { readonly kind: 'stopped'; readonly reason: string }
  | { readonly kind: 'lost'; readonly samples: number }
  /** The rings of this request are not read any more. */
  | { readonly kind: 'detached'; readonly request: number };

export class RecorderThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #detaching = new Map<number, () => void>();

  /** Starts recording; `onProblem` is told, in a sentence's parts, when it ends or loses samples. */
  constructor(start: RecorderStart, onProblem: (what: string, reason: string) => void) {
    this.#worker = new Worker(new URL('./recorder.js', import.meta.url), {
      name: 'lastgood-recorder', execArgv: [], workerData: start,
    });
    this.#worker.on('message', (report: RecorderReport) => {
      if (report.kind === 'detached') this.#detaching.get(report.request)?.();
      else if (report.kind === 'stopped') onProblem('the recording of samples has ended', report.reason);
      else onProblem('samples were not recorded', `${report.samples} came faster than they could be written`);
    });
    this.#worker.on('error', (error: unknown) => onProblem('the recording of samples has ended', reasonOf(error)));
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.unref();
  }

  post(command: MonitorCommand): void {
    this.#worker.postMessage(command);
  }

  /** Resolves when the recorder has carried out the detach with this number, or has ended. */
  async detached(request: number): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#detaching.set(request, resolve));
    await Promise.race([answered, this.#ended]);
    this.#detaching.delete(request);
  }

  /** Writes what is left and ends the thread. */
  async stop(): Promise<void> {
    this.#worker.ref();
    this.#worker.postMessage({ kind: 'stop' } satisfies MonitorCommand);
    const timer = setTimeout(() => void this.#worker.terminate(), STOP_MS_MAX);
    await this.#ended;
    clearTimeout(timer);
  }
}
