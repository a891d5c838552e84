// Counts the rows of inputs of one generation against a baseline of inputs. Monitor thread; O(watched columns) a row,
// of which workers keep a few a second, and fixed memory: at most 32 columns of about 14 bins.
import { binOf } from '../statistics/bins.ts';
import { INPUT } from '../baseline/columns.ts';
import type { InputReference } from '../baseline/reference.ts';
import { SlotWindows } from './slot-windows.ts';

/** The watched columns of one row; `values` and `names` belong together, NaN stands for no finite number. */
export interface InputRow {
  /** The same array for all rows of a version. */
  readonly names: readonly string[];
  readonly values: ArrayLike<number>;
  readonly atUs: number;
}
/** Whether rows of inputs come in: off by choice, or not in this phase. */
export type InputsKept = 'on' | 'paused' | 'off';

/** Counts rows of inputs against one baseline. */
export class InputCounts {
  readonly windows: SlotWindows;
  readonly reference: InputReference;
  #names: readonly string[] = [];
  /** Where each column of the baseline stands in a row; -1 for one that the version has not. */
  #places: readonly number[] = [];
  #added = 0;

  constructor(reference: InputReference, windowMs: number) {
    this.reference = reference;
    this.windows = new SlotWindows(reference.count, windowMs);
  }

  /** Rows that were counted, and how often anything left a window. */
  get revision(): number {
    return this.#added + this.windows.changes;
  }

  add({ names, values, atUs }: InputRow): void {
    if (names !== this.#names) {
      this.#names = names;
      this.#places = this.reference.columns.map(({ name }) => names.indexOf(name));
    }
    this.#added += 1;
    this.windows.advance(atUs);
    const { open } = this.windows;
    open[INPUT.rows]! += 1;
    for (const [index, { edges, counters: { from, length } }] of this.reference.columns.entries()) {
      const value = values[this.#places[index]!] ?? NaN;
      open[from + (Number.isFinite(value) ? binOf(edges, value) : length - 1)]! += 1;
    }
  }
}
