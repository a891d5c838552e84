// The last inputs that failed, to tell many failures of one input from failures of many. Monitor thread; fixed memory.

/** Failures that are remembered. */
const KEPT = 1_024;

export class FailedInputs {
  readonly #atUs = new Float64Array(KEPT);
  readonly #inputs = new Int32Array(KEPT);
  #added = 0;

  /** Remembers one failure; `input` is the hash of what was asked, 0 when it is not known. */
  add(atUs: number, input: number): void {
    const at = this.#added % KEPT;
    this.#atUs[at] = atUs;
    this.#inputs[at] = input;
    this.#added += 1;
  }

  /**
   * Returns how many of `hits` failures since `fromUs` came from the input that failed most often: counted, or, where
   * more failed than are remembered, in proportion. Unknown inputs count as different from each other.
   */
  mostOfOne(fromUs: number, hits: number): number {
    const counts = new Map<number, number>();
    let kept = 0;
    let most = 0;
    for (let back = 1; back <= Math.min(this.#added, KEPT); back += 1) {
      const at = (this.#added - back) % KEPT;
      if (this.#atUs[at]! < fromUs) break;
      kept += 1;
      const input = this.#inputs[at]!;
      if (input === 0) continue;
      const seen = (counts.get(input) ?? 0) + 1;
      counts.set(input, seen);
      most = Math.max(most, seen);
    }
    if (most === 0) return 0;
    return kept >= hits ? Math.min(hits, most) : Math.round((hits * most) / kept);
  }
}
