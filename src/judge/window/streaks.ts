// Since when each breach lasts without a break, from look to look. Monitor thread. A breach that is not seen at one
// look begins anew at the next. Breaches are rare, so all of a generation's lie in one short list.

interface Streak {
  readonly of: string;
  readonly window: number;
  readonly sinceUs: number;
  readonly first: unknown;
}

export class Streaks {
  readonly #streaks: Streak[] = [];

  /**
   * Notes whether the check `of` is in breach in `window` at this look and returns the look that began it, or null when
   * this one does or there is no breach.
   */
  note<T>(
    of: string, window: number, isBreach: boolean, now: T, nowUs: number,
  ): { readonly agoMs: number; readonly first: T } | null {
    const at = this.#streaks.findIndex((streak) => streak.of === of && streak.window === window);
    if (!isBreach) {
      if (at >= 0) this.#streaks.splice(at, 1);
      return null;
    }
    const known = this.#streaks[at];
    if (known !== undefined) return { agoMs: (nowUs - known.sinceUs) / 1_000, first: known.first as T };
    this.#streaks.push({ of, window, sinceUs: nowUs, first: now });
    return null;
  }

  /** No check is in breach. */
  get isEmpty(): boolean {
    return this.#streaks.length === 0;
  }

  /** Forgets what these checks have seen. */
  forget(checks: readonly string[]): void {
    for (let at = this.#streaks.length - 1; at >= 0; at -= 1) {
      if (checks.includes(this.#streaks[at]!.of)) this.#streaks.splice(at, 1);
    }
  }
}
