// What is kept of a model's past, and what is deleted with it: its decisions, numbered per model so that the newest are
// found without a scan, and all that goes when versions or a whole model are removed. Call inside a transaction; what
// only lists, also inside a read.
import { lastgoodError } from '../base/errors.ts';
import {
  ALL_VERSIONS, bootKey, decisionKey, decisionOrderKey, decisionOrderOf, eventsOf, modelKey,
} from './store/keys.ts';
import type { DecisionRecord, ModelRecord, VersionRecord } from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';
import { dropVersion } from './versions.ts';

/** The oldest decisions of a model are deleted beyond this many. */
export const DECISIONS_MAX = 1_000;

export function storeDecision(store: RegistryStore, decision: DecisionRecord): void {
  const order = decisionOrderOf(decision.model);
  const newest = store.lastParts(order, { reverse: true, limit: 1 })[0];
  const number = typeof newest === 'number' ? newest + 1 : 1;
  store.put(decisionKey(decision.id), decision);
  store.put(decisionOrderKey(decision.model, number), decision.id);
  const expired = decisionOrderKey(decision.model, number - DECISIONS_MAX);
  const expiredId = store.get(expired);
  if (expiredId === undefined) return;
  store.delete(decisionKey(expiredId));
  store.delete(expired);
}

/** The newest `limit` decisions of a model, newest first. */
export function listDecisions(store: RegistryStore, model: string, limit: number): DecisionRecord[] {
  return store
    .list(decisionOrderOf(model), { reverse: true, limit })
    .map((id) => store.get(decisionKey(id)))
    .filter((decision) => decision !== undefined);
}

/** Deletes versions and returns the artefacts that none uses any more; throws VERSION_IN_USE and deletes nothing. */
export function forgetVersions(
  store: RegistryStore, record: ModelRecord, versions: readonly VersionRecord[],
): string[] {
  for (const { version } of versions) checkRemovable(record, version);
  for (const version of versions) dropVersion(store, version);
  const used = new Set(store.list(ALL_VERSIONS).map(({ sha256 }) => sha256));
  return [...new Set(versions.map(({ sha256 }) => sha256))].filter((sha256) => !used.has(sha256));
}

function checkRemovable(record: ModelRecord, version: string): void {
  const spare = record.lastGoodVersion === version ? 'last good' : null;
  const role = record.activeVersion === version ? 'active' : spare;
  if (role !== null) throw lastgoodError('VERSION_IN_USE', { doing: 'remove', model: record.model, version, role });
}

/** Deletes everything about a model but its versions. */
export function forgetModel(store: RegistryStore, model: string): void {
  for (const { id } of listDecisions(store, model, DECISIONS_MAX)) store.delete(decisionKey(id));
  store.deleteAll(decisionOrderOf(model));
  store.deleteAll(eventsOf(model));
  store.delete(modelKey(model));
  store.delete(bootKey(model));
}
