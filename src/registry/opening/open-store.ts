// Opens the registry of a data directory: what its file must be like, which format it has, and what is done when that
// is an older one. Any thread or process of the host.
//
//   newer format           refused
//   older, on a disk       upgraded in place, after a copy beside it: for whoever opens it for writing
//   older, not to change   read as it will be after the upgrade, which stays in memory: for whoever only looks, and for
//                          an engine whose disk refuses, until it takes it
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import type { RootDatabase } from 'lmdb';
import { assertAccess } from '../../artifacts/access.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { META } from '../store/keys.ts';
import { assertRoom, checkLmdbFile, refuseLostRegistry } from '../store/lmdb-guards.ts';
import { RegistryStore } from '../store/store.ts';
import { FORMAT, formatOf, PRODUCT, stageUpgrade, upgrade } from './upgrade.ts';

/**
 * Address space reserved for the map, which lmdb makes larger when it is full; the file grows only as it is filled.
 * Where addresses are short there is less of it. Versions and what belongs to them get half of it; what happens to them
 * is bounded by retention.ts.
 */
const MAP_BYTES = process.arch === 'arm' || process.arch === 'ia32' ? 2 ** 29 : 2 ** 33;
/** A registry that holds more takes no version and no baseline. */
export const REGISTRY_BYTES_MAX = MAP_BYTES / 2;
const DIRECTORY_MODE = 0o700;
/** More than LMDB's table of readers. */
const LOCK_BYTES = 1 << 14;

export interface StoreOptions {
  readonly dataDir: string;
  /** For worker threads and tools that only look; the directory must exist. */
  readonly readOnly?: boolean;
  /** False refuses an older format: somebody else is to upgrade it. */
  readonly mayUpgrade?: boolean;
  /** In place of REGISTRY_BYTES_MAX. */
  readonly bytesMax?: number;
  /** Told of an upgrade that was done; `copy` is where the older registry lies, null when it was begun before. */
  readonly onUpgrade?: (from: number, copy: string | null) => void;
  /** Told of an older format that is left as it is, and read as if it were upgraded. */
  readonly onOlder?: (format: number) => void;
}

/**
 * Opens the registry of `dataDir`, creating both, and upgrading it, unless `readOnly`; throws DATA_UNUSABLE, or
 * DISK_REFUSED when the disk has no room for an upgrade, and then all is as it was.
 */
export function openStore(options: StoreOptions): RegistryStore {
  return opened(options, (store) => upgrade(store, options.dataDir));
}

/**
 * The same for an engine that has to serve whatever the disk does: on one that is mounted read-only it opens for
 * reading, and one that has no room for an upgrade is read as if it were done. The store becomes writable when
 * `tryWritable` finds that the disk is back.
 */
export function openStoreOnAnyDisk(
  dataDir: string, options: Pick<StoreOptions, 'mayUpgrade' | 'onUpgrade'> = {},
): RegistryStore {
  const readOnly = isReadOnlyDisk(join(dataDir, 'registry', 'data.mdb'));
  return opened({ dataDir, readOnly, ...options }, (store) => upgradeOrKeep(store, dataDir));
}

/** Makes a store writable that was opened for reading only, if the disk allows it now; tells whether it did. */
export async function tryWritable(store: RegistryStore, dataDir: string): Promise<boolean> {
  if (isReadOnlyDisk(join(store.path, 'data.mdb'))) return false;
  await store.reopen(() => openEnvironment(store.path, false));
  upgradeOrKeep(store, dataDir);
  return !store.readOnly;
}

function opened(
  { dataDir, readOnly = false, mayUpgrade = true, bytesMax = REGISTRY_BYTES_MAX, onUpgrade, onOlder }: StoreOptions,
  bringUp: (store: RegistryStore) => string | null,
): RegistryStore {
  assertAccess(dataDir);
  const path = join(dataDir, 'registry');
  let store: RegistryStore | null = null;
  try {
    if (!readOnly) refuseLostRegistry(dataDir, join(path, 'data.mdb'));
    if (!readOnly) mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    store = new RegistryStore(openEnvironment(path, readOnly), path, { readOnly, bytesMax });
    checkProduct(store);
    const format = formatOf(store);
    if (format === FORMAT) return store;
    if (!mayUpgrade) throw new Error(`its registry has format ${format}; the engine that owns it has to upgrade it`);
    if (readOnly) {
      stageUpgrade(store, 'it is open for reading only');
      onOlder?.(format);
      return store;
    }
    const copy = bringUp(store);
    if (!store.readOnly) onUpgrade?.(format, copy);
    return store;
  } catch (error) {
    void store?.close();
    if (isLastgoodError(error)) throw error;
    throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason: reasonOf(error) });
  }
}

function upgradeOrKeep(store: RegistryStore, dataDir: string): string | null {
  store.forgetUnsaved();
  try {
    return formatOf(store) === FORMAT ? null : upgrade(store, dataDir);
  } catch (error) {
    if (!isLastgoodError(error) || error.code !== 'DISK_REFUSED') throw error;
    stageUpgrade(store, error.message);
    return null;
  }
}

function openEnvironment(path: string, readOnly: boolean): RootDatabase<unknown> {
  const file = join(path, 'data.mdb');
  if (existsSync(file)) checkLmdbFile(file, readOnly);
  else if (readOnly) throw new Error(`there is no registry in it (${file})`);
  // lmdb 3.5.6 dies of a signal when it cannot write that file.
  if (!readOnly && !existsSync(join(path, 'lock.mdb'))) assertRoom(join(path, 'room'), LOCK_BYTES);
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

function checkProduct(store: RegistryStore): void {
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
  if (meta.format > FORMAT) {
    throw new Error(`its registry has format ${meta.format}; this version of lastgood reads format ${FORMAT}`);
  }
}
