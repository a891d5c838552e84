// What the workers of a deployment find out about stacking while they serve, and what all of them obey at once. Shared
// by its workers and the main thread.
//   0 every      of so many rows that were answered in company one is run again alone; 0 for none
//   1 checked    rows that were
//   2 mismatches of them, those that were answered otherwise
//   3 output     that differed last, by its place in the signature
const EVERY = 0;
const CHECKED = 1;
const MISMATCHES = 2;
const OUTPUT = 3;
const WORDS = 4;

/** One may be a bit that flipped in memory; two are the model. */
const MISMATCHES_MAX = 2;

export class StackWatch {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Of rows that were answered in company this share is looked at again; 0 for none. */
  static create(share: number): StackWatch {
    const watch = new StackWatch(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
    watch.#words[EVERY] = share > 0 ? Math.max(1, Math.round(1 / share)) : 0;
    return watch;
  }

  get every(): number {
    return this.#words[EVERY]!;
  }
  get checked(): number {
    return Atomics.load(this.#words, CHECKED);
  }
  get mismatches(): number {
    return Atomics.load(this.#words, MISMATCHES);
  }
  get output(): number {
    return Atomics.load(this.#words, OUTPUT);
  }
  /** Rows must not share a run any more. */
  get isOver(): boolean {
    return this.mismatches >= MISMATCHES_MAX;
  }

  /** A row was run again alone; `output` is the one that differed, or -1. */
  count(output: number): void {
    Atomics.add(this.#words, CHECKED, 1);
    if (output < 0) return;
    Atomics.store(this.#words, OUTPUT, output);
    Atomics.add(this.#words, MISMATCHES, 1);
  }
}
