// The LMDB environment in <data>/registry: opening, one kind of transaction, fresh reads. Any thread or process of the
// host may hold a store; only the engine's main thread and its writer thread, or a CLI without an engine, write.
// Invariant: a commit is on disk (fdatasync, then a synchronous write of the meta page) before transaction() returns,
// and no read snapshot outlives a call, because an old one would hide commits and stop LMDB from reusing pages.
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { Key, RootDatabase } from 'lmdb';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { META, REVISION } from './keys.ts';
import type { KeyParts, KeyPrefix, RecordKey } from './keys.ts';
import { assertRoom, checkLmdbFile, refuseLostRegistry } from './lmdb-guards.ts';

/** Names and ids are shorter; whoever asks for a longer one has it from a client. */
const PART_CHARACTERS_MAX = 256;
const PRODUCT = 'lastgood';
export const FORMAT = 1;

/** Address space reserved for the map, which bounds the registry's size; the file grows only as it is filled. */
const MAP_BYTES = 2 ** 30;
const DIRECTORY_MODE = 0o700;

/** Sorts after every name and every number at the same place of a key. */
const AFTER_ALL = '\uffff';

export interface StoreOptions {
  readonly dataDir: string;
  /** For worker threads and tools that only look; the directory must exist. */
  readonly readOnly?: boolean;
}

export interface RangeOptions {
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface Entry {
  readonly key: KeyParts;
  readonly value: unknown;
}

/** Takes writes in the store's stead, and lays them over what is stored. */
export interface Overlay {
  /** How many keys were written. */
  readonly size: number;
  /** Undefined deletes. */
  set(key: KeyParts, value: unknown): void;
  /** What was written under this key; undefined when nothing was. */
  find(key: KeyParts): { readonly value: unknown } | undefined;
  /** The stored entries below `prefix`, in their order, with the writes laid over them. */
  laidOver(stored: readonly Entry[], prefix: KeyParts, reverse: boolean): readonly Entry[];
}

/** Opens the registry of `dataDir`, creating both unless `readOnly`; throws DATA_UNUSABLE. */
export function openStore(options: StoreOptions): RegistryStore {
  const { dataDir, readOnly = false } = options;
  const path = join(dataDir, 'registry');
  let store: RegistryStore | null = null;
  try {
    if (!readOnly) refuseLostRegistry(dataDir, join(path, 'data.mdb'));
    if (!readOnly) mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    store = new RegistryStore(openEnvironment(path, readOnly), path, readOnly);
    checkFormat(store);
    return store;
  } catch (error) {
    void store?.close();
    if (isLastgoodError(error)) throw error;
    throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason: reasonOf(error) });
  }
}

/**
 * The same for an engine that has to serve whatever the disk does: on one that is mounted read-only it opens for
 * reading, and the store becomes writable when `tryWritable` finds that the disk is back.
 */
export function openStoreOnAnyDisk(dataDir: string): RegistryStore {
  return openStore({ dataDir, readOnly: isReadOnlyDisk(join(dataDir, 'registry', 'data.mdb')) });
}

function openEnvironment(path: string, readOnly: boolean): RootDatabase<unknown> {
  const file = join(path, 'data.mdb');
  if (existsSync(file)) checkLmdbFile(file, readOnly);
  else if (readOnly) throw new Error(`there is no registry in it (${file})`);
  return open<unknown>({ path, noSubdir: false, readOnly, overlappingSync: false, mapSize: MAP_BYTES });
}

function isReadOnlyDisk(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

function checkFormat(store: RegistryStore): void {
  const meta = store.read(() => store.get(META));
  if (meta === undefined) {
    if (store.readOnly) throw new Error('its registry is not initialized');
    store.transaction(() => {
      // Another process may have been first.
      if (store.get(META) !== undefined) return;
      if (store.size() > 0) throw new Error('its registry holds the data of another program');
      store.put(META, { product: PRODUCT, format: FORMAT });
    });
    return;
  }
  if (meta.product !== PRODUCT) throw new Error('its registry holds the data of another program');
  if (meta.format !== FORMAT) {
    throw new Error(`its registry has format ${meta.format}; this version of lastgood reads format ${FORMAT}`);
  }
}

export class RegistryStore {
  readonly path: string;
  #root: RootDatabase<unknown>;
  #readOnly: boolean;
  #writing = false;
  /** Takes the writes while a change is staged; null outside of that. */
  #overlay: Overlay | null = null;
  #closed: Promise<void> | null = null;

  /** Use openStore, which checks what it opens. */
  constructor(root: RootDatabase<unknown>, path: string, readOnly: boolean) {
    this.#root = root;
    this.path = path;
    this.#readOnly = readOnly;
  }

  get readOnly(): boolean {
    return this.#readOnly;
  }

  /** Opens for writing what was opened for reading only, if the disk allows it now; tells whether it did. */
  async tryWritable(): Promise<boolean> {
    if (isReadOnlyDisk(join(this.path, 'data.mdb'))) return false;
    await this.#root.close();
    this.#root = openEnvironment(this.path, false);
    this.#readOnly = false;
    return true;
  }

  /**
   * Runs `work` in one transaction: all of its writes are on disk when this returns, or none ever will be. Whatever
   * `work` throws comes out; a disk that fails is DISK_REFUSED. Blocks for the commit.
   */
  transaction<T>(work: () => T): T {
    this.#mustBeOpen();
    if (this.#readOnly) throw this.#refused('it is open for reading only');
    if (this.#overlay !== null) return work();
    if (this.#writing) throw new Error('This is a bug: a registry transaction was started inside another');
    this.#mustHaveRoom();
    this.#writing = true;
    try {
      return this.#root.transactionSync(() => {
        const result = work();
        this.put(REVISION, (this.get(REVISION) ?? 0) + 1);
        return result;
      });
    } catch (error) {
      // LMDB throws with the number of the system's error, or its own.
      if (typeof (error as { code?: unknown }).code === 'number') throw this.#refused(reasonOf(error));
      throw error;
    } finally {
      this.#writing = false;
    }
  }

  /**
   * Runs `work` on the newest commit, with all of its writes and those of its transactions in `overlay` and none in the
   * store. Whatever it throws comes out.
   */
  runOver<T>(overlay: Overlay, work: () => T): T {
    if (this.#writing) throw new Error('This is a bug: a registry change was staged inside a transaction');
    this.fresh();
    this.#overlay = overlay;
    this.#writing = true;
    try {
      return work();
    } finally {
      this.#writing = false;
      this.#overlay = null;
      this.fresh();
    }
  }

  /** Runs `look` on the newest commit of any thread or process; all of its reads see that same commit. */
  read<T>(look: () => T): T {
    if (this.#writing) return look();
    this.fresh();
    try {
      return look();
    } finally {
      // A worker blocks in Atomics.wait next, and the timer that would let the snapshot go does not run there.
      this.fresh();
    }
  }

  /** Number of transactions so far, by any process: one cheap read tells whether there is anything new. */
  revision(): number {
    return this.read(() => this.get(REVISION) ?? 0);
  }

  /** Lets the read snapshot go, so that the next read sees the newest commit. */
  fresh(): void {
    this.#mustBeOpen();
    this.#root.resetReadTxn();
  }

  get<T>(key: RecordKey<T>): T | undefined {
    // LMDB throws for a key that is longer than any can be; nothing lies under it.
    if (key.parts.some((part) => typeof part === 'string' && part.length > PART_CHARACTERS_MAX)) return undefined;
    const written = this.#overlay?.find(key.parts);
    if (written !== undefined) return written.value as T | undefined;
    return this.#root.get(key.parts as Key) as T | undefined;
  }

  /** Values in the order of their keys. */
  list<T>(range: KeyPrefix<T>, options: RangeOptions = {}): T[] {
    return this.#entries(range, options).map(({ value }) => value as T);
  }

  /** The last part of each key. */
  lastParts(range: KeyPrefix<unknown>, options: RangeOptions = {}): (string | number)[] {
    return this.#entries(range, options).map(({ key }) => key.at(-1) ?? '');
  }

  /** Number of records of all kinds. */
  size(): number {
    return this.#root.getCount();
  }

  /** Every key and value as stored, for comparison in tests and for support. */
  dump(): { key: string; value: unknown }[] {
    return this.read(() => [...this.#root.getRange({})].map(({ key, value }) => ({ key: JSON.stringify(key), value })));
  }

  put<T>(key: RecordKey<T>, value: T): void {
    this.#mustBeWriting();
    if (this.#overlay === null) this.#root.putSync(key.parts as Key, value);
    else this.#overlay.set(key.parts, value);
  }

  delete(key: RecordKey<unknown>): void {
    this.#mustBeWriting();
    if (this.#overlay === null) this.#root.removeSync(key.parts as Key);
    else this.#overlay.set(key.parts, undefined);
  }

  /** Deletes everything under `range`. */
  deleteAll(range: KeyPrefix<unknown>): void {
    for (const { key } of this.#entries(range, {})) this.delete({ parts: key });
  }

  /** Resolves when every commit so far is on disk. Await it before telling an operator that something was done. */
  async flushed(): Promise<void> {
    await this.#root.flushed;
  }

  /** Closes this thread's handle, after its writes are on disk. */
  close(): Promise<void> {
    this.#closed ??= this.flushed().then(() => this.#root.close());
    return this.#closed;
  }

  #mustBeOpen(): void {
    if (this.#closed !== null) throw lastgoodError('ENGINE_CLOSED');
  }

  #mustHaveRoom(): void {
    try {
      assertRoom(join(this.path, 'room'));
    } catch (error) {
      throw this.#refused(reasonOf(error));
    }
  }

  #refused(reason: string): Error {
    return lastgoodError('DISK_REFUSED', { what: `the registry "${this.path}"`, reason });
  }

  #mustBeWriting(): void {
    if (!this.#writing) throw new Error('This is a bug: the registry was written outside a transaction');
  }

  #entries({ prefix }: KeyPrefix<unknown>, { reverse = false, limit }: RangeOptions): readonly Entry[] {
    const first = [...prefix] as Key;
    const last = [...prefix, AFTER_ALL] as Key;
    const overlay = this.#overlay;
    // Each key that is written may hide one that is stored.
    const stored = limit === undefined ? {} : { limit: limit + (overlay?.size ?? 0) };
    const range = this.#root.getRange({
      ...(reverse ? { start: last, end: first, reverse } : { start: first, end: last }), ...stored,
    });
    const entries = [...range] as Entry[];
    return overlay === null ? entries : overlay.laidOver(entries, prefix, reverse).slice(0, limit);
  }
}
