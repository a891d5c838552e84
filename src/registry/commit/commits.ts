// Changes of a running engine's registry: worked out on the main thread from what is stored, committed by the writer
// thread, so that a slow disk stops nothing but the change itself. Main thread.
//
//   run -> (those before it are over) -> worked out, written nowhere -> committed if the registry is still as it was
//
// Invariants: changes take effect one after the other in the order of their calls, each as a whole; `run` resolves
// when its change would survive a power loss; one that another process was ahead of is worked out again.
import { lastgoodError } from '../../base/errors.ts';
import type { RegistryStore } from '../store/store.ts';
import { WriterThread } from './writer-thread.ts';

/** A registry that changes faster than it can be written in has other troubles. */
const ATTEMPTS_MAX = 20;
/** Changes that may wait for a slow disk; each is some operator's word, or a verdict. */
export const CHANGES_WAITING_MAX = 256;

export interface Changes {
  /**
   * Makes the change that `change` makes of the registry; resolves with its result, rejects with what it throws, and
   * with DISK_REFUSED.
   */
  run<T>(change: () => T): Promise<T>;
}

/** Commits at once on the calling thread: for tools, and where nothing serves yet. */
export const directChanges: Changes = {
  // Not later: what follows the call finds the change made.
  // eslint-disable-next-line @typescript-eslint/require-await
  run: async (change) => change(),
};

export class WrittenChanges implements Changes {
  readonly #store: RegistryStore;
  readonly #writer: WriterThread;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: RegistryStore, dataDir: string) {
    this.#store = store;
    this.#writer = new WriterThread(dataDir);
  }

  /** Starts the writer before it is needed. */
  start(): void {
    if (!this.#store.readOnly) this.#writer.start();
  }

  run<T>(change: () => T): Promise<T> {
    if (this.#waiting >= CHANGES_WAITING_MAX) {
      const reason = `${this.#waiting} changes wait for the disk already; at most ${CHANGES_WAITING_MAX} may`;
      return Promise.reject(lastgoodError('DISK_REFUSED', { what: 'the registry', reason }));
    }
    this.#waiting += 1;
    const done = this.#last.then(() => this.#make(change)).finally(() => (this.#waiting -= 1));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Waits for the changes that are under way, then lets the writer go. */
  async close(): Promise<void> {
    await this.#last;
    await this.#writer.stop();
  }

  async #make<T>(change: () => T): Promise<T> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const { result, writes, revision } = this.#store.workOut(change);
      if (writes.length === 0 || (await this.#writer.commit(writes, revision))) return result;
    }
    throw lastgoodError('DISK_REFUSED', {
      what: 'the registry', reason: `other processes changed it ${ATTEMPTS_MAX} times meanwhile`,
    });
  }
}
