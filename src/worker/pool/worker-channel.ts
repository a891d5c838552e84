// One worker as the main thread sees it: its mailbox, its port for the few things that are messages, and the batches
// that it has: the one that it is running, and one that lies ready. Engine main thread.
// Invariant: a batch is settled exactly once: by its worker, by the worker's end, or by being taken back; and it is
// never taken back once its worker has begun it.
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { MAILBOX_BYTES, MailboxSender, ORDERS_MAX, Order } from '../../shared-memory/mailbox.ts';
import type { BatchResult, BatchTask, WorkerLetter } from '../messages.ts';

/** A batch and who waits for it. */
export interface BatchRun {
  readonly task: BatchTask;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (reason: Error) => void;
}

interface Posted {
  readonly run: BatchRun;
  /** Of its order in the mailbox. */
  readonly number: number;
}

const ALL_FIT: BatchResult = { kind: 'batch', overflow: [] };

export class Seat {
  readonly memory = new SharedArrayBuffer(MAILBOX_BYTES);
  readonly #mailbox = new MailboxSender(this.memory);
  readonly #onFree: () => void;
  #port: MessagePort | null = null;
  /** Oldest first. */
  readonly #posted: Posted[] = [];
  #letters: WorkerLetter[] = [];

  /** `onFree` is called whenever a batch was settled. */
  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  /** Batches that are not settled. */
  get busy(): number {
    return this.#posted.length;
  }
  /** Whether it can be given one more batch; not between the end of its worker and the next one. */
  get hasRoom(): boolean {
    const [oldest] = this.#posted;
    if (this.#port === null) return false;
    return oldest === undefined || (this.#posted.length < ORDERS_MAX && this.#mailbox.hasPlace(oldest.number));
  }

  /** Connects a new worker's port; the old worker, if there was one, must have been given up with `lose`. */
  connect(port: MessagePort): void {
    this.#port = port;
    port.on('message', (letter: WorkerLetter | null) => {
      if (letter !== null) this.#letters.push(letter);
      // The bell is taken now, and was perhaps taken for an order before the one that is waited for.
      this.lookOrWait();
    });
  }

  start(run: BatchRun): void {
    const { slab } = run.task;
    if (typeof slab !== 'number') this.#port?.postMessage(slab);
    this.#posted.push({ run, number: this.#mailbox.post(typeof slab === 'number' ? slab : Order.memory) });
  }

  /** Tells the worker to end its loop; nothing may be running. */
  dismiss(): void {
    this.#mailbox.post(Order.leave);
  }

  /** Settles the batches that are done. */
  look(): void {
    for (let oldest = this.#posted[0]; oldest !== undefined; [oldest] = this.#posted) {
      const { run, number } = oldest;
      if (!this.#mailbox.isDone(number)) return;
      this.#posted.shift();
      const letter = this.#mailbox.hasLetter(number) ? this.#takeLetter() : null;
      if (letter?.failure === undefined) run.resolve(letter === null ? ALL_FIT : { kind: 'batch', ...letter });
      else run.reject(new Error(letter.failure));
      this.#onFree();
    }
  }

  /** The same, and asks to be told of what is not done yet. */
  lookOrWait(): void {
    this.look();
    const [oldest] = this.#posted;
    if (oldest !== undefined && !this.#mailbox.askForBell(oldest.number)) this.look();
  }

  /** Takes back the batches that the worker has not begun; their promises stay open. */
  takeBack(): BatchRun[] {
    const taken: BatchRun[] = [];
    for (const posted of [...this.#posted]) {
      const { run, number } = posted;
      if (this.#mailbox.isBegun(number)) continue;
      // A batch in memory of its own lies in the port, from where nothing can be taken back; and what lies behind it
      // is begun after it.
      if (typeof run.task.slab !== 'number') break;
      // The worker may have begun it in this moment: then the next one is the first that it has not.
      if (!this.#mailbox.recall(number)) continue;
      this.#posted.splice(this.#posted.indexOf(posted), 1);
      taken.push(run);
    }
    return taken;
  }

  /** The worker is no more: rejects what it was running and returns what it had not begun, for another one. */
  lose(reason: Error): BatchRun[] {
    this.look();
    const posted = this.#posted.splice(0);
    const begun = posted.filter(({ number }) => this.#mailbox.isBegun(number));
    this.#letters = [];
    this.#mailbox.abandon();
    this.#disconnect();
    for (const { run } of begun) {
      run.reject(reason);
      this.#onFree();
    }
    return posted.slice(begun.length).map(({ run }) => run);
  }

  /** The worker has ended its loop: the orders of the next one begin anew. */
  vacate(): void {
    this.#letters = [];
    this.#mailbox.abandon();
    this.#disconnect();
  }

  #disconnect(): void {
    this.#port?.close();
    this.#port = null;
  }

  // The message was sent before the order was marked as done: it has been received, or it waits in the port.
  #takeLetter(): WorkerLetter | null {
    let letter = this.#letters.shift() ?? null;
    while (letter === null && this.#port !== null) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: WorkerLetter | null } | undefined;
      if (received === undefined) break;
      letter = received.message;
    }
    return letter;
  }
}
