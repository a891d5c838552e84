// The worker threads that a pool's batches run on: started once, loaded with one version after another, ended once. A
// thread that starts costs ten times what a small version costs to load in it, and what it leaves behind when it ends
// is cleared away late; so a pool that retires hands its threads on. Engine main thread.
// Piscina starts, watches and replaces the threads. Each has one long task per version, in which it takes batches from
// a mailbox in shared memory: a task for each batch would cost both threads more than the rest of a small batch.
// Invariant: no thread is ever stopped while it runs something, because stopping a thread inside onnxruntime aborts the
// whole process.
import '../../base/telemetry-off.ts';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { decodeError, reasonOf } from '../../base/errors.ts';
import type { LoadResult, ServeTask, WorkerResult, WorkerStart, WorkerTask } from '../messages.ts';
import { BatchScheduler } from './scheduler.ts';
import { withTimeout } from '../../base/clock.ts';

const WORKER_FILE = fileURLToPath(new URL('../entry/worker.js', import.meta.url));
/** Idle sessions are released in microseconds; a release that takes this long is stuck in native code. */
const RELEASE_MS = 30_000;

/** Whoever has the threads now. */
interface ThreadsUser {
  /** The last batch was settled, or will never be. */
  readonly onIdle: () => void;
  /** A thread ended by itself; `living` are the ids of those that are left. */
  readonly onLost: (living: ReadonlySet<number>) => void;
}

/**
 * As much as three semi-spaces of the engine's own flag, which a program that embeds the engine does not have. A thread
 * of Node 24 that runs out of memory with a large young generation ends the whole process, not its batch alone.
 */
const YOUNG_GENERATION_MB_MAX = 12;

export class WorkerThreads {
  /** Which of them runs which batch. */
  readonly scheduler: BatchScheduler;
  readonly #piscina: Piscina<WorkerTask, WorkerResult>;
  #user: ThreadsUser | null = null;
  /** Rejects for each load that has not settled; used when no thread is left to settle them. */
  readonly #loads = new Set<(reason: Error) => void>();
  #loading: readonly Promise<unknown>[] = [];
  /** Settles when every worker has released its session; empty until the workers serve. */
  #serving: readonly Promise<unknown>[] = [];
  #isServed = false;
  #isEmpty = false;
  #isWhole = true;
  #ended: Promise<void> | null = null;

  constructor(count: number) {
    this.scheduler = new BatchScheduler(count, () => this.#user?.onIdle());
    this.#piscina = new Piscina<WorkerTask, WorkerResult>({
      filename: WORKER_FILE,
      minThreads: count,
      maxThreads: count,
      concurrentTasksPerWorker: 1,
      // For the tasks of workers that are being replaced.
      maxQueue: count * 2,
      idleTimeout: Infinity,
      atomics: 'sync',
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB_MAX },
    });
    // Without a listener the event would end the process. The thread is gone already; workerDestroy says so.
    this.#piscina.on('error', (error: unknown) => this.#failIfEmpty(error));
    this.#piscina.on('workerDestroy', (worker: { readonly id: number }) => this.#threadEnded(worker.id));
  }

  get count(): number {
    return this.scheduler.channels.length;
  }
  /** No thread has ended so far, so they are as good as new ones. */
  get isWhole(): boolean {
    return this.#isWhole && this.#ended === null;
  }

  /** Loads a version in every thread; the one before it must have been released. Rejects when one of them cannot. */
  async load(start: WorkerStart, deadlineUs: number, user: ThreadsUser): Promise<LoadResult[]> {
    this.#user = user;
    this.#serving = [];
    this.#isServed = true;
    this.scheduler.refusal = null;
    const loads = this.scheduler.channels.map(() => this.#postLoad(start, deadlineUs));
    this.#loading = loads;
    return (await Promise.all(loads)) as LoadResult[];
  }

  /** From here on each worker takes its batches from its channel's mailbox. */
  serve(start: WorkerStart): void {
    this.#serving = this.scheduler.channels.map((channel) => this.#serveChannel(channel, start));
  }

  /**
   * Lets every thread release its session; nothing may be running. Loads are waited for: a thread in native code must
   * not be stopped. Throws when a session is not released.
   */
  async release(start: WorkerStart): Promise<void> {
    this.#isServed = false;
    await Promise.allSettled(this.#loading);
    // Workers that never served do it now: that is how they release what they loaded. Without threads nobody would.
    if (this.#serving.length === 0) this.serve(start);
    for (const channel of this.scheduler.channels) channel.dismiss();
    const leaving = this.#piscina.threads.length > 0 ? this.#serving : [];
    if (await withTimeout(RELEASE_MS, Promise.all(leaving)) === null) {
      const { model, version } = start;
      throw new Error(`stop the workers of model "${model}" version "${version}": a session is not released; ` +
        `wanted that within ${RELEASE_MS} ms`);
    }
    for (const channel of this.scheduler.channels) channel.vacate();
    this.#user = null;
  }

  /** Stops the threads, which must have released what they had. */
  end(): Promise<void> {
    this.#ended ??= this.#piscina.destroy();
    return this.#ended;
  }

  // A task that can be settled from here too: Piscina never settles one when its last thread failed to start.
  #postLoad(start: WorkerStart, deadlineUs: number): Promise<WorkerResult> {
    return new Promise<WorkerResult>((resolve, reject) => {
      this.#loads.add(reject);
      this.#do({ kind: 'load', start, deadlineUs }).then(resolve, reject).finally(() => this.#loads.delete(reject));
    });
  }

  // Rejects with the error that the worker threw, or with that of its end.
  async #do(task: WorkerTask, transferList: MessagePort[] = []): Promise<WorkerResult> {
    const result = await this.#piscina.run(task, { transferList });
    if (result.kind === 'failed') throw decodeError(result.error);
    return result;
  }

  // Settles when a worker left on command; a worker that died is followed by another.
  async #serveChannel(channel: BatchScheduler['channels'][number], start: WorkerStart): Promise<void> {
    for (;;) {
      const { port1, port2 } = new MessageChannel();
      this.scheduler.connect(channel, port1);
      const task: ServeTask = { kind: 'serve', start, mailbox: channel.memory, port: port2, releaseMs: RELEASE_MS };
      try {
        await this.#do(task, [port2]);
        return;
      } catch (error) {
        // A worker that died has nothing to release.
        const isOver = !this.#isServed || this.#isEmpty;
        this.scheduler.lose(channel, error instanceof Error ? error : new Error(reasonOf(error)), !isOver);
        if (isOver) return;
      }
    }
  }

  #threadEnded(id: number): void {
    if (this.#ended !== null) return;
    this.#isWhole = false;
    const living = new Set(this.#piscina.threads.map(({ threadId }) => threadId));
    living.delete(id);
    this.#user?.onLost(living);
    // Piscina starts the replacement in the same turn, or never.
    setImmediate(() => this.#failIfEmpty(new Error('no worker thread is left')));
  }

  #failIfEmpty(cause: unknown): void {
    if (this.#ended !== null || this.#piscina.threads.length > 0) return;
    this.#isEmpty = true;
    const error = cause instanceof Error ? cause : new Error(reasonOf(cause));
    for (const reject of this.#loads) reject(error);
    this.#loads.clear();
    this.scheduler.loseAll(error);
    this.#user?.onIdle();
  }
}
