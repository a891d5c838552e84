// Refuses inputs that are larger than a run of them may be, before the run: see domain/run-memory.ts. Worker thread;
// one per session.
import { lastgoodError } from '../../base/errors.ts';
import { elementCount, shapeText } from '../../domain/datatype.ts';
import type { Signature } from '../../domain/records.ts';
import type { SizeLimits } from '../../domain/run-limits.ts';

interface Shaped {
  readonly shape: readonly number[];
}

export class SizeCheck {
  readonly #model: string;
  readonly #signature: Signature;
  readonly #limits: SizeLimits;
  /** Some size is limited: without one nothing is looked at. */
  readonly isNeeded: boolean;

  constructor(model: string, signature: Signature, limits: SizeLimits) {
    this.#model = model;
    this.#signature = signature;
    this.#limits = limits;
    this.isNeeded = limits.elements !== Infinity || limits.sizes.some((sizes) => sizes.some(Number.isFinite));
  }

  /** Whole tensors; `rows` of them get runs as they fit, or 0 where all of them have to be in one. */
  tensors(inputs: readonly Shaped[], rows: number): void {
    this.#check(inputs, 0, rows);
  }

  /** The shapes of one row, whose first dimension is the tensor's second if `hasRowAxis`. */
  row(inputs: readonly Shaped[], hasRowAxis: boolean): void {
    this.#check(inputs, hasRowAxis ? 1 : 0, 0);
  }

  // `offset` is where the shapes begin in the signature's.
  #check(inputs: readonly Shaped[], offset: number, rows: number): void {
    const { elements: limit, sizes } = this.#limits;
    let elements = 0;
    for (let input = 0; input < inputs.length; input += 1) {
      const { shape } = inputs[input]!;
      for (let axis = 0; axis < shape.length; axis += 1) {
        const most = sizes[input]![axis + offset]!;
        if (shape[axis]! <= most || (rows > 0 && axis === 0)) continue;
        const dimension = axis + offset;
        throw lastgoodError('SIZE_TOO_LARGE', {
          model: this.#model, input: this.#signature.inputs[input]!.name, dimension, got: shape[axis]!, limit: most,
        });
      }
      elements += elementCount(shape);
    }
    if (elements <= limit * Math.max(1, rows)) return;
    const largest = inputs.reduce((most, { shape }, input) =>
      (elementCount(shape) > elementCount(inputs[most]!.shape) ? input : most), 0);
    throw lastgoodError('ELEMENTS_TOO_MANY', {
      model: this.#model, input: this.#signature.inputs[largest]!.name, shape: shapeText(inputs[largest]!.shape),
      got: Math.ceil(elements / Math.max(1, rows)), limit,
    });
  }
}
