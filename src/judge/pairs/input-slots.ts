// Which questions have counted in a slot of time: one pair counts for each different input in a slot, so that a
// question that is asked again and again says no more than once. Pure; fixed memory. What counts is counted by whoever
// asks: all pairs together, and each failing check from its alarm on.

const SLOT_US = 10e6;
/** Different inputs of one slot that are told apart; further ones do not count. */
const INPUTS_PER_SLOT_MAX = 4_096;

export class InputSlots {
  readonly #inputs = new Set<number>();
  #slot = -Infinity;

  /** Notes a question asked at `atUs`; false when it has counted already. A hash of 0 is one that is not known. */
  isNew(input: number, atUs: number): boolean {
    const slot = Math.floor(atUs / SLOT_US);
    if (slot > this.#slot) {
      this.#slot = slot;
      this.#inputs.clear();
    }
    if (input === 0) return true;
    if (this.#inputs.has(input) || this.#inputs.size >= INPUTS_PER_SLOT_MAX) return false;
    this.#inputs.add(input);
    return true;
  }
}
