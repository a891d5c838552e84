// class_mix: has the share of a class moved by more than the limit, further than chance takes it?
import type { Reference } from '../baseline/reference.ts';
import { classSlotOf } from '../baseline/reference.ts';
import type { AnswerView } from '../pairs/paired-change.ts';
import { binomialUpperTail } from '../statistics/binomial.ts';
import type { Worth } from '../statistics/chance.ts';
import { provenOf } from '../statistics/chance.ts';
import { chiSquareSurvival } from '../statistics/gamma.ts';
import { chiSquareHomogeneity, largestShareDifference } from '../statistics/statistics.ts';
import { chanceText, percentText } from '../types/number-text.ts';
import type { DetectionContext, DetectionLimit } from './check.ts';
import { smallestSeen } from './check.ts';
import { driftCheck, sideOf, sumOf } from './drift-check.ts';
import { markEvent } from './paired-events.ts';

/** Expected rows per class below which classes are taken together. */
const EXPECTED_MIN = 5;

/**
 * The largest change of a class's share, and how likely chance gives it, be it to a version that answers like its
 * baseline or to one whose class has changed by exactly the limit.
 */
export function mixOf(
  baseline: readonly number[], counts: readonly number[], worth: Worth, limit: number,
): { readonly difference: number; readonly chance: number } {
  const { effective } = worth;
  const samples = sumOf(counts);
  const rows = sumOf(baseline);
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

/** The share of one class in the baseline and in a window. */
interface ClassShare {
  readonly index: number;
  readonly name: string;
  readonly was: number;
  readonly is: number;
}

function sharesOf(names: readonly string[], baseline: readonly number[], counts: readonly number[]): ClassShare[] {
  const [rows, samples] = [sumOf(baseline), sumOf(counts)];
  return names.map((name, index) => ({ index, name, was: baseline[index]! / rows, is: counts[index]! / samples }));
}

const mostChanged = (shares: readonly ClassShare[]): ClassShare =>
  shares.reduce((a, b) => (Math.abs(b.is - b.was) > Math.abs(a.is - a.was) ? b : a));

// A class that takes from all others alike, or the most frequent one that gives to them: the harder of the two.
function mixDetected({ options, samples, reference }: DetectionContext): DetectionLimit {
  const { limit } = options.checks.class_mix;
  const counts = reference?.classes?.counts ?? null;
  if (counts === null) return { value: limit, text: `a class ${percentText(limit)} more or less frequent` };
  const rows = sumOf(counts);
  const largest = counts.indexOf(Math.max(...counts));
  const isSeen = (moved: number): boolean => {
    const others = 1 - counts[largest]! / rows;
    const now = counts.map((count, index) => {
      const part = index === largest ? -moved : others > 0 ? (moved * count) / rows / others : moved;
      return Math.max(0, (count / rows + part) * samples);
    });
    return moved > limit && mixOf(counts, now, { effective: samples }, limit).chance < options.chance;
  };
  const value = smallestSeen(limit, Math.max(limit, counts[largest]! / rows), isSeen);
  const name = reference?.classes?.names[largest];
  return {
    value,
    text: value === null
      ? `nothing: ${samples} answers do not show even that class "${name}" is gone`
      : `a class ${percentText(value)} more or less frequent`,
  };
}

export const classMix = driftCheck({
  name: 'class_mix', title: 'class mix', layer: 2, cause: 'drift', unit: 'share', subject: 'class mix',
  concerns: (reference) => (reference?.classes ?? null) !== null,
  limits: ({ checks }, reference) => ({
    limit: checks.class_mix.limit, names: [...(reference?.classes?.names ?? [])],
    baseline: [...(reference?.classes?.counts ?? [])],
  }),
  limitOf: ({ limit }) => limit,
  numbers: ({ totals }, { layout }) => ({ counts: totals(layout.classes) }),
  test: ({ baseline, limit, chance }) => ({
    exceedsLimit: ({ counts }) => largestShareDifference(baseline, counts) > limit,
    exceedsChance: (window) =>
      largestShareDifference(baseline, window.counts) > limit &&
      mixOf(baseline, window.counts, window, limit).chance < chance,
  }),
  measure: ({ baseline, names, limit, chance: chanceMax }, { counts, ...worth }) => {
    const { difference, chance } = mixOf(baseline, counts, worth, limit);
    const most = mostChanged(sharesOf(names, baseline, counts));
    const isOver = difference > limit;
    const text = `class ${most.name} has a share of ${percentText(most.is)} where the baseline has ` +
      `${percentText(most.was)}: the change is ${sideOf(isOver)} the limit of ${percentText(limit)}` +
      (isOver && chance < chanceMax ? `, chance ${chanceText(chance)}` : '');
    return { value: difference, limit, isOver, text };
  },
  histograms: ({ names, baseline, chance, rows }, window) => [{
    title: 'class mix', names: names.map((name) => `class ${name}`), baseline, window: window.counts, psi: 0, chance,
    worth: window, rows,
  }],
  detectionLimit: mixDetected,
  pairEvent: ({ names, baseline, limit }, { counts }, { own, twin }) => {
    const { index, name, was, is } = mostChanged(sharesOf(names, baseline, counts));
    const marksIn = (reference: Reference, slot: number) => ({ value, classIndex }: AnswerView): boolean =>
      (classSlotOf(reference, value, classIndex) === slot) === is > was;
    const isOwn = marksIn(own, index);
    // The twin's class of that name, which may have another number; what its baseline does not name is read as here,
    // and all that is not counted by itself is not the same to both.
    const ofTwin = index === names.length - 1 && own.classSlots.size < names.length
      ? -1 : twin.classes?.names.indexOf(name) ?? -1;
    return markEvent(limit / 2, isOwn, ofTwin < 0 ? isOwn : marksIn(twin, ofTwin));
  },
});
