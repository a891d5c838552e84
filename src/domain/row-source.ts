// Rows of one input as a run takes them. Types only.
import type { TensorData } from './datatype.ts';

/** The rows of one input; `elements` and `shape` are those of one row, without open dimensions. */
export interface InputSource {
  readonly data: TensorData;
  readonly shape: readonly number[];
  readonly elements: number;
}
