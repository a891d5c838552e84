// One batch on the main thread: a slab and, beside it, who waits for each of its entries. Every entry is settled
// exactly once (answered, or given up by its client), whatever order answer, deadline and abort come in.
import type { AnswerCounts } from '../metrics/answer-counts.ts';
import { Outcome } from '../shared-memory/sample-ring.ts';
import { EntryStatus } from '../shared-memory/slab.ts';
import type { Slab } from '../shared-memory/slab.ts';
import { refusalOf } from '../protocols/protocol.ts';
import type { BatchResult } from '../worker/messages.ts';
import type { OnFailedAnswer, RequestIds } from './options.ts';
import { UNKNOWN_SOURCE } from '../shared-memory/source-ids.ts';
import type { ReplySink, Ticket } from './submit.ts';

/** Called once per entry, when it is settled. */
type OnSettled = (batch: Batch, how: 'answered' | 'cancelled') => void;

/** A request whose time ran out; microseconds on the monotonic clock. */
export interface Expired {
  readonly receivedUs: number;
  readonly allowedUs: number;
}

class Waiter implements Ticket {
  readonly #batch: Batch;
  readonly #entry: number;
  readonly sink: ReplySink;
  readonly deadlineUs: number;
  settled = false;

  constructor(batch: Batch, entry: number, sink: ReplySink, deadlineUs: number) {
    this.#batch = batch;
    this.#entry = entry;
    this.sink = sink;
    this.deadlineUs = deadlineUs;
  }

  cancel(): void {
    if (!this.settled) this.#batch.cancel(this.#entry);
  }
}

export class Batch implements RequestIds {
  readonly slab: Slab;
  /** What its requests weigh together: see request-scale.ts. */
  weightUs = 0;
  readonly #waiters: Waiter[] = [];
  readonly #onSettled: OnSettled;
  /** Of the version that runs it, or of those that no version served. */
  #counts: AnswerCounts;
  /** While true the worker owns the slab and the main thread must not write to it. */
  #dispatched = false;
  #live = 0;

  constructor(slab: Slab, unserved: AnswerCounts, onSettled: OnSettled) {
    this.slab = slab;
    this.#counts = unserved;
    this.#onSettled = onSettled;
  }

  /** Entries that somebody still waits for. */
  get live(): number {
    return this.#live;
  }
  get isFull(): boolean {
    return this.slab.entryCount >= this.slab.entriesMax;
  }

  /** Joins the waiter of the entry that was just appended to the slab. */
  add(entry: number, sink: ReplySink, deadlineUs: number): Ticket {
    const waiter = new Waiter(this, entry, sink, deadlineUs);
    this.#waiters.push(waiter);
    this.#live += 1;
    return waiter;
  }

  /** The worker owns the slab from now on; its answers count for `counts`. */
  markDispatched(counts: AnswerCounts): void {
    this.#counts = counts;
    this.#dispatched = true;
  }

  /** No worker has begun it: it is the main thread's again, and those that gave up meanwhile are left out. */
  markRecalled(): void {
    this.#dispatched = false;
    this.#waiters.forEach((waiter, entry) => {
      if (waiter.settled) this.slab.setStatus(entry, EntryStatus.cancelled);
    });
  }

  /** The client of `entry` went away; a run that has not begun skips it. */
  cancel(entry: number): void {
    const waiter = this.#waiters[entry];
    if (waiter === undefined || waiter.settled) return;
    this.#settle(waiter, entry, 'cancelled');
  }

  /** Answers every entry whose deadline has passed with what `makeError` says of the time it had; tells which. */
  expire(nowUs: number, makeError: (allowedUs: number) => unknown): Expired[] {
    const expired: Expired[] = [];
    this.#waiters.forEach((waiter, entry) => {
      if (waiter.settled || waiter.deadlineUs > nowUs) return;
      const receivedUs = this.slab.receivedUs(entry);
      const allowedUs = waiter.deadlineUs - receivedUs;
      this.#refuse(waiter, entry, makeError(allowedUs));
      expired.push({ receivedUs, allowedUs });
    });
    return expired;
  }

  /** Answers every entry that is not settled yet with one error. */
  refuseAll(error: unknown): void {
    this.#waiters.forEach((waiter, entry) => {
      if (!waiter.settled) this.#refuse(waiter, entry, error);
    });
  }

  /** What the client calls the request of this entry. */
  requestIdOf(entry: number): string {
    return this.#waiters[entry]?.sink.requestId ?? '';
  }

  sourceOf(entry: number): number {
    return this.#waiters[entry]?.sink.source?.() ?? UNKNOWN_SOURCE;
  }

  /** Hands out the worker's answers. `lost` makes the error for an entry that the worker left without one. */
  deliver(result: BatchResult, lost: () => unknown, onFailedAnswer?: OnFailedAnswer): void {
    this.#dispatched = false;
    const { slab } = this;
    const waiters = this.#waiters;
    for (let entry = 0; entry < waiters.length; entry += 1) {
      const waiter = waiters[entry]!;
      if (waiter.settled) continue;
      const status = slab.status(entry);
      const answer = slab.answer(entry) ?? result.overflow.find((one) => one.entry === entry)?.answer;
      if (status < 100 || answer === undefined) {
        this.#refuse(waiter, entry, lost());
        continue;
      }
      const outcome = slab.outcome(entry);
      const isFailed = outcome === Outcome.modelFailure || outcome === Outcome.nonFinite;
      if (isFailed) onFailedAnswer?.(slab, entry, answer, this);
      this.#answer(waiter, entry, status, answer, slab.answerHeaderBytes(entry));
    }
  }

  #refuse(waiter: Waiter, entry: number, error: unknown): void {
    const { status, bytes } = refusalOf(this.slab, entry, error);
    this.#answer(waiter, entry, status, bytes, 0);
  }

  #answer(waiter: Waiter, entry: number, status: number, body: Uint8Array, headerBytes: number): void {
    // Settled first: a sink that re-enters (an abort inside the write) must find the entry done.
    this.#settle(waiter, entry, 'answered');
    this.#counts.add(this.slab.kind(entry), status);
    waiter.sink.answer(status, body, headerBytes);
  }

  #settle(waiter: Waiter, entry: number, how: 'answered' | 'cancelled'): void {
    waiter.settled = true;
    this.#live -= 1;
    if (!this.#dispatched) this.slab.setStatus(entry, EntryStatus.cancelled);
    this.#onSettled(this, how);
  }
}
