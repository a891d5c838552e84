// The main thread's handle of one thread with an entry of its own: starts it, speaks to it, hears of an end that nobody
// asked for, and lets it end within a limit. For threads that run no model: ending a thread inside onnxruntime aborts
// the whole process, so those belong to the workers' pool. It does not keep the process alive, unless it is told to or
// is stopping.
import { Worker } from 'node:worker_threads';
import { reasonOf } from './errors.ts';

export interface ThreadOptions<Command, Report> {
  readonly entry: URL;
  readonly name: string;
  /** Given to the thread at its start, as its workerData. */
  readonly data?: object;
  /** Lets the thread finish what it has and end. */
  readonly lastCommand: Command;
  /** A stopping thread that has not ended by itself after this is terminated. */
  readonly stopMsMax: number;
  readonly onReport: (report: Report) => void;
  /** The thread ended although nobody stopped it; it may be started again. */
  readonly onUnexpectedEnd: (reason: string) => void;
}

export class ManagedThread<Command, Report> {
  readonly #options: ThreadOptions<Command, Report>;
  #worker: Worker | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: ThreadOptions<Command, Report>) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#worker !== null;
  }

  /** Starts the thread; a second call while it runs does nothing. It knows nothing of what another was told. */
  start(): void {
    if (this.#worker !== null) return;
    const { entry, name, data, onReport, onUnexpectedEnd } = this.#options;
    // Without the process's own Node flags: some (--input-type) are refused for a thread that is started from a file.
    const worker = new Worker(entry, { name, execArgv: [], workerData: data });
    let failure: string | null = null;
    worker.on('message', onReport);
    worker.on('error', (error: unknown) => (failure = reasonOf(error)));
    worker.on('exit', (code) => {
      this.#worker = null;
      if (this.#stopping === null) onUnexpectedEnd(failure ?? `the thread ended with code ${code}`);
    });
    worker.unref();
    this.#worker = worker;
  }

  /** Posts a command, in order, also before the thread is up; it is dropped without a thread, or when that stops. */
  post(command: Command): void {
    if (this.#stopping === null) this.#worker?.postMessage(command);
  }

  /** Whether the process may not end before the thread does. */
  keepProcess(isKept: boolean): void {
    if (isKept) this.#worker?.ref();
    else this.#worker?.unref();
  }

  /** Resolves when the thread has ended; its last reports come in before. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#stopping ??= this.#end(worker).finally(() => (this.#stopping = null));
    await this.#stopping;
  }

  async #end(worker: Worker): Promise<void> {
    // The caller waits for the end.
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage(this.#options.lastCommand);
    const timer = setTimeout(() => void worker.terminate(), this.#options.stopMsMax);
    await ended;
    clearTimeout(timer);
  }
}
