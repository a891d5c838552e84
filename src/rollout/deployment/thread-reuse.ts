// What a deployment leaves to the next one of its model (threads without a session, and shared memory that nobody reads
// any more), and how long it stays before it does. Main thread. Shared memory that is let go stays until the garbage of
// every thread that has seen it is collected, which nothing hurries, and a thread is dear to start: so both are used
// again. Invariant: at most one deployment's resources are kept, and at most one deployment delays its end.
import type { RowMemory } from '../../worker/messages.ts';
import type { WorkerThreads } from '../../worker/pool/threads.ts';

/** Idle threads cost memory too: without another load in this time they go. */
const THREADS_KEPT_MS = 60_000;

export interface RetiredResources {
  readonly workers: number;
  /** As many; null when they have ended and only their memory is left. */
  readonly threads: WorkerThreads | null;
  /** Their sample rings. */
  readonly rings: SharedArrayBuffer;
  readonly rows: RowMemory;
}

/** Keeps what one deployment left: its threads for a while, its memory for good. */
export class ResourceCache {
  readonly #keptMs: number;
  #kept: RetiredResources | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(keptMs = THREADS_KEPT_MS) {
    this.#keptMs = keptMs;
  }

  /** Hands out what is kept if it is for so many workers; what does not fit is let go. */
  take(workers: number): RetiredResources | null {
    const kept = this.#empty();
    if (kept === null || (kept.workers === workers && kept.threads?.isWhole !== false)) return kept;
    void kept.threads?.end();
    return kept.workers === workers ? { ...kept, threads: null } : null;
  }

  /** Keeps these in the place of those that it has; resolves when what goes has ended. */
  async keep(retired: RetiredResources): Promise<void> {
    const old = this.#empty();
    if (this.#isClosed) {
      await retired.threads?.end();
      return;
    }
    this.#kept = retired;
    this.#timer = setTimeout(() => this.#letThreadsGo(), this.#keptMs).unref();
    await old?.threads?.end();
  }

  /** Resolves when the threads have ended; what comes in later is let go at once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#empty()?.threads?.end();
  }

  #letThreadsGo(): void {
    const kept = this.#empty();
    if (kept === null) return;
    void kept.threads?.end();
    this.#kept = { ...kept, threads: null };
  }

  #empty(): RetiredResources | null {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const kept = this.#kept;
    this.#kept = null;
    return kept;
  }
}

/** Longer than two versions take to change places; short beside how long either serves. */
const RETIRE_DELAY_MS = 500;

/**
 * Keeps a deployment that no longer serves as it is for a moment: its end (sessions released, garbage collected, rings
 * looked into a last time) would take the CPU from the first answers of the version that took its place.
 */
export class RetireDelay {
  readonly #delayMs: number;
  #finish: () => void = () => undefined;
  #isOver = false;

  constructor(delayMs = RETIRE_DELAY_MS) {
    this.#delayMs = delayMs;
  }

  /** Resolves when the caller may retire: after a while, when the next one comes, or at `finishNow`. */
  async wait(): Promise<void> {
    this.finishNow();
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#delayMs).unref();
      this.#finish = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Lets the one that waits retire: its threads, or its end, are needed. */
  finishNow(): void {
    this.#finish();
  }

  /** From now on nobody waits. */
  end(): void {
    this.#isOver = true;
    this.finishNow();
  }
}
