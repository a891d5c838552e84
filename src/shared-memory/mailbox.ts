// A mailbox: one worker's orders from the main thread, one at a time, and the word that each is carried out.
// The worker sleeps on it between two orders and never goes back to its event loop for one; the main thread looks
// into it at the end of its turns, and asks to be rung only when it has nothing else to do.
//
//   line 0 (main thread writes)    0 posted i32 (orders put in) · 4 order i32 (the newest)
//   line 1 (worker writes)       128 done i32 (orders carried out) · 132 letters i32 (with the last one came a message)
//   line 2 (both write)          256 bell i32 (1: the main thread waits to be rung)          …383
//
// Order. Main: order and slab (plain) -> posted (Atomics). Worker: posted -> slab; answers and letters (plain) -> done
// (Atomics) -> takes the bell. Main: sets the bell -> done again, so a bell that came too late is taken back.
// Counters wrap; they are only compared for equality.

const LINE_WORDS = 32;
const POSTED = 0;
const ORDER = 1;
const DONE = LINE_WORDS;
const LETTERS = LINE_WORDS + 1;
const BELL = 2 * LINE_WORDS;

export const MAILBOX_BYTES = 3 * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;

/** Orders that are no slab's number. */
export const Order = {
  /** Run the batch in the memory that comes as a message. */
  memory: -1,
  /** No more batches: end the loop. */
  leave: -2,
} as const;

/** The main thread's end. */
export class MailboxSender {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Puts an order in and wakes the worker; the one before must be done. */
  post(order: number): void {
    this.#words[ORDER] = order;
    Atomics.add(this.#words, POSTED, 1);
    Atomics.notify(this.#words, POSTED, 1);
  }

  /** Whether all that was posted is carried out. */
  get isDone(): boolean {
    return Atomics.load(this.#words, DONE) === this.#words[POSTED];
  }

  /** Whether a message belongs to the order that was done last. */
  get hasLetter(): boolean {
    return this.#words[LETTERS] !== 0;
  }

  /** Asks to be rung. Returns false when the order is done already: look again instead of waiting. */
  askForBell(): boolean {
    Atomics.store(this.#words, BELL, 1);
    if (!this.isDone) return true;
    // If the worker has taken the bell it rings once for nothing, which is harmless.
    Atomics.store(this.#words, BELL, 0);
    return false;
  }

  /** Counts the open order as done, for a worker that is no more. */
  abandon(): void {
    this.#words[LETTERS] = 0;
    Atomics.store(this.#words, BELL, 0);
    Atomics.store(this.#words, DONE, this.#words[POSTED]!);
  }
}

/** The worker's end. */
export class MailboxReceiver {
  readonly #words: Int32Array;
  #seen: number;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    // An order that was posted before this worker began is its first one.
    this.#seen = Atomics.load(this.#words, DONE);
  }

  /** Blocks the thread until there is an order, and returns it. */
  next(): number {
    while (Atomics.load(this.#words, POSTED) === this.#seen) Atomics.wait(this.#words, POSTED, this.#seen);
    this.#seen = Atomics.load(this.#words, POSTED);
    return this.#words[ORDER]!;
  }

  /** Tells that the order is carried out; `withLetter` when a message was sent for it. Returns whether to ring. */
  finish(withLetter: boolean): boolean {
    this.#words[LETTERS] = withLetter ? 1 : 0;
    Atomics.store(this.#words, DONE, this.#seen);
    return Atomics.exchange(this.#words, BELL, 0) === 1;
  }
}

if (BELL + 1 > MAILBOX_BYTES / Int32Array.BYTES_PER_ELEMENT || DONE % LINE_WORDS !== 0) {
  throw new Error('check the mailbox layout: a word lies outside; this is a bug');
}
