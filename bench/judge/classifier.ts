// A small classifier that is one, so that damage to it is damage: questions around ten centres, the score of a class is
// the product of the question and its weights. Every damage below keeps, or nearly keeps, the shares of the classes,
// which no check of answers alone can see. Seeded.
import { Random } from './random.ts';
import { hashText } from './seeds.ts';

const CLASSES = 10;
const FEATURES = 32;
const NOISE = 1.25;
/** Parts of the largest weight that int8 has: 127; a scale that is wrong cuts all beyond this part of it off. */
const CUT = 0.3;
const CONFUSED_SHARE = 0.16;
const RARE_SHARE = 0.01;

/** Draws questions and answers both versions; `fresh` is the damaged one. */
export interface PairedModel {
  readonly name: string;
  readonly about: string;
  /** Pairs until judge.md's measurements saw such a damage on real models; null where they have no figure. */
  readonly stated: number | null;
  readonly begin: (random: Random) => () => PairedAnswers;
}
export interface PairedAnswers {
  readonly fresh: readonly number[];
  readonly twin: readonly number[];
}

type Weights = readonly Float64Array[];

const weights: Weights = ((): Weights => {
  const random = new Random(hashText('weights'));
  return Array.from({ length: CLASSES }, () => Float64Array.from({ length: FEATURES }, () => random.normal()));
})();

function question(random: Random): Float64Array {
  const centre = weights[random.below(CLASSES)]!;
  return centre.map((one) => one + NOISE * 2 * random.normal());
}

/** Softmax of the products, less what the size of a class's weights adds. */
function scoresOf(by: Weights, asked: Float64Array): number[] {
  const products = by.map((row) => row.reduce((sum, one, at) => sum + one * asked[at]! - one * one / 2, 0));
  const most = Math.max(...products);
  const parts = products.map((one) => Math.exp((one - most) / 4));
  const sum = parts.reduce((total, one) => total + one, 0);
  return parts.map((one) => one / sum);
}

/** Both versions are asked the same; the damaged one has other weights. */
const otherWeights = (of: (random: Random) => Weights): PairedModel['begin'] => (random) => {
  const damaged = of(random);
  return () => {
    const asked = question(random);
    return { fresh: scoresOf(damaged, asked), twin: scoresOf(weights, asked) };
  };
};
const mapped = (of: (row: Float64Array) => Float64Array) => (): Weights => weights.map(of);

const largest = Math.max(...weights.flatMap((row) => [...row].map(Math.abs)));
const cutAt = largest * CUT;

/** The answer of the version that is right, changed. */
const changed = (of: (twin: readonly number[], random: Random) => readonly number[]): PairedModel['begin'] =>
  (random) => () => {
    const twin = scoresOf(weights, question(random));
    return { fresh: of(twin, random), twin };
  };

const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));
function swapped(scores: readonly number[], a: number, b: number): number[] {
  const copy = [...scores];
  [copy[a], copy[b]] = [copy[b]!, copy[a]!];
  return copy;
}

export const MODELS: readonly PairedModel[] = [
  {
    name: 'permuted labels', about: 'the classes come in another order', stated: 5,
    begin: changed((twin) => [...twin.slice(1), twin[0]!]),
  },
  {
    name: 'off by one', about: 'each answer is that to the question before', stated: 5,
    begin: (random) => {
      let before = scoresOf(weights, question(random));
      return () => {
        const twin = scoresOf(weights, question(random));
        const fresh = before;
        before = twin;
        return { fresh, twin };
      };
    },
  },
  {
    name: 'stale features', about: 'half of the features are those of the question before', stated: 29,
    begin: (random) => {
      let before = question(random);
      return () => {
        const asked = question(random);
        const stale = asked.map((one, at) => (at % 2 === 0 ? one : before[at]!));
        before = asked;
        return { fresh: scoresOf(weights, stale), twin: scoresOf(weights, asked) };
      };
    },
  },
  {
    name: 'symmetric confusions', about: 'of 16 % of the questions the best class and its neighbour are mixed up',
    stated: null,
    begin: changed((twin, random) => {
      const best = bestOf(twin);
      return random.next() < CONFUSED_SHARE ? swapped(twin, best, best ^ 1) : twin;
    }),
  },
  {
    name: 'int8 with a wrong scale', about: 'weights beyond a third of the largest are cut off', stated: 296,
    begin: otherWeights(mapped((row) => row.map((one) => Math.max(-cutAt, Math.min(cutAt, one))))),
  },
  {
    name: 'half of the weights lost', about: 'every second weight, by chance, is 0', stated: 1_176,
    begin: otherWeights((random) => weights.map((row) => row.map((one) => (random.next() < 0.5 ? 0 : one)))),
  },
  {
    name: 'rare class lost', about: 'a class of 1 % of the questions is never answered', stated: null,
    begin: (random) => () => {
      const isRare = random.next() < RARE_SHARE;
      const low = random.between(0.05, 0.3);
      const [rare, usual] = [[low, 1 - low], [1 - low, low]];
      return { fresh: usual, twin: isRare ? rare : usual };
    },
  },
];

/** Embeddings of which the two halves have changed places: as long as they were. */
export const SWAPPED_HALVES: PairedModel = {
  name: 'swapped halves of a vector', about: 'as long as before, pointing elsewhere', stated: 5,
  begin: (random) => () => {
    const twin = Array.from({ length: FEATURES }, () => random.normal());
    return { fresh: [...twin.slice(FEATURES / 2), ...twin.slice(0, FEATURES / 2)], twin };
  },
};
