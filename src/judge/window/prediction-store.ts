// The newest predictions of one generation, kept so that a baseline can be made of them. Monitor thread. Memory
// (160 KB, for vectors 210 KB) is taken with the first prediction; the oldest prediction gives way to the newest.
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { DIRECTIONS } from '../../domain/projection.ts';

/** Predictions kept for a capture. */
export const CAPTURE_PREDICTIONS_MAX = 10_000;
/** Best classes with a higher index are kept as predictions but not counted per class. */
const CLASSES_MAX = 65_536;

/** What was kept, oldest first. */
interface Captured {
  readonly values: number[];
  /** How many had each best class, up to the highest one seen. */
  readonly classCounts: number[];
  readonly entropies: number[];
  /** Projections per fixed direction; empty when no answer was a vector. */
  readonly projections: number[][];
}

export class PredictionStore {
  #values: Float64Array | null = null;
  #classes: Int32Array | null = null;
  #entropies: Float32Array | null = null;
  #directions: Int8Array | null = null;
  #projections: Float32Array | null = null;
  #added = 0;

  /** Keeps one finite prediction with its best class and entropy, or its projection. */
  add({ value, classIndex, entropy, direction, projection }: Readonly<Sample>): void {
    this.#values ??= new Float64Array(CAPTURE_PREDICTIONS_MAX);
    this.#classes ??= new Int32Array(CAPTURE_PREDICTIONS_MAX);
    this.#entropies ??= new Float32Array(CAPTURE_PREDICTIONS_MAX);
    const at = this.#added % CAPTURE_PREDICTIONS_MAX;
    this.#values[at] = value;
    this.#classes[at] = classIndex;
    this.#entropies[at] = entropy;
    if (direction >= 0) {
      this.#directions ??= new Int8Array(CAPTURE_PREDICTIONS_MAX).fill(-1);
      this.#projections ??= new Float32Array(CAPTURE_PREDICTIONS_MAX);
      this.#directions[at] = direction;
      this.#projections[at] = projection;
    }
    this.#added += 1;
  }

  /** Returns the kept predictions. */
  capture(): Captured {
    const values: number[] = [];
    const entropies: number[] = [];
    const classCounts: number[] = [];
    const projections: number[][] = this.#directions === null ? [] : Array.from({ length: DIRECTIONS }, () => []);
    const count = Math.min(this.#added, CAPTURE_PREDICTIONS_MAX);
    for (let entry = this.#added - count; entry < this.#added; entry += 1) {
      const at = entry % CAPTURE_PREDICTIONS_MAX;
      values.push(this.#values![at]!);
      if (Number.isFinite(this.#entropies![at]!)) entropies.push(this.#entropies![at]!);
      const direction = this.#directions?.[at] ?? -1;
      if (direction >= 0) projections[direction]!.push(this.#projections![at]!);
      const classIndex = this.#classes![at]!;
      if (classIndex < 0 || classIndex >= CLASSES_MAX) continue;
      while (classCounts.length <= classIndex) classCounts.push(0);
      classCounts[classIndex]! += 1;
    }
    return { values, classCounts, entropies, projections };
  }
}
