// Refuses inputs that hold no finite number where the version is not to be asked about them: see domain/run-limits.ts.
// Worker thread; one per session.
import { lastgoodError } from '../../base/errors.ts';
import { hasNonFinite } from '../../domain/datatype.ts';
import type { TensorData } from '../../domain/datatype.ts';
import type { Signature } from '../../domain/records.ts';

interface Holding {
  readonly data: TensorData;
  /** Of one row, where it holds rows. */
  readonly elements?: number;
}

export class FiniteCheck {
  readonly #names: { readonly model: string; readonly version: string };
  readonly #signature: Signature;
  /** Without it nothing is looked at. */
  readonly isNeeded: boolean;

  constructor(names: { readonly model: string; readonly version: string }, signature: Signature, isNeeded: boolean) {
    this.#names = names;
    this.#signature = signature;
    this.isNeeded = isNeeded;
  }

  /** Looks at the rows from `from` up to `to` of each input, or at all of it when it holds none; throws. */
  inputs(inputs: readonly Holding[], from: number, to: number): void {
    this.#signature.inputs.forEach(({ name: input, datatype }, index) => {
      const { data, elements } = inputs[index]!;
      const [first, end] = elements === undefined ? [0, data.length] : [from * elements, to * elements];
      if (!hasNonFinite(datatype, data, first, end)) return;
      const { model, version } = this.#names;
      throw lastgoodError('NON_FINITE_INPUT', { model, version, input });
    });
  }
}
