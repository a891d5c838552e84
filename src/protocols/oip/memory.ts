// Remembers the JSON part of the last request: the clients of one model say the same in each, and only the elements
// differ. What stands around the element arrays is compared byte by byte, and the arrays are read where they stand; so
// nothing is parsed when it is the same again. Pure; worker thread; one per model.
// Invariant: what is recalled is what reading the whole JSON part would have given; whatever is not certain, a request
// with an id included, which is another one each time, is not remembered or not recalled.
import { isScanned, scanJsonData } from './json.ts';
import type { DeclaredTensor } from './json.ts';
import type { RequestPlan } from './plan.ts';
import type { CutArray } from '../json/value.ts';
import type { TensorData } from '../../domain/datatype.ts';

/** Longer ones are read anew each time; a tensor takes about 100 bytes beside its elements. */
const REMEMBERED_BYTES_MAX = 4_096;

interface Recalled {
  readonly plan: RequestPlan;
  /** The elements of the plan's inputs; null of those that do not stand in the JSON part. */
  readonly arrays: readonly (TensorData | null)[];
}

export class RequestMemory {
  #plan: RequestPlan | null = null;
  /** What stands before the first array, between two of them, and behind the last one. */
  #pieces: readonly Uint8Array[] = [];
  /** Whose elements each array holds, and its place among the inputs of the plan. */
  #arrays: readonly { readonly tensor: DeclaredTensor; readonly place: number }[] = [];

  /** Remembers a JSON part that was read and found good. */
  remember(json: Uint8Array, plan: RequestPlan): void {
    if (plan.id !== null) return;
    const arrays = plan.inputs.flatMap(({ array, tensor }, place) => (array === null ? [] : [{ array, tensor, place }]))
      .sort((a, b) => a.array.start - b.array.start);
    if (!arrays.every(({ tensor }) => isScanned(tensor.datatype))) return;
    const cuts: readonly CutArray[] = arrays.map(({ array }) => array);
    const starts = [0, ...cuts.map(({ end }) => end)];
    const ends = [...cuts.map(({ start }) => start), json.length];
    const pieceBytes = starts.reduce((sum, start, piece) => sum + ends[piece]! - start, 0);
    if (pieceBytes > REMEMBERED_BYTES_MAX) return;
    this.#plan = plan;
    this.#arrays = arrays;
    // Copies: the request lies in a slab that is used again.
    this.#pieces = starts.map((start, piece) => new Uint8Array(json.subarray(start, ends[piece])));
  }

  /** What this JSON part says and its arrays, if it is the remembered one with other elements; else null. */
  recall(json: Uint8Array): Recalled | null {
    const plan = this.#plan;
    if (plan === null) return null;
    const pieces = this.#pieces;
    const arrays = new Array<TensorData | null>(plan.inputs.length).fill(null);
    let at = 0;
    for (let index = 0; index < pieces.length; index += 1) {
      const piece = pieces[index]!;
      if (!standsAt(json, at, piece)) return null;
      at += piece.length;
      const array = this.#arrays[index];
      if (array === undefined) continue;
      const scanned = scanJsonData(json, at, array.tensor);
      if (scanned === null) return null;
      arrays[array.place] = scanned.data;
      at = scanned.end;
    }
    return at === json.length ? { plan, arrays } : null;
  }
}

// A loop: for the few dozen bytes that stand around the elements a call into the runtime takes longer.
function standsAt(json: Uint8Array, at: number, piece: Uint8Array): boolean {
  if (at + piece.length > json.length) return false;
  for (let index = 0; index < piece.length; index += 1) {
    if (json[at + index] !== piece[index]) return false;
  }
  return true;
}
