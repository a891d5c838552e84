// One model's queue, on the main thread: requests are copied into slabs, slabs wait in order, and at the end of an
// event-loop turn (see cut-timer.ts) a batch is cut when a worker is free, or when it is worth lying ready behind
// the one that a worker runs. Which deployment runs it is decided by the dispatch function at that moment and not
// before, and what no worker has begun can be taken back; so after a rollback everything that waits goes to the
// restored version.
//
//   submit -> slabs, first in first out -> dispatch -> answers -> slab is free again
//   large  -> a slab of its own each, in turn by who asks ─┘
//
// A request that is large by its weight (request-scale.ts) shares no batch, and waits in a queue of its own: where the
// deployment has a worker for those, neither waits for the other. Where it has not, both get the same share by weight:
// a large one goes when as much of the others has gone before it as it weighs itself, and then it is their turn.
//
// Invariants: no request is overtaken by a later one of its kind and its source, but for those that find a place in the
// open slab; the requests of a batch weigh no more than BATCH_US together.
//
// Limits: `pendingMax` requests, a fixed number of slabs, `largeBytesMax` for requests that need memory of their own,
// one deadline per request. Refusals: QUEUE_FULL, LARGE_REQUESTS_FULL, DRAINING, DEADLINE_EXCEEDED.
import { isLastgoodError, lastgoodError, type LastgoodError } from '../base/errors.ts';
import type { EntryKind } from '../protocols/protocol.ts';
import type { Slab } from '../shared-memory/slab.ts';
import type { SlabArena } from '../shared-memory/slab-arena.ts';
import type { BatchResult } from '../worker/messages.ts';
import { Batch } from './batch.ts';
import { BatcherCounts } from './counts.ts';
import { CutTimer, SLOW_BATCH_US } from './cut-timer.ts';
import { DeadlineSweep } from './deadline-sweep.ts';
import { FairQueue } from './fair-queue.ts';
import type { BatcherOptions, RefusedRequests } from './options.ts';
import { BATCH_US, LARGE_US, RequestScale, type WeighedVersion } from './request-scale.ts';
import { ArenaSlabs, LargeSlabs, SeparateSlabs, type SlabSupply } from './slab-supply.ts';
import { NOT_ASKED, UNKNOWN_SOURCE } from '../shared-memory/source-ids.ts';
import type { ReplySink, Submitter, Ticket } from './submit.ts';

/** Slabs beyond the ones that `pendingMax` full batches need: one open, and some that are only partly filled. */
const SLABS_SPARE = 16;
const SLABS_MAX = 1_024;
/**
 * A batch is laid ready at a busy worker when it has this share of all that is pending: with half of it two batches
 * take turns, one being run while the other is answered and filled. Where the runs take most of the time it matters
 * more that the next one lies there in time than that it is large.
 */
const READY_SHARE = 1 / 2;
const READY_SHARE_SLOW = 1 / 4;
/** About so often a request is asked who sent it, which costs some microseconds: of up to 200 a second all are. */
const DRAW_PAUSE_US = 5_000;

const NOTHING_REFUSED: RefusedRequests = { isEmpty: true, assertAllowed: () => undefined };

export class Batcher implements Submitter {
  readonly counts: BatcherCounts;
  readonly #options: BatcherOptions;
  readonly #refused: RefusedRequests;
  readonly #slabs: SlabSupply;
  readonly #large: LargeSlabs;
  #scale = RequestScale.none;
  /** In the order in which they are to run. */
  readonly #queue: Batch[] = [];
  readonly #largeQueue = new FairQueue<Batch>(LARGE_US);
  /** What of the others went since a large one waits for its turn. */
  #passedUs = 0;
  readonly #running = new Set<Batch>();
  readonly #timer: CutTimer;
  /** The one in the queue that further requests may join. */
  #open: Batch | null = null;
  /** The last batch took long on its worker. */
  #isSlow = false;
  #pending = 0;
  /** When the next request is asked who sent it, and what had been accepted at the last. */
  #drawUs = 0;
  #acceptedAtDraw = 0;
  #draining = false;
  readonly #sweep: DeadlineSweep;
  readonly #idleWaiters: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#refused = options.refused ?? NOTHING_REFUSED;
    this.counts = new BatcherCounts(options.meter);
    const slabCount = Math.min(SLABS_MAX, Math.ceil(options.pendingMax / options.batchSizeMax) + SLABS_SPARE);
    const { batchSizeMax: entriesMax, slabBytes } = options;
    const size = { entriesMax, requestBytes: slabBytes, answerBytes: slabBytes };
    this.#large = new LargeSlabs(options.largeBytesMax, slabBytes);
    this.#slabs = new (options.separateSlabs === true ? SeparateSlabs : ArenaSlabs)(slabCount, size);
    this.#timer = new CutTimer({
      cut: this.#cut,
      lingerUs: () => this.#lingerUs(),
      // Where the runs take most of the time an idle worker costs more than a small batch.
      mayGrow: () => !this.#isSlow && this.#queue.length === 1 && this.#open?.isFull === false,
      accepted: () => this.counts.accepted,
    });
    this.#sweep = this.#newSweep();
  }

  /** What the workers have to know; empty for a queue with separate slabs. */
  get arena(): SlabArena {
    return this.#slabs.arena;
  }

  /** Requests that were accepted and not answered yet. */
  get pending(): number {
    return this.#pending;
  }

  submit(
    kind: EntryKind, body: Uint8Array, sink: ReplySink, receivedUs: number, headerBytes = 0, timeoutUs = Infinity,
  ): Ticket {
    this.assertRoom(kind);
    if (!this.#refused.isEmpty) this.#assertAllowed(kind, body);
    const deadlineUs = receivedUs + Math.min(timeoutUs, this.#options.deadlineMs * 1e3);
    const weightUs = body.length > this.#scale.lightBytes ? this.#scale.weightUs(kind, body, headerBytes) : 0;
    const batch = weightUs > LARGE_US ? this.#openLarge(body.length, kind, weightUs, sink)
      : body.length > this.#options.slabBytes ? this.#enqueue(this.#takeSingle(body.length, kind, false))
        : this.#openFor(body.length, kind, weightUs);
    batch.weightUs += weightUs;
    const source = receivedUs >= this.#drawUs ? this.#drawSource(sink, receivedUs) : NOT_ASKED;
    const entry = batch.slab.append(kind, body, receivedUs, deadlineUs, headerBytes, source);
    if (entry < 0) throw lastgoodError('INTERNAL', { reason: 'a request does not fit the slab opened for it' });
    const ticket = batch.add(entry, sink, deadlineUs);
    this.#pending += 1;
    this.counts.accepted += 1;
    this.#sweep.start();
    this.#timer.schedule();
    return ticket;
  }

  #assertAllowed(kind: EntryKind, body: Uint8Array): void {
    try {
      this.#refused.assertAllowed(this.#options.model, body);
    } catch (error) {
      throw this.counts.refused(kind, error as LastgoodError);
    }
  }

  // Requests since the last one are taken for those of the one that is asked, which comes at no time of its own choice.
  #drawSource(sink: ReplySink, nowUs: number): number {
    const { onSource } = this.#options;
    this.#drawUs = onSource === undefined ? Infinity : nowUs + DRAW_PAUSE_US * (1 / 2 + Math.random());
    const source = sink.source?.() ?? UNKNOWN_SOURCE;
    const accepted = this.counts.accepted + 1;
    onSource?.(source, accepted - this.#acceptedAtDraw);
    this.#acceptedAtDraw = accepted;
    return source;
  }

  assertRoom(kind: EntryKind): void {
    if (this.#draining) throw this.counts.refused(kind, lastgoodError('DRAINING'));
    if (this.#pending >= this.#options.pendingMax) throw this.#queueFull(kind);
  }

  /** Requests are answered by this version from now on, and weighed by what its rows take. */
  weighFor(version: WeighedVersion): void {
    this.#scale = new RequestScale(version);
  }

  /** Tells that a worker may have become free, or that another deployment is active now. */
  wake(): void {
    if (this.#queue.length > 0 || this.#largeQueue.size > 0) this.#timer.schedule();
  }

  /** Refuses new requests and resolves when everything that was accepted has been answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#pending > 0 || this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    this.#sweep.stop();
  }

  /** Lets go the memory of large requests that nobody uses now. */
  trim(): void {
    this.#large.trim();
  }

  /** Answers the requests of a running batch that will not come back, and no longer waits for it. */
  giveUp(slab: Slab, error: unknown): void {
    for (const batch of this.#running) {
      if (batch.slab !== slab) continue;
      this.#running.delete(batch);
      batch.refuseAll(error);
      this.#notifyIdle();
    }
  }

  #queueFull(kind: EntryKind): Error {
    const { model, pendingMax: limit } = this.#options;
    return this.counts.refused(kind, this.counts.queueFull(model, this.#pending, limit));
  }

  #openLarge(bodyBytes: number, kind: EntryKind, weightUs: number, sink: ReplySink): Batch {
    const batch = this.#batchIn(this.#takeSingle(bodyBytes, kind, true));
    if (this.#largeQueue.size === 0) this.#passedUs = 0;
    this.#largeQueue.push(sink.source?.() ?? UNKNOWN_SOURCE, weightUs, batch);
    return batch;
  }

  // Long bodies, and large requests, get memory of their own.
  #takeSingle(bodyBytes: number, kind: EntryKind, isLarge: boolean): Slab {
    this.#assertMemory(bodyBytes, kind);
    const slab = this.#large.take(bodyBytes, isLarge);
    if (slab !== undefined) return slab;
    const { model, largeBytesMax: limitBytes } = this.#options;
    throw this.counts.refused(kind, lastgoodError('LARGE_REQUESTS_FULL', { model, got: bodyBytes, limitBytes }));
  }

  // Its slab has room for an answer as long.
  #assertMemory(bodyBytes: number, kind: EntryKind): void {
    try {
      this.#options.memory?.assertRoom(2 * bodyBytes);
    } catch (error) {
      this.#large.trim();
      throw this.counts.refused(kind, error as LastgoodError);
    }
  }

  #openFor(bodyBytes: number, kind: EntryKind, weightUs: number): Batch {
    const open = this.#open;
    if (open !== null && !open.isFull && open.slab.requestBytesFree >= bodyBytes
      && open.weightUs + weightUs <= BATCH_US) return open;
    const slab = this.#slabs.take();
    if (slab === undefined) throw this.#queueFull(kind);
    this.#open = this.#enqueue(slab.clear());
    return this.#open;
  }

  #enqueue(slab: Slab): Batch {
    const batch = this.#batchIn(slab);
    this.#queue.push(batch);
    return batch;
  }

  #batchIn(slab: Slab): Batch {
    return new Batch(slab, this.counts.meter.unserved, this.#settled);
  }

  // Microseconds left of batchDelayUs for the open batch, counted from its first request; 0 or less when they are over,
  // when it is full, and when a sealed batch goes first.
  #lingerUs(): number {
    const { batchDelayUs, monotonicUs } = this.#options;
    const open = this.#open;
    if (batchDelayUs === 0 || open === null || open.isFull || this.#queue.length > 1) return 0;
    return open.slab.receivedUs(0) + batchDelayUs - monotonicUs();
  }

  // Starts what waits, in its order, as long as there are places for it.
  readonly #cut = (): void => {
    if (this.#largeQueue.size === 0) {
      while (this.#startNext()); // Until there is no place.
      return;
    }
    // One of either kind in turn; who has no place leaves it to the other.
    while (this.#isLargesTurn() ? this.#startLarge() || this.#startNext() : this.#startNext() || this.#startLarge()) {
      // Until there is no place for either.
    }
  };

  // Where each has workers of its own this decides nothing.
  #isLargesTurn(): boolean {
    const next = this.#largeQueue.peek();
    return next !== undefined && (this.#queue.length === 0 || this.#passedUs >= next.cost);
  }

  #startLarge(): boolean {
    const batch = this.#largeQueue.peek()?.item;
    if (batch === undefined || !this.#start(batch, false)) return false;
    this.#passedUs = 0;
    return true;
  }

  #startNext(): boolean {
    const batch = this.#queue[0];
    if (batch === undefined) return false;
    if (batch === this.#open && this.#lingerUs() > 0) {
      this.#timer.schedule();
      return false;
    }
    if (!this.#start(batch, this.#mayQueueBehind(batch))) return false;
    if (this.#largeQueue.size > 0) this.#passedUs += batch.weightUs + batch.live * this.#scale.rowUs;
    return true;
  }

  // False when there is no place for it now.
  #start(batch: Batch, mayQueueBehind: boolean): boolean {
    let run: Promise<BatchResult> | null | undefined;
    try {
      run = batch.live === 0 ? null : this.#options.dispatch(batch.slab, mayQueueBehind, batch);
    } catch (error) {
      this.#remove(batch);
      batch.refuseAll(error);
      run = null;
    }
    if (run === undefined) return false;
    this.#remove(batch);
    if (run === null) {
      this.#release(batch);
      return true;
    }
    batch.markDispatched(this.#options.answersOf?.(batch.slab) ?? this.counts.meter.unserved);
    this.counts.batches += 1;
    this.#running.add(batch);
    void this.#finish(batch, run);
    return true;
  }

  #mayQueueBehind(batch: Batch): boolean {
    const share = this.#isSlow ? READY_SHARE_SLOW : READY_SHARE;
    return batch !== this.#open || batch.isFull || batch.live >= this.#pending * share;
  }

  // Returns false when it does not wait any more.
  #remove(batch: Batch): boolean {
    if (batch.slab.isLarge) return this.#largeQueue.remove(batch);
    const at = this.#queue.indexOf(batch);
    if (at >= 0) this.#queue.splice(at, 1);
    if (batch === this.#open) this.#open = null;
    return at >= 0;
  }

  // Waits for the end of a run and answers its batch.
  async #finish(batch: Batch, run: Promise<BatchResult>): Promise<void> {
    let result: BatchResult = { overflow: [] };
    let lostReason: unknown;
    try {
      result = await run;
    } catch (error) {
      lostReason = error;
    }
    // It was given up and came back all the same: its answers went out, only its memory is of use.
    const isGivenUp = !this.#running.delete(batch);
    const reason = 'the worker ended without an answer to this request';
    const lost = (): unknown => (isLastgoodError(lostReason) ? lostReason : lastgoodError('INTERNAL', { reason }));
    if (result.isRecalled === true && !isGivenUp) {
      this.#recall(batch);
      return;
    }
    // What everybody waits for is the model: its worker gets the next batch before the answers of this one go out.
    if (!batch.slab.isLarge) this.#isSlow = batch.slab.ranUs > SLOW_BATCH_US;
    if (this.#options.monotonicUs() - batch.slab.cutUs > SLOW_BATCH_US) this.#cut();
    if (isGivenUp) {
      this.wake();
    } else if (lostReason !== undefined) {
      this.#options.onUnanswered?.(batch.slab, batch.live, 'lost');
      batch.refuseAll(lost());
    } else {
      batch.deliver(result, lost, this.#options.onFailedAnswer);
    }
    this.#release(batch);
    if (this.#queue.length > 0 && this.#queue[0] !== this.#open) this.#cut();
    else this.wake();
  }

  // It goes first: whatever else waits came later. It is no large one: what has memory of its own stays where it is.
  #recall(batch: Batch): void {
    this.counts.batches -= 1;
    batch.markRecalled();
    this.#queue.unshift(batch);
    this.wake();
  }

  #release(batch: Batch): void {
    this.#slabs.give(batch.slab);
    this.#large.give(batch.slab);
    this.#notifyIdle();
  }

  readonly #settled = (batch: Batch, how: 'answered' | 'cancelled'): void => {
    this.#pending -= 1;
    this.counts.settled(how);
    if (batch.live === 0) this.#abandon(batch);
    this.#notifyIdle();
  };

  // A waiting batch that nobody waits for gives its memory back now: while no worker is free, requests that come and
  // are given up again must not pile up. One that lies ready at a busy worker is not to be run either.
  #abandon(batch: Batch): void {
    if (this.#running.has(batch)) this.#options.recall?.();
    if (this.#remove(batch)) this.#release(batch);
  }

  #notifyIdle(): void {
    if (this.#pending > 0 || this.#running.size > 0 || this.#idleWaiters.length === 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #newSweep(): DeadlineSweep {
    const { model, deadlineMs, onUnanswered, monotonicUs } = this.#options;
    return new DeadlineSweep({
      deadlineMs, monotonicUs,
      isPending: () => this.#pending > 0,
      running: () => [...this.#running],
      queued: () => [...this.#queue, ...this.#largeQueue],
      lateError: (allowedUs) => {
        this.counts.expired += 1;
        return lastgoodError('DEADLINE_EXCEEDED', { model, deadlineMs: Math.round(allowedUs) / 1e3 });
      },
      blame: (batch, requests) => onUnanswered?.(batch.slab, requests, 'deadline'),
      onRest: () => this.#large.trim(),
    });
  }
}
