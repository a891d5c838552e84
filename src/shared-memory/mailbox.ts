// A mailbox: one worker's orders from the main thread, two at a time, and the word that each is carried out. While a
// worker runs one batch the next one lies there already, so that it goes on without waiting for the main thread.
// Everything by which these two threads wake each other stands in this file:
//
//   main thread                                           worker
//   post: order -> posted, notify      ───────────────▶   next: sleeps on `posted`, between two orders only; it never
//         (memory of a slab of its own: by message)             goes back to its event loop for one
//   looks at the end of its turns      ◀── done ───────   finish: report (by message) -> done
//   requestWakeup: when nothing else is to do
//         onReport                     ◀── null ───────   finish: by message, if a wakeup was requested
//
//   line 0 (main thread writes)    0 posted i32 (number of the next order) · 4…19 order i32 × 4 (order n is at n mod 4)
//   line 1 (both write)          128 begun i32 (orders below this number are begun or recalled)
//   line 2 (worker writes)       256 done i32 (orders below this number are over) · 260…275 report i32 × 4 (1: with the
//                                    end of the order came a message)
//   line 3 (both write)          384 wakeup i32 (1: the main thread waits to be woken)       …511
//
// An order belongs to whoever moves `begun` past it: the worker by beginning it, the main thread by recalling it.
// Order. Main: order and slab (plain) -> posted (Atomics). Worker: posted -> begun -> slab; answers and report (plain)
// -> done (Atomics) -> takes the request. Main: requests -> done again, so a request that came too late is taken back.
// Between `done` and the taking the main thread may have gone on and requested for the next order: then the request
// that is taken was that one's, so whoever was woken looks and requests again.
// Numbers wrap; only their differences count. Orders that were recalled behind one that still runs keep their numbers:
// that is why there are more places than orders at a time.
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { OWN_MEMORY, Slab } from './slab.ts';

const LINE_WORDS = 32;
const PLACES = 4;
const POSTED = 0;
const ORDERS = 1;
const BEGUN = LINE_WORDS;
const DONE = 2 * LINE_WORDS;
const REPORTS = DONE + 1;
const WAKEUP = 3 * LINE_WORDS;

const MAILBOX_BYTES = 4 * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** Orders that may lie in a mailbox, the one that is being carried out included. */
export const ORDERS_MAX = 2;

/** The order to run no more batches; every other one is the index of a slab. */
const LEAVE = -2;

const placeOf = (number: number): number => number & (PLACES - 1);

/** The main thread's end. The caller knows which of its orders are open, and posts no more than ORDERS_MAX. */
export class MailboxSender<Report extends object> {
  readonly memory = new SharedArrayBuffer(MAILBOX_BYTES);
  readonly #words = new Int32Array(this.memory);
  #port: MessagePort | null = null;
  /** Received, and not asked for yet. */
  #reports: Report[] = [];

  /** Whether there is a worker at the other end. */
  get isConnected(): boolean {
    return this.#port !== null;
  }

  /** A worker begins at the other end of `port`; the one before must have been abandoned. */
  connect(port: MessagePort, onWakeup: () => void): void {
    this.#port = port;
    port.on('message', (report: Report | null) => {
      if (report !== null) this.#reports.push(report);
      // The request is taken now, and was perhaps taken for an order before the one that is waited for.
      onWakeup();
    });
  }

  /** Whether another order can be put in while `oldest` is the oldest open one. */
  hasPlace(oldest: number): boolean {
    return ((this.#words[POSTED]! - oldest) | 0) < PLACES;
  }

  /** Orders the batch in this slab to be run, wakes the worker, and returns the order's number. */
  post(slab: Slab): number {
    if (slab.index === OWN_MEMORY) this.#port?.postMessage(slab.memory);
    return this.#put(slab.index);
  }

  /** Tells the worker to leave; nothing may be running. */
  dismiss(): void {
    this.#put(LEAVE);
  }

  #put(order: number): number {
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

  /** What the worker said of this order, which is done; null for nothing. Asked once of each order, in their order. */
  takeReport(number: number): Report | null {
    if (this.#words[REPORTS + placeOf(number)] === 0) return null;
    let report = this.#reports.shift() ?? null;
    // It was sent before the order was marked as done: it has been received, or it waits in the port.
    while (report === null && this.#port !== null) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: Report | null } | undefined;
      if (received === undefined) break;
      report = received.message;
    }
    return report;
  }

  /** Takes back the oldest order that is not begun; false when the worker begins it in this moment. */
  recall(number: number): boolean {
    return Atomics.compareExchange(this.#words, BEGUN, number, (number + 1) | 0) === number;
  }

  /**
   * Asks to be woken; that may come too early, so ask again after each time. Returns false when order `number` is done
   * already: settle it instead of waiting.
   */
  requestWakeup(number: number): boolean {
    Atomics.store(this.#words, WAKEUP, 1);
    if (!this.isDone(number)) return true;
    // If the worker has taken the request it wakes this thread once for nothing, which is harmless.
    Atomics.store(this.#words, WAKEUP, 0);
    return false;
  }

  /** Counts all orders as over and lets the port go, for a worker that is no more. */
  abandon(): void {
    const posted = this.#words[POSTED]!;
    Atomics.store(this.#words, WAKEUP, 0);
    Atomics.store(this.#words, BEGUN, posted);
    Atomics.store(this.#words, DONE, posted);
    this.#reports = [];
    this.#port?.close();
    this.#port = null;
  }
}

/** The worker's end. */
export class MailboxReceiver<Report extends object> {
  readonly #words: Int32Array;
  readonly #port: MessagePort;
  readonly #slabs: readonly Slab[];
  #number = 0;

  /** `slabs`: those of the arena. */
  constructor(memory: SharedArrayBuffer, port: MessagePort, slabs: readonly Slab[]) {
    this.#words = new Int32Array(memory);
    this.#port = port;
    this.#slabs = slabs;
  }

  /**
   * Blocks the thread until there is a batch, and returns its slab, or null when the worker is to leave. An order that
   * was posted before this worker began counts.
   */
  next(): Slab | null {
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
      return order === LEAVE ? null : this.#slabOf(order);
    }
  }

  /** Whether `next` would not wait. */
  get hasNext(): boolean {
    return Atomics.load(this.#words, POSTED) !== Atomics.load(this.#words, BEGUN);
  }

  #slabOf(index: number): Slab {
    if (index !== OWN_MEMORY) {
      const slab = this.#slabs[index];
      if (slab !== undefined) return slab;
      throw new Error(`This is a bug: a batch names a slab that the arena does not have: ${index}`);
    }
    const received = receiveMessageOnPort(this.#port);
    if (received?.message instanceof SharedArrayBuffer) return new Slab(received.message);
    throw new Error('This is a bug: the memory of a batch did not come with it');
  }

  /** Tells that the order is carried out, with what the slab does not say of it, and wakes the main thread if asked. */
  finish(report: Report | null): void {
    if (report !== null) this.#port.postMessage(report);
    this.#words[REPORTS + placeOf(this.#number)] = report === null ? 0 : 1;
    Atomics.store(this.#words, DONE, (this.#number + 1) | 0);
    if (Atomics.exchange(this.#words, WAKEUP, 0) === 1) this.#port.postMessage(null);
  }
}

if (WAKEUP + 1 > MAILBOX_BYTES / Int32Array.BYTES_PER_ELEMENT || ORDERS + PLACES > BEGUN || REPORTS + PLACES > WAKEUP) {
  throw new Error('check the mailbox layout: a word lies outside its line; this is a bug');
}
