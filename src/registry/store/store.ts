// The LMDB environment in <data>/registry: one kind of transaction, fresh reads. Any thread or process of the
// host may hold a store; only the engine's main thread and its writer thread, or a CLI without an engine, write.
// Invariant: a commit is on disk (fdatasync, then a synchronous write of the meta page) before transaction() returns,
// and no read snapshot outlives a call, because an old one would hide commits and stop LMDB from reusing pages.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import type { Key, RootDatabase } from 'lmdb';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { REVISION } from './keys.ts';
import type { KeyParts, KeyPrefix, RecordKey } from './keys.ts';
import { assertRoom, ROOM_BYTES } from './lmdb-guards.ts';

/** Names and ids are shorter; whoever asks for a longer one has it from a client. */
const PART_CHARACTERS_MAX = 256;
/** A transaction that writes more than a part of the room that is always asked for asks for so many times as much. */
const ROOM_FACTOR = 2;

/** Sorts after every name and every number at the same place of a key. */
const AFTER_ALL = '\uffff';

interface RangeOptions {
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

/** What LMDB tells of the tree that all records are in. */
type TreeStats = Readonly<
  Record<'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages', number>
>;

export class RegistryStore {
  readonly path: string;
  readonly #bytesMax: number;
  #root: RootDatabase<unknown>;
  /** Why nothing can be written; null when it can. */
  #readOnly: string | null;
  #writing = false;
  #reading = false;
  /** About how many bytes the transaction under way has put. */
  #putBytes = 0;
  /** What should be stored and cannot be: read as if it were. */
  #unsaved: Overlay | null = null;
  /** Takes the writes while a change is staged; null outside of that. */
  #overlay: Overlay | null = null;
  #closed: Promise<void> | null = null;

  /** Use openStore, which checks what it opens. */
  constructor(
    root: RootDatabase<unknown>, path: string,
    { readOnly, bytesMax }: { readonly readOnly: boolean; readonly bytesMax: number },
  ) {
    this.#root = root;
    this.path = path;
    this.#bytesMax = bytesMax;
    this.#readOnly = readOnly ? 'it is open for reading only' : null;
  }

  get readOnly(): boolean {
    return this.#readOnly !== null;
  }

  /** Why nothing can be written; null when it can. */
  get readOnlyReason(): string | null {
    return this.#readOnly;
  }

  /** Throws DISK_REFUSED with the reason why nothing can be written. */
  assertWritable(): void {
    if (this.#readOnly !== null) throw this.#refused(this.#readOnly);
  }

  /** Goes on in another environment of the same file, which can be written. */
  async reopen(open: () => RootDatabase<unknown>): Promise<void> {
    await this.#root.close();
    this.#root = open();
    this.#readOnly = null;
  }

  /** From now on nothing is written, for this `reason`, and `unsaved` is read as if it were stored. */
  keepUnsaved(unsaved: Overlay | null, reason: string): void {
    this.#unsaved = unsaved;
    this.#readOnly = reason;
  }

  /** What is stored is all there is to read. */
  forgetUnsaved(): void {
    this.#unsaved = null;
  }

  /** Copies the file as it is, while nobody writes; throws what the disk says. */
  copyTo(path: string): void {
    this.#root.transactionSync(() => copyFileSync(join(this.path, 'data.mdb'), path));
  }

  /** Throws DISK_REFUSED when the disk does not take so many bytes more. */
  assertRoom(bytes: number): void {
    try {
      assertRoom(join(this.path, 'room'), bytes);
    } catch (error) {
      throw this.#refused(reasonOf(error));
    }
  }

  /** Throws DISK_REFUSED when the registry holds so much that nothing may be added that stays in it. */
  assertMayGrow(): void {
    // Pages that were let go are taken again, so that the file's size says nothing.
    const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#root.getStats() as TreeStats;
    const bytes = (treeBranchPageCount + treeLeafPageCount + overflowPages) * pageSize;
    if (bytes < this.#bytesMax) return;
    throw this.#refused(`it holds ${bytes} bytes and takes no more from ${this.#bytesMax} on; remove versions`);
  }

  /**
   * Runs `work` in one transaction: all of its writes are on disk when this returns, or none ever will be. Whatever
   * `work` throws comes out; a disk that fails is DISK_REFUSED. Blocks for the commit.
   */
  transaction<T>(work: () => T): T {
    this.#mustBeOpen();
    // What is staged is only written by whoever may.
    if (this.#overlay !== null) return work();
    this.assertWritable();
    if (this.#writing) throw new Error('This is a bug: a registry transaction was started inside another');
    this.assertRoom(ROOM_BYTES);
    this.#writing = true;
    this.#putBytes = 0;
    try {
      return this.#root.transactionSync(() => {
        const result = work();
        this.put(REVISION, (this.get(REVISION) ?? 0) + 1);
        // Nothing is on its way to the disk before this returns.
        if (this.#putBytes * ROOM_FACTOR > ROOM_BYTES) this.assertRoom(this.#putBytes * ROOM_FACTOR);
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
    if (this.#writing || this.#reading) return look();
    this.fresh();
    this.#reading = true;
    try {
      return look();
    } finally {
      this.#reading = false;
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
    const written = this.#overlay?.find(key.parts) ?? this.#unsaved?.find(key.parts);
    if (written !== undefined) return written.value as T | undefined;
    return this.#root.get(key.parts as Key) as T | undefined;
  }

  /** Values in the order of their keys. */
  list<T>(range: KeyPrefix<T>, options: RangeOptions = {}): T[] {
    return this.#entries(range, options).map(({ value }) => value as T);
  }

  /** The last part of each key; no value is decoded. */
  lastParts(range: KeyPrefix<unknown>, options: RangeOptions = {}): (string | number)[] {
    return this.#entries(range, options, false).map(({ key }) => key.at(-1) ?? '');
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
    if (this.#overlay !== null) {
      this.#overlay.set(key.parts, value);
      return;
    }
    this.#putBytes += serialize(value).length;
    this.#root.putSync(key.parts as Key, value);
  }

  delete(key: RecordKey<unknown>): void {
    this.#mustBeWriting();
    if (this.#overlay === null) this.#root.removeSync(key.parts as Key);
    else this.#overlay.set(key.parts, undefined);
  }

  /** Deletes everything under `range`. */
  deleteAll(range: KeyPrefix<unknown>): void {
    for (const { key } of this.#entries(range, {}, false)) this.delete({ parts: key });
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

  #refused(reason: string): Error {
    return lastgoodError('DISK_REFUSED', { what: `the registry "${this.path}"`, reason });
  }

  #mustBeWriting(): void {
    if (!this.#writing) throw new Error('This is a bug: the registry was written outside a transaction');
  }

  // Without `values` each is undefined, but those that were written a moment ago.
  #entries(
    { prefix }: KeyPrefix<unknown>, { reverse = false, limit }: RangeOptions, values = true,
  ): readonly Entry[] {
    const first = [...prefix] as Key;
    const last = [...prefix, AFTER_ALL] as Key;
    const overlays = [this.#unsaved, this.#overlay].filter((overlay) => overlay !== null);
    // Each key that is written may hide one that is stored.
    const hidden = overlays.reduce((sum, { size }) => sum + size, 0);
    const range = {
      ...(reverse ? { start: last, end: first, reverse } : { start: first, end: last }),
      ...(limit === undefined ? {} : { limit: limit + hidden }),
    };
    const stored: readonly Entry[] = values
      ? [...this.#root.getRange(range)] as Entry[]
      : Array.from(this.#root.getKeys(range), (key) => ({ key: key as KeyParts, value: undefined }));
    if (overlays.length === 0) return stored;
    return overlays.reduce((found, overlay) => overlay.laidOver(found, prefix, reverse), stored).slice(0, limit);
  }
}
