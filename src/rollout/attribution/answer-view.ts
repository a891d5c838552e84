// One version's answer to a kept row, as pairs are counted by it and the events of checks read it. Pure.
import type { KnownAnswer } from '../../domain/known-answers.ts';
import type { OutputKind } from '../../domain/records.ts';
import { projectionOf } from '../../domain/projection.ts';
import { predictionOf, SequenceReader } from '../../domain/sequence.ts';
import type { AnswerView } from '../../judge/pairs/paired-change.ts';

const NO_PROJECTION = (): number => NaN;
const HASH_FACTOR = 0x01000193;
const HASH_SEED = 0x811c9dc5 | 0;

export const FAILED: AnswerView = {
  outcome: 'failed', value: NaN, classIndex: -1, entropy: NaN, hash: 0, projection: NO_PROJECTION,
};

/** How the judged output of a version is read. */
interface Reading {
  readonly kind: OutputKind;
  /** Numbers of one step, of a sequence. */
  readonly width: number;
}

/** The view of the numbers that a version answered with. */
export function answerView({ kind, width }: Reading, numbers: ArrayLike<number>): AnswerView {
  const { value, classIndex, entropy } = predictionOf(kind, numbers, width);
  return {
    outcome: Number.isFinite(value) ? 'answered' : 'nonFinite', value, classIndex, entropy,
    hash: hashOf(numbers), projection: projector(kind, numbers, width),
  };
}

/** The view of an answer of which no more than its summary is known. */
export const knownView = (answer: KnownAnswer): AnswerView =>
  ({ ...answer, hash: hashOf([answer.value, answer.classIndex]), projection: NO_PROJECTION });

function projector(kind: OutputKind, numbers: ArrayLike<number>, width: number): AnswerView['projection'] {
  if (kind === 'vector') return (direction) => projectionOf(direction, numbers, 0, numbers.length);
  if (kind !== 'sequence') return NO_PROJECTION;
  const reader = new SequenceReader(width);
  reader.read(numbers, 0, numbers.length, { value: NaN, classIndex: -1, entropy: NaN });
  return (direction) => reader.projection(direction);
}

function hashOf(numbers: ArrayLike<number>): number {
  const words = new Int32Array(Float64Array.from(numbers).buffer);
  let hash = HASH_SEED;
  for (const word of words) hash = Math.imul(hash ^ word, HASH_FACTOR);
  return hash;
}
