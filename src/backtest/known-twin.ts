// What is known beforehand of how a version answers beside the one before, as a recording has it: the pairs that the
// registry keeps of both versions' answers to known questions, and what was counted of them. Pure. The recorder writes
// it; a file by hand has the rows themselves ("baseline" and "twin_baseline") instead.
import type { ExpectedChange, KnownAnswer, KnownPair } from '../domain/known-answers.ts';
import { isWholeCount, shown, textOf, Wrong } from './wrong.ts';

export interface KnownTwin {
  /** The version that was asked the same. */
  readonly against: string;
  readonly expected: ExpectedChange;
  /** May be none. */
  readonly pairs: readonly KnownPair[];
}

type Fields = Readonly<Record<string, unknown>>;

const OUTCOMES: readonly unknown[] = ['answered', 'failed', 'nonFinite'] satisfies KnownAnswer['outcome'][];

/** Reads what the recorder writes, in which what is no number is null; throws Wrong. */
export function knownTwinOf(value: unknown): KnownTwin {
  const { against, expected, pairs } = objectOf(value, 'twin_summary');
  const counted = objectOf(expected, 'twin_summary.expected');
  for (const key of ['rows', 'unanswered', 'compared', 'differing']) {
    if (!isWholeCount(counted[key])) throw wrongCount(`twin_summary.expected.${key}`, counted[key]);
  }
  if (!Array.isArray(counted['classes'])) throw wrongList('twin_summary.expected.classes', counted['classes']);
  for (const one of counted['classes'] as unknown[]) {
    const { classIndex, compared, differing } = objectOf(one, 'twin_summary.expected.classes');
    const isWholeCounted = typeof classIndex === 'number' && isWholeCount(compared) && isWholeCount(differing);
    if (!isWholeCounted) throw wrongCount('twin_summary.expected.classes', one);
  }
  if (!Array.isArray(pairs)) throw wrongList('twin_summary.pairs', pairs);
  const version = textOf(against, 'twin_summary.against');
  return {
    against: version, expected: { ...counted as unknown as ExpectedChange, against: version },
    pairs: (pairs as unknown[]).map((pair, index) => {
      const key = `twin_summary.pairs[${index}]`;
      if (!Array.isArray(pair) || pair.length !== 2) throw wrongList(key, pair);
      return { fresh: answerOf(pair[0], key), twin: answerOf(pair[1], key) };
    }),
  };
}

const wrongCount = (key: string, value: unknown): Wrong =>
  new Wrong(`"${key}" is ${shown(value)}; wanted counts, as lastgood serve --record writes them`);
const wrongList = (key: string, value: unknown): Wrong =>
  new Wrong(`"${key}" is ${shown(value)}; wanted a list, as lastgood serve --record writes it`);

function objectOf(value: unknown, key: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Wrong(`"${key}" is ${shown(value)}; wanted an object, as lastgood serve --record writes it`);
}

function answerOf(value: unknown, key: string): KnownAnswer {
  const { outcome, value: number, classIndex, entropy } = objectOf(value, key);
  if (!OUTCOMES.includes(outcome)) {
    throw new Wrong(`"${key}" has the outcome ${shown(outcome)}; wanted one of ${OUTCOMES.join(', ')}`);
  }
  const numberOf = (one: unknown): number => {
    if (one === null) return NaN;
    if (typeof one === 'number') return one;
    throw new Wrong(`"${key}" holds ${shown(one)}; wanted numbers`);
  };
  return {
    outcome: outcome as KnownAnswer['outcome'], value: numberOf(number), classIndex: numberOf(classIndex),
    entropy: numberOf(entropy),
  };
}
