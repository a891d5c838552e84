// How the changes of a registry are committed: at once, or for a running engine by the writer thread, so that a slow
// disk stops nothing but the change itself. Main thread.
//
//   run -> (those before it are over) -> staged, written nowhere -> committed if the registry is still as it was
//
// Invariants: changes take effect one after the other in the order of their calls, each as a whole; `run` resolves
// when its change would survive a power loss; one that another process was ahead of is staged again.
import { join } from 'node:path';
import { decodeError, type FailedTask, isLastgoodError, lastgoodError } from '../../base/errors.ts';
import { ManagedThread } from '../../base/managed-thread.ts';
import type { StoreOptions } from '../opening/open-store.ts';
import type { RegistryStore } from '../store/store.ts';
import { stage, type StagedChange } from '../store/staging.ts';

/** A registry that changes faster than it can be written in has other troubles. */
const ATTEMPTS_MAX = 20;
/** Changes that may wait for a slow disk; each is some operator's word, or a verdict. */
export const CHANGES_WAITING_MAX = 256;
/** A disk that hangs must not hold the end of the engine back for good. */
const STOP_MS_MAX = 5_000;

export type CommitReport =
  /** isCommitted: false when the registry had another revision. */
  | { readonly kind: 'done'; readonly isCommitted: boolean }
  | FailedTask;

/**
 * Makes the change that `change` makes of the registry; resolves with its result when it is on disk, rejects with what
 * it throws, and with DISK_REFUSED.
 */
export type Commit = <T>(change: () => T) => Promise<T>;

/** On the calling thread: for tools, and where nothing serves yet. Not later: what follows finds the change made. */
// eslint-disable-next-line @typescript-eslint/require-await
export const commitAtOnce: Commit = async (change) => change();

/** Stages on the calling thread and commits in the writer thread, which the next commit starts again when it ended. */
export class AsyncCommits {
  readonly #store: RegistryStore;
  readonly #what: string;
  readonly #writer: ManagedThread<StagedChange | null, CommitReport>;
  /** Who waits for the commit that is under way. */
  #committing: { resolve(isCommitted: boolean): void; reject(error: Error): void } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(store: RegistryStore, dataDir: string) {
    this.#store = store;
    this.#what = `the registry "${join(dataDir, 'registry')}"`;
    this.#writer = new ManagedThread({
      entry: new URL('./writer.js', import.meta.url), name: 'lastgood-writer',
      data: { dataDir, mayUpgrade: false } satisfies StoreOptions, lastCommand: null, stopMsMax: STOP_MS_MAX,
      onReport: (report) => {
        if (report.kind === 'done') this.#committing?.resolve(report.isCommitted);
        else this.#committing?.reject(this.#refusal(decodeError(report.error)));
      },
      onUnexpectedEnd: (reason) => this.#committing?.reject(this.#refusal(new Error(`its writer: ${reason}`))),
    });
  }

  /** Starts the writer before it is needed. */
  start(): void {
    if (!this.#store.readOnly) this.#writer.start();
  }

  readonly run: Commit = (change) => {
    if (this.#waiting >= CHANGES_WAITING_MAX) {
      const reason = `${this.#waiting} changes wait for the disk already; at most ${CHANGES_WAITING_MAX} may`;
      return Promise.reject(lastgoodError('DISK_REFUSED', { what: 'the registry', reason }));
    }
    this.#waiting += 1;
    const done = this.#last.then(() => this.#make(change)).finally(() => (this.#waiting -= 1));
    this.#last = done.catch(() => undefined);
    return done;
  };

  /** Waits for the changes that are under way, then lets the writer go. */
  async close(): Promise<void> {
    await this.#last;
    await this.#writer.stop();
  }

  async #make<T>(change: () => T): Promise<T> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const { result, staged } = stage(this.#store, change);
      if (staged.writes.length === 0) return result;
      this.#store.assertWritable();
      this.#writer.start();
      // Whoever waits for the disk does not leave before it has answered.
      this.#writer.keepProcess(true);
      const isCommitted = await new Promise<boolean>((resolve, reject) => {
        this.#committing = { resolve, reject };
        this.#writer.post(staged);
      }).finally(() => {
        this.#committing = null;
        this.#writer.keepProcess(false);
      });
      // Else the registry has another revision by now.
      if (isCommitted) return result;
    }
    throw lastgoodError('DISK_REFUSED', {
      what: 'the registry', reason: `other processes changed it ${ATTEMPTS_MAX} times meanwhile`,
    });
  }

  #refusal(error: Error): Error {
    if (isLastgoodError(error) && error.code === 'DISK_REFUSED') return error;
    return lastgoodError('DISK_REFUSED', { what: this.#what, reason: error.message });
  }
}
