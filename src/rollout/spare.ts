// What a deployment leaves to the next one of its model: threads without a session, and shared memory that nobody reads
// any more. Main thread. Shared memory that is let go stays until the garbage of every thread that has seen it is
// collected, which nothing hurries, and a thread is dear to start: so both are used again.
import type { RowMemory } from '../worker/messages.ts';
import type { WorkerThreads } from '../worker/pool/threads.ts';

/** Idle threads cost memory too: without another load in this time they go. */
export const THREADS_KEPT_MS = 60_000;

export interface Spare {
  readonly workers: number;
  /** As many; null when they have ended and only their memory is left. */
  readonly threads: WorkerThreads | null;
  /** Their sample rings. */
  readonly rings: SharedArrayBuffer;
  readonly rows: RowMemory;
}

/** Keeps one spare: its threads for a while, its memory for good. */
export class SparePlace {
  readonly #keptMs: number;
  #spare: Spare | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(keptMs = THREADS_KEPT_MS) {
    this.#keptMs = keptMs;
  }

  /** Hands out the spare if it is for so many workers; one that does not fit is let go. */
  take(workers: number): Spare | null {
    const spare = this.#empty();
    if (spare === null || (spare.workers === workers && spare.threads?.isWhole !== false)) return spare;
    void spare.threads?.end();
    return spare.workers === workers ? { ...spare, threads: null } : null;
  }

  /** Takes a spare in, in the place of the one that it has; resolves when what goes has ended. */
  async keep(spare: Spare): Promise<void> {
    const old = this.#empty();
    if (this.#isClosed) {
      await spare.threads?.end();
      return;
    }
    this.#spare = spare;
    this.#timer = setTimeout(() => this.#letThreadsGo(), this.#keptMs).unref();
    await old?.threads?.end();
  }

  /** Resolves when the threads have ended; what comes in later is let go at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#empty()?.threads?.end();
  }

  #letThreadsGo(): void {
    const spare = this.#empty();
    if (spare === null) return;
    void spare.threads?.end();
    this.#spare = { ...spare, threads: null };
  }

  #empty(): Spare | null {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }
}
