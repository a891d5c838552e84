// Versions as they are stored: the record, what is attached to it, and two indexes that are kept with it, so that the
// version to go back to is found without reading the others. Call inside a transaction; what only reads, also inside a
// read. Invariant: the indexes say what rules.ts says of all of a model's records together.
import type {
  Attachments, Baseline, BaselineSummary, Golden, GoldenSummary, ModelRecord, VersionRecord,
} from '../domain/records.ts';
import { obstacleTo, quarantinedTwin, targetRank, trustOf } from './rules.ts';
import {
  attachmentKey, attachmentsOf, badFileKey, badFilesOf, targetKey, targetsOf, versionKey,
} from './store/keys.ts';
import type { RegistryStore } from './store/store.ts';

/** Most models have the version that they would go back to among so many. */
const TARGETS_LOOKED_AT = 4;

/** Stores a version, new or changed. */
export function putVersion(store: RegistryStore, record: VersionRecord): void {
  const { model, version } = record;
  unindex(store, store.get(versionKey(model, version)));
  store.put(versionKey(model, version), record);
  const rank = targetRank(record);
  if (rank !== null) store.put(targetKey(model, rank, record.lastGeneration), version);
  if (record.health === 'unhealthy') store.put(badFileKey(model, record.sha256, version), true);
}

/** Forgets a version with all that belongs to it. */
export function dropVersion(store: RegistryStore, { model, version }: Pick<VersionRecord, 'model' | 'version'>): void {
  unindex(store, store.get(versionKey(model, version)));
  store.delete(versionKey(model, version));
  store.deleteAll(attachmentsOf(model, version));
}

function unindex(store: RegistryStore, record: VersionRecord | undefined): void {
  if (record === undefined) return;
  const { model, version, health, sha256, lastGeneration } = record;
  const rank = targetRank(record);
  if (rank !== null) store.delete(targetKey(model, rank, lastGeneration));
  if (health === 'unhealthy') store.delete(badFileKey(model, sha256, version));
}

/** Stores what belongs to a version and is too large for its record; null stores nothing. */
export function attach<K extends keyof Attachments>(
  store: RegistryStore, { model, version }: Pick<VersionRecord, 'model' | 'version'>, kind: K,
  value: Attachments[K] | null,
): void {
  if (value !== null) store.put(attachmentKey(model, version, kind), value);
}

export function summaryOfBaseline(baseline: Baseline | null): BaselineSummary | null {
  if (baseline === null) return null;
  const { source, output, kind, rows, mean, standardDeviation, min, max, createdAtMs, inputs } = baseline;
  const { bins, atomShare, hash } = baseline;
  return {
    source, output, kind, rows, mean, standardDeviation, min, max, createdAtMs,
    ...(bins === undefined ? {} : { bins }), ...(atomShare === undefined ? {} : { atomShare }),
    ...(hash === undefined ? {} : { hash }),
    ...(inputs === undefined ? {} : {
      inputs: {
        source: inputs.source, rows: inputs.rows, hash: inputs.hash, createdAtMs: inputs.createdAtMs,
        columns: inputs.columns.map(({ name }) => ({ name })),
      },
    }),
  };
}

export function summaryOfGolden(golden: Golden | null): GoldenSummary | null {
  return golden === null ? null : { rtol: golden.rtol, atol: golden.atol, cases: golden.cases.length };
}

/** The version in quarantine that is the same file under another name, as in rules.ts; null when there is none. */
export function twinOf(store: RegistryStore, version: VersionRecord): VersionRecord | null {
  return quarantinedTwin(version, badFiles(store, version));
}

function badFiles(store: RegistryStore, { model, sha256 }: VersionRecord): VersionRecord[] {
  return store.lastParts(badFilesOf(model, sha256))
    .map((name) => store.get(versionKey(model, String(name))))
    .filter((record) => record !== undefined);
}

/** Whether a version may be gone back to; one that is named by a person may have failed. */
export function isTarget(
  store: RegistryStore, version: VersionRecord, activeVersion: string | null, isNamed: boolean,
): boolean {
  const obstacle = obstacleTo(version, badFiles(store, version), activeVersion);
  return obstacle === null || (isNamed && obstacle.kind === 'failed');
}

/** The best version to go back to that is none of `except`. */
export function bestTarget(
  store: RegistryStore, { model, activeVersion }: Pick<ModelRecord, 'model' | 'activeVersion'>,
  except: ReadonlySet<string>,
): VersionRecord | undefined {
  // Versions of one file have the same twins: where all of them are that file, they are read once and not for each.
  const badOf = new Map<string, VersionRecord[]>();
  const isFree = (record: VersionRecord): boolean => {
    const bad = badOf.get(record.sha256) ?? badFiles(store, record);
    badOf.set(record.sha256, bad);
    return obstacleTo(record, bad, activeVersion) === null;
  };
  let seen = 0;
  for (let limit = TARGETS_LOOKED_AT; ; limit *= TARGETS_LOOKED_AT) {
    const names = store.list(targetsOf(model), { reverse: true, limit });
    for (const name of names.slice(seen)) {
      const record = except.has(name) || name === activeVersion ? undefined : store.get(versionKey(model, name));
      if (record !== undefined && isFree(record)) return record;
    }
    if (names.length < limit) return undefined;
    seen = names.length;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The last known good version beside the active one, as the model's record has it. */
export function lastGoodOf(
  store: RegistryStore, model: Pick<ModelRecord, 'model' | 'activeVersion'>,
): Pick<ModelRecord, 'lastGoodVersion' | 'lastGoodTrust'> {
  const best = bestTarget(store, model, NONE);
  return { lastGoodVersion: best?.version ?? null, lastGoodTrust: best === undefined ? null : trustOf(best) };
}
