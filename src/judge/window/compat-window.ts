// The compat window of one generation: the last so many requests (latency, error or not, time) and the last so many
// finite predictions. Monitor thread. Memory is taken once; adding is O(1) and allocates nothing.
// Invariant: `errors` always equals the number of flags set among the `requests` newest entries.

/** What the checks look at: plain arrays, oldest first, and nothing that changes later. */
export interface WindowView {
  readonly latenciesUs: readonly number[];
  readonly errors: number;
  readonly predictions: readonly number[];
  /** Monotonic times of the oldest and newest request; null without requests. */
  readonly firstUs: number | null;
  readonly lastUs: number | null;
}

export class CompatWindow {
  readonly #capacity: number;
  readonly #latenciesUs: Float64Array;
  readonly #timesUs: Float64Array;
  readonly #errorFlags: Uint8Array;
  readonly #predictions: Float64Array;
  /** Entries ever added; the next one goes to this modulo the capacity. */
  #requestsAdded = 0;
  #predictionsAdded = 0;
  #errors = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#latenciesUs = new Float64Array(capacity);
    this.#timesUs = new Float64Array(capacity);
    this.#errorFlags = new Uint8Array(capacity);
    this.#predictions = new Float64Array(capacity);
  }

  /** Requests in the window. */
  get requests(): number {
    return Math.min(this.#requestsAdded, this.#capacity);
  }

  /** Adds a request that counts; the oldest one leaves a full window. */
  addRequest(latencyUs: number, error: boolean, atUs: number): void {
    const at = this.#requestsAdded % this.#capacity;
    const flag = error ? 1 : 0;
    // An entry that was never written holds 0, so the same line serves a window that is not full.
    this.#errors += flag - this.#errorFlags[at]!;
    this.#errorFlags[at] = flag;
    this.#latenciesUs[at] = latencyUs;
    this.#timesUs[at] = atUs;
    this.#requestsAdded += 1;
  }

  /** Adds a finite prediction; the oldest one leaves a full window. */
  addPrediction(value: number): void {
    this.#predictions[this.#predictionsAdded % this.#capacity] = value;
    this.#predictionsAdded += 1;
  }

  /** Copies the window out; O(capacity), for looks. */
  view(): WindowView {
    const timesUs = newest(this.#timesUs, this.#requestsAdded, this.#capacity);
    return {
      latenciesUs: newest(this.#latenciesUs, this.#requestsAdded, this.#capacity),
      errors: this.#errors,
      predictions: newest(this.#predictions, this.#predictionsAdded, this.#capacity),
      firstUs: timesUs[0] ?? null,
      lastUs: timesUs.at(-1) ?? null,
    };
  }
}

function newest(ring: Float64Array, added: number, capacity: number): number[] {
  const count = Math.min(added, capacity);
  const values = new Array<number>(count);
  for (let index = 0; index < count; index += 1) values[index] = ring[(added - count + index) % capacity]!;
  return values;
}
