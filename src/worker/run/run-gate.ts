// What is asked before each session run of a batch: whether anybody still waits for its answer; and what those are told
// who get none. A batch may need many runs, and a request whose deadline passes between two of them is answered 504 and
// gets no more. Worker thread; one per runner.
// Invariant: a run that begins is marked in the slab, by which the main thread tells a run that hangs from a batch that
// has many.
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Slab } from '../../shared-memory/slab.ts';

const REASON_CHARACTERS_MAX = 400;

export class RunGate {
  readonly #model: string;
  readonly #version: string;
  readonly #monotonicUs: () => number;
  #slab: Slab | null = null;
  #refusedUs = 0;

  constructor(model: string, version: string, monotonicUs: () => number) {
    this.#model = model;
    this.#version = version;
    this.#monotonicUs = monotonicUs;
  }

  /** The runs to come are of this slab. */
  enter(slab: Slab): void {
    this.#slab = slab;
  }

  /** Lets a run begin unless the latest deadline of those who wait for it has passed. */
  opens(latestDeadlineUs: number): boolean {
    const nowUs = this.#monotonicUs();
    if (nowUs >= latestDeadlineUs) {
      this.#refusedUs = nowUs;
      return false;
    }
    this.#slab?.beginRun();
    return true;
  }

  /** Whether a run for a request of this deadline may have been refused: if one was, its deadline had passed. */
  isLate(deadlineUs: number): boolean {
    return deadlineUs <= this.#refusedUs;
  }

  /** The error for a request that is late; times as the slab has them. */
  lateError(receivedUs: number, deadlineUs: number): LastgoodError {
    const deadlineMs = Math.round(deadlineUs - receivedUs) / 1e3;
    return lastgoodError('DEADLINE_EXCEEDED', { model: this.#model, deadlineMs });
  }

  /** The error for a request whose run, or whose answer, failed like this. */
  failure(error: unknown): LastgoodError {
    const reason = reasonOf(error).slice(0, REASON_CHARACTERS_MAX);
    return lastgoodError('MODEL_FAILED', { model: this.#model, version: this.#version, reason });
  }
}
