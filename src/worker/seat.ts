// One worker as the main thread sees it: its mailbox, its port for the few things that are messages, and the batch that
// it is running. Engine main thread.
// Invariant: at most one batch is under way, and it is settled exactly once: by its worker or by the worker's end.
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { MAILBOX_BYTES, MailboxSender, Order } from '../shared-memory/mailbox.ts';
import type { BatchResult, BatchTask, WorkerLetter } from './messages.ts';

/** A batch and who waits for it. */
export interface BatchRun {
  readonly task: BatchTask;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (reason: Error) => void;
}

const ALL_FIT: BatchResult = { kind: 'batch', overflow: [] };

export class Seat {
  readonly memory = new SharedArrayBuffer(MAILBOX_BYTES);
  readonly #mailbox = new MailboxSender(this.memory);
  readonly #onFree: () => void;
  #port: MessagePort | null = null;
  #run: BatchRun | null = null;
  #letter: WorkerLetter | null = null;

  /** `onFree` is called whenever a batch was settled. */
  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  get isFree(): boolean {
    return this.#run === null;
  }

  /** Connects a new worker's port; the old worker, if there was one, must have been given up with `lose`. */
  connect(port: MessagePort): void {
    this.#port = port;
    port.on('message', (letter: WorkerLetter | null) => {
      if (letter !== null) this.#letter = letter;
      this.look();
    });
  }

  start(run: BatchRun): void {
    const { slab } = run.task;
    this.#run = run;
    if (typeof slab !== 'number') this.#port?.postMessage(slab);
    this.#mailbox.post(typeof slab === 'number' ? slab : Order.memory);
  }

  /** Tells the worker to end its loop; nothing may be running. */
  dismiss(): void {
    this.#mailbox.post(Order.leave);
  }

  /** Settles the batch if it is done. */
  look(): void {
    const run = this.#run;
    if (run === null || !this.#mailbox.isDone) return;
    this.#run = null;
    const letter = this.#mailbox.hasLetter ? this.#takeLetter() : null;
    if (letter?.failure === undefined) run.resolve(letter === null ? ALL_FIT : { kind: 'batch', ...letter });
    else run.reject(new Error(letter.failure));
    this.#onFree();
  }

  /** The same, and asks to be told when it is not done yet. */
  lookOrWait(): void {
    this.look();
    if (this.#run !== null && !this.#mailbox.askForBell()) this.look();
  }

  /** The worker is no more: rejects what it was running. */
  lose(reason: Error): void {
    const run = this.#run;
    this.#run = null;
    this.#letter = null;
    this.#mailbox.abandon();
    this.disconnect();
    run?.reject(reason);
    if (run !== null) this.#onFree();
  }

  disconnect(): void {
    this.#port?.close();
    this.#port = null;
  }

  // The message was sent before the order was marked as done: it has been received, or it waits in the port.
  #takeLetter(): WorkerLetter | null {
    let letter = this.#letter;
    this.#letter = null;
    while (letter === null && this.#port !== null) {
      const received = receiveMessageOnPort(this.#port) as { readonly message: WorkerLetter | null } | undefined;
      if (received === undefined) break;
      letter = received.message;
    }
    return letter;
  }
}
