// One version's answer to a kept row, as pairs are counted by it and the events of checks read it. Pure.
import type { KnownAnswer, KnownPair } from '../../domain/known-answers.ts';
import type { OutputKind } from '../../domain/records.ts';
import { projectionOf } from '../../domain/projection.ts';
import { predictionOf, SequenceReader } from '../../domain/sequence.ts';
import type { Reference } from '../../judge/baseline/reference.ts';
import { cosineOf } from '../../judge/pairs/disagreement.ts';
import type { Pair } from '../../judge/pairs/pair-counts.ts';
import type { AnsweredPair, AnswerView } from '../../judge/pairs/paired-change.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import { UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';

const NO_PROJECTION = (): number => NaN;
const HASH_FACTOR = 0x01000193;
const HASH_SEED = 0x811c9dc5 | 0;
/** Answers so many times the usual size are none: where they are given another version overflows. */
const USUAL_SIZES = 1e6;
/** Answers by whose size others are measured where there is no baseline. */
const SIZES_MIN = 20;

const FAILED: AnswerView = {
  outcome: 'failed', value: NaN, classIndex: -1, entropy: NaN, hash: 0, projection: NO_PROJECTION,
};

/** How the judged output of a version is read. */
interface Reading {
  readonly kind: OutputKind;
  /** Numbers of one step, of a sequence. */
  readonly width: number;
}

/** A row with what the active version made of it. */
interface AnsweredRow {
  readonly input: number;
  readonly atUs: number;
  /** As in source-ids.ts; nobody knows by default. */
  readonly source?: number;
  readonly outcome: number;
  readonly outputs: ArrayLike<number>;
}

/**
 * The pair of a row and of the numbers that the twin answers to it, null where it fails. An answer of the twin that is
 * larger than `sizeMax` comes from inputs that nobody means: where the version's own is not finite it is none.
 */
export function pairOf(
  reading: Reading, { input, atUs, source = UNKNOWN_SOURCE, outcome, outputs }: AnsweredRow,
  answer: ArrayLike<number> | null, sizeMax: number,
): AnsweredPair & Pair {
  const fresh = outcome === Outcome.modelFailure ? FAILED : answerView(reading, outputs);
  const twin = answer === null ? FAILED : answerView(reading, answer);
  const isBeyond = fresh.outcome === 'nonFinite' && Math.abs(twin.value) > sizeMax;
  const cosine = reading.kind === 'vector' && answer !== null ? cosineOf(outputs, answer) : null;
  return { input, atUs, source, fresh, twin: isBeyond ? { ...twin, outcome: 'nonFinite' } : twin, cosine };
}

/** The size beyond which an answer of the version with this baseline is none. */
export const sizeMaxOf = (reference: Reference | null): number => reference === null
  ? Infinity : USUAL_SIZES * (Math.abs(reference.mean) + reference.standardDeviation);

/**
 * The size beyond which an answer of the twin is none: by its baseline, else by that of the other version, and without
 * either by what it answers to the questions that both have an answer to.
 */
export class SizeLimit {
  readonly #ofBaseline: number;
  #sizes = 0;
  #answers = 0;

  constructor(twin: Reference | null, other: Reference | null) {
    this.#ofBaseline = sizeMaxOf(twin ?? other);
  }

  get max(): number {
    return this.#ofBaseline === Infinity && this.#answers >= SIZES_MIN
      ? USUAL_SIZES * (this.#sizes / this.#answers) : this.#ofBaseline;
  }

  note({ fresh, twin }: Pick<AnsweredPair, 'fresh' | 'twin'>): void {
    if (fresh.outcome !== 'answered' || twin.outcome !== 'answered') return;
    this.#sizes += Math.abs(twin.value);
    this.#answers += 1;
  }
}

/** The view of the numbers that a version answered with. */
function answerView({ kind, width }: Reading, numbers: ArrayLike<number>): AnswerView {
  const { value, classIndex, entropy } = predictionOf(kind, numbers, width);
  return {
    outcome: Number.isFinite(value) ? 'answered' : 'nonFinite', value, classIndex, entropy,
    hash: hashOf(numbers), projection: projector(kind, numbers, width),
  };
}

/** Views of answers of which no more than the summaries are known. */
export const knownViews = (pairs: readonly KnownPair[]): KnownPair<AnswerView>[] =>
  pairs.map(({ fresh, twin }) => ({ fresh: knownView(fresh), twin: knownView(twin) }));

const knownView = (answer: KnownAnswer): AnswerView =>
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
