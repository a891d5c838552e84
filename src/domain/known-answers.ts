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

/** How a version's answers to known questions differ from those of another one, by the rules of judge/pairs. */
export interface ExpectedChange {
  /** The version that was asked the same. */
  readonly against: string;
  /** Questions that both were asked. */
  readonly rows: number;
  /** Those that the other one answered, and this one failed or had no finite answer to. */
  readonly unanswered: number;
  /** Those whose answers could be compared, and the ones among them that differ. */
  readonly compared: number;
  readonly differing: number;
  /** The same by the class or the label that the other one answered: the most frequent ones, by that. */
  readonly classes: readonly { readonly classIndex: number; readonly compared: number; readonly differing: number }[];
  /**
   * How far the answers are apart: of one number a row their difference, of vectors 1 less their cosine; null for other
   * kinds, and when nothing could be compared.
   */
  readonly distance: { readonly median: number; readonly p95: number; readonly most: number } | null;
  /** Wall-clock milliseconds. */
  readonly atMs: number;
}

/** What a version answered to a known question; NaN and -1 where it has no answer. */
export interface KnownAnswer {
  readonly outcome: 'answered' | 'failed' | 'nonFinite';
  /** As in a PredictionSummary. */
  readonly value: number;
  readonly classIndex: number;
  readonly entropy: number;
}

/** One known question with both answers. */
export interface KnownPair<A = KnownAnswer> {
  readonly fresh: A;
  readonly twin: A;
}

/**
 * What an operator says of a version's answers: `same` is a new export, quantisation or runtime of the same function;
 * `change=P` differs from the version before on up to P percent of the questions.
 */
export type Expect = 'same' | `change=${number}`;
const EXPECT = /^(?:same|change=(?<percent>\d{1,3}(?:\.\d{1,4})?))$/;

/** Reads what an operator says; null when it is none: another word, no percentage above 0 and up to 100. */
export function expectOf(text: string): { readonly expect: Expect; readonly percent: number | null } | null {
  const found = EXPECT.exec(text);
  if (found === null) return null;
  const given = found.groups!['percent'];
  const percent = given === undefined ? null : Number(given);
  return percent !== null && (percent <= 0 || percent > 100) ? null : { expect: text as Expect, percent };
}

/** How much a version is expected to answer otherwise than the one before. */
export interface Expectations {
  /** Declared by an operator, at its registration or at its last promote. */
  readonly expect?: Expect;
  /** Measured on known questions, at its registration or beside the version that it serves with. */
  readonly expected?: ExpectedChange;
}

/** How many values it has, of questions and answers together. */
export const valueCount = ({ inputs, outputs }: ValidationRow): number =>
  [...Object.values(inputs), ...Object.values(outputs)].reduce((sum, { values }) => sum + values.length, 0);
