// The writes of a transaction that nobody has committed yet, laid over what is stored, so that the transaction reads
// what it wrote. Pure.

export type KeyParts = readonly (string | number)[];

export interface Write {
  readonly key: KeyParts;
  /** Undefined deletes. */
  readonly value: unknown;
}
export interface Entry {
  readonly key: KeyParts;
  readonly value: unknown;
}

export class PendingWrites {
  readonly #writes = new Map<string, Write>();

  set(key: KeyParts, value: unknown): void {
    this.#writes.set(JSON.stringify(key), { key, value });
  }

  /** What was written under this key; undefined when nothing was. */
  find(key: KeyParts): Write | undefined {
    return this.#writes.get(JSON.stringify(key));
  }

  /** How many keys were written. */
  get size(): number {
    return this.#writes.size;
  }

  /** All of them, each key once. */
  get all(): readonly Write[] {
    return [...this.#writes.values()];
  }

  /** The stored entries below `prefix`, in their order, with the writes laid over them. */
  laidOver(stored: readonly Entry[], prefix: KeyParts, reverse: boolean): Entry[] {
    const written = this.all.filter(({ key }) =>
      key.length > prefix.length && prefix.every((part, index) => key[index] === part));
    if (written.length === 0) return [...stored];
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
