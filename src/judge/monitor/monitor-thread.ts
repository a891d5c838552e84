// The main thread's handle of the monitor thread. Commands are posted in order, also before the thread is up. The
// thread runs no native code, so ending it is always safe. It does not keep the process alive.
import { Worker } from 'node:worker_threads';
import type { MonitorCommand, MonitorReport } from '../types/messages.ts';
import { reasonOf } from '../../base/errors.ts';

/** A stopping monitor that has not ended by itself after this is terminated. */
const STOP_MS_MAX = 10_000;

interface MonitorEvents {
  readonly onReport: (report: MonitorReport) => void;
  /** The thread ended although nobody stopped it: nothing is judged any more until a new one is started. */
  readonly onUnexpectedExit: (reason: string) => void;
}

export class MonitorThread {
  readonly #events: MonitorEvents;
  #worker: Worker | null = null;
  #stopping: Promise<void> | null = null;

  constructor(events: MonitorEvents) {
    this.#events = events;
  }

  get running(): boolean {
    return this.#worker !== null;
  }

  /** Starts the thread; a second call while it runs does nothing. All rings and generations must be posted anew. */
  start(): void {
    if (this.#worker !== null) return;
    // Without the process's own Node flags: some (--input-type) are refused for a thread that is started from a file.
    const worker = new Worker(new URL('./monitor.js', import.meta.url), { name: 'lastgood-monitor', execArgv: [] });
    let failure: string | null = null;
    worker.on('message', (report: MonitorReport) => this.#events.onReport(report));
    worker.on('error', (error: unknown) => (failure = reasonOf(error)));
    worker.on('exit', (code) => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      if (this.#stopping === null) this.#events.onUnexpectedExit(failure ?? `the thread ended with code ${code}`);
    });
    worker.unref();
    this.#worker = worker;
  }

  /** Posts a command; without a running thread it is dropped. */
  post(command: MonitorCommand): void {
    if (this.#stopping === null) this.#worker?.postMessage(command);
  }

  /** Lets the thread take a last look and end; resolves when it has ended. Its last reports come in before. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#stopping ??= this.#end(worker).finally(() => (this.#stopping = null));
    await this.#stopping;
  }

  async #end(worker: Worker): Promise<void> {
    // The caller waits for the end, so from here on the thread does keep the process alive.
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ kind: 'stop' } satisfies MonitorCommand);
    const timer = setTimeout(() => void worker.terminate(), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  }
}
