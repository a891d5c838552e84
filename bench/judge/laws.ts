// What a simulated stream is made of: when requests come, how long they take, how they end, and what is answered. Each
// law is a function of the time and of seeded chance, so that a damage can replace one of them and leave the others.
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { summarizeRow } from '../../src/domain/prediction.ts';
import { Projector } from '../../src/domain/projection.ts';
import type { OutputKind } from '../../src/domain/records.ts';
import type { Law, Random } from './random.ts';
import { tabulated } from './random.ts';

export const DAY_US = 86_400e6;
/** The latency limit that the streams are made for, in ms: the option's default. */
export const LIMIT_MS = 500;
/** How near to a limit a healthy version may be. */
export const LIMITS_PART = 0.9;

/** Microseconds until the next request. */
export type Arrivals = (nowUs: number, random: Random) => number;
/** Fills in latency and outcome of a request. */
export type Service = (sample: Sample, random: Random) => void;
/** Fills in what was asked and answered. */
export type Answers = (sample: Sample, random: Random) => void;

/** One model's answers: how they are read, the rows of a validation set, and a generator of live ones. */
export interface AnswerLaw {
  readonly kind: OutputKind;
  readonly row: (random: Random) => number[];
  readonly live: () => Answers;
}

export const poisson = (perSecond: number): Arrivals => (_, random) => (random.exponential() * 1e6) / perSecond;

/** The rate swings between a tenth and 1.9 times its mean, once a day. */
export const dayAndNight = (perSecond: number): Arrivals => (nowUs, random) =>
  (random.exponential() * 1e6) / (perSecond * (1 + 0.9 * dayWave(nowUs)));

export const dayWave = (nowUs: number): number => Math.sin((2 * Math.PI * nowUs) / DAY_US);

/** Half of the requests come in clumps of up to 20 within a few milliseconds. */
export function clumped(perSecond: number): Arrivals {
  const CLUMP_MEAN = 10.5;
  const gapUs = (1e6 / perSecond) * ((1 + CLUMP_MEAN) / 2);
  let left = 0;
  return (_, random) => {
    if (left > 0) {
      left -= 1;
      return random.between(10, 500);
    }
    if (random.next() < 0.5) left = random.below(20);
    return random.exponential() * gapUs;
  };
}

const quick = tabulated(1, (random) => Math.min(0.9 * LIMIT_MS, 20 * Math.exp(0.8 * random.normal())) * 1e3);
const slow: Law = (random) => random.between(1.1, 6) * LIMIT_MS * 1e3;

/** Shares of requests that are slow, fail, or are answered with a number that is not finite. */
export interface Shares {
  readonly slow: number;
  readonly failed: number;
  readonly nonFinite: number;
}
export const HEALTHY: Shares = { slow: 0.005, failed: 0.002, nonFinite: 0 };

export function service(shares: Shares | ((nowUs: number) => Shares)): Service {
  const at = typeof shares === 'function' ? shares : (): Shares => shares;
  return (sample, random) => {
    const now = at(sample.atUs);
    sample.latencyUs = random.next() < now.slow ? slow(random) : quick(random);
    const chance = random.next();
    sample.outcome = chance < now.failed ? Outcome.modelFailure
      : chance < now.failed + now.nonFinite ? Outcome.nonFinite : Outcome.ok;
  };
}

/** The host stands still for 1 to 8 s every ten minutes or so: all requests are slow then, and some fail. */
export function stalling(): Service {
  const EVERY_US = 600e6;
  const well = service(HEALTHY);
  let stallsAtUs = -1;
  let endsAtUs = -1;
  return (sample, random) => {
    if (stallsAtUs < 0) stallsAtUs = sample.atUs + random.exponential() * EVERY_US;
    if (sample.atUs >= stallsAtUs && endsAtUs < stallsAtUs) endsAtUs = stallsAtUs + random.between(1e6, 8e6);
    if (endsAtUs >= 0 && sample.atUs > endsAtUs && endsAtUs >= stallsAtUs) {
      stallsAtUs = endsAtUs + random.exponential() * EVERY_US;
    }
    well(sample, random);
    if (sample.atUs < stallsAtUs || sample.atUs > endsAtUs) return;
    sample.latencyUs = slow(random);
    if (random.next() < 0.2) sample.outcome = Outcome.modelFailure;
  };
}

const bits = new DataView(new ArrayBuffer(8));
let asked = 0;
const single = [0];
let answered: readonly number[] = single;

/** The numbers of the answer that was filled in last; valid until the next one is. */
export const lastAnswer = (): readonly number[] => answered;

/** Says again of a question which one it is, where it may come again; 0 is none. */
export function ask(sample: Sample, question: number): void {
  sample.input = question;
}

/** Fills in one number as the answer to a question that was not asked before. */
export function answer(sample: Sample, value: number): void {
  asked = (asked + 1) | 0;
  sample.input = asked === 0 ? 1 : asked;
  sample.value = Math.fround(value);
  bits.setFloat64(0, sample.value);
  sample.hash = bits.getInt32(0) ^ Math.imul(bits.getInt32(4), 0x01000193);
  sample.classIndex = -1;
  sample.entropy = NaN;
  single[0] = value;
  answered = single;
}

/** A law of one number a row. */
export function numbers(
  kind: OutputKind, law: Law, live: () => Answers = () => (sample, random) => answer(sample, law(random)),
): AnswerLaw {
  return { kind, row: (random) => [Math.fround(law(random))], live };
}

/** A law of class scores: which class is best, and how sure the model is. */
export function classScores(best: Law, sureness: Law, classes = 10): AnswerLaw {
  const draw = (random: Random): number[] => {
    const top = sureness(random);
    const winner = best(random);
    const rest = Array.from({ length: classes }, () => random.exponential());
    const sum = rest.reduce((total, share) => total + share, 0) - rest[winner]!;
    return rest.map((share, index) => (index === winner ? top : ((1 - top) * share) / sum));
  };
  return {
    kind: 'classes',
    row: draw,
    live: () => (sample, random) => {
      const row = draw(random);
      answer(sample, row[0]!);
      summarizeRow('classes', row, 0, row.length, sample);
      answered = row;
    },
  };
}

/** A law of vectors. */
export function vectors(draw: (random: Random) => number[]): AnswerLaw {
  return {
    kind: 'vector',
    row: draw,
    live: () => {
      const projector = new Projector();
      return (sample, random) => {
        const row = draw(random);
        answer(sample, row[0]!);
        summarizeRow('vector', row, 0, row.length, sample);
        projector.project(row, 0, row.length, sample);
        answered = row;
      };
    },
  };
}
