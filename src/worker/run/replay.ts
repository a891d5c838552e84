// Runs kept rows again on the version of this worker, one by one, and answers with the numbers of the output that
// predictions are read from. Worker thread. Nothing of it is a request: no sample and no row is written.
import { EntryStatus } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { decodeRowInputs } from '../../domain/row-codec.ts';
import type { RunGate } from './run-gate.ts';
import type { Sampler } from './sampler.ts';
import { outputNumbers } from './sampler.ts';
import type { Session } from '../session/session.ts';

/** What became of a kept row; the answer's bytes are float64 numbers. */
export const ReplayStatus = { answered: 200, failed: 500, tooLate: 504 } as const;

const NOTHING = new Uint8Array(0);

interface ReplayOptions {
  readonly session: Session;
  readonly sampler: Sampler;
  readonly gate: RunGate;
  /** Takes an answer that does not fit the slab. */
  readonly overflow: (entry: number, answer: Uint8Array) => void;
}

export class Replay {
  readonly #options: ReplayOptions;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Runs and answers one entry; after its deadline it is only answered. */
  async run(slab: Slab, entry: number): Promise<void> {
    if (slab.status(entry) !== EntryStatus.pending) return;
    const isLate = !this.#options.gate.opens(slab.deadlineUs(entry));
    const numbers = isLate ? null : await this.#numbersOf(slab.request(entry));
    const status = isLate ? ReplayStatus.tooLate : numbers === null ? ReplayStatus.failed : ReplayStatus.answered;
    const bytes = numbers === null ? NOTHING : new Uint8Array(numbers.buffer);
    slab.setAnswerHeaderBytes(entry, 0);
    if (!slab.setAnswer(entry, status, bytes)) this.#options.overflow(entry, bytes);
  }

  async #numbersOf(row: Uint8Array): Promise<Float64Array | null> {
    const { session, sampler } = this.#options;
    // In memory of their own: a row lies at any byte of the slab.
    const inputs = decodeRowInputs(row, session.signature);
    if (inputs === null || sampler.source === null) return null;
    try {
      const { blocks } = await session.run(inputs, 0, 1);
      const { numbers, offset, length } = outputNumbers(blocks[0]!, sampler.source, 0);
      return Float64Array.from({ length }, (_, at) => numbers[offset + at]!);
    } catch {
      return null;
    }
  }
}
