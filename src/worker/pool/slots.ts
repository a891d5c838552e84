// Worker slots: one Int32 per worker of a deployment, shared by its workers and its pool. A slot says which thread owns
// it and how far that thread is; its number is also the number of the sample ring that the thread writes.
//   slot = thread id << 2 | state                       0 = free
// A worker claims a free slot with compareExchange and keeps it until it ends; the pool frees those of dead threads.

const STATE_BITS = 2;
const STATE_MASK = (1 << STATE_BITS) - 1;
/** Milliseconds between two looks of a worker that waits for the others. */
const POLL_MS = 2;

/** How far the worker that owns a slot is. */
export const SlotState = { free: 0, claimed: 1, ready: 2, failed: 3 } as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

export class WorkerSlots {
  readonly #slots: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#slots = new Int32Array(memory);
  }

  get count(): number {
    return this.#slots.length;
  }

  /** Takes a free slot for `threadId`, or the one it has, and returns its number; -1 when all are taken. */
  claim(threadId: number): number {
    const claimed = (threadId << STATE_BITS) | SlotState.claimed;
    for (let slot = 0; slot < this.count; slot += 1) {
      if (this.ownerOf(slot) === threadId && this.stateOf(slot) !== SlotState.free) return slot;
    }
    for (let slot = 0; slot < this.count; slot += 1) {
      if (Atomics.compareExchange(this.#slots, slot, SlotState.free, claimed) === SlotState.free) return slot;
    }
    return -1;
  }

  /** Sets the state of a slot that the calling thread owns. */
  set(slot: number, threadId: number, state: SlotState): void {
    Atomics.store(this.#slots, slot, (threadId << STATE_BITS) | state);
  }

  stateOf(slot: number): SlotState {
    return (Atomics.load(this.#slots, slot) & STATE_MASK) as SlotState;
  }

  ownerOf(slot: number): number {
    return Atomics.load(this.#slots, slot) >> STATE_BITS;
  }

  /** How many slots are in a state. */
  countOf(state: SlotState): number {
    let found = 0;
    for (let slot = 0; slot < this.count; slot += 1) if (this.stateOf(slot) === state) found += 1;
    return found;
  }

  /** Frees the slots of all threads that are not among the living, and returns how many that were. */
  sweep(living: ReadonlySet<number>): number {
    let freed = 0;
    for (let slot = 0; slot < this.count; slot += 1) {
      const found = Atomics.load(this.#slots, slot);
      if (found === SlotState.free || living.has(found >> STATE_BITS)) continue;
      if (Atomics.compareExchange(this.#slots, slot, found, SlotState.free) === found) freed += 1;
    }
    return freed;
  }

  /** Holds the calling worker until `condition` is true; resolves false when `deadlineUs` passed before. */
  async hold(condition: () => boolean, deadlineUs: number, nowUs: () => number): Promise<boolean> {
    while (!condition()) {
      if (nowUs() >= deadlineUs) return false;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return true;
  }
}
