// The names of versions that nobody named: whole numbers, counted up per model.
import { versionKey } from './store/keys.ts';
import type { ModelRecord } from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';

/** The first number from the model's next one on that no version has. */
export function nextFreeVersion(store: RegistryStore, { model, nextVersion }: ModelRecord): string {
  let number = nextVersion;
  while (store.get(versionKey(model, String(number))) !== undefined) number += 1;
  return String(number);
}

/** The model's next number after a version of this name came in. */
export function numberAfter(version: string, nextVersion: number): number {
  const number = Number(version);
  return Number.isSafeInteger(number) ? Math.max(nextVersion, number + 1) : nextVersion;
}
