// How long two versions take for the same batch, run by run: a pair of runs says which of the two was clearly slower.
// Pure. Pairs are counted and not averaged, because what a host does to single runs has no bounds, and because counts
// have a test that may be looked at after every pair.
import type { Differences } from './pair-schema.ts';

/** A run that takes less than so many times the other version's is as fast. */
export const ALIKE_RATIO = 1.5;
/** From this on a run is slow whatever else is wrong with the host. */
export const HEAVY_RATIO = 5;
/** Added to both sides of a ratio: differences of that size explain no breach. */
const FLOOR_MS = 0.1;
/** What a version may be slower in, as a share of the pairs of runs. */
export const SLOW_MARGIN = 0.025;
/** It is cleared when it is slower in less than that: on a busy host runs of either version are slow by chance. */
export const SLOW_CLEAR_MARGIN = 0.1;
/** Newest times of which the middle is told. */
const TIMES_KEPT = 64;

/** Whether a run of so many ms took `ratio` times as long as another one, or longer. */
export const isSlowerBy = (ratio: number, ms: number, otherMs: number): boolean =>
  ms + FLOOR_MS >= ratio * (otherMs + FLOOR_MS);

/** Whether one of two runs took clearly longer than the other, but not so much longer that nothing else explains it. */
export function isDoubtful(ms: number, otherMs: number): boolean {
  const isEither = (ratio: number): boolean => isSlowerBy(ratio, ms, otherMs) || isSlowerBy(ratio, otherMs, ms);
  return isEither(ALIKE_RATIO) && !isEither(HEAVY_RATIO);
}

/** The middle of some numbers; NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? NaN;
}

/** Pairs of runs of batches of one size. */
export interface RunFacts {
  /** Rows of one run. */
  readonly rows: number;
  /** plus: pairs in which the new version took ALIKE_RATIO times as long as the twin; minus: the other way round. */
  readonly slower: Differences;
  /** The same for HEAVY_RATIO. */
  readonly muchSlower: Differences;
  /** The middle of the newest times of each, in ms. */
  readonly activeMs: number;
  readonly standbyMs: number;
}

export class RunTimes {
  readonly #rows: number;
  readonly #slower: Differences = { plus: 0, zero: 0, minus: 0 };
  readonly #muchSlower: Differences = { plus: 0, zero: 0, minus: 0 };
  readonly #active: number[] = [];
  readonly #standby: number[] = [];

  /** `rows`: of one run. */
  constructor(rows: number) {
    this.#rows = rows;
  }

  /** Counts one pair of runs of the same batch. */
  note(activeMs: number, standbyMs: number): void {
    count(this.#slower, ALIKE_RATIO, activeMs, standbyMs);
    count(this.#muchSlower, HEAVY_RATIO, activeMs, standbyMs);
    keep(this.#active, activeMs);
    keep(this.#standby, standbyMs);
  }

  /** Null before the first pair. */
  facts(): RunFacts | null {
    return this.#active.length === 0 ? null : {
      rows: this.#rows, slower: { ...this.#slower }, muchSlower: { ...this.#muchSlower },
      activeMs: medianOf(this.#active), standbyMs: medianOf(this.#standby),
    };
  }
}

function count(counts: Differences, ratio: number, activeMs: number, standbyMs: number): void {
  if (isSlowerBy(ratio, activeMs, standbyMs)) counts.plus += 1;
  else if (isSlowerBy(ratio, standbyMs, activeMs)) counts.minus += 1;
  else counts.zero += 1;
}

function keep(times: number[], ms: number): void {
  times.push(ms);
  if (times.length > TIMES_KEPT) times.shift();
}

/** Which of two runs comes first, drawn: whatever the host does to the first or the second run, it does to both. */
export class DrawnOrder {
  #state: number;

  constructor(seed: number) {
    // The generator stands still at 0.
    this.#state = seed | 0 || 1;
  }

  /** Xorshift of 32 bits (Marsaglia 2003). */
  next(): boolean {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state < 0;
  }
}
