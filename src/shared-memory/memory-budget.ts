// What the process may have of memory, beyond which no large work is begun: no large body is taken in, and no run that
// would take much. The main thread and every worker look for themselves; what they have allowed and not got yet is in
// memory that they share.
//
//   Int32 0   KiB that runs were allowed and may not have taken yet
//   Int32 1   refusals so far: whoever holds more than it needs gives it back then
//
// Limits: `--memory-max`, which counts this process's anonymous memory; or else 85 % of what the container may have,
// which counts all processes in it; or none.
import { anonymousBytes, containerMemory } from '../base/process-memory.ts';
import { lastgoodError, type LastgoodError } from '../base/errors.ts';

const RESERVED_KIB = 0;
const REFUSALS = 1;
const WORDS = 2;
const KIB = 1_024;
const CONTAINER_SHARE = 0.85;
/** So long a measurement counts; meanwhile no client can send more than some tens of MiB. */
const FRESH_MS = 20;

/** The same for all threads of a process. */
export interface MemoryPlan {
  readonly limitBytes: number;
  readonly isOfContainer: boolean;
  readonly shared: SharedArrayBuffer;
}

/** Null when nothing limits the process. */
export function memoryBudget(memoryMax: number | undefined): MemoryBudget | null {
  const container = memoryMax === undefined ? containerMemory() : null;
  const limitBytes = memoryMax ?? (container === null ? null : Math.floor(container.limitBytes * CONTAINER_SHARE));
  if (limitBytes === null) return null;
  const shared = new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT);
  return new MemoryBudget({ limitBytes, isOfContainer: container !== null, shared });
}

export class MemoryBudget {
  /** For other threads. */
  readonly plan: MemoryPlan;
  readonly limitBytes: number;
  readonly #words: Int32Array;
  #measuredBytes = 0;
  #measuredMs = -Infinity;

  constructor(plan: MemoryPlan) {
    this.plan = plan;
    this.limitBytes = plan.limitBytes;
    this.#words = new Int32Array(plan.shared);
  }

  /** What is there, and what runs were allowed. */
  get usedBytes(): number {
    const nowMs = performance.now();
    if (nowMs - this.#measuredMs > FRESH_MS) {
      this.#measuredBytes = (this.plan.isOfContainer ? containerMemory()?.anonymousBytes : null) ?? anonymousBytes();
      this.#measuredMs = nowMs;
    }
    return this.#measuredBytes + Atomics.load(this.#words, RESERVED_KIB) * KIB;
  }

  /** How often something was refused, by any thread. */
  get refusals(): number {
    return Atomics.load(this.#words, REFUSALS);
  }

  /** Throws MEMORY_FULL when there is no room for so many bytes more. */
  assertRoom(bytes: number): void {
    if (this.usedBytes + bytes > this.limitBytes) throw this.#full(bytes);
  }

  /** Allows so many bytes until `give`; throws MEMORY_FULL when there is no room for them. */
  take(bytes: number): void {
    Atomics.add(this.#words, RESERVED_KIB, kibOf(bytes));
    this.#measuredMs = -Infinity;
    if (this.usedBytes <= this.limitBytes) return;
    this.give(bytes);
    throw this.#full(bytes);
  }

  give(bytes: number): void {
    Atomics.sub(this.#words, RESERVED_KIB, kibOf(bytes));
  }

  #full(neededBytes: number): LastgoodError {
    Atomics.add(this.#words, REFUSALS, 1);
    const { usedBytes, limitBytes } = this;
    return lastgoodError('MEMORY_FULL', { usedBytes, neededBytes, limitBytes });
  }
}

const kibOf = (bytes: number): number => Math.ceil(bytes / KIB);
