// The healthy streams: nothing is wrong with any of these models, so every rollback is a false one. Their laws are
// printed with the results. `perSecond` is the mean rate.
import type { Baseline } from '../../src/domain/records.ts';
import { hashText } from './seeds.ts';
import type { AnswerLaw, Answers, Arrivals, Service } from './laws.ts';
import {
  answer, classScores, clumped, dayAndNight, dayWave, HEALTHY, numbers, poisson, service, stalling, vectors,
} from './laws.ts';
import { Random, tabulated } from './random.ts';
import { nearLimits } from './near-limits.ts';

export interface Stream {
  readonly name: string;
  /** What comes in, in a few words. */
  readonly about: string;
  readonly arrivals: (perSecond: number) => Arrivals;
  readonly service: () => Service;
  readonly answers: AnswerLaw;
  /** The live answers where they depend on what the version is compared with; else they are those of `answers`. */
  readonly against?: (baseline: Baseline) => Answers;
  /** What the version before answers to the question that was answered with this row; the same where it is left out. */
  readonly twinAnswer?: (row: readonly number[], random: Random, nowUs: number) => readonly number[];
  /** What the version before was registered with, where that is another law. */
  readonly twinLaw?: AnswerLaw;
  /**
   * Whose the failures are, and the answers that are not finite: asked again, only this version fails (own), the one
   * before fails as well (shared), or neither does, since it was chance (passed, where it is left out).
   */
  readonly failures?: 'own' | 'shared' | 'passed';
  /** What one run of the version takes, where that is not what one of the version before does. */
  readonly runMs?: number;
  /** Failures of the version before that are chance; as often as this version's where it is left out. */
  readonly twinService?: () => Service;
}

export const law = (name: string, draw: (random: Random) => number): ((random: Random) => number) =>
  tabulated(hashText(name), draw);

export const low = law('low hump', (random) => random.beta(2, 8));
export const high = law('high hump', (random) => random.beta(8, 2));
/** Scores of two humps: an even mix of Beta(2,8) and Beta(8,2). */
export const twoHumps = (random: Random): number => (random.next() < 0.5 ? low(random) : high(random));
export const humps = (share: number) => (random: Random): number =>
  (random.next() < share ? high(random) : low(random));

const SESSION = 5;
/** Questions come in sessions of so many on average, whose answers lie in the same hump. */
const inSessions = (): Answers => {
  let hump = low;
  return (sample, random) => {
    if (random.next() < 1 / SESSION) hump = random.next() < 0.5 ? low : high;
    answer(sample, hump(random));
  };
};

const price = law('price', (random) => Math.exp(0.6 * random.normal()));
const withAtoms = (random: Random): number => {
  const chance = random.next();
  return chance < 0.45 ? 0 : chance < 0.53 ? 1.5 : price(random);
};
/** A tenth of the questions is the one before, asked again. */
const withRepeats = (): Answers => (sample, random) => {
  const { input } = sample;
  const isRepeated = input !== 0 && random.next() < 0.1;
  if (!isRepeated) answer(sample, withAtoms(random));
};

/** Student's t with 2.5 degrees of freedom: no fourth moment. */
const heavyTailed = law('heavy tails', (random) => 3 + random.normal() / Math.sqrt(random.gamma(1.25) / 1.25));

const DIGIT_SHARES = [0.16, 0.14, 0.12, 0.11, 0.1, 0.1, 0.09, 0.08, 0.06, 0.04];
export function digitClass(random: Random): number {
  let rest = random.next();
  return Math.max(0, DIGIT_SHARES.findIndex((share) => (rest -= share) < 0));
}
export const sure = law('sure', (random) => 0.3 + 0.7 * random.beta(8, 1));
const lessSure = law('less sure', (random) => 0.3 + 0.7 * random.beta(4, 1.5));
export const digits = classScores(digitClass, sure);
export const prices = numbers('regression', price);

/** Vectors around four directions, of lengths from about 3 to 8. */
const CENTRES = 4;
const ELEMENTS = 16;
const centres = Array.from({ length: CENTRES }, (_, index) => {
  const random = new Random(hashText(`centre ${index}`));
  return Array.from({ length: ELEMENTS }, () => random.normal());
});
const noise = law('noise', (random) => random.normal());
export const embedding = (random: Random): number[] => {
  const centre = centres[random.below(CENTRES)]!;
  const length = random.between(0.8, 1.6);
  return centre.map((element) => length * (element + 0.5 * noise(random)));
};
/** The same vectors with their first element last: as long as before, pointing elsewhere. */
export const turned = (random: Random): number[] => {
  const [first, ...rest] = embedding(random);
  return [...rest, first!];
};
export const embeddings = vectors(embedding);

const humpsAsNumbers = numbers('regression', twoHumps);

export const steady: Stream = {
  name: 'steady', about: 'Poisson arrivals, two-humped scores, 0.5 % slow, 0.2 % failed',
  arrivals: poisson, service: () => service(HEALTHY), answers: numbers('score', twoHumps),
};

/** With laws that stand still, and near to limits. */
export const PLAIN_STREAMS: readonly Stream[] = [
  steady,
  {
    ...steady, name: 'at 90 % of the limits', about: '4.5 % slow, 4.5 % failed, 0.09 % not finite',
    service: () => service({ slow: 0.045, failed: 0.045, nonFinite: 0.0009 }),
  },
  {
    ...steady, name: 'bursts', arrivals: clumped, service: stalling,
    about: 'clumps of up to 20 requests, sessions of like answers, the host stands still for 1 to 8 s every 10 min',
    twinService: () => service(HEALTHY),
    answers: { ...steady.answers, live: inSessions },
  },
  {
    ...steady, name: 'day and night', arrivals: dayAndNight,
    about: 'rate from 0.1 to 1.9 of its mean, 0.5 to 3.5 % slow, high scores from 47 to 53 % over the day',
    service: () => service((nowUs) => ({ ...HEALTHY, slow: 0.02 + 0.015 * dayWave(nowUs) })),
    answers: numbers('score', twoHumps, () => (sample, random) =>
      answer(sample, humps(0.5 + 0.03 * dayWave(sample.atUs))(random))),
  },
  {
    ...steady, name: 'atoms', about: '45 % of the answers are 0, 8 % are 1.5; a tenth of the questions is asked twice',
    answers: numbers('regression', withAtoms, withRepeats),
  },
  {
    ...steady, name: 'heavy tails', about: 'a regression with Student t answers of 2.5 degrees of freedom',
    answers: numbers('regression', heavyTailed),
  },
  { ...steady, name: 'ten classes', about: 'class scores, shares of 4 to 16 %', answers: digits },
  { ...steady, name: 'vectors', about: 'embeddings of 16 numbers around four directions', answers: embeddings },
  {
    ...steady, name: 'shape at 90 %', about: 'more high answers: PSI 0.225 from the stored baseline',
    answers: humpsAsNumbers, against: nearLimits(humpsAsNumbers, numbers('regression', high)),
  },
  {
    ...steady, name: 'zeros at 90 %', about: 'some scores are 0, which the baseline does not have: PSI 0.225',
    against: nearLimits(steady.answers, numbers('score', () => 0)),
  },
  {
    ...steady, name: 'class mix at 90 %', about: 'a class has 9 points more than in the stored baseline',
    answers: digits, against: nearLimits(digits, classScores(() => 0, sure)),
  },
  {
    ...steady, name: 'confidence at 90 %', about: 'less sure by 0.45 deviations, or by a PSI of 0.225',
    answers: digits, against: nearLimits(digits, classScores(digitClass, lessSure)),
  },
  {
    ...steady, name: 'vectors at 90 %', about: 'some point elsewhere: PSI 0.225 along a fixed direction',
    answers: embeddings, against: nearLimits(embeddings, vectors(turned)),
  },
];
