// Since when each breach lasts without a break, from look to look. Monitor thread. A breach that is not seen at one
// look begins anew at the next.

interface Streak {
  readonly sinceUs: number;
  readonly first: unknown;
}

export class Streaks {
  readonly #streaks = new Map<string, Streak>();

  /**
   * Notes whether `key` is in breach at this look and returns the look that began it, or null when this one does or
   * there is no breach.
   */
  note<T>(key: string, isBreach: boolean, now: T, nowUs: number): { readonly agoMs: number; readonly first: T } | null {
    if (!isBreach) {
      this.#streaks.delete(key);
      return null;
    }
    const known = this.#streaks.get(key);
    if (known !== undefined) return { agoMs: (nowUs - known.sinceUs) / 1_000, first: known.first as T };
    this.#streaks.set(key, { sinceUs: nowUs, first: now });
    return null;
  }

  /** Forgets all that keys with this beginning have seen. */
  forget(prefix: string): void {
    for (const key of this.#streaks.keys()) if (key.startsWith(prefix)) this.#streaks.delete(key);
  }
}
