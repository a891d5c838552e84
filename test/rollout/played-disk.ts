// A disk for a rollout's registry that refuses or takes its time when a test says so. It commits as the engine's writer
// does: one change after the other, each as a whole, and what the registry itself refuses needs no disk.
import { lastgoodError } from '../../src/base/errors.ts';
import type { Commit } from '../../src/registry/commit/commits.ts';
import { stage } from '../../src/registry/store/staging.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';

export type DiskMode = 'fine' | 'refuses' | 'slow';

export class PlayedDisk {
  mode: DiskMode;
  #isDead = false;
  readonly #store: RegistryStore;
  readonly #held: (() => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: RegistryStore, mode: DiskMode) {
    this.#store = store;
    this.mode = mode;
  }

  readonly run: Commit = (change) => {
    const done = this.#last.then(() => this.#make(change));
    this.#last = done.catch(() => undefined);
    return done;
  };

  /** Nothing more comes of what was asked of it. */
  kill(): void {
    this.#isDead = true;
  }

  set(mode: DiskMode): void {
    this.mode = mode;
    if (mode !== 'slow') for (const goOn of this.#held.splice(0)) goOn();
  }

  async #make<T>(change: () => T): Promise<T> {
    if (this.mode !== 'fine' && !this.#isDead) stage(this.#store, change);
    while (this.mode === 'slow') await new Promise<void>((resolve) => this.#held.push(resolve));
    if (this.#isDead) return new Promise(() => undefined);
    if (this.mode === 'refuses') throw lastgoodError('DISK_REFUSED', { what: 'the registry', reason: 'ENOSPC' });
    return change();
  }
}
