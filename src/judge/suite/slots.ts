// Counters over sliding windows of one generation: rows of columns, one row per slot of time. Monitor thread; time
// comes from the samples. Adding is one increment per column in the open slot; sums are made when somebody looks.
//
//   open slot ──closes──> 60 slots of 1/12 window ──twelve of them──> 60 of 1 window ──sixty──> 24 of 60 windows
//   window 0 = the newest 12 of the first ring, window 1 = all of it, window 2 = the second ring, window 3 = the third
//
// Invariant: a closed slot is in every ring's sums exactly once, as itself or within the slot that is being filled.

/** Slots of the short window. */
export const SLOTS_PER_WINDOW = 12;
/** The windows' lengths in short windows. */
export const WINDOW_FACTORS = [1, 5, 60, 1_440] as const;
export const WINDOWS = WINDOW_FACTORS.length;
const RING_SLOTS = [60, 60, 24] as const;
/** Slots of one ring that make a slot of the next. */
const SLOTS_PER_NEXT = [12, 60, Infinity] as const;
/** A gap of this many slots empties every ring, so longer ones are not walked through. */
const GAP_SLOTS_MAX = 24 * 720 + 720;

class SlotRing {
  readonly #slots: Float64Array[];
  #next = 0;

  constructor(slots: number, columns: number) {
    this.#slots = Array.from({ length: slots }, () => new Float64Array(columns));
  }

  /** The slot that was taken in `count` slots ago. */
  back(count: number): Float64Array {
    const length = this.#slots.length;
    return this.#slots[(this.#next - count + length) % length]!;
  }

  /** Takes a copy of `row` in; the oldest slot leaves. */
  push(row: Float64Array): void {
    this.#slots[this.#next]!.set(row);
    this.#next = (this.#next + 1) % this.#slots.length;
  }

  /** The newest `count` slots, newest first. */
  *newest(count: number): Generator<Float64Array> {
    const { length } = this.#slots;
    for (let back = 1; back <= Math.min(count, length); back += 1) yield this.back(back);
  }
}

export class SlotWindows {
  readonly #slotUs: number;
  /** The columns of the slot that samples go into. */
  readonly open: Float64Array;
  readonly #rings: readonly SlotRing[];
  /** Per ring but the first: what was closed and is not yet a whole slot of it. */
  readonly #filling: readonly Float64Array[];
  readonly #sums: readonly Float64Array[];
  #slot = -Infinity;
  #changes = 0;
  #sumsStale = true;

  constructor(columns: number, windowMs: number) {
    this.#slotUs = (windowMs * 1_000) / SLOTS_PER_WINDOW;
    this.open = new Float64Array(columns);
    this.#rings = RING_SLOTS.map((slots) => new SlotRing(slots, columns));
    this.#filling = RING_SLOTS.map(() => new Float64Array(columns));
    this.#sums = WINDOW_FACTORS.map(() => new Float64Array(columns));
  }

  /** Moves on to `nowUs`; a time that goes back changes nothing. */
  advance(nowUs: number): void {
    const slot = Math.floor(nowUs / this.#slotUs);
    if (slot <= this.#slot) return;
    if (this.#slot !== -Infinity) {
      const from = Math.max(this.#slot, slot - GAP_SLOTS_MAX);
      for (let closing = from; closing < slot; closing += 1) this.#close(closing);
    }
    this.#slot = slot;
  }

  /** Number of the open slot, counted from the clock's origin. */
  get slot(): number {
    return this.#slot;
  }

  /** How often anything left a window. */
  get changes(): number {
    return this.#changes;
  }

  #close(slot: number): void {
    // The open slot is the newest of each window, so one closed slot less belongs to it.
    this.#leaves(this.#rings[0]!.back(SLOTS_PER_WINDOW - 1));
    this.#leaves(this.#rings[0]!.back(RING_SLOTS[0] - 1));
    if (this.open[0] !== 0) this.#sumsStale = true;
    this.#rings[0]!.push(this.open);
    addTo(this.#filling[1]!, this.open);
    this.open.fill(0);
    let ended = slot + 1;
    for (let ring = 1; ring < this.#rings.length; ring += 1) {
      const perNext = SLOTS_PER_NEXT[ring - 1]!;
      if (ended % perNext !== 0) return;
      const filled = this.#filling[ring]!;
      this.#leaves(this.#rings[ring]!.back(RING_SLOTS[ring]! - 1));
      this.#rings[ring]!.push(filled);
      if (ring + 1 < this.#rings.length) addTo(this.#filling[ring + 1]!, filled);
      filled.fill(0);
      ended /= perNext;
    }
  }

  #leaves(row: Float64Array): void {
    if (row[0] === 0) return;
    this.#changes += 1;
    this.#sumsStale = true;
  }

  /** The value of one column over window 0 (short) to 3 (long), the open slot included. */
  total(window: number, column: number): number {
    if (this.#sumsStale) this.#sum();
    return this.#sums[window]![column]! + this.open[column]!;
  }

  /** The values of `length` columns from `column`. */
  totals(window: number, column: number, length: number): number[] {
    const values = new Array<number>(length);
    for (let index = 0; index < length; index += 1) values[index] = this.total(window, column + index);
    return values;
  }

  #sum(): void {
    const [short, long, hour, day] = this.#sums as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (const sum of this.#sums) sum.fill(0);
    let back = 0;
    for (const slot of this.#rings[0]!.newest(Infinity)) {
      back += 1;
      // The open slot is the newest of each window.
      if (back < RING_SLOTS[0]) addTo(long, slot);
      if (back < SLOTS_PER_WINDOW) addTo(short, slot);
    }
    addTo(hour, this.#filling[1]!);
    for (const slot of this.#rings[1]!.newest(RING_SLOTS[1] - 1)) addTo(hour, slot);
    addTo(day, this.#filling[1]!);
    addTo(day, this.#filling[2]!);
    for (const slot of this.#rings[2]!.newest(RING_SLOTS[2] - 1)) addTo(day, slot);
    this.#sumsStale = false;
  }

  /** The slots of a window, newest first; of the longer ones, what is being filled counts as their newest. */
  slots(window: number): Float64Array[] {
    if (window <= 1) {
      const count = window === 0 ? SLOTS_PER_WINDOW : RING_SLOTS[0];
      return [this.open, ...this.#rings[0]!.newest(count - 1)];
    }
    const ring = window - 1;
    const newest = Float64Array.from(this.open);
    for (let filling = 1; filling <= ring; filling += 1) addTo(newest, this.#filling[filling]!);
    return [newest, ...this.#rings[ring]!.newest(RING_SLOTS[ring]! - 1)];
  }

  /** The slots of the longer windows that lie before the newest two spans of `window`, one list per longer window. */
  slotsBefore(window: number): Float64Array[][] {
    const spanSlots = 2 * WINDOW_FACTORS[window]! * SLOTS_PER_WINDOW;
    const lists: Float64Array[][] = [];
    let slotLength = 1;
    for (let longer = 1; longer < WINDOWS; longer += 1) {
      // The newest slot may be hardly begun, so it does not count towards the span.
      if (longer > window) lists.push(this.slots(longer).slice(1 + Math.ceil(spanSlots / slotLength)));
      slotLength *= SLOTS_PER_NEXT[longer - 1]!;
    }
    return lists;
  }
}

function addTo(sum: Float64Array, row: Float64Array): void {
  // The first column counts what comes in: an empty slot adds nothing.
  if (row[0] === 0) return;
  for (let column = 0; column < sum.length; column += 1) sum[column]! += row[column]!;
}
