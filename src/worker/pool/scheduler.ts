// Who of a deployment's workers runs which batch: idle workers first, then those that have room for one more. Engine
// main thread.
// Invariant: while a worker has room no batch waits; a batch that no worker has begun survives its worker.
import type { MessagePort } from 'node:worker_threads';
import { OWN_MEMORY } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { BatchResult } from '../messages.ts';
import { WorkerChannel } from './worker-channel.ts';
import type { BatchRun } from './worker-channel.ts';

/** Batches for each worker that may wait for one: callers start a batch only when a worker is free, or almost. */
const WAITING_PER_WORKER = 2;
const RECALLED: BatchResult = { overflow: [], isRecalled: true };

export class BatchScheduler {
  readonly channels: readonly WorkerChannel[];
  /** Batches that no worker has room for, first in first out. */
  readonly #waiting: BatchRun[] = [];
  readonly #onIdle: () => void;
  #isLooking = false;

  /** `onIdle` is called when the last batch was settled. */
  constructor(workers: number, onIdle: () => void) {
    this.#onIdle = onIdle;
    this.channels = Array.from({ length: workers }, () => new WorkerChannel(() => this.#freed()));
  }

  /** Batches that have not settled. */
  get busy(): number {
    return this.channels.reduce((sum, channel) => sum + channel.busy, this.#waiting.length);
  }

  run(slab: Slab): Promise<BatchResult> {
    if (this.#waiting.length >= this.channels.length * WAITING_PER_WORKER) {
      return Promise.reject(new Error(`run a batch: ${this.#waiting.length} wait for a worker already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ slab, resolve, reject });
      this.#startWaiting();
    });
  }

  /** Hands back what no worker has begun, but for batches in memory of their own. */
  recall(): void {
    const taken = this.channels.flatMap((channel) => channel.recall());
    const kept = this.#waiting.splice(0).filter((run) => run.slab.index === OWN_MEMORY || taken.push(run) === 0);
    this.#waiting.push(...kept);
    // The newest first: each goes to the head of its queue, where the oldest is to be in the end.
    for (const { resolve } of taken.reverse()) resolve(RECALLED);
    if (taken.length > 0) this.#freed();
  }

  /** A worker begins at this channel and is spoken to through `port`. */
  connect(channel: WorkerChannel, port: MessagePort): void {
    channel.connect(port);
    this.#startWaiting();
  }

  /** The worker of this channel is no more; another follows it, or not. */
  lose(channel: WorkerChannel, reason: Error, isFollowed: boolean): void {
    const left = channel.lose(reason);
    if (isFollowed) this.#waiting.unshift(...left);
    else for (const { reject } of left) reject(reason);
    this.#freed();
  }

  /** No worker is left. */
  loseAll(reason: Error): void {
    for (const channel of this.channels) this.lose(channel, reason, false);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0) {
      const channel = this.#nextChannel();
      if (channel === undefined) break;
      channel.start(this.#waiting.shift()!);
    }
    this.#lookLater();
  }

  #nextChannel(): WorkerChannel | undefined {
    let found: WorkerChannel | undefined;
    for (const channel of this.channels) {
      if (channel.hasRoom && (found === undefined || channel.busy < found.busy)) found = channel;
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
    for (const channel of this.channels) channel.lookOrWait();
  };

  #freed(): void {
    if (this.#waiting.length > 0) this.#startWaiting();
    else if (this.busy === 0) this.#onIdle();
    else this.#lookLater();
  }
}
