// The damages: each is a healthy stream of which one law is wrong, from the first request on or from some moment on,
// while its baseline is that of the right one. The first seven are damaged score streams, the others are versions that
// go wrong as they do in life.
import type { AnswerLaw } from './laws.ts';
import { answer, classScores, HEALTHY, numbers, service, vectors } from './laws.ts';
import type { Random } from './random.ts';
import { tabulated } from './random.ts';
import { hashText } from './seeds.ts';
import { digitClass, digits, embeddings, humps, prices, steady, sure, turned, twoHumps } from './streams.ts';
import type { Stream } from './streams.ts';

export interface Damage {
  readonly name: string;
  readonly about: string;
  /** What the version was registered with. */
  readonly healthy: Stream;
  /** What it does. */
  readonly damaged: Stream;
}

const law = (name: string, draw: (random: Random) => number): ((random: Random) => number) =>
  tabulated(hashText(name), draw);
const fiveFive = law('beta 5 5', (random) => random.beta(5, 5));
const sharpened = law('beta .3 .3', (random) => random.beta(0.3, 0.3));
/** Standard deviation of the two-humped scores. */
const SIGMA = 0.323;

// The version before is right: what it answers has nothing to do with what the damaged one does.
const answersOf = (name: string, about: string, right: AnswerLaw, wrong: AnswerLaw): Damage => ({
  name, about, healthy: { ...steady, answers: right },
  damaged: { ...steady, answers: wrong, twinLaw: right, twinAnswer: (_, random) => right.row(random) },
});

const scores = (name: string, about: string, draw: (random: Random) => number): Damage =>
  answersOf(name, about, steady.answers, numbers('score', draw));

const served = (name: string, about: string, shares: Partial<typeof HEALTHY>, runMs = 20): Damage => ({
  name, about, healthy: steady,
  damaged: {
    ...steady, runMs, failures: 'own', service: () => service({ ...HEALTHY, ...shares }),
    twinService: () => service(HEALTHY),
  },
});

export const DAMAGES: readonly Damage[] = [
  scores('collapse to 0.5', 'scores are 0.5 ± 0.01', (random) => 0.5 + 0.01 * random.normal()),
  scores('constant 0.9', 'every score is 0.9', () => 0.9),
  scores('one hump', 'Beta(5,5) instead of two humps', fiveFive),
  scores('sharpened', 'Beta(.3,.3): surer than it should be', sharpened),
  scores('mean + 0.5 σ', 'every score is half a deviation higher', (random) => twoHumps(random) + 0.5 * SIGMA),
  scores('10 % zeros', 'a tenth of the scores is 0', (random) => (random.next() < 0.1 ? 0 : twoHumps(random))),
  scores('class mix 50 to 70 %', 'high scores are 70 % instead of 50 %', humps(0.7)),
  answersOf('inverted input', 'digits fed inverted: most become one class, unsurely', digits,
    classScores((random) => (random.next() < 0.7 ? 8 : digitClass(random)), (random) => random.between(0.3, 0.8))),
  answersOf('unscaled input', 'digits fed 0 to 255: the same classes, but sure of everything', digits,
    classScores(digitClass, (random) => 1 - 0.02 * (1 - sure(random)))),
  answersOf('unit change', 'prices in dollars instead of 100,000 dollars', prices,
    numbers('regression', () => 0, () => {
      const right = prices.row;
      return (sample, random) => answer(sample, right(random)[0]! * 1e5);
    })),
  answersOf('turned vectors', 'embeddings with an element out of place: as long, pointing elsewhere', embeddings,
    vectors(turned)),
  scores('all positive', 'a runtime answers every row above 0.5', (random) => 0.5 + 0.5 * twoHumps(random)),
  served('slow', 'ten times the arithmetic: 60 % of the requests are over the latency limit', { slow: 0.6 }, 200),
  served('fragile', 'a lookup fails on 10 % of the rows', { failed: 0.1 }),
  served('not finite', 'the logarithm of a feature that can be 0: 3 % are NaN', { nonFinite: 0.03 }),
  served('broken', 'every run fails', { failed: 1 }),
];

/** Serves well until `atUs` and damaged from then on. */
export function turning({ healthy, damaged }: Damage, atUs: number): Stream {
  const { twinAnswer } = damaged;
  return {
    ...damaged,
    ...(twinAnswer !== undefined && {
      twinAnswer: (row: readonly number[], random: Random, nowUs: number) =>
        (nowUs < atUs ? row : twinAnswer(row, random, nowUs)),
    }),
    service: () => {
      const [before, after] = [healthy.service(), damaged.service()];
      return (sample, random) => (sample.atUs < atUs ? before : after)(sample, random);
    },
    answers: {
      ...damaged.answers,
      live: () => {
        const [before, after] = [healthy.answers.live(), damaged.answers.live()];
        return (sample, random) => (sample.atUs < atUs ? before : after)(sample, random);
      },
    },
  };
}
