// The worker threads of one deployment: a fixed number, each with one session of one version. Engine main thread.
// Piscina starts, watches and replaces the threads. Each has one task for its life, in which it takes batches from a
// mailbox in shared memory: a task for each batch would cost both threads more than the rest of a small batch.
// Invariant: no thread is ever stopped while it runs something, because stopping a thread inside onnxruntime aborts the
// whole process. Batches are waited for without a limit; whoever cannot wait has to end the process.
import '../telemetry-off.ts';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { monotonicUs } from '../clock.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../errors.ts';
import type { OutputKind, Signature } from '../registry/records.ts';
import type {
  BatchResult, BatchTask, LoadResult, ServeTask, WorkerResult, WorkerStart, WorkerTask,
} from './messages.ts';
import type { Seat } from './seat.ts';
import { Seating } from './seating.ts';
import { WorkerSlots } from './slots.ts';

const WORKER_FILE = fileURLToPath(new URL('./worker.js', import.meta.url));
/** How much later than its workers the pool gives up a load: theirs is the better message. */
const LOAD_GRACE_MS = 500;
/** Idle sessions are released in microseconds; a release that takes this long is stuck in native code. */
const RELEASE_MS = 30_000;

export interface PoolOptions {
  /** Limit of loading and warming all workers. */
  readonly loadMs: number;
  /** A worker ended by itself; another takes its place, and the batch it was running, if any, was rejected. */
  readonly onWorkerLost: (reason: unknown) => void;
}

export class InferencePool {
  readonly #start: WorkerStart;
  readonly #options: PoolOptions;
  readonly #slots: WorkerSlots;
  readonly #piscina: Piscina<WorkerTask, WorkerResult>;
  readonly #seating: Seating;
  /** Settles when every worker has released its session; empty until the workers serve. */
  #serving: Promise<unknown>[] = [];
  /** Rejects for each load that has not settled; used when no thread is left to settle them. */
  readonly #loads = new Set<(reason: Error) => void>();
  #idleWaiters: (() => void)[] = [];
  #signature: Signature | null = null;
  #outputKind: OutputKind | null = null;
  #closed: Promise<void> | null = null;
  #isClosing = false;
  #isEmpty = false;

  private constructor(start: WorkerStart, options: PoolOptions) {
    this.#start = start;
    this.#options = options;
    this.#slots = new WorkerSlots(start.slots);
    this.#seating = new Seating(start.workers, () => this.#wakeIdle());
    this.#piscina = new Piscina<WorkerTask, WorkerResult>({
      filename: WORKER_FILE,
      minThreads: start.workers,
      maxThreads: start.workers,
      concurrentTasksPerWorker: 1,
      // For the tasks of workers that are being replaced.
      maxQueue: start.workers * 2,
      idleTimeout: Infinity,
      atomics: 'sync',
      recordTiming: false,
      workerData: start,
    });
    // Without a listener the event would end the process. The thread is gone already; workerDestroy says so.
    this.#piscina.on('error', (error: unknown) => this.#failIfEmpty(error));
    this.#piscina.on('workerDestroy', (worker: { readonly id: number }) => this.#workerEnded(worker.id));
  }

  /** Starts the threads and loads the version in each; rejects with LOAD_FAILED when not all of them are ready. */
  static async start(start: WorkerStart, options: PoolOptions): Promise<InferencePool> {
    if (start.slots.byteLength !== start.workers * Int32Array.BYTES_PER_ELEMENT) {
      throw new Error('This is a bug: a deployment needs one slot per worker');
    }
    const pool = new InferencePool(start, options);
    try {
      await pool.#load();
      pool.#serve();
      return pool;
    } catch (error) {
      // Not awaited: a thread that is stuck in native code would hold the refusal back, and must not be stopped.
      pool.close().catch(() => undefined);
      throw pool.#loadFailed(error);
    }
  }

  /** Batches that have not settled. */
  get busy(): number {
    return this.#seating.busy;
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

  /** Runs one batch; rejects when its worker died or the pool is closing. The slab's entries carry the answers. */
  run(task: BatchTask): Promise<BatchResult> {
    if (this.#isClosing) return Promise.reject(new Error('run a batch: the pool is closing'));
    if (this.#isEmpty) return Promise.reject(new Error('run a batch: no worker thread is left'));
    return this.#seating.run(task);
  }

  /** Takes back the batches that no worker has begun: they resolve with `isTakenBack`. */
  takeBack(): void {
    this.#seating.takeBack();
  }

  /** Waits for the running tasks, releases every session, then stops the idle threads. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#idle();
    // Workers that never served do it now: that is how they release what they loaded. Without threads nobody would.
    if (this.#serving.length === 0) this.#serve();
    for (const seat of this.#seating.seats) seat.dismiss();
    const leaving = this.#piscina.threads.length > 0 ? this.#serving : [];
    const isReleased = await within(RELEASE_MS, Promise.all(leaving));
    if (isReleased === null) {
      const { model, version } = this.#start;
      throw new Error(`stop the workers of model "${model}" version "${version}": a session is not released; ` +
        `wanted that within ${RELEASE_MS} ms`);
    }
    for (const seat of this.#seating.seats) seat.disconnect();
    await this.#piscina.destroy();
  }

  async #load(): Promise<void> {
    const { loadMs } = this.#options;
    const deadlineUs = monotonicUs() + loadMs * 1e3;
    const loads = this.#piscina.threads.map(() => this.#postLoad(deadlineUs));
    const results = await within(loadMs + LOAD_GRACE_MS, Promise.all(loads));
    if (results === null) throw new Error(`not all workers were ready within ${loadMs} ms`);
    const { signature, outputKind } = results[0] as LoadResult;
    this.#signature = signature;
    this.#outputKind = outputKind;
  }

  #loadFailed(error: unknown): Error {
    if (isLastgoodError(error)) return error;
    // Errors lose their class on the way from a thread, not their message.
    const { model, version } = this.#start;
    const prefix = lastgoodError('LOAD_FAILED', { model, version, reason: '' }).message;
    const text = reasonOf(error);
    const reason = text.startsWith(prefix) ? text.slice(prefix.length) : text;
    return lastgoodError('LOAD_FAILED', { model, version, reason });
  }

  // A task that can be settled from here too: Piscina never settles one when its last thread failed to start.
  #postLoad(deadlineUs: number): Promise<WorkerResult> {
    return new Promise<WorkerResult>((resolve, reject) => {
      this.#loads.add(reject);
      this.#piscina.run({ kind: 'load', deadlineUs }).then(resolve, (error: unknown) => {
        reject(error instanceof Error ? error : new Error(reasonOf(error)));
      }).finally(() => {
        this.#loads.delete(reject);
        this.#wakeIdle();
      });
    });
  }

  // From here on each worker takes its batches from its seat's mailbox.
  #serve(): void {
    this.#serving = this.#seating.seats.map((seat) => this.#serveSeat(seat));
  }

  // Settles when a worker left on command; a worker that died is followed by another.
  async #serveSeat(seat: Seat): Promise<void> {
    for (;;) {
      const { port1, port2 } = new MessageChannel();
      this.#seating.connect(seat, port1);
      const task: ServeTask = { kind: 'serve', mailbox: seat.memory, port: port2, releaseMs: RELEASE_MS };
      try {
        await this.#piscina.run(task, { transferList: [port2] });
        return;
      } catch (error) {
        // A worker that died has nothing to release.
        const isOver = this.#isClosing || this.#isEmpty;
        this.#seating.lose(seat, error instanceof Error ? error : new Error(reasonOf(error)), !isOver);
        if (isOver) return;
      }
    }
  }

  async #idle(): Promise<void> {
    // Loads are waited for as well: a thread in native code must not be stopped.
    while (this.busy + this.#loads.size > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #workerEnded(id: number): void {
    // While threads are stopped on purpose nobody needs their slots any more.
    const living = new Set(this.#piscina.threads.map(({ threadId }) => threadId));
    living.delete(id);
    this.#slots.sweep(living);
    if (this.#isClosing) return;
    const { model, version } = this.#start;
    this.#options.onWorkerLost(new Error(`a worker of model "${model}" version "${version}" ended by itself`));
    // Piscina starts the replacement in the same turn, or never.
    setImmediate(() => this.#failIfEmpty(new Error('no worker thread is left')));
  }

  #failIfEmpty(cause: unknown): void {
    if (this.#piscina.threads.length > 0) return;
    this.#isEmpty = true;
    const error = cause instanceof Error ? cause : new Error(reasonOf(cause));
    for (const reject of this.#loads) reject(error);
    this.#loads.clear();
    this.#seating.loseAll(error);
    this.#wakeIdle();
  }
}

// Resolves with the value, or with null when `limitMs` passed before.
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
