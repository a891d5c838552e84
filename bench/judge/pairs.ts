// Damages that keep the margins: after how many pairs of answers each is seen. Counted and judged by the engine's own
// code, looked at after every pair. Where nobody announced a change it is told; under `--expect same` it is acted on.
import type { OutputKind } from '../../src/domain/records.ts';
import { PairCounts } from '../../src/judge/pairs/pair-counts.ts';
import { pairExpectation } from '../../src/judge/pairs/expectation.ts';
import { judgePairs } from '../../src/judge/pairs/pair-verdict.ts';
import { pairOf } from '../../src/rollout/attribution/answer-view.ts';
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import type { PairedModel } from './classifier.ts';
import { MODELS, SWAPPED_HALVES } from './classifier.ts';
import { Random } from './random.ts';
import { hashText } from './seeds.ts';

export interface PairsResult {
  readonly damage: string;
  readonly about: string;
  readonly runs: number;
  /** Share of the pairs that differ, and the most that the share of one class moves. */
  readonly differing: number;
  readonly marginMoves: number;
  /** Pairs until it is told, with nothing announced: the median and the most; null when not all runs saw it. */
  readonly told: Needed | null;
  /** Until it is acted on, where the same function was announced. */
  readonly acted: Needed | null;
  readonly stated: number | null;
}
interface Needed {
  readonly median: number;
  readonly most: number;
}

const PAIRS_MAX = 20_000;
/** Beyond the first hundred pairs every tenth is looked at. */
const ALL_UNTIL = 100;

export function pairsResults(runs: number, seed: number, progress: (what: string) => void): PairsResult[] {
  return [...MODELS, SWAPPED_HALVES].map((model) => {
    progress(`pairs: ${model.name}`);
    const kind: OutputKind = model === SWAPPED_HALVES ? 'vector' : 'classes';
    const all = Array.from({ length: runs }, (_, run) => runOf(model, kind, hashText(`${seed} ${model.name} ${run}`)));
    const mean = (of: (one: Run) => number): number => all.reduce((sum, one) => sum + of(one), 0) / runs;
    return {
      damage: model.name, about: model.about, runs, differing: mean((one) => one.differing),
      marginMoves: mean((one) => one.marginMoves), stated: model.stated,
      told: neededOf(all.map(({ told }) => told)), acted: neededOf(all.map(({ acted }) => acted)),
    };
  });
}

interface Run {
  readonly told: number | null;
  readonly acted: number | null;
  readonly differing: number;
  readonly marginMoves: number;
}

function runOf(model: PairedModel, kind: OutputKind, seed: number): Run {
  const next = model.begin(new Random(seed));
  const counts = new PairCounts({ version: '2', twin: '1', kind, sigma: null });
  const same = pairExpectation({ expect: 'same', outputKind: kind }, '1');
  const shares = new Map<number, { fresh: number; twin: number }>();
  const countClass = (classIndex: number, which: 'fresh' | 'twin'): void => {
    const share = shares.get(classIndex) ?? { fresh: 0, twin: 0 };
    share[which] += 1;
    shares.set(classIndex, share);
  };
  let [told, acted]: [number | null, number | null] = [null, null];
  let pairs = 0;
  while (pairs < PAIRS_MAX && (told === null || acted === null || pairs < 1_000)) {
    pairs += 1;
    const { fresh, twin } = next();
    const pair = pairOf({ kind, width: 1 }, { input: 0, atUs: 0, outcome: Outcome.ok, outputs: fresh }, twin, Infinity);
    counts.add(pair);
    countClass(pair.fresh.classIndex, 'fresh');
    countClass(pair.twin.classIndex, 'twin');
    if (pairs > ALL_UNTIL && pairs % 10 !== 0) continue;
    if (told === null && judgePairs(counts.facts()).disagrees !== null) told = pairs;
    if (acted === null && judgePairs(counts.facts(same)).disagrees !== null) acted = pairs;
  }
  const { disagreement } = counts.facts();
  return {
    told, acted, differing: disagreement === null ? 0 : disagreement.hits / disagreement.pairs,
    marginMoves: Math.max(...[...shares.values()].map(({ fresh, twin }) => Math.abs(fresh - twin) / pairs)),
  };
}

function neededOf(pairs: readonly (number | null)[]): Needed | null {
  const known = pairs.filter((one) => one !== null).sort((a, b) => a - b);
  if (known.length < pairs.length) return null;
  return { median: known[(known.length - 1) >> 1]!, most: known.at(-1)! };
}
