// A model before its first version has served.
import type { ModelRecord } from '../domain/records.ts';

export function emptyModel(model: string, createdAtMs: number): ModelRecord {
  return {
    model, activeVersion: null, lastGoodVersion: null, lastGoodTrust: null, generation: 0, activatedAtMs: 0,
    probationEndedAtMs: null, pin: null, lastAutomaticRollbackAtMs: null, nextVersion: 1, nextEvent: 1, createdAtMs,
  };
}
