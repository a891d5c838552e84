// The newest predictions of one generation, kept so that a baseline can be made of them. Monitor thread. Memory
// (160 KB) is taken with the first prediction; the oldest prediction gives way to the newest.
import type { Sample } from '../shared-memory/sample-ring.ts';

/** Predictions kept for a capture. */
export const CAPTURE_PREDICTIONS_MAX = 10_000;
/** Best classes with a higher index are kept as predictions but not counted per class. */
export const CLASSES_MAX = 65_536;

export class PredictionStore {
  #values: Float64Array | null = null;
  #classes: Int32Array | null = null;
  #entropies: Float32Array | null = null;
  #added = 0;

  /** Keeps one finite prediction with its best class and entropy. */
  add({ value, classIndex, entropy }: Readonly<Sample>): void {
    this.#values ??= new Float64Array(CAPTURE_PREDICTIONS_MAX);
    this.#classes ??= new Int32Array(CAPTURE_PREDICTIONS_MAX);
    this.#entropies ??= new Float32Array(CAPTURE_PREDICTIONS_MAX);
    const at = this.#added % CAPTURE_PREDICTIONS_MAX;
    this.#values[at] = value;
    this.#classes[at] = classIndex;
    this.#entropies[at] = entropy;
    this.#added += 1;
  }

  /** Returns the kept predictions, oldest first, and how many had each best class (up to the highest one seen). */
  capture(): { values: number[]; classCounts: number[]; entropies: number[] } {
    const values: number[] = [];
    const entropies: number[] = [];
    const classCounts: number[] = [];
    const count = Math.min(this.#added, CAPTURE_PREDICTIONS_MAX);
    for (let entry = this.#added - count; entry < this.#added; entry += 1) {
      const at = entry % CAPTURE_PREDICTIONS_MAX;
      values.push(this.#values![at]!);
      if (Number.isFinite(this.#entropies![at]!)) entropies.push(this.#entropies![at]!);
      const classIndex = this.#classes![at]!;
      if (classIndex < 0 || classIndex >= CLASSES_MAX) continue;
      while (classCounts.length <= classIndex) classCounts.push(0);
      classCounts[classIndex]! += 1;
    }
    return { values, classCounts, entropies };
  }
}
