// One worker as the main thread sees it: its mailbox, and the batches that it has: the one that it is running, and one
// that lies ready. Engine main thread.
// Invariant: a batch is settled exactly once: by its worker, by the worker's end, or by being recalled; and it is never
// recalled once its worker has begun it.
import type { MessagePort } from 'node:worker_threads';
import { decodeError } from '../../base/errors.ts';
import { MailboxSender, ORDERS_MAX } from '../../shared-memory/mailbox.ts';
import { OWN_MEMORY } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { BatchReport, BatchResult } from '../messages.ts';

/** A batch and who waits for it. */
export interface BatchRun {
  readonly slab: Slab;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (reason: Error) => void;
}

interface Posted<Run> {
  readonly run: Run;
  /** Of its order in the mailbox. */
  readonly number: number;
}

const ALL_FIT: BatchResult = { overflow: [] };

export class WorkerChannel<Run extends BatchRun = BatchRun> {
  readonly #mailbox = new MailboxSender<BatchReport>();
  readonly #onSettled: (run: Run) => void;
  /** Oldest first. */
  readonly #posted: Posted<Run>[] = [];

  /** `onSettled` is called with each batch that the worker, or its end, has settled. */
  constructor(onSettled: (run: Run) => void) {
    this.#onSettled = onSettled;
  }

  /** Of its mailbox, for the worker. */
  get memory(): SharedArrayBuffer {
    return this.#mailbox.memory;
  }
  /** Batches that are not settled. */
  get busy(): number {
    return this.#posted.length;
  }
  /** Whether it has a large request. */
  get hasLarge(): boolean {
    return this.#posted.some(({ run }) => run.slab.isLarge);
  }
  /** Whether a worker is there, which is not so between the end of one and the next one. */
  get isManned(): boolean {
    return this.#mailbox.isConnected;
  }
  /** Whether it can be given one more batch; not between the end of its worker and the next one. */
  get hasRoom(): boolean {
    const [oldest] = this.#posted;
    if (!this.#mailbox.isConnected) return false;
    return oldest === undefined || (this.#posted.length < ORDERS_MAX && this.#mailbox.hasPlace(oldest.number));
  }

  /** Connects a new worker's port; the old worker, if there was one, must have been given up with `lose`. */
  connect(port: MessagePort): void {
    this.#mailbox.connect(port, () => this.look());
  }

  start(run: Run): void {
    this.#posted.push({ run, number: this.#mailbox.post(run.slab) });
  }

  /** Tells the worker to end its loop; nothing may be running. */
  dismiss(): void {
    this.#mailbox.dismiss();
  }

  /** Settles the batches that are done, and asks to be told of the first that is not. */
  look(): void {
    for (let oldest = this.#posted[0]; oldest !== undefined; [oldest] = this.#posted) {
      const { run, number } = oldest;
      if (!this.#mailbox.isDone(number) && this.#mailbox.requestWakeup(number)) return;
      this.#posted.shift();
      const report = this.#mailbox.takeReport(number);
      if (report?.failure === undefined) run.resolve(report ?? ALL_FIT);
      else run.reject(decodeError(report.failure));
      this.#onSettled(run);
    }
  }

  /** Takes back the batches that the worker has not begun; their promises stay open. */
  recall(): Run[] {
    const recalled: Run[] = [];
    for (const posted of [...this.#posted]) {
      const { run, number } = posted;
      if (this.#mailbox.isBegun(number)) continue;
      // A batch in memory of its own lies in the port, from where nothing can be taken back; and what lies behind it
      // is begun after it.
      if (run.slab.index === OWN_MEMORY) break;
      // The worker may have begun it in this moment: then the next one is the first that it has not.
      if (!this.#mailbox.recall(number)) continue;
      this.#posted.splice(this.#posted.indexOf(posted), 1);
      recalled.push(run);
    }
    return recalled;
  }

  /** The worker is no more: rejects what it was running and returns what it had not begun, for another one. */
  lose(reason: Error): Run[] {
    this.look();
    const posted = this.#posted.splice(0);
    const begun = posted.filter(({ number }) => this.#mailbox.isBegun(number));
    this.#mailbox.abandon();
    for (const { run } of begun) {
      run.reject(reason);
      this.#onSettled(run);
    }
    return posted.slice(begun.length).map(({ run }) => run);
  }

  /** The worker has ended its loop: the orders of the next one begin anew. */
  vacate(): void {
    this.#mailbox.abandon();
  }
}
