// Decides about the distribution of the answers. Pure. Every check asks two things of a window: is the difference large
// enough to matter (off), and is it more than chance explains at the number of independent answers (breach), whether
// the version answers exactly like its baseline (which is itself a sample) or exactly at the limit from it. A breach
// fails the check when it was there at an earlier look too, and when the shortest window that can be judged is off as
// well: what is over by now decides nothing.
import { binomialUpperTail, wilsonInterval } from '../statistics/binomial.ts';
import { chiSquareSurvival } from '../statistics/gamma.ts';
import { chiSquareHomogeneity, largestShareDifference, populationStability } from '../statistics/statistics.ts';
import { meanLimit, provenOf, psiLimit, varianceLimits } from '../statistics/chance.ts';
import type { Worth } from '../statistics/chance.ts';
import type { DriftEvidence, DriftWindow, EvidenceOf } from './evidence.ts';

/** Expected rows per class below which classes are taken together. */
const EXPECTED_MIN = 5;
/** Deviations by which a baseline's most frequent answer may have been seen too seldom. */
const ATOM_SIGMAS = 3;

export interface DriftOutcome<E extends DriftEvidence> {
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /** The window that failed, or else the shortest that holds enough, or else the longest there is. */
  readonly window: DriftWindow<E> | null;
}
/** What one check says of one window. */
export interface WindowTest<W> {
  readonly isOff: (window: W) => boolean;
  readonly isBreach: (window: W) => boolean;
}

function usedBins(baseline: readonly number[], counts: readonly number[]): number {
  let used = 0;
  for (let bin = 0; bin < baseline.length; bin += 1) if (baseline[bin]! + counts[bin]! > 0) used += 1;
  return used;
}

/** Compares a histogram with the baseline's. */
export function shapeTest(
  baseline: readonly number[], counts: readonly number[],
  about: { readonly psi: number; readonly chance: number; readonly worth: Worth; readonly rows: number },
): { readonly psi: number; readonly limit: number } {
  const limit = psiLimit(about.psi, about.chance, usedBins(baseline, counts), about.worth, about.rows);
  return { psi: populationStability(baseline, counts), limit };
}

export function meanTest(evidence: EvidenceOf<'mean_drift'>): WindowTest<DriftWindow<EvidenceOf<'mean_drift'>>> {
  const { limit, chance, rows } = evidence;
  return {
    isOff: ({ sigmas }) => Math.abs(sigmas) > limit,
    isBreach: ({ sigmas, ...worth }) => Math.abs(sigmas) > meanLimit(limit, { chance, worth, rows }),
  };
}

/**
 * The largest change of a class's share, and how likely chance gives it, be it to a version that answers like its
 * baseline or to one whose class has changed by exactly the limit.
 */
export function mixOf(
  baseline: readonly number[], counts: readonly number[], worth: Worth, limit: number,
): { readonly difference: number; readonly chance: number } {
  const { effective } = worth;
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const rows = baseline.reduce((sum, count) => sum + count, 0);
  const scale = samples === 0 ? 0 : effective / samples;
  const kept: [number[], number[]] = [[], []];
  const rest = [0, 0];
  baseline.forEach((before, index) => {
    const now = counts[index]! * scale;
    const pooled = (before + now) / (rows + effective);
    if (pooled * Math.min(rows, effective) >= EXPECTED_MIN) {
      kept[0].push(before);
      kept[1].push(now);
    } else {
      rest[0]! += before;
      rest[1]! += now;
    }
  });
  if (rest[0]! + rest[1]! > 0) {
    kept[0].push(rest[0]!);
    kept[1].push(rest[1]!);
  }
  const { statistic, degrees } = chiSquareHomogeneity(kept[0], kept[1]);
  if (samples === 0 || rows === 0 || degrees < 1) return { difference: 0, chance: 1 };
  let atLimit = 1;
  baseline.forEach((before, index) => {
    atLimit = Math.min(atLimit, chanceAtLimit(before / rows, counts[index]! / samples, provenOf(worth), limit));
  });
  const chance = Math.max(chiSquareSurvival(statistic, degrees), Math.min(1, atLimit * baseline.length));
  return { difference: largestShareDifference(baseline, counts), chance };
}

// P(a share at least so far on this side) of a class that is `limit` away from its share in the baseline.
function chanceAtLimit(before: number, now: number, worth: number, limit: number): number {
  const [was, is] = now > before ? [before, now] : [1 - before, 1 - now];
  const trials = Math.floor(worth);
  if (is - was <= limit || was + limit >= 1) return 1;
  return binomialUpperTail(Math.floor(is * trials), trials, was + limit);
}

export function mixTest(evidence: EvidenceOf<'class_mix'>): WindowTest<DriftWindow<EvidenceOf<'class_mix'>>> {
  const isOff = ({ counts }: DriftWindow<EvidenceOf<'class_mix'>>): boolean =>
    largestShareDifference(evidence.baseline, counts) > evidence.limit;
  return {
    isOff,
    isBreach: (window) =>
      isOff(window) &&
      mixOf(evidence.baseline, window.counts, window, evidence.limit).chance < evidence.chance,
  };
}

export function shapeTestOf(evidence: EvidenceOf<'shape'>): WindowTest<DriftWindow<EvidenceOf<'shape'>>> {
  const { baseline, psi, chance, rows } = evidence;
  return {
    isOff: ({ counts }) => populationStability(baseline.counts, counts) > psi,
    isBreach: ({ counts, ...worth }) => {
      const test = shapeTest(baseline.counts, counts, { psi, chance, worth, rows });
      return test.psi > test.limit;
    },
  };
}

export function spreadTest(evidence: EvidenceOf<'spread'>): WindowTest<DriftWindow<EvidenceOf<'spread'>>> {
  const { baseline, low, high, chance, rows } = evidence;
  const ratioOf = (deviation: number): number => deviation / baseline.standardDeviation;
  const isOff = ({ standardDeviation }: DriftWindow<EvidenceOf<'spread'>>): boolean =>
    ratioOf(standardDeviation) < low || ratioOf(standardDeviation) > high;
  return {
    isOff,
    isBreach: ({ standardDeviation, ...worth }) => {
      const variance = ratioOf(standardDeviation) ** 2;
      const limits = varianceLimits({ low, high, kurtosis: baseline.kurtosis }, { chance, worth, rows });
      return variance < limits.low || variance > limits.high;
    },
  };
}

export function confidenceTest(
  evidence: EvidenceOf<'confidence'>,
): WindowTest<DriftWindow<EvidenceOf<'confidence'>>> {
  const { baseline, shift, psi, chance, rows } = evidence;
  const shiftOf = (mean: number): number => Math.abs(mean - baseline.mean) / baseline.standardDeviation;
  return {
    isOff: ({ mean, counts }) => shiftOf(mean) >= shift || populationStability(baseline.counts, counts) > psi,
    isBreach: ({ mean, counts, ...worth }) => {
      if (shiftOf(mean) > meanLimit(shift, { chance, worth, rows })) return true;
      const test = shapeTest(baseline.counts, counts, { psi, chance, worth, rows });
      return test.psi > test.limit;
    },
  };
}

/** The share that one answer may have: the baseline's largest, as large as it may have been, and the option's part. */
export function repeatLimit(
  { atomShare, rows, limit }: Pick<EvidenceOf<'repeats'>, 'atomShare' | 'rows' | 'limit'>,
): number {
  return Math.min(1, wilsonInterval(Math.round(atomShare * rows), rows, ATOM_SIGMAS).upper + limit);
}

export function repeatTest(evidence: EvidenceOf<'repeats'>): WindowTest<DriftWindow<EvidenceOf<'repeats'>>> {
  const limit = repeatLimit(evidence);
  const isOff = ({ hits, samples }: DriftWindow<EvidenceOf<'repeats'>>): boolean => hits > limit * samples;
  return {
    isOff,
    isBreach: (window) => {
      if (limit >= 1 || !isOff(window)) return false;
      const trials = Math.min(window.samples, Math.floor(window.effective));
      const hits = Math.floor((window.hits * trials) / window.samples);
      return binomialUpperTail(hits, trials, limit) <= evidence.chance;
    },
  };
}

/**
 * The shape of every projection. A row is projected on one direction only, so each has its own part of the window's
 * rows (and of a live baseline's).
 */
export function projectionShapes(
  { baseline, psi, chance }: EvidenceOf<'projections'>,
  { counts, samples, ...worth }: DriftWindow<EvidenceOf<'projections'>>,
): { readonly psi: number; readonly limit: number }[] {
  const shapes: { readonly psi: number; readonly limit: number }[] = [];
  baseline.forEach((bins, direction) => {
    const seen = sumOf(counts[direction]!);
    if (seen === 0) return;
    shapes.push(shapeTest(bins.counts, counts[direction]!, {
      psi, rows: sumOf(bins.counts),
      worth: { effective: (worth.effective * seen) / samples, proven: (provenOf(worth) * seen) / samples },
      // As many tests as directions, so each may fail by chance that much more seldom.
      chance: chance / baseline.length,
    }));
  });
  return shapes;
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

export function projectionTest(
  evidence: EvidenceOf<'projections'>,
): WindowTest<DriftWindow<EvidenceOf<'projections'>>> {
  return {
    isOff: (window) => projectionShapes(evidence, window).some(({ psi }) => psi > evidence.psi),
    isBreach: (window) => projectionShapes(evidence, window).some(({ psi, limit }) => psi > limit),
  };
}

/** Decides by all windows, the shortest first. */
export function decideDrift<E extends DriftEvidence>(
  evidence: E, test: WindowTest<DriftWindow<E>>,
): DriftOutcome<E> {
  const windows = evidence.windows as readonly {
    readonly now: DriftWindow<E>;
    readonly firstLook: { readonly agoMs: number; readonly window: DriftWindow<E> } | null;
  }[];
  const longest = windows.at(-1)?.now ?? null;
  if (evidence.unjudged !== null) return { verdict: 'inconclusive', window: longest };
  const tooFewInputs = evidence.inputs !== null && evidence.inputs < evidence.inputsMin;
  const judged = windows.filter(({ now }) => now.samples >= evidence.samplesMin);
  const shortest = judged[0];
  if (shortest === undefined || tooFewInputs) return { verdict: 'inconclusive', window: longest };
  const failing = judged.find(({ now, firstLook }) =>
    firstLook !== null && firstLook.agoMs >= evidence.twoLooksMs &&
    test.isBreach(now) && test.isOff(shortest.now) && test.isBreach(firstLook.window));
  return failing === undefined
    ? { verdict: 'pass', window: shortest.now }
    : { verdict: 'fail', window: failing.now };
}
