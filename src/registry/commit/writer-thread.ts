// The main thread's handle of the writer thread, which commits to the registry and waits for the disk. Main thread.
// Commits are carried out one at a time; a thread that ended is started again by the next one.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { Write } from '../store/pending-writes.ts';

/** A disk that hangs must not hold the end of the engine back for good. */
const STOP_MS_MAX = 5_000;

/** Given to the thread at its start. */
export interface WriterStart {
  readonly dataDir: string;
}
/** Writes in one transaction if the registry's revision still is this one. */
export interface CommitTask {
  readonly writes: readonly Write[];
  readonly revision: number;
}
export type CommitReport =
  /** isCommitted: false when the revision was another one. */
  | { readonly kind: 'done'; readonly isCommitted: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

interface Waiting {
  readonly resolve: (isCommitted: boolean) => void;
  readonly reject: (error: Error) => void;
}

export class WriterThread {
  readonly #dataDir: string;
  #worker: Worker | null = null;
  #waiting: Waiting | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  start(): void {
    if (this.#worker !== null) return;
    const start: WriterStart = { dataDir: this.#dataDir };
    const worker = new Worker(new URL('./writer.js', import.meta.url), {
      name: 'lastgood-writer', execArgv: [], workerData: start,
    });
    let failure: string | null = null;
    worker.on('message', (report: CommitReport) => {
      if (report.kind === 'done') this.#take()?.resolve(report.isCommitted);
      else this.#take()?.reject(this.#refused(report.reason));
    });
    worker.on('error', (error: unknown) => (failure = reasonOf(error)));
    worker.on('exit', () => {
      this.#worker = null;
      this.#take()?.reject(this.#refused(failure ?? 'its writer thread ended'));
    });
    worker.unref();
    this.#worker = worker;
  }

  /** Resolves when the writes are on disk, with false when the registry has another revision; throws DISK_REFUSED. */
  commit(writes: readonly Write[], revision: number): Promise<boolean> {
    if (this.#waiting !== null) throw new Error('This is a bug: a commit was started beside another');
    this.start();
    // Whoever waits for the disk does not leave before it has answered.
    this.#worker?.ref();
    return new Promise<boolean>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker?.postMessage({ writes, revision } satisfies CommitTask);
    });
  }

  /** Lets the thread end; nothing may be under way. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage(null);
    const timer = setTimeout(() => void worker.terminate(), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  }

  // The thread's own refusal says all of this already: errors lose their class on the way, not their message.
  #refused(reason: string): Error {
    const what = `the registry "${join(this.#dataDir, 'registry')}"`;
    const [before = '', after = ''] = lastgoodError('DISK_REFUSED', { what, reason: '\n' }).message.split('\n');
    const isWhole = reason.startsWith(before) && reason.endsWith(after);
    const bare = isWhole ? reason.slice(before.length, reason.length - after.length) : reason;
    return lastgoodError('DISK_REFUSED', { what, reason: bare });
  }

  #take(): Waiting | null {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#worker?.unref();
    return waiting;
  }
}
