// Counters over sliding windows of one generation: rows of columns, one row per slot of time. Monitor thread; time
// comes from the samples. Adding is one increment per column in the open slot; sums are made when somebody looks.
//
//   open slot ──closes──> 60 slots of 1/12 window ──12 of them──> 60 of 1 window ──15 of them──> 96 of 15 windows
//
// A window is the newest slots of one ring, the one that is being filled included. They grow by 3 to 5, so that at any
// traffic one is not much longer than what a check needs: what lies in a window before a damage hides it.
//
// Invariant: a closed slot is in every ring's sums exactly once, as itself or within the slot that is being filled.

/** Slots of the short window. */
export const SLOTS_PER_WINDOW = 12;
const RING_SLOTS = [60, 60, 96] as const;
/** Slots of one ring that make a slot of the next. */
const SLOTS_PER_NEXT = [SLOTS_PER_WINDOW, 15, Infinity] as const;
/** Slots of the first ring in a slot of each. */
const SLOT_LENGTHS = [1, SLOTS_PER_WINDOW, SLOTS_PER_WINDOW * 15] as const;

interface WindowOfRing {
  /** Its length in short windows. */
  readonly factor: number;
  readonly ring: number;
  readonly slots: number;
}
const windowOf = (factor: number, ring: number): WindowOfRing =>
  ({ factor, ring, slots: (factor * SLOTS_PER_WINDOW) / SLOT_LENGTHS[ring]! });

/** All windows, the shortest first. */
const WINDOWS: readonly WindowOfRing[] = [
  windowOf(1, 0), windowOf(5, 0), windowOf(20, 1), windowOf(60, 1), windowOf(240, 2), windowOf(720, 2),
  windowOf(1_440, 2),
];
/** The windows' lengths in short windows. */
export const WINDOW_FACTORS: readonly number[] = WINDOWS.map(({ factor }) => factor);
/** A gap of this many slots empties every ring, so longer ones are not walked through. */
const GAP_SLOTS_MAX = SLOT_LENGTHS[2] * (RING_SLOTS[2] + 1);

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
}

export class SlotWindows {
  readonly #slotUs: number;
  /** The columns of the slot that samples go into. */
  readonly open: Float64Array;
  readonly #rings: readonly SlotRing[];
  /** Per ring but the first: what was closed and is not yet a whole slot of it. */
  readonly #filling: readonly Float64Array[];
  readonly #sums: readonly Float64Array[];
  readonly #running: Float64Array;
  #slot = -Infinity;
  #changes = 0;
  #sumsStale = true;

  constructor(columns: number, windowMs: number) {
    this.#slotUs = (windowMs * 1_000) / SLOTS_PER_WINDOW;
    this.open = new Float64Array(columns);
    this.#rings = RING_SLOTS.map((slots) => new SlotRing(slots, columns));
    this.#filling = RING_SLOTS.map(() => new Float64Array(columns));
    this.#sums = WINDOWS.map(() => new Float64Array(columns));
    this.#running = new Float64Array(columns);
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
    this.#leaves(0);
    if (this.open[0] !== 0) this.#sumsStale = true;
    this.#rings[0]!.push(this.open);
    addTo(this.#filling[1]!, this.open);
    this.open.fill(0);
    let ended = slot + 1;
    for (let ring = 1; ring < this.#rings.length; ring += 1) {
      const perNext = SLOTS_PER_NEXT[ring - 1]!;
      if (ended % perNext !== 0) return;
      const filled = this.#filling[ring]!;
      this.#leaves(ring);
      this.#rings[ring]!.push(filled);
      if (ring + 1 < this.#rings.length) addTo(this.#filling[ring + 1]!, filled);
      filled.fill(0);
      ended /= perNext;
    }
  }

  // What leaves the windows of a ring when it takes a slot in.
  #leaves(ring: number): void {
    for (const window of WINDOWS) {
      if (window.ring !== ring) continue;
      // The slot that is being filled is the newest of each window, so one closed slot less belongs to it.
      if (this.#rings[ring]!.back(window.slots - 1)[0] === 0) continue;
      this.#changes += 1;
      this.#sumsStale = true;
    }
  }

  /** The value of one column over a window, the open slot included; 0 is the shortest. */
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
    this.#rings.forEach((ring, index) => {
      const sum = this.#running.fill(0);
      for (let filling = 1; filling <= index; filling += 1) addTo(sum, this.#filling[filling]!);
      let back = 1;
      WINDOWS.forEach((window, at) => {
        if (window.ring !== index) return;
        // A longer window of the ring goes on where the shorter one ends.
        for (; back < window.slots; back += 1) addTo(sum, ring.back(back));
        this.#sums[at]!.set(sum);
      });
    });
    this.#sumsStale = false;
  }

  /** The slots of a window, newest first; of the longer ones, what is being filled counts as their newest. */
  slots(window: number): Float64Array[] {
    const { ring, slots } = WINDOWS[window]!;
    return this.#newest(ring, slots);
  }

  #newest(ring: number, slots: number): Float64Array[] {
    const rows = this.#rings[ring]!;
    let newest = this.open;
    if (ring > 0) {
      newest = Float64Array.from(this.open);
      for (let filling = 1; filling <= ring; filling += 1) addTo(newest, this.#filling[filling]!);
    }
    return [newest, ...Array.from({ length: slots - 1 }, (_, index) => rows.back(index + 1))];
  }

  /** The slots of a window, and of each ring with shorter slots all that are not older: one list per length of slot. */
  slotsWithin(window: number): Float64Array[][] {
    const { ring, slots } = WINDOWS[window]!;
    return [...RING_SLOTS.slice(0, ring).map((all, shorter) => this.#newest(shorter, all)), this.#newest(ring, slots)];
  }

  /** The slots that lie before the newest two spans of a window, one list per ring that reaches so far. */
  slotsBefore(window: number): Float64Array[][] {
    const { ring: first, factor } = WINDOWS[window]!;
    const spanSlots = 2 * factor * SLOTS_PER_WINDOW;
    return RING_SLOTS.flatMap((slots, ring) =>
      // The newest slot may be hardly begun, so it does not count towards the span.
      (ring < first ? [] : [this.#newest(ring, slots).slice(1 + Math.ceil(spanSlots / SLOT_LENGTHS[ring]!))]));
  }
}

function addTo(sum: Float64Array, row: Float64Array): void {
  // The first column counts what comes in: an empty slot adds nothing.
  if (row[0] === 0) return;
  for (let column = 0; column < sum.length; column += 1) sum[column]! += row[column]!;
}
