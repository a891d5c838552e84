// Healthy streams that look ill: clients that ask what no version can answer, clumps of one client, questions that come
// again, answers that hang together, cold starts, inputs that move, and new versions that answer otherwise and are
// right. The version before does as well on the same questions, so that every rollback is a false one.
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import type { Answers, Service } from './laws.ts';
import { answer, ask, dayWave, HEALTHY, LIMIT_MS, numbers, classScores, service } from './laws.ts';
import { Random } from './random.ts';
import { hashText } from './seeds.ts';
import type { Stream } from './streams.ts';
import { digitClass, high, humps, law, low, PLAIN_STREAMS, steady, sure, twoHumps } from './streams.ts';

const CLIENT_US = 60e6;
const POISONED_FROM_US = 600e6;
const QUESTIONS = 1_000;
const ZIPF_POWER = 1.1;
const COLD_REQUESTS = 60;
const RESTART_US = 3_600e6;
/** Points of the table of a law's quantiles. */
const QUANTILES = 4_096;

/** From some minutes on a share of the requests comes from one client, and no version answers them. */
const poisoned = (share: number, outcome: Outcome): (() => Service) => () => {
  const well = service(HEALTHY);
  return (sample, random) => {
    well(sample, random);
    if (sample.atUs > POISONED_FROM_US && random.next() < share) sample.outcome = outcome;
  };
};

/** Requests of a minute are one client's; one in fifty clients asks what no version can answer. */
const byClients = (): Service => {
  const well = service({ ...HEALTHY, failed: 0 });
  return (sample, random) => {
    well(sample, random);
    if (clientOf(sample.atUs).isBroken) sample.outcome = Outcome.modelFailure;
  };
};
/** What a client is like follows from its minute alone. */
function clientOf(nowUs: number): { readonly isBroken: boolean; readonly highShare: number } {
  const random = new Random(hashText(`client ${Math.floor(nowUs / CLIENT_US)}`));
  return { isBroken: random.next() < 0.02, highShare: random.between(0.1, 0.9) };
}
const ofClients = (): Answers => {
  let until = 0;
  let share = 0.5;
  return (sample, random) => {
    if (sample.atUs >= until) {
      share = clientOf(sample.atUs).highShare;
      until = (Math.floor(sample.atUs / CLIENT_US) + 1) * CLIENT_US;
    }
    answer(sample, (random.next() < share ? high : low)(random));
  };
};

/** The same thousand questions, the k-th as often as 1/k^1.1; each has one answer. */
const zipf = (): Answers => {
  const random = new Random(hashText('zipf'));
  const answersTo = Float64Array.from({ length: QUESTIONS }, () => twoHumps(random));
  const sums = new Float64Array(QUESTIONS);
  for (let at = 0; at < QUESTIONS; at += 1) sums[at] = (sums[at - 1] ?? 0) + (at + 1) ** -ZIPF_POWER;
  return (sample, by) => {
    const place = by.next() * sums[QUESTIONS - 1]!;
    let [from, to] = [0, QUESTIONS - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sums[middle]! > place) to = middle;
      else from = middle + 1;
    }
    answer(sample, answersTo[from]!);
    ask(sample, from + 1);
  };
};

const sortedHumps = ((): Float64Array => {
  const random = new Random(hashText('quantiles'));
  return Float64Array.from({ length: QUANTILES }, () => twoHumps(random)).sort();
})();
/** Answers of the usual law, each hanging together with the one before it. */
const autoregressive = (rho: number) => (): Answers => {
  const rest = Math.sqrt(1 - rho * rho);
  let state = 0;
  let hasBegun = false;
  return (sample, random) => {
    state = hasBegun ? rho * state + rest * random.normal() : random.normal();
    hasBegun = true;
    answer(sample, sortedHumps[Math.min(QUANTILES - 1, Math.floor(normalShare(state) * QUANTILES))]!);
  };
};
/** The normal distribution function by a logistic one: the law is fitted by 1 %, which nobody compares. */
const normalShare = (z: number): number => 1 / (1 + Math.exp(-(1.5976 * z + 0.07056 * z ** 3)));

/** The first requests after a start, and after one every hour, are over the latency limit. */
const coldStarts = (): Service => {
  const well = service(HEALTHY);
  let hour = -1;
  let cold = 0;
  return (sample, random) => {
    well(sample, random);
    const now = Math.floor(sample.atUs / RESTART_US);
    if (now !== hour) [hour, cold] = [now, COLD_REQUESTS];
    if (cold === 0) return;
    cold -= 1;
    sample.latencyUs = random.between(1.5, 4) * LIMIT_MS * 1e3;
  };
};

const swinging = (): Answers => (sample, random) => answer(sample, humps(0.5 + 0.3 * dayWave(sample.atUs))(random));

/** A steeper or flatter curve through 0.5: the same order of answers, and the same classes. */
const curve = (score: number, steepness: number): number => {
  const odds = (Math.max(1e-9, score) / Math.max(1e-9, 1 - score)) ** steepness;
  return odds / (1 + odds);
};
const STEEPNESS = 1.6;
const recalibrated = (score: number): number => curve(score, STEEPNESS);
const recalibratedHumps = (random: Random): number => recalibrated(twoHumps(random));
const before = (row: readonly number[]): number[] => [curve(row[0]!, 1 / STEEPNESS)];

const RETRAINED_SHARE = 0.08;
const unlike = law('unlike', (random) => twoHumps(random));

const offBalance = (random: Random): number => (random.next() < 0.12 ? 0 : digitClass(random));

const NASTY_STREAMS: readonly Stream[] = [
  {
    ...steady, name: 'poisoning client', failures: 'shared', service: poisoned(0.12, Outcome.modelFailure),
    about: 'from the tenth minute on 12 % of the requests are one client\'s, which no version can answer',
  },
  {
    ...steady, name: 'poisoned numbers', failures: 'shared', service: poisoned(0.05, Outcome.nonFinite),
    about: 'from the tenth minute on no version has a finite answer to 5 % of the requests',
  },
  {
    ...steady, name: 'client blocks', failures: 'shared', service: byClients,
    about: 'every minute is one client\'s, with a mix of its own; one in fifty clients asks what no version answers',
    answers: numbers('score', twoHumps, ofClients),
  },
  {
    ...steady, name: 'Zipf', about: 'a thousand questions, the k-th as often as 1/k^1.1, each with one answer',
    answers: numbers('score', twoHumps, zipf),
  },
  {
    ...steady, name: 'AR(1) 0.99', about: 'the usual scores, each hanging together with the one before by 0.99',
    answers: numbers('score', twoHumps, autoregressive(0.99)),
  },
  {
    ...steady, name: 'AR(1) 0.999', about: 'the same by 0.999',
    answers: numbers('score', twoHumps, autoregressive(0.999)),
  },
  {
    ...steady, name: 'cold starts', service: coldStarts,
    about: 'the first 60 requests, and 60 of every hour, are over the latency limit',
  },
  {
    ...steady, name: 'night and day on inputs', about: 'high scores from 20 to 80 % over the day: the inputs move',
    answers: numbers('score', twoHumps, swinging),
  },
  {
    ...steady, name: 'recalibrated', twinAnswer: before, twinLaw: steady.answers,
    about: 'a new version whose scores are steeper, with a baseline of its own',
    answers: numbers('score', recalibratedHumps),
  },
  {
    ...steady, name: 'recalibrated, night and day', twinAnswer: before, twinLaw: steady.answers,
    about: 'the same while high scores go from 20 to 80 % over the day',
    answers: numbers('score', recalibratedHumps, () => (sample, random) =>
      answer(sample, recalibrated(humps(0.5 + 0.3 * dayWave(sample.atUs))(random)))),
  },
  {
    ...steady, name: 'retrained', about: 'a new version that answers 8 % of the questions altogether otherwise',
    twinAnswer: (row, random) => (random.next() < RETRAINED_SHARE ? [unlike(random)] : row),
  },
  {
    ...steady, name: 'balance off by 10 points',
    about: 'one class is 26 % of the questions, and 16 % of the validation set',
    answers: {
      ...classScores(digitClass, sure), live: classScores(offBalance, sure).live,
    },
  },
];

/** All healthy streams: with laws that stand still, and those that look ill. */
export const STREAMS: readonly Stream[] = [...PLAIN_STREAMS, ...NASTY_STREAMS];
