// Answers that differ from a version's baseline by 90 % of what the judge's limits allow: nothing is wrong with them
// either. How far they may go depends on the stored baseline, which is itself a sample: a limit is a distance from
// that, so the law is made for it. Measured here, not by the judge's windows.
import { binOf } from '../../src/judge/statistics/bins.ts';
import { scoreEntropy } from '../../src/judge/statistics/distribution.ts';
import { populationStability } from '../../src/judge/statistics/statistics.ts';
import type { Baseline, Bins } from '../../src/domain/records.ts';
import { predictionOf } from '../../src/domain/sequence.ts';
import { projectionOf } from '../../src/domain/projection.ts';
import type { AnswerLaw, Answers } from './laws.ts';
import { LIMITS_PART } from './laws.ts';
import { Random } from './random.ts';

/** The judge's defaults. */
const LIMITS = { sigmas: 2, psi: 0.25, share: 0.1, confidence: 0.5, spread: 2 };
/** Draws by which a law is known: its PSI to about 2 %. */
const DRAWS = 40_000;
const HALVINGS = 30;

/** What a law looks like on the bins of a baseline: shares and means, so that laws can be mixed. */
interface Look {
  readonly mean: number;
  readonly square: number;
  readonly entropy: number;
  readonly classes: readonly number[];
  /** Bins of the value, of the entropy, of each projection; as far as the baseline has them. */
  readonly bins: readonly (readonly number[])[];
}

const binsOf = ({ bins, entropy, projections }: Baseline): readonly (Bins | null)[] =>
  [bins ?? null, entropy?.bins ?? null, ...(projections ?? [])];

function lookOf({ kind, row }: AnswerLaw, baseline: Baseline): Look {
  const random = new Random(1);
  const bins = binsOf(baseline);
  const counts = bins.map((one) => new Array<number>(one?.counts.length ?? 0).fill(0));
  const classes = new Array<number>(Math.max(2, baseline.classShares?.length ?? 0)).fill(0);
  const sums = { mean: 0, square: 0, entropy: 0 };
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const values = row(random);
    const { value, classIndex, entropy } = predictionOf(kind, values);
    const bits = kind === 'score' ? scoreEntropy(value) : entropy;
    sums.mean += value / DRAWS;
    sums.square += value * value / DRAWS;
    sums.entropy += bits / DRAWS;
    classes[kind === 'score' ? Number(value >= 0.5) : Math.max(0, classIndex)]! += 1 / DRAWS;
    bins.forEach((one, at) => {
      if (one === null) return;
      const measured = at === 0 ? value : at === 1 ? bits : projectionOf(at - 2, values, 0, values.length);
      counts[at]![binOf(one.edges, measured)]! += 1;
    });
  }
  return { ...sums, classes, bins: counts };
}

const between = (a: number, b: number, part: number): number => (1 - part) * a + part * b;
const betweenAll = (a: readonly number[], b: readonly number[], part: number): number[] =>
  a.map((one, at) => between(one, b[at]!, part));

/** The largest part of a limit that a mixture of two looks takes. */
function partOfLimits(right: Look, other: Look, part: number, baseline: Baseline): number {
  const { kind, mean, standardDeviation, entropy, values } = baseline;
  const mixedMean = between(right.mean, other.mean, part);
  const spread = Math.sqrt(between(right.square, other.square, part) - mixedMean ** 2) / standardDeviation;
  const parts = [Math.abs(mixedMean - mean) / standardDeviation / LIMITS.sigmas];
  if (spread > 1) parts.push((spread - 1) / (LIMITS.spread - 1));
  else parts.push((1 / spread - 1) / (LIMITS.spread - 1));
  binsOf(baseline).forEach((one, at) => {
    if (one === null) return;
    parts.push(populationStability(one.counts, betweenAll(right.bins[at]!, other.bins[at]!, part)) / LIMITS.psi);
  });
  if (entropy !== undefined) {
    const moved = Math.abs(between(right.entropy, other.entropy, part) - entropy.mean);
    parts.push(moved / entropy.standardDeviation / LIMITS.confidence);
  }
  const below = values.filter((value) => value < 0.5).length / values.length;
  const shares = kind === 'score' ? [below, 1 - below] : baseline.classShares ?? [];
  const classes = betweenAll(right.classes, other.classes, part);
  shares.forEach((share, at) => parts.push(Math.abs(classes[at]! - share) / LIMITS.share));
  return Math.max(...parts);
}

/** Mixes as much of `other` into the answers of `right` as the limits' part allows. */
export function nearLimits(right: AnswerLaw, other: AnswerLaw): (baseline: Baseline) => Answers {
  return (baseline) => {
    const looks = [lookOf(right, baseline), lookOf(other, baseline)] as const;
    let [within, over] = [0, 1];
    for (let step = 0; step < HALVINGS; step += 1) {
      const middle = (within + over) / 2;
      if (partOfLimits(...looks, middle, baseline) <= LIMITS_PART) within = middle;
      else over = middle;
    }
    const [usual, unusual] = [right.live(), other.live()];
    return (sample, random) => (random.next() < within ? unusual : usual)(sample, random);
  };
}
