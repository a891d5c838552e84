// Stored decisions, numbered per model so that the newest are found without a scan. Call inside a read or transaction.
import { decisionKey, decisionOrderKey, decisionOrderOf } from './store/keys.ts';
import type { DecisionRecord } from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';

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
