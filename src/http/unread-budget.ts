// The bytes of answers that were sent and that clients have not read yet, of all connections together. Main thread.
// Invariant: after each call the sum is within the limit, or one holder alone is above it. To get there the holders
// that have read nothing for the longest time are given up: a client that does not read pays, not the next one.

/** A connection with unread bytes. */
export interface UnreadHolder {
  /** Disconnects the client; the budget has forgotten the holder already. */
  giveUp(): void;
}

export class UnreadBudget {
  readonly #limitBytes: number;
  /** In the order of their last progress, the slowest first. */
  readonly #held = new Map<UnreadHolder, number>();
  #totalBytes = 0;
  /** Holders that were given up. */
  givenUp = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Says how much of `holder` is unread now; fewer bytes than before are progress. */
  set(holder: UnreadHolder, bytes: number): void {
    const before = this.#held.get(holder) ?? 0;
    if (before === bytes) return;
    if (bytes < before) this.#held.delete(holder);
    if (bytes > 0) this.#held.set(holder, bytes);
    this.#totalBytes += bytes - before;
    if (bytes > before) this.#shrink();
  }

  #shrink(): void {
    for (const [holder, bytes] of this.#held) {
      if (this.#totalBytes <= this.#limitBytes || this.#held.size === 1) return;
      this.#held.delete(holder);
      this.#totalBytes -= bytes;
      this.givenUp += 1;
      holder.giveUp();
    }
  }
}
