// Decides which batches a deployment's workers get: whether there is a place for one more, for whom, and at which
// worker: idle ones first, then those that have room for one behind the batch that they run. Engine main thread.
// Large requests (batch/request-scale.ts) get all workers but one, a free one each, and the others are laid behind none
// of them. Where there is only one worker both get it in turn.
// Invariants: while a worker has room for it no batch waits; a batch that no worker has begun survives its worker.
import type { MessagePort } from 'node:worker_threads';
import { ORDERS_MAX } from '../../shared-memory/mailbox.ts';
import { OWN_MEMORY } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { BatchResult } from '../messages.ts';
import { WorkerChannel } from './worker-channel.ts';
import type { BatchRun } from './worker-channel.ts';

/**
 * For whom a batch is run. Those who ask for a place first:
 *   queue      the model's own queue: a free worker, or behind a running batch when it is worth that
 *   shielded   the same for a batch of which the standby is asked what fails: a free worker, held until that is over
 *   named      the queue of a version that was named: as many as there are workers, beside all others
 * Those who bound themselves and wait where no worker is free:
 *   aside      second runs on the standby; they count as the model's own
 *   replay     kept rows, and runs that are timed; they count as nobody's
 */
export type PlaceUser = 'queue' | 'shielded' | 'named' | 'aside' | 'replay';

/** Batches for each worker that may wait for one: whoever has asked for a place waits for almost nothing. */
const WAITING_PER_WORKER = 2;
const RECALLED: BatchResult = { overflow: [], isRecalled: true };

interface PlacedRun extends BatchRun {
  readonly user: PlaceUser;
}

export class BatchScheduler {
  readonly channels: readonly WorkerChannel<PlacedRun>[];
  /** Batches that no worker has room for, first in first out. */
  readonly #waiting: PlacedRun[] = [];
  readonly #onIdle: () => void;
  /** Places that are taken, and those that shielded batches hold after their run. */
  readonly #taken: Record<PlaceUser, number> = { queue: 0, shielded: 0, named: 0, aside: 0, replay: 0 };
  #held = 0;
  /** Of those that are taken, the ones of large requests. */
  #large = 0;
  #isLooking = false;
  /** Why no more batches are run; null while they are. */
  refusal: string | null = null;

  /** `onIdle` is called when the last batch was settled. */
  constructor(workers: number, onIdle: () => void) {
    this.#onIdle = onIdle;
    this.channels = Array.from({ length: workers }, () => new WorkerChannel<PlacedRun>(this.#settled));
  }

  /** Batches that have not settled. */
  get busy(): number {
    return this.channels.reduce((sum, channel) => sum + channel.busy, this.#waiting.length);
  }

  /** Whether any worker is there. */
  get isManned(): boolean {
    return this.channels.some(({ isManned }) => isManned);
  }

  /** Whether a batch of `user` may be run now; one of the queue that `mayQueueBehind` also behind a running batch. */
  hasPlace(user: 'queue' | 'shielded' | 'named', mayQueueBehind = false, isLarge = false): boolean {
    const workers = this.channels.length;
    const { queue, shielded, named, aside } = this.#taken;
    const all = queue + shielded + named + aside;
    if (isLarge) return this.#large < Math.max(1, workers - 1) && all + this.#held < workers;
    if (user === 'named') return named < workers;
    const [own, left] = [all - this.#large, workers - this.#large];
    if (user === 'shielded') return own + this.#held < left;
    return own < left * (mayQueueBehind ? ORDERS_MAX : 1);
  }

  /** Keeps the place of a shielded batch whose run is over, until the function that it returns is called. */
  holdPlace(): () => void {
    this.#held += 1;
    return () => {
      this.#held -= 1;
    };
  }

  /** Runs one batch; rejects when its worker dies, and at once when it is refused. The slab carries the answers. */
  run(slab: Slab, user: PlaceUser): Promise<BatchResult> {
    if (this.refusal !== null) return Promise.reject(new Error(`run a batch: ${this.refusal}`));
    if (this.#waiting.length >= this.channels.length * WAITING_PER_WORKER) {
      return Promise.reject(new Error(`run a batch: ${this.#waiting.length} wait for a worker already`));
    }
    return new Promise((resolve, reject) => {
      this.#count({ slab, user }, 1);
      this.#waiting.push({ slab, user, resolve, reject });
      this.#startWaiting();
    });
  }

  /** Hands back what no worker has begun, `isRecalled`, but for batches in memory of their own. */
  recall(): void {
    const recalled = this.channels.flatMap((channel) => channel.recall());
    const kept = this.#waiting.splice(0)
      .filter((run) => run.slab.index === OWN_MEMORY || recalled.push(run) === 0);
    this.#waiting.push(...kept);
    // The newest first: each goes to the head of its queue, where the oldest is to be in the end.
    for (const run of recalled.reverse()) {
      this.#count(run, -1);
      run.resolve(RECALLED);
    }
    if (recalled.length > 0) this.#freed();
  }

  /** A worker begins at this channel and is spoken to through `port`. */
  connect(channel: WorkerChannel<PlacedRun>, port: MessagePort): void {
    channel.connect(port);
    this.#startWaiting();
  }

  /** The worker of this channel is no more; another follows it, or not. */
  lose(channel: WorkerChannel<PlacedRun>, reason: Error, isFollowed: boolean): void {
    const left = channel.lose(reason);
    if (isFollowed) this.#waiting.unshift(...left);
    else this.#reject(left, reason);
    this.#freed();
  }

  /** No worker is left. */
  loseAll(reason: Error): void {
    this.refusal = 'no worker thread is left';
    for (const channel of this.channels) this.lose(channel, reason, false);
    this.#reject(this.#waiting.splice(0), reason);
  }

  #reject(runs: readonly PlacedRun[], reason: Error): void {
    for (const run of runs) {
      this.#count(run, -1);
      run.reject(reason);
    }
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0) {
      const channel = this.#nextChannel(this.#waiting[0]!);
      if (channel === undefined) break;
      channel.start(this.#waiting.shift()!);
    }
    this.#lookLater();
  }

  #nextChannel({ slab }: PlacedRun): WorkerChannel<PlacedRun> | undefined {
    const isApart = this.#large > 0 && !slab.isLarge && this.channels.length > 1;
    let found: WorkerChannel<PlacedRun> | undefined;
    for (const channel of this.channels) {
      if (!channel.hasRoom || (isApart && channel.hasLarge)) continue;
      if (found === undefined || channel.busy < found.busy) found = channel;
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
    for (const channel of this.channels) channel.look();
  };

  readonly #settled = (run: PlacedRun): void => {
    this.#count(run, -1);
    this.#freed();
  };

  #count({ slab, user }: Pick<PlacedRun, 'slab' | 'user'>, change: 1 | -1): void {
    this.#taken[user] += change;
    if (slab.isLarge && user !== 'replay') this.#large += change;
  }

  #freed(): void {
    if (this.#waiting.length > 0) this.#startWaiting();
    else if (this.busy === 0) this.#onIdle();
    else this.#lookLater();
  }
}
