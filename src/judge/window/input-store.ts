// The newest rows of watched inputs of one generation, kept so that a baseline can be made of them. Monitor thread.
// Memory (at most 256 KB) is taken with the first row; the oldest row gives way to the newest.
import type { CapturedInputs } from '../types/messages.ts';
import type { InputRow } from './input-counts.ts';

/** Rows kept for a capture. */
export const CAPTURE_INPUTS_MAX = 2_000;

export class InputStore {
  #names: readonly string[] = [];
  #values = new Float32Array(0);
  #added = 0;

  add({ names, values }: InputRow): void {
    if (names !== this.#names) {
      // Another deployment of the version has the same columns; rows of others would not be of this generation.
      this.#names = names;
      this.#values = new Float32Array(names.length * CAPTURE_INPUTS_MAX);
      this.#added = 0;
    }
    const from = (this.#added % CAPTURE_INPUTS_MAX) * names.length;
    for (let column = 0; column < names.length; column += 1) this.#values[from + column] = values[column] ?? NaN;
    this.#added += 1;
  }

  /** Returns the kept rows column by column; null when there are none. */
  capture(): CapturedInputs | null {
    const rows = Math.min(this.#added, CAPTURE_INPUTS_MAX);
    if (rows === 0) return null;
    const { length } = this.#names;
    const values = this.#names.map((_, column) =>
      Array.from({ length: rows }, (_, row) => this.#values[row * length + column]!));
    return { names: this.#names, values };
  }
}
