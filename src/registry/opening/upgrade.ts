// From the format of an older build to this one's, in place: by whoever opens a registry for writing, before all else.
//
//   1 -> 2   golden cases and baselines lie apart from the version's record; indexes of the versions to go back to; how
//            trust was earned, and who is last good, is derived from the history where early builds did not say it
//
// In order: a copy of the registry beside it (registry-format-1), then the number, so that the older build refuses what
// is to come, then one transaction for each version, then the mark that it is done. Invariants: each step can be done
// again, so that a process that dies in between leaves what the next one goes on with; a copy is complete under its
// name, and none takes the place of another.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import type { Baseline, Golden, ModelRecord, VersionRecord } from '../../domain/records.ts';
import { StagedWrites } from '../store/staging.ts';
import { earnedInHistory } from '../rules.ts';
import { attach, lastGoodOf, putVersion, summaryOfBaseline, summaryOfGolden } from '../versions.ts';
import { ALL_MODELS, eventsOf, META, modelKey, versionKey, versionsOf } from '../store/keys.ts';
import type { RegistryStore } from '../store/store.ts';

export const PRODUCT = 'lastgood';
/** The format that this build reads and writes. */
export const FORMAT = 2;
/** Copies of one format that are made; whoever upgrades more often has put older registries back. */
const COPIES_MAX = 9;
const DIRECTORY_MODE = 0o700;

/** The record of a version as format 1 has it, or as this one does. */
type AnyVersionRecord = Omit<VersionRecord, 'baseline' | 'golden'> & {
  readonly baseline: Baseline | VersionRecord['baseline'];
  readonly golden: Golden | VersionRecord['golden'];
};

/** The format that the registry has; the older one until its upgrade is done. */
export function formatOf(store: RegistryStore): number {
  const meta = store.read(() => store.get(META));
  return meta?.upgradingFrom ?? meta?.format ?? FORMAT;
}

/**
 * Brings the registry to this build's format; returns where the copy is, or null for an upgrade that another process
 * had begun. Throws DISK_REFUSED; before the copy is complete and there is room for the rest nothing has changed.
 */
export function upgrade(store: RegistryStore, dataDir: string): string | null {
  const isBegun = store.read(() => store.get(META))?.format === FORMAT;
  const copy = isBegun ? null : keepCopy(store, dataDir);
  try {
    markBegun(store);
  } catch (error) {
    // The next try makes one of its own.
    if (copy !== null) rmSync(copy, { recursive: true, force: true });
    throw error;
  }
  carryOut(store);
  return copy;
}

/** Reads the registry as it will be after the upgrade, which is kept in memory: for this `reason` it is not written. */
export function stageUpgrade(store: RegistryStore, reason: string): void {
  const writes = new StagedWrites();
  store.runOver(writes, () => {
    markBegun(store);
    carryOut(store);
  });
  store.keepUnsaved(writes, reason);
}

function markBegun(store: RegistryStore): void {
  const upgradingFrom = formatOf(store);
  store.transaction(() => store.put(META, { product: PRODUCT, format: FORMAT, upgradingFrom }));
}

function carryOut(store: RegistryStore): void {
  for (const { model } of store.read(() => store.list(ALL_MODELS))) {
    for (const name of store.read(() => store.lastParts(versionsOf(model)))) {
      store.transaction(() => moveApart(store, model, String(name)));
    }
    store.transaction(() => adopt(store, model));
  }
  store.transaction(() => store.put(META, { product: PRODUCT, format: FORMAT }));
}

function moveApart(store: RegistryStore, model: string, name: string): void {
  const record = store.get(versionKey(model, name)) as AnyVersionRecord | undefined;
  if (record === undefined) return;
  const { baseline, golden } = record;
  if (isWholeBaseline(baseline)) attach(store, record, 'baseline', baseline);
  if (isWholeGolden(golden)) attach(store, record, 'golden', golden);
  putVersion(store, {
    ...record,
    baseline: isWholeBaseline(baseline) ? summaryOfBaseline(baseline) : baseline,
    golden: isWholeGolden(golden) ? summaryOfGolden(golden) : golden,
  });
}

const isWholeBaseline = (baseline: AnyVersionRecord['baseline']): baseline is Baseline =>
  baseline !== null && 'values' in baseline;
const isWholeGolden = (golden: AnyVersionRecord['golden']): golden is Golden =>
  golden !== null && typeof golden.cases !== 'number';

// Records of early builds do not say how a version earned its trust, nor so who is last good.
function adopt(store: RegistryStore, model: string): void {
  const record: ModelRecord | undefined = store.get(modelKey(model));
  if (record === undefined || record.lastGoodTrust !== undefined) return;
  const history = store.list(eventsOf(model));
  for (const version of store.list(versionsOf(model))) {
    const earned = earnedInHistory(version, history);
    if (earned) putVersion(store, { ...version, health: 'good', earned });
  }
  store.put(modelKey(model), { ...record, ...lastGoodOf(store, record) });
}

/** Copies the registry beside itself, and sees to the room for what follows; returns the copy's folder. */
function keepCopy(store: RegistryStore, dataDir: string): string {
  const name = `registry-format-${formatOf(store)}`;
  const part = join(dataDir, `${name}.part`);
  try {
    const copy = freeName(join(dataDir, name));
    rmSync(part, { recursive: true, force: true });
    mkdirSync(part, { mode: DIRECTORY_MODE });
    const file = join(part, 'data.mdb');
    store.copyTo(file);
    sync(file);
    // What is rewritten takes the place of its like only when that is over.
    store.assertRoom(statSync(file).size);
    renameSync(part, copy);
    sync(dataDir);
    return copy;
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    if (isLastgoodError(error)) throw error;
    const what = `a copy of the registry in "${dataDir}", which is made before its upgrade,`;
    throw lastgoodError('DISK_REFUSED', { what, reason: reasonOf(error) });
  }
}

function freeName(path: string): string {
  const names = [path, ...Array.from({ length: COPIES_MAX - 1 }, (_, index) => `${path}-${index + 2}`)];
  const free = names.find((name) => !existsSync(name));
  if (free === undefined) throw new Error(`${COPIES_MAX} copies are there already (${path} and so on); move them away`);
  return free;
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
