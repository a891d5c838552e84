// repeats: is one answer given much more often than the baseline's most frequent one was?
import { BinomialLimits, binomialUpperTail, wilsonInterval } from '../statistics/binomial.ts';
import { percentText } from '../types/number-text.ts';
import type { AnswersWindow } from '../window/answers-windows.ts';
import { BLOCK_WINDOWS } from '../window/observer.ts';
import type { Evaluation, EvidenceOf } from './check.ts';
import { driftCheck, sideOf } from './drift-check.ts';
import { constantEvent, differsBy } from './paired-events.ts';

/** Deviations by which a baseline's most frequent answer may have been seen too seldom. */
const ATOM_SIGMAS = 3;
/** Part of the questions that a retrained version may answer with its usual answer where its twin says otherwise. */
const MARGIN_MIN = 0.1;
/** By so many baseline deviations. */
const FAR_SIGMAS = 0.5;

// The share that one answer may have: the baseline's largest, as large as it may have been, and the option's part.
function limitOf({ atomShare, rows, limit }: Pick<EvidenceOf<'repeats'>, 'atomShare' | 'rows' | 'limit'>): number {
  return Math.min(1, wilsonInterval(Math.round(atomShare * rows), rows, ATOM_SIGMAS).upper + limit);
}

// The block in which answers are compared is none of the windows, but as dependent as the one of its length.
function blocksOf({ observer, options, windows }: Evaluation): AnswersWindow[] {
  const { samples, hits } = observer.frequent.most(options.checks.repeats.samplesMin);
  const windowMs = options.windowMs * BLOCK_WINDOWS;
  const alike = windows.find((window) => window.windowMs >= windowMs) ?? windows.at(-1);
  const block: AnswersWindow = {
    windowMs, samples, effectiveMax: samples, total: () => hits, totals: () => [],
    wasNear: () => false,
    worth: () => {
      if (alike === undefined) return { effective: samples, proven: samples };
      const { effective, proven } = alike.worth();
      const part = (of: number): number => Math.min(1, of / alike.samples) * samples;
      return { effective: part(effective), proven: part(proven) };
    },
  };
  return samples === 0 ? [] : [block];
}

export const repeats = driftCheck({
  name: 'repeats', title: 'repeated answers', layer: 2, cause: 'drift', unit: 'share',
  subject: 'the share of the most frequent answer',
  source: { windows: blocksOf },
  limits: ({ checks }, reference) => ({ limit: checks.repeats.limit, atomShare: reference?.atomShare ?? 0 }),
  limitOf: ({ limit }) => limit,
  numbers: ({ total }) => ({ hits: total(0) }),
  test: (evidence) => {
    const limit = limitOf(evidence);
    return {
      exceedsLimit: ({ hits, samples }) => hits > limit * samples,
      exceedsChance: ({ hits, samples, effective }) => {
        if (limit >= 1 || hits <= limit * samples) return false;
        const trials = Math.min(samples, Math.floor(effective));
        return binomialUpperTail(Math.floor((hits * trials) / samples), trials, limit) <= evidence.chance;
      },
    };
  },
  measure: (evidence, { hits, samples }) => {
    const limit = limitOf(evidence);
    const value = samples === 0 ? 0 : hits / samples;
    const text = `one answer makes up ${percentText(value, limit)} of all, ${sideOf(value > limit)} the limit of ` +
      `${percentText(limit)} (${percentText(evidence.atomShare)} in the baseline)`;
    return { value, limit, isOver: value > limit, text };
  },
  detectionLimit: ({ options, samples, reference }) => {
    const { limit: more } = options.checks.repeats;
    const { atomShare = 0, rows = 0 } = reference ?? {};
    const limit = rows === 0 ? more : limitOf({ atomShare, rows, limit: more });
    if (limit >= 1) return { value: null, text: 'nothing: nearly all rows of the baseline have the same answer' };
    const hits = new BinomialLimits(limit, options.chance).hitsNeeded(samples);
    return hits > samples
      ? { value: null, text: `nothing: ${samples} answers decide no limit of ${percentText(limit)}` }
      : { value: hits / samples, text: `one answer given ${percentText(hits / samples)} of the time` };
  },
  pairEvent: ({ limit }, _window, { own }) =>
    constantEvent(Math.max(MARGIN_MIN, limit / 2), 'isUnusual', differsBy(FAR_SIGMAS, own)),
});
