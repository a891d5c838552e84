// What a queue is told when it is made, and what it asks of whoever has the workers; types only.
import type { AnswerCounts } from '../metrics/answer-counts.ts';
import type { ModelMeter } from '../metrics/model-meter.ts';
import type { Slab } from '../shared-memory/slab.ts';
import type { MemoryBudget } from '../shared-memory/memory-budget.ts';
import type { BatchResult } from '../worker/messages.ts';

/**
 * Starts a batch on a worker. Returns undefined when there is no place for it now (the batcher asks again after
 * `wake`), and throws when the model cannot serve at all, which refuses the batch. A batch that `mayQueueBehind` is
 * large enough to be laid ready behind the one that a worker runs.
 */
export type Dispatch = (slab: Slab, mayQueueBehind: boolean, ids: RequestIds) => Promise<BatchResult> | undefined;

/** Who asked the entries of a batch. */
export interface RequestIds {
  /** What the client calls the request of this entry; empty when it does not say. */
  requestIdOf(entry: number): string;
  /** Who asked it, as in sources.ts. */
  sourceOf(entry: number): number;
}

/** Told of an entry that the version failed, or answered with a number that is not finite, and its encoded answer. */
export type OnFailedAnswer = (slab: Slab, entry: number, answer: Uint8Array, ids: RequestIds) => void;

/** Looked at for every request: that there are none must cost no call. */
export interface RefusedRequests {
  readonly isEmpty: boolean;
  /** Throws INPUT_REFUSED. */
  assertAllowed(model: string, body: Uint8Array): void;
}

export interface BatcherOptions {
  readonly model: string;
  readonly batchSizeMax: number;
  readonly batchDelayUs: number;
  readonly slabBytes: number;
  /** Memory of all requests that are larger than a slab, their answers included. */
  readonly largeBytesMax: number;
  readonly pendingMax: number;
  /** What the process may have; nothing limits it by default. */
  readonly memory?: MemoryBudget | null;
  readonly deadlineMs: number;
  readonly dispatch: Dispatch;
  readonly monotonicUs: () => number;
  /** Asks for batches that lie ready and no worker has begun: nobody waits for one of them any more. */
  readonly recall?: () => void;
  /** Requests that are not to be asked again; all may be by default. */
  readonly refused?: RefusedRequests;
  /**
   * Called with the number of requests that a running batch's version left without an answer, and that the main thread
   * answered in its stead: no sample of them will come from a worker in time, or at all.
   */
  readonly onUnanswered?: (slab: Slab, requests: number, why: LossReason) => void;
  /** Called before such an answer goes out. */
  readonly onFailedAnswer?: OnFailedAnswer;
  /** Told, of some of the requests, who asks, and for how many requests that one stands. */
  readonly onSource?: (source: number, requests: number) => void;
  /** What is counted here; a meter of its own by default. */
  readonly meter?: ModelMeter;
  /** Where the answers of a stamped batch are counted; by default as those that no version served. */
  readonly answersOf?: (slab: Slab) => AnswerCounts;
  /** Slabs with memory of their own: for a queue whose arena the workers do not know. */
  readonly separateSlabs?: boolean;
}

/** `lost`: the worker ended; `deadline`: it is still running and the requests' time is over. */
export type LossReason = 'lost' | 'deadline';
