// Looks once a second at the data directory: whether one that was mounted read-only at the start can be written again,
// and whether the registry is still the file that this engine has open. One that was deleted, moved, or is covered by
// another file system takes nothing more that would be there at the next start. Main thread; it waits for no disk.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { tryWritable } from '../../registry/opening/open-store.ts';
import type { RegistryStore } from '../../registry/store/store.ts';

const LOOK_MS = 1_000;
/** What the system says of a path at which nothing lies. */
const GONE = ['ENOENT', 'ENOTDIR'];

interface DiskWatchPorts {
  readonly store: RegistryStore;
  readonly dataDir: string;
  /** Called with what an operator should know. */
  readonly tell: (what: string, reason: string) => void;
}

export class DiskWatch {
  readonly #ports: DiskWatchPorts;
  #timer: NodeJS.Timeout | undefined;
  /** Of the file that is open; null before the first look. */
  #inode: string | null = null;
  #isLooking = false;

  constructor(ports: DiskWatchPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { store, tell } = this.#ports;
    if (this.#timer !== undefined) return;
    if (store.readOnly) {
      const why = `changes are refused until it can be written (${store.readOnlyReason ?? ''})`;
      tell('the data directory can only be read', `models are served, ${why}`);
    }
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
    void this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    // A disk that does not answer is looked at no second time.
    if (this.#isLooking || this.#timer === undefined) return;
    this.#isLooking = true;
    try {
      if (await this.#isThere()) await this.#tryWritable();
    } finally {
      this.#isLooking = false;
    }
  }

  // Once it is gone nothing is looked at any more: what comes in its place is not what this engine serves.
  async #isThere(): Promise<boolean> {
    const { store, dataDir, tell } = this.#ports;
    const found = await inodeOf(join(store.path, 'data.mdb'));
    if (found === undefined || this.#timer === undefined) return false;
    this.#inode ??= found;
    if (found !== null && found === this.#inode) return true;
    this.stop();
    const state = found === null ? 'it was deleted or moved' : 'another one lies in its place';
    const reason = `the registry in "${dataDir}" is not the one that this engine opened: ${state}`;
    if (!store.readOnly) store.keepUnsaved(null, reason);
    tell('the data directory is gone', `${reason}; models are served on, and changes are refused until a restart`);
    return false;
  }

  async #tryWritable(): Promise<void> {
    const { store, dataDir, tell } = this.#ports;
    if (!store.readOnly) return;
    try {
      if (await tryWritable(store, dataDir)) tell('the data directory can be written again', 'changes are accepted');
    } catch (error) {
      this.stop();
      tell('the registry could not be opened for writing', String(error));
    }
  }
}

/** Null when there is no such file, undefined when the disk says neither. */
async function inodeOf(path: string): Promise<string | null | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    return GONE.includes((error as NodeJS.ErrnoException).code ?? '') ? null : undefined;
  }
}
