// The far side of a batcher: takes slabs as a pool of workers does, sees them through views of its own, and answers
// when the test says so. The near side: requests whose outcomes are written down.
import { Batcher } from '../../src/batch/batcher.ts';
import type { BatcherOptions, LossReason } from '../../src/batch/options.ts';
import type { Ticket } from '../../src/batch/submit.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { EntryStatus, OWN_MEMORY, Slab } from '../../src/shared-memory/slab.ts';
import { viewSlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { BatchResult } from '../../src/worker/messages.ts';

/** A batch that a worker is running. */
export interface Running {
  readonly slab: Slab;
  readonly generation: number;
  readonly isSingle: boolean;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (reason: unknown) => void;
}

export class TestWorkers {
  free: number;
  /** Batches that may lie ready behind those that are running. */
  room = 0;
  generation = 1;
  readonly #nowUs: () => number;
  /** Thrown by the next dispatch instead of taking the batch. */
  refusal: Error | null = null;
  readonly running: Running[] = [];
  /** The bodies of every batch that was cut, in order. */
  readonly cuts: string[][] = [];
  /** The bodies that were answered, in order. */
  readonly ran: string[] = [];
  #views: Slab[] = [];
  #ready = 0;

  constructor(free: number, nowUs: () => number) {
    this.free = free;
    this.#nowUs = nowUs;
  }

  joinArena(batcher: Batcher): void {
    this.#views = viewSlabArena(batcher.arena.memory, batcher.arena.slabs.length);
  }

  dispatch(slab: Slab, mayQueueBehind: boolean): Promise<BatchResult> | undefined {
    if (this.refusal !== null) throw this.refusal;
    if (this.free > 0) this.free -= 1;
    else if (mayQueueBehind && this.#ready < this.room) this.#ready += 1;
    else return undefined;
    slab.stamp(this.generation, 1, this.#nowUs());
    const isSingle = slab.index === OWN_MEMORY;
    const seen = isSingle ? new Slab(slab.memory) : this.#views[slab.index]!;
    this.cuts.push(Array.from({ length: seen.entryCount }, (_, entry) => Buffer.from(seen.request(entry)).toString()));
    return new Promise((resolve, reject) => {
      this.running.push({ slab: seen, generation: this.generation, isSingle, resolve, reject });
    });
  }

  /** Answers every entry that is still wanted with the generation and its own body, and frees the worker. */
  finish(at = 0): void {
    const { slab, generation, resolve } = this.#take(at);
    const overflow: { entry: number; answer: Uint8Array }[] = [];
    for (let entry = 0; entry < slab.entryCount; entry += 1) {
      if (slab.status(entry) === EntryStatus.cancelled) continue;
      this.ran.push(Buffer.from(slab.request(entry)).toString());
      const answer = Buffer.concat([Buffer.from(`${generation}:`), slab.request(entry)]);
      if (!slab.setAnswer(entry, 200, answer)) overflow.push({ entry, answer });
    }
    resolve({ overflow });
  }

  /** Ends without a word about its entries. */
  forget(at = 0): void {
    this.#take(at).resolve({ overflow: [] });
  }

  /** Gives back a batch that it has not begun. */
  recall(at = 0): void {
    this.#take(at).resolve({ overflow: [], isRecalled: true });
  }

  /** Dies in the middle of the batch. */
  lose(reason: unknown, at = 0): void {
    this.#take(at).reject(reason);
  }

  #take(at: number): Running {
    const [batch] = this.running.splice(at, 1);
    if (batch === undefined) throw new Error(`take batch ${at}: only ${this.running.length} are running`);
    if (this.#ready > 0) this.#ready -= 1;
    else this.free += 1;
    return batch;
  }
}

/** One request and all that ever came back for it. */
export interface Asked {
  readonly body: string;
  readonly ticket: Ticket;
  readonly answers: { readonly status: number; readonly body: string }[];
}

export interface Bench {
  readonly batcher: Batcher;
  readonly workers: TestWorkers;
  readonly unanswered: { readonly generation: number; readonly requests: number; readonly why: LossReason }[];
  readonly clock: { nowUs: number };
  readonly ask: (body: string, kind?: EntryKind, timeoutUs?: number) => Asked;
}

export function benchWith(options: Partial<BatcherOptions> & { readonly workers?: number } = {}): Bench {
  const { workers: free = 1, ...changed } = options;
  const clock = { nowUs: 1_000 };
  const workers = new TestWorkers(free, () => clock.nowUs);
  const unanswered: Bench['unanswered'][number][] = [];
  const batcher = new Batcher({
    model: 'm', batchSizeMax: 4, batchDelayUs: 0, slabBytes: 4_096, largeBytesMax: 100_000, pendingMax: 32,
    deadlineMs: 1_000,
    dispatch: (slab, mayQueueBehind) => workers.dispatch(slab, mayQueueBehind),
    monotonicUs: () => clock.nowUs,
    onUnanswered: (slab, requests, why) => unanswered.push({ generation: slab.generation, requests, why }),
    ...changed,
  });
  workers.joinArena(batcher);
  const ask: Bench['ask'] = (body, kind = EntryKind.predictJson, timeoutUs = Infinity) => {
    const answers: Asked['answers'] = [];
    const ticket = batcher.submit(kind, Buffer.from(body), {
      answer: (status, bytes) => void answers.push({ status, body: Buffer.from(bytes).toString() }),
    }, clock.nowUs, 0, timeoutUs);
    return { body, ticket, answers };
  };
  return { batcher, workers, unanswered, clock, ask };
}

/** Lets everything happen that is due: turns of the event loop, promises included, until no batch grows any more. */
export async function turn(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The code of a JSON error. */
export const codeOf = (answer: { readonly body: string } | undefined): string =>
  (JSON.parse(answer?.body ?? '{}') as { code?: string }).code ?? '';
