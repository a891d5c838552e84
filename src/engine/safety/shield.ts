// Keeps a bad release from its clients: what a version on probation failed, or answered with a number that is not
// finite, is asked of the warm standby, from the same slab. Main thread, between the end of a batch's run and the
// delivery of its answers: the workers are done with the slab by then, and its requests are as they came in.
//
//   run on the active version -> run what failed on the standby -> keep its good answers, put the others back
//
// Invariants: an entry is run again at most once. The samples of the first run have counted for the active version; the
// second run is stamped with no generation, so its samples count for and against nobody. While a batch is being run
// again it holds its place among the active version's batches, so the standby never gets more than those.
import type { OnFailedAnswer, RequestIds } from '../../batch/options.ts';
import { UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { signatureDifference } from '../../rollout/registration/promotable.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import { EntryStatus, NO_GENERATION, Track } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { refusalOf } from '../../protocols/protocol.ts';
import type { BatchResult } from '../../worker/messages.ts';

/** The part of a deployment that the shield needs. */
export interface Runner {
  readonly id: number;
  readonly version: Pick<VersionRecord, 'signature'>;
  /** Rejects when the worker was lost in the batch. */
  run(slab: Slab, user: 'shielded' | 'aside'): Promise<BatchResult>;
  /** Keeps the place of a batch whose run is over, until the function that it returns is called. */
  holdPlace(): () => void;
}

interface ShieldPorts {
  readonly isOn: boolean;
  readonly monotonicUs: () => number;
  /** Where it is counted; in numbers of its own by default. */
  readonly counts?: ShieldCounts;
  /** A worker was lost in a batch that is about to be run again: nobody else leaves samples of its requests. */
  readonly onLost: (slab: Slab, requests: number) => void;
  /** Told of each answer before the standby is asked for a better one. */
  readonly onFailedAnswer?: OnFailedAnswer;
}

export interface ShieldCounts {
  /** Requests that the active version failed and the standby answered. */
  shielded: number;
  /** Requests that both failed: their clients got the active version's answer. */
  unshielded: number;
}

interface Kept {
  readonly entry: number;
  readonly record: Uint8Array;
}

type Overflow = BatchResult['overflow'];

/** An answer of NaN to NaN is nobody's failure, and the standby may have a better one all the same. */
const WORTH_ANOTHER: ReadonlySet<number> = new Set([Outcome.modelFailure, Outcome.nonFinite, Outcome.nonFiniteInput]);

const UNKNOWN: RequestIds = { requestIdOf: () => '', sourceOf: () => UNKNOWN_SOURCE };

export class Shield {
  readonly counts: ShieldCounts;
  readonly #ports: ShieldPorts;
  /** The newest generation of which anything was shielded, and how much. */
  #newest = { generation: 0, shielded: 0 };
  #pair: { readonly active: Runner; readonly standby: Runner; readonly isAlike: boolean } | null = null;

  constructor(ports: ShieldPorts) {
    this.#ports = ports;
    this.counts = ports.counts ?? { shielded: 0, unshielded: 0 };
  }

  /** Requests that this generation failed and the standby answered; known of the newest one only. */
  shieldedOf(generation: number): number {
    return this.#newest.generation === generation ? this.#newest.shielded : 0;
  }

  #count(generation: number): void {
    this.counts.shielded += 1;
    if (generation > this.#newest.generation) this.#newest = { generation, shielded: 0 };
    if (generation === this.#newest.generation) this.#newest.shielded += 1;
  }

  /** Tells whether clients can be given an answer of `standby` for one of `active`. Asked at every cut. */
  covers(active: Runner, standby: Runner): boolean {
    return this.#ports.isOn && this.areAlike(active, standby);
  }

  /** Tells whether both take the same requests. */
  areAlike(active: Runner, standby: Runner): boolean {
    if (active === standby) return false;
    if (this.#pair?.active !== active || this.#pair.standby !== standby) {
      const isAlike = signatureDifference(active.version.signature, standby.version.signature) === null;
      this.#pair = { active, standby, isAlike };
    }
    return this.#pair.isAlike;
  }

  /** Runs the batch in a shielded place on `active`, and what fails there on `standby`. */
  async run(active: Runner, standby: Runner, slab: Slab, ids: RequestIds = UNKNOWN): Promise<BatchResult> {
    let first: BatchResult;
    try {
      first = await active.run(slab, 'shielded');
    } catch (error) {
      first = { overflow: this.#answerLost(slab, error) };
    }
    const failed = first.isRecalled === true ? [] : failedEntries(slab);
    if (failed.length === 0) return first;
    this.#tell(failed, first.overflow, slab, ids);
    const release = active.holdPlace();
    try {
      return { overflow: await this.#runAgain(failed, first.overflow, standby, slab) };
    } finally {
      release();
    }
  }

  #tell(failed: readonly number[], overflow: Overflow, slab: Slab, ids: RequestIds): void {
    for (const entry of failed) {
      const answer = slab.answer(entry) ?? overflow.find((one) => one.entry === entry)?.answer;
      if (answer !== undefined) this.#ports.onFailedAnswer?.(slab, entry, answer, ids);
    }
  }

  // Whatever the lost worker had written, its samples are lost: all of its entries failed, and this is their answer.
  #answerLost(slab: Slab, error: unknown): Overflow {
    const overflow: { entry: number; answer: Uint8Array }[] = [];
    let requests = 0;
    for (let entry = 0; entry < slab.entryCount; entry += 1) {
      if (slab.status(entry) === EntryStatus.cancelled) continue;
      requests += 1;
      const { status, bytes } = refusalOf(slab, entry, error);
      slab.setOutcome(entry, Outcome.modelFailure);
      slab.setAnswerHeaderBytes(entry, 0);
      if (!slab.setAnswer(entry, status, bytes)) overflow.push({ entry, answer: bytes });
    }
    this.#ports.onLost(slab, requests);
    return overflow;
  }

  async #runAgain(
    failed: readonly number[], overflow: Overflow, standby: Runner, slab: Slab,
  ): Promise<Overflow> {
    const { generation } = slab;
    const kept = failed.map((entry): Kept => ({ entry, record: slab.record(entry).slice() }));
    for (const entry of failed) {
      slab.setStatus(entry, EntryStatus.pending);
      slab.setOutcome(entry, Outcome.ok);
      slab.setAnswerHeaderBytes(entry, 0);
    }
    slab.stamp(NO_GENERATION, standby.id, this.#ports.monotonicUs(), Track.shield);
    // A standby that is on its way out, or whose worker is lost, leaves the first answers as they were.
    let again: BatchResult | null;
    // What was taken back before a worker began it is still to be asked.
    do again = await standby.run(slab, 'aside').catch(() => null); while (again?.isRecalled === true);
    const answers = new Map(overflow.map((one) => [one.entry, one]));
    const overflowAgain = new Map(again?.overflow.map((one) => [one.entry, one]));
    for (const { entry, record } of kept) {
      if (again === null || slab.outcome(entry) !== Outcome.ok || slab.status(entry) === EntryStatus.pending) {
        slab.record(entry).set(record);
        this.counts.unshielded += 1;
        continue;
      }
      this.#count(generation);
      const answer = overflowAgain.get(entry);
      if (answer === undefined) answers.delete(entry);
      else answers.set(entry, answer);
    }
    return [...answers.values()];
  }
}

function failedEntries(slab: Slab): number[] {
  const failed: number[] = [];
  for (let entry = 0; entry < slab.entryCount; entry += 1) {
    const outcome = slab.outcome(entry);
    if (!WORTH_ANOTHER.has(outcome)) continue;
    if (slab.status(entry) !== EntryStatus.cancelled) failed.push(entry);
  }
  return failed;
}
