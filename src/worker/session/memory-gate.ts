// Asked before each run of a session: whether the process has memory for it. What a run takes is known from the trial;
// the runtime keeps it for the next one, so only what is more than any run before has taken counts. Worker thread; one
// per session, and gone with it.
import { bytesAt, mostWithin, type RunMemory } from '../../domain/run-memory.ts';
import type { MemoryBudget } from '../../shared-memory/memory-budget.ts';

/** Smaller runs are not asked about, and what they have taken is not worth giving back. */
const LARGE_BYTES = 32 * 1024 ** 2;
/** A session is opened again for its memory after so long at the earliest. */
const KEPT_MS_MIN = 2_000;

export class MemoryGate {
  readonly #budget: MemoryBudget;
  readonly #memory: RunMemory;
  readonly #smallRows: number;
  readonly #smallElements: number;
  readonly #openedMs = performance.now();
  readonly #refusalsBefore: number;
  /** What it takes again after it was opened anew. */
  readonly #warmBytes: number;
  #heldBytes: number;

  /** The session has run `warmRows` rows. */
  constructor(budget: MemoryBudget, memory: RunMemory, warmRows: number) {
    this.#budget = budget;
    this.#memory = memory;
    this.#smallRows = mostWithin(memory.rows, LARGE_BYTES, 'size');
    this.#smallElements = mostWithin(memory.open, LARGE_BYTES, 'elements');
    this.#refusalsBefore = budget.refusals;
    this.#warmBytes = bytesAt(memory.rows, warmRows, 'size');
    this.#heldBytes = this.#warmBytes;
  }

  /** Lets a run of so many rows and elements begin; throws MEMORY_FULL. What it returns has to be given to `leave`. */
  enter(rows: number, elements: number): number {
    if (rows <= this.#smallRows && elements <= this.#smallElements) return 0;
    const bytes = this.#bytesOf(rows, elements);
    const more = bytes - this.#heldBytes;
    if (bytes < LARGE_BYTES || more <= 0) return 0;
    this.#budget.take(more);
    this.#heldBytes = bytes;
    return more;
  }

  /** The run is over: what it took is there to be measured. */
  leave(taken: number): void {
    if (taken > 0) this.#budget.give(taken);
  }

  /** Something was refused for want of memory since the session was opened, and it holds much from a run before. */
  get isHoarding(): boolean {
    return this.#heldBytes - this.#warmBytes >= LARGE_BYTES && this.#budget.refusals !== this.#refusalsBefore &&
      performance.now() - this.#openedMs > KEPT_MS_MIN;
  }

  #bytesOf(rows: number, elements: number): number {
    const { rows: byRows, open } = this.#memory;
    return Math.max(bytesAt(byRows, rows, 'size'), rows * bytesAt(open, elements / rows, 'elements'));
  }
}
