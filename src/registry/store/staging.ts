// A change of the registry as data: worked out on what is stored, with its writes kept in memory and laid over it, so
// that it reads what it wrote, and made later, by whichever thread may wait for the disk. Any thread.
import { type KeyParts, REVISION } from './keys.ts';
import type { Entry, Overlay, RegistryStore } from './store.ts';

interface Write {
  readonly key: KeyParts;
  /** Undefined deletes. */
  readonly value: unknown;
}

/** What a change writes, each key once, and the revision that it was worked out from. */
export interface StagedChange {
  readonly writes: readonly Write[];
  readonly revision: number;
}

/**
 * Runs `change` on the newest commit; what it and its transactions write is written nowhere yet. Whatever it throws
 * comes out.
 */
export function stage<T>(store: RegistryStore, change: () => T): { readonly result: T; readonly staged: StagedChange } {
  const writes = new StagedWrites();
  return store.runOver(writes, () => {
    const revision = store.get(REVISION) ?? 0;
    const result = change();
    return { result, staged: { writes: writes.all, revision } };
  });
}

export class StagedWrites implements Overlay {
  readonly #writes = new Map<string, Write>();

  set(key: KeyParts, value: unknown): void {
    this.#writes.set(JSON.stringify(key), { key, value });
  }

  find(key: KeyParts): Write | undefined {
    return this.#writes.get(JSON.stringify(key));
  }

  get size(): number {
    return this.#writes.size;
  }

  get all(): readonly Write[] {
    return [...this.#writes.values()];
  }

  laidOver(stored: readonly Entry[], prefix: KeyParts, reverse: boolean): readonly Entry[] {
    const written = this.all.filter(({ key }) =>
      key.length > prefix.length && prefix.every((part, index) => key[index] === part));
    if (written.length === 0) return stored;
    const kept = stored.filter(({ key }) => this.find(key) === undefined);
    const merged = [...kept, ...written.filter(({ value }) => value !== undefined)];
    return merged.sort((a, b) => (reverse ? compareKeys(b.key, a.key) : compareKeys(a.key, b.key)));
  }
}

/** The order of keys in LMDB: part by part, numbers before text, a key before those that it begins. */
export function compareKeys(a: KeyParts, b: KeyParts): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [one, other] = [a[index]!, b[index]!];
    if (one === other) continue;
    if (typeof one !== typeof other) return typeof one === 'number' ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return a.length - b.length;
}
