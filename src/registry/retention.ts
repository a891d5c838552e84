// What is deleted when versions or a whole model are removed. Call inside a transaction.
import { lastgoodError } from '../base/errors.ts';
import { DECISIONS_MAX, listDecisions } from './decision-log.ts';
import { ALL_VERSIONS, bootKey, decisionKey, decisionOrderOf, eventsOf, modelKey, versionKey } from './store/keys.ts';
import type { ModelRecord, VersionRecord } from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';

/** Deletes versions and returns the artefacts that none uses any more; throws VERSION_IN_USE and deletes nothing. */
export function forgetVersions(
  store: RegistryStore, record: ModelRecord, versions: readonly VersionRecord[],
): string[] {
  for (const { version } of versions) checkRemovable(record, version);
  for (const { version } of versions) store.delete(versionKey(record.model, version));
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
