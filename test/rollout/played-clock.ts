// A clock that stands still but for what a test says, and whose date is set to whatever that says, as by a person or a
// time server that is wrong. What was written down by the date is found again by the time that passed.
import type { Clock } from '../../src/base/clock.ts';

/** Later than lastgood itself, so that a date may be believed. */
export const START_MS = Date.UTC(2026, 0, 1);

export class PlayedClock implements Clock {
  /** The time that passed, from START_MS on. */
  nowMs = START_MS;
  /** The date is so much later, or earlier: far from every other shift, so that no date comes twice. */
  shiftMs = 0;
  /** What time it was when the date was read. */
  readonly #times = new Map<number, number>();

  monotonicUs(): number {
    return this.nowMs * 1e3;
  }

  wallMs(): number {
    const dateMs = this.nowMs + this.shiftMs;
    this.#times.set(dateMs, this.nowMs);
    return dateMs;
  }

  /** The same records by the time that passed instead of by the date. */
  inTime<T extends { readonly atMs: number }>(records: readonly T[]): T[] {
    return records.map((record) => ({ ...record, atMs: this.#times.get(record.atMs) ?? record.atMs }));
  }
}
