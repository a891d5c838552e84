// A mailbox: one worker's orders from the main thread, two at a time, and the word that each is carried out. While a
// worker runs one batch the next one lies there already, so that it goes on without waiting for the main thread.
// The worker sleeps on it between two orders and never goes back to its event loop for one; the main thread looks
// into it at the end of its turns, and asks to be rung only when it has nothing else to do.
//
//   line 0 (main thread writes)    0 posted i32 (number of the next order) · 4…19 order i32 × 4 (order n is at n mod 4)
//   line 1 (both write)          128 begun i32 (orders below this number are begun or recalled)
//   line 2 (worker writes)       256 done i32 (orders below this number are over) · 260…275 letter i32 × 4 (1: with the
//                                    end of the order came a message)
//   line 3 (both write)          384 bell i32 (1: the main thread waits to be rung)          …511
//
// An order belongs to whoever moves `begun` past it: the worker by beginning it, the main thread by recalling it.
// Order. Main: order and slab (plain) -> posted (Atomics). Worker: posted -> begun -> slab; answers and letter (plain)
// -> done (Atomics) -> takes the bell. Main: sets the bell -> done again, so a bell that came too late is taken back.
// Between `done` and the taking the main thread may have gone on and asked for the next order: then the bell that is
// taken was that one's, so whoever was rung looks and asks again.
// Numbers wrap; only their differences count. Orders that were recalled behind one that still runs keep their numbers:
// that is why there are more places than orders at a time.

const LINE_WORDS = 32;
const PLACES = 4;
const POSTED = 0;
const ORDERS = 1;
const BEGUN = LINE_WORDS;
const DONE = 2 * LINE_WORDS;
const LETTERS = DONE + 1;
const BELL = 3 * LINE_WORDS;

export const MAILBOX_BYTES = 4 * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** Orders that may lie in a mailbox, the one that is being carried out included. */
export const ORDERS_MAX = 2;

/** Orders that are no slab's number. */
export const Order = {
  /** Run the batch in the memory that comes as a message. */
  memory: -1,
  /** No more batches: end the loop. */
  leave: -2,
} as const;

const placeOf = (number: number): number => number & (PLACES - 1);

/** The main thread's end. The caller knows which of its orders are open, and posts no more than ORDERS_MAX. */
export class MailboxSender {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Whether another order can be put in while `oldest` is the oldest open one. */
  hasPlace(oldest: number): boolean {
    return ((this.#words[POSTED]! - oldest) | 0) < PLACES;
  }

  /** Puts an order in, wakes the worker, and returns the order's number. */
  post(order: number): number {
    const number = this.#words[POSTED]!;
    this.#words[ORDERS + placeOf(number)] = order;
    Atomics.store(this.#words, POSTED, (number + 1) | 0);
    Atomics.notify(this.#words, POSTED, 1);
    return number;
  }

  /** Whether this order is carried out. */
  isDone(number: number): boolean {
    return ((Atomics.load(this.#words, DONE) - number) | 0) > 0;
  }

  /** Whether the worker has begun this order, or it was recalled. */
  isBegun(number: number): boolean {
    return ((Atomics.load(this.#words, BEGUN) - number) | 0) > 0;
  }

  /** Whether a message belongs to this order, which is done. */
  hasLetter(number: number): boolean {
    return this.#words[LETTERS + placeOf(number)] !== 0;
  }

  /** Takes back the oldest order that is not begun; false when the worker begins it in this moment. */
  recall(number: number): boolean {
    return Atomics.compareExchange(this.#words, BEGUN, number, (number + 1) | 0) === number;
  }

  /**
   * Asks to be rung; that may come too early, so ask again after each ring. Returns false when order `number` is done
   * already: look again instead of waiting.
   */
  askForBell(number: number): boolean {
    Atomics.store(this.#words, BELL, 1);
    if (!this.isDone(number)) return true;
    // If the worker has taken the bell it rings once for nothing, which is harmless.
    Atomics.store(this.#words, BELL, 0);
    return false;
  }

  /** Counts all orders as over, for a worker that is no more. */
  abandon(): void {
    const posted = this.#words[POSTED]!;
    Atomics.store(this.#words, BELL, 0);
    Atomics.store(this.#words, BEGUN, posted);
    Atomics.store(this.#words, DONE, posted);
  }
}

/** The worker's end. */
export class MailboxReceiver {
  readonly #words: Int32Array;
  #number = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Blocks the thread until there is an order, and returns it. One that was posted before this worker began counts. */
  next(): number {
    const words = this.#words;
    for (;;) {
      const number = Atomics.load(words, BEGUN);
      if (Atomics.load(words, POSTED) === number) {
        Atomics.wait(words, POSTED, number);
        continue;
      }
      const order = words[ORDERS + placeOf(number)]!;
      if (Atomics.compareExchange(words, BEGUN, number, (number + 1) | 0) !== number) continue;
      this.#number = number;
      return order;
    }
  }

  /** Tells that the order is carried out; `withLetter` when a message was sent for it. Returns whether to ring. */
  finish(withLetter: boolean): boolean {
    this.#words[LETTERS + placeOf(this.#number)] = withLetter ? 1 : 0;
    Atomics.store(this.#words, DONE, (this.#number + 1) | 0);
    return Atomics.exchange(this.#words, BELL, 0) === 1;
  }
}

if (BELL + 1 > MAILBOX_BYTES / Int32Array.BYTES_PER_ELEMENT || ORDERS + PLACES > BEGUN || LETTERS + PLACES > BELL) {
  throw new Error('check the mailbox layout: a word lies outside its line; this is a bug');
}
