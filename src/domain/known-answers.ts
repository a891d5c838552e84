// What a model answered where it was validated, row by row. A version is asked some of it at its registration, which
// shows whether the file that arrived is the model that was validated, and keeps it: from these rows it is also known
// how much a later version may be expected to answer otherwise. Pure.

/** One tensor of a row, as a file has it. */
interface RowTensor {
  /** A missing number is NaN. Texts are elements of BYTES, or whole numbers beyond 2^53. */
  readonly values: readonly (number | string)[];
  /** Without the dimension of the rows. */
  readonly shape: readonly number[];
}

/** One row of a validation set: what was asked, and what was answered. */
export interface ValidationRow {
  /** Its number in the file, from 0. */
  readonly row: number;
  /** By the names of the model's inputs; all of them. */
  readonly inputs: Readonly<Record<string, RowTensor>>;
  /** By the names of its outputs, as many as the file has. */
  readonly outputs: Readonly<Record<string, RowTensor>>;
}

/** How many values it has, of questions and answers together. */
export const valueCount = ({ inputs, outputs }: ValidationRow): number =>
  [...Object.values(inputs), ...Object.values(outputs)].reduce((sum, { values }) => sum + values.length, 0);
