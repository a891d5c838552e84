// What is kept of a model's past, and what is deleted with it: its events and decisions, numbered per model so that the
// newest are found without a scan, and all that goes when versions or a whole model are removed. Call inside a
// transaction; what only lists, also inside a read.
// Invariants: of a model's past a number of the newest stays, whatever the date is; a decision that is in force,
// because its version is in quarantine by it or counts as failing, or because it began the generation that answers,
// stays as long as that is so, one for each version.
import { lastgoodError } from '../base/errors.ts';
import { type Moment, type Now, passedMs, recordedMoment } from '../base/moment.ts';
import {
  ALL_VERSIONS, bootKey, decisionKey, decisionOrderKey, decisionOrderOf, eventKey, eventsOf, keptDecisionKey,
  type KeyPrefix, modelKey, versionKey,
} from './store/keys.ts';
import type { DecisionRecord, ModelRecord, VersionRecord } from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';
import { dropVersion } from './versions.ts';

/** The oldest decisions and events of a model are deleted beyond so many. */
export const DECISIONS_MAX = 1_000;
export const EVENTS_MAX = 10_000;
/** Beyond so many those are deleted that are older than a year. */
export const DECISIONS_KEPT = 100;
export const EVENTS_KEPT = 1_000;
const AGE_MS_MAX = 365 * 24 * 3_600_000;
/** Each that comes lets so many of those that are too many go: more than one, so that there is an end of them. */
const PRUNED_MAX = 3;
/** Of so many one looks at the age of the oldest, twice as many: their dates have to be read for it. */
const AGED_EVERY = 16;

/** Deletes what is too old, or too much, of the events of a model, whose newest has the number `newest`. */
export function pruneEvents(store: RegistryStore, model: string, newest: number, now: Now): void {
  prune(store, eventsOf(model), newest, { max: EVENTS_MAX, kept: EVENTS_KEPT }, {
    isOld: (number) => isOld(store.get(eventKey(model, number)), now),
    remove: (number) => store.delete(eventKey(model, number)),
  });
}

/** Visits the oldest numbers, and ends at the first that stays. */
function prune(
  store: RegistryStore, all: KeyPrefix<unknown>, newest: number,
  { max, kept }: { readonly max: number; readonly kept: number },
  { isOld, remove }: { readonly isOld: (number: number) => boolean; readonly remove: (number: number) => void },
): void {
  const isAgeDue = newest % AGED_EVERY === 0;
  for (const number of store.lastParts(all, { limit: isAgeDue ? 2 * AGED_EVERY : PRUNED_MAX })) {
    if (typeof number !== 'number') continue;
    const isTooMany = number <= newest - max;
    if (!isTooMany && (!isAgeDue || number > newest - kept || !isOld(number))) return;
    remove(number);
  }
}

const isOld = (record: { readonly atMs: number; readonly at?: Moment } | undefined, now: Now): boolean =>
  record === undefined || (passedMs(recordedMoment(record.atMs, record.at), now) ?? 0) > AGE_MS_MAX;

export function storeDecision(store: RegistryStore, decision: DecisionRecord, now: Now): void {
  const order = decisionOrderOf(decision.model);
  const newest = store.lastParts(order, { reverse: true, limit: 1 })[0];
  const number = typeof newest === 'number' ? newest + 1 : 1;
  store.put(decisionKey(decision.id), decision);
  store.put(decisionOrderKey(decision.model, number), decision.id);
  const decisionAt = (at: number): DecisionRecord | undefined => {
    const id = store.get(decisionOrderKey(decision.model, at));
    return id === undefined ? undefined : store.get(decisionKey(id));
  };
  prune(store, order, number, { max: DECISIONS_MAX, kept: DECISIONS_KEPT }, {
    isOld: (at) => isOld(decisionAt(at), now),
    remove: (at) => {
      const old = decisionAt(at);
      store.delete(decisionOrderKey(decision.model, at));
      if (old === undefined) return;
      if (isInForce(store, old)) keepDecision(store, old);
      else store.delete(decisionKey(old.id));
    },
  });
}

function isInForce(store: RegistryStore, { id, model, version, generation, action }: DecisionRecord): boolean {
  const about = store.get(versionKey(model, version));
  if (about?.failed?.decision === id) return true;
  if (action !== 'rollback') return false;
  const hasQuarantined = about?.health === 'unhealthy' && about.lastGeneration === generation;
  return hasQuarantined || store.get(modelKey(model))?.generation === generation + 1;
}

// Apart from the others: whoever asks for it by its id finds it.
function keepDecision(store: RegistryStore, { id, model, version }: DecisionRecord): void {
  const before = store.get(keptDecisionKey(model, version));
  if (before !== undefined && before !== id) store.delete(decisionKey(before));
  store.put(keptDecisionKey(model, version), id);
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
  for (const version of versions) {
    const kept = store.get(keptDecisionKey(version.model, version.version));
    if (kept !== undefined) store.delete(decisionKey(kept));
    store.delete(keptDecisionKey(version.model, version.version));
    dropVersion(store, version);
  }
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
