// Who of a deployment's workers runs which batch: idle workers first, then those that have room for one more. Engine
// main thread.
// Invariant: while a worker has room no batch waits; a batch that no worker has begun survives its worker.
import type { MessagePort } from 'node:worker_threads';
import type { BatchResult, BatchTask } from '../messages.ts';
import { Seat } from './worker-channel.ts';
import type { BatchRun } from './worker-channel.ts';

/** Batches for each worker that may wait for one: callers start a batch only when a worker is free, or almost. */
const WAITING_PER_WORKER = 2;
const TAKEN_BACK: BatchResult = { kind: 'batch', overflow: [], isTakenBack: true };

export class Seating {
  readonly seats: readonly Seat[];
  /** Batches that no worker has room for, first in first out. */
  readonly #waiting: BatchRun[] = [];
  readonly #onIdle: () => void;
  #isLooking = false;

  /** `onIdle` is called when the last batch was settled. */
  constructor(workers: number, onIdle: () => void) {
    this.#onIdle = onIdle;
    this.seats = Array.from({ length: workers }, () => new Seat(() => this.#freed()));
  }

  /** Batches that have not settled. */
  get busy(): number {
    return this.seats.reduce((sum, seat) => sum + seat.busy, this.#waiting.length);
  }

  run(task: BatchTask): Promise<BatchResult> {
    if (this.#waiting.length >= this.seats.length * WAITING_PER_WORKER) {
      return Promise.reject(new Error(`run a batch: ${this.#waiting.length} wait for a worker already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#startWaiting();
    });
  }

  /** Hands back what no worker has begun, but for batches in memory of their own. */
  takeBack(): void {
    const taken = this.seats.flatMap((seat) => seat.takeBack());
    const kept = this.#waiting.splice(0).filter((run) => typeof run.task.slab !== 'number' || taken.push(run) === 0);
    this.#waiting.push(...kept);
    // The newest first: each goes to the head of its queue, where the oldest is to be in the end.
    for (const { resolve } of taken.reverse()) resolve(TAKEN_BACK);
    if (taken.length > 0) this.#freed();
  }

  /** A worker begins at this seat and is spoken to through `port`. */
  connect(seat: Seat, port: MessagePort): void {
    seat.connect(port);
    this.#startWaiting();
  }

  /** The worker of this seat is no more; another follows it, or not. */
  lose(seat: Seat, reason: Error, isFollowed: boolean): void {
    const left = seat.lose(reason);
    if (isFollowed) this.#waiting.unshift(...left);
    else for (const { reject } of left) reject(reason);
    this.#freed();
  }

  /** No worker is left. */
  loseAll(reason: Error): void {
    for (const seat of this.seats) this.lose(seat, reason, false);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0) {
      const seat = this.#nextSeat();
      if (seat === undefined) break;
      seat.start(this.#waiting.shift()!);
    }
    this.#lookLater();
  }

  #nextSeat(): Seat | undefined {
    let found: Seat | undefined;
    for (const seat of this.seats) {
      if (seat.hasRoom && (found === undefined || seat.busy < found.busy)) found = seat;
    }
    return found;
  }

  // A batch that was started in this turn is often done when the next one ends: then nobody has to be woken for it.
  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    this.#isLooking = false;
    for (const seat of this.seats) seat.lookOrWait();
  };

  #freed(): void {
    if (this.#waiting.length > 0) this.#startWaiting();
    else if (this.busy === 0) this.#onIdle();
    else this.#lookLater();
  }
}
