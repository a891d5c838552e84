// The batches of one deployment, run on threads that have its version loaded. Engine main thread.
// Invariant: batches are waited for without a limit, because a busy thread must not be stopped; whoever cannot wait has
// to end the process.
import { monotonicUs, withTimeout } from '../../base/clock.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import type { OutputKind, Signature } from '../../domain/records.ts';
import type { LoadResult, WorkerStart } from '../messages.ts';
import type { BatchScheduler } from './scheduler.ts';
import { WorkerSlots } from './slots.ts';
import { WorkerThreads } from './threads.ts';

/** How much later than its workers the pool gives up a load: theirs is the better message. */
const LOAD_GRACE_MS = 500;

interface PoolOptions {
  /** Limit of loading and warming all workers. */
  readonly loadMs: number;
  /** A worker ended by itself; another takes its place, and the batch it was running, if any, was rejected. */
  readonly onWorkerLost: (reason: unknown) => void;
  /** Threads that another pool has left, as many as are wanted; new ones by default. */
  readonly threads?: WorkerThreads | null;
}

export class InferencePool {
  readonly #start: WorkerStart;
  readonly #options: PoolOptions;
  readonly #slots: WorkerSlots;
  readonly #threads: WorkerThreads;
  #idleWaiters: (() => void)[] = [];
  #signature: Signature | null = null;
  #outputKind: OutputKind | null = null;
  #left: Promise<void> | null = null;

  private constructor(start: WorkerStart, options: PoolOptions) {
    this.#start = start;
    this.#options = options;
    this.#slots = new WorkerSlots(start.slots);
    this.#threads = options.threads ?? new WorkerThreads(start.workers);
  }

  /** Loads the version in each thread; rejects with LOAD_FAILED when not all of them are ready, and ends them. */
  static async start(start: WorkerStart, options: PoolOptions): Promise<InferencePool> {
    const threads = options.threads?.count ?? start.workers;
    if (start.slots.byteLength !== start.workers * Int32Array.BYTES_PER_ELEMENT || threads !== start.workers) {
      throw new Error('This is a bug: a deployment needs one slot and one thread per worker');
    }
    const pool = new InferencePool(start, options);
    try {
      await pool.#load();
      pool.#threads.serve(start);
      return pool;
    } catch (error) {
      // Not awaited: a thread that is stuck in native code would hold the refusal back, and must not be stopped.
      pool.close().catch(() => undefined);
      throw pool.#loadFailed(error);
    }
  }

  /** What the loaded sessions say of themselves. */
  get signature(): Signature {
    if (this.#signature === null) throw new Error('This is a bug: the pool is not loaded');
    return this.#signature;
  }
  get outputKind(): OutputKind {
    if (this.#outputKind === null) throw new Error('This is a bug: the pool is not loaded');
    return this.#outputKind;
  }

  /** Runs the batches, as long as the pool is not closing. */
  get scheduler(): BatchScheduler {
    return this.#threads.scheduler;
  }

  /** Waits for the running batches, releases every session, then stops the idle threads. */
  async close(): Promise<void> {
    await this.#leave();
    await this.#threads.end();
  }

  /** The same, but hands the idle threads on; null when they were not worth keeping and have been stopped. */
  async retire(): Promise<WorkerThreads | null> {
    await this.#leave();
    if (this.#threads.isWhole) return this.#threads;
    await this.#threads.end();
    return null;
  }

  #leave(): Promise<void> {
    this.scheduler.refusal = 'the pool is closing';
    this.#left ??= this.#idle().then(() => this.#threads.release(this.#start));
    return this.#left;
  }

  async #load(): Promise<void> {
    const { loadMs } = this.#options;
    const deadlineUs = monotonicUs() + loadMs * 1e3;
    const loading = this.#threads.load(this.#start, deadlineUs, {
      onIdle: () => this.#wakeIdle(),
      onLost: (living) => this.#workerLost(living),
    });
    const results = await withTimeout(loadMs + LOAD_GRACE_MS, loading);
    if (results === null) throw new Error(`not all workers were ready within ${loadMs} ms`);
    const { signature, outputKind } = results[0] as LoadResult;
    this.#signature = signature;
    this.#outputKind = outputKind;
  }

  #loadFailed(error: unknown): Error {
    if (isLastgoodError(error)) return error;
    const { model, version } = this.#start;
    return lastgoodError('LOAD_FAILED', { model, version, reason: reasonOf(error) });
  }

  async #idle(): Promise<void> {
    while (this.scheduler.busy > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #workerLost(living: ReadonlySet<number>): void {
    this.#slots.sweep(living);
    if (this.#left !== null) return;
    const { model, version } = this.#start;
    this.#options.onWorkerLost(new Error(`a worker of model "${model}" version "${version}" ended by itself`));
  }
}
