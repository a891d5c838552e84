// Is it the version that answers differently, or are the questions different? Pure. Before a rollback for drift, recent
// inputs are run through the failing version and the last good one:
//
//   the two answer alike                                   the data moved; a rollback would change nothing
//   they differ, the last good one answers as ever        the version
//   they differ, and the last good one has moved as well   the data, unless the failing version moved much further
//
// What was answered is stored, so that anybody can judge it again.
import type { z } from 'zod';
import { binsOf, countInBins } from '../statistics/bins.ts';
import { moments } from '../statistics/distribution.ts';
import type { Judged } from '../types/check-kinds.ts';
import type { attributionFactsSchema } from './findings-schema.ts';
import { jensenShannonDistance, largestShareDifference, populationStability } from '../statistics/statistics.ts';
import { disagree } from '../pairs/disagreement.ts';
import { normalDeviations } from '../statistics/noncentral.ts';
import { psiByChance } from '../statistics/chance.ts';
import { numberText, percentText } from '../types/number-text.ts';

/** Fewer answers to compare than this say nothing. */
const PAIRS_MIN = 50;
/** With fewer than this, what chance alone may explain is waited out instead of held against the version. */
const PAIRS_DECIDING = 100;
/** Population stability between the answers of two versions to the same inputs from which they differ. */
const PSI_DIFFERS = 0.25;
/** Share of the inputs on which two versions may disagree. */
const DISAGREE_SHARE = 0.25;
/** A version that moved this many times as far from its baseline as the last good one has reasons of its own. */
const MUCH_FURTHER = 4;
const CLASSES_MUCH_FURTHER = 2;
/** The last good version's answers have moved from this on, and when chance explains them less often than that. */
const PSI_MOVED = 0.125;
const MOVED_CHANCE = 1e-3;
const CLASS_SHARE_MOVED = 0.1;

export type AttributionFacts = z.infer<typeof attributionFactsSchema>;
type AnsweredFacts = Exclude<AttributionFacts, { paired: true }>;
export type Compared = Exclude<AnsweredFacts, { unavailable: string }>;

/** What comparing the answers gives. */
interface Comparison {
  readonly pairs: number;
  readonly disagreeing: number;
  /** Between the two versions' answers, on bins of the last good one's. */
  readonly psi: number;
  readonly distance: number;
  /** How far each version's answers have moved from its own baseline; null without one. */
  readonly moved: { readonly active: Moved | null; readonly good: Moved | null };
}
/** Answers compared with a baseline: PSI and the largest change of a class's share, and what chance allows of each. */
interface Moved {
  readonly psi: number;
  readonly limit: number;
  readonly classes: number;
  readonly classesLimit: number;
}

const finite = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

/** Compares the answers of the two versions. */
export function compareAnswers(facts: Compared): Comparison {
  const { active, good, usual } = facts;
  const goodValues = finite(good.values);
  const sorted = [...goodValues].sort((a, b) => a - b);
  const { standardDeviation } = moments(goodValues);
  const { edges, counts } = sorted.length === 0 ? { edges: [], counts: [0] } : binsOf(sorted, standardDeviation);
  const activeCounts = countInBins(edges, finite(active.values));
  let disagreeing = 0;
  for (let row = 0; row < active.values.length; row += 1) {
    if (disagrees(facts, row, standardDeviation)) disagreeing += 1;
  }
  return {
    pairs: active.values.length, disagreeing,
    psi: populationStability(counts, activeCounts),
    distance: jensenShannonDistance(counts, activeCounts),
    moved: { active: movedOf(active, usual.active, facts), good: movedOf(good, usual.good, facts) },
  };
}

function movedOf(
  answers: Compared['active'], usual: Compared['usual']['active'],
  { effective, distinct = Infinity }: Pick<Compared, 'effective' | 'distinct'>,
): Moved | null {
  if (usual === null) return null;
  const { edges, counts, rows, classCounts, labels } = usual;
  const values = finite(answers.values);
  // A question that is asked again has the answer that it had.
  const independent = Math.max(1, Math.min(values.length, effective ?? distinct));
  const now = countInBins(edges, values);
  const used = counts.filter((count, bin) => count + now[bin]! > 0).length;
  const classesNow = new Array<number>(classCounts?.length ?? 0).fill(0);
  const classOf = (label: number): number => {
    const found = labels!.indexOf(label);
    return found < 0 ? labels!.length : found;
  };
  for (const index of labels === undefined ? answers.classes : values.map(classOf)) {
    if (index >= 0 && index < classesNow.length) classesNow[index]! += 1;
  }
  // Four times the same question are one answer in a bin, and a bin that one question has missed is not four times as
  // empty. Records of earlier builds are judged as those judged them.
  const weight = effective === undefined || values.length === 0 ? 1 : independent / values.length;
  return {
    psi: populationStability(counts, now.map((count) => count * weight)),
    limit: Math.max(PSI_MOVED, psiByChance(MOVED_CHANCE, used, independent, rows)),
    classes: classCounts === null || values.length === 0 ? 0 : largestShareDifference(classCounts, classesNow),
    classesLimit: effective === undefined || classCounts === null
      ? CLASS_SHARE_MOVED : Math.max(CLASS_SHARE_MOVED, classesByChance(classCounts, independent)),
  };
}

// What chance gives the largest difference of a class's share: that of the class that varies most, for each of them.
function classesByChance(baseline: readonly number[], independent: number): number {
  const rows = baseline.reduce((sum, count) => sum + count, 0);
  const variances = baseline.map((count) => (count / rows) * (1 - count / rows));
  const sigmas = normalDeviations(MOVED_CHANCE / 2 / Math.max(1, baseline.length));
  return rows === 0 ? Infinity : sigmas * Math.sqrt(Math.max(...variances) * (1 / independent + 1 / rows));
}

function disagrees({ kind, active, good, cosines }: Compared, row: number, deviation: number): boolean {
  const left = active.values[row] ?? null;
  const right = good.values[row] ?? null;
  if (left === null || right === null) return left !== right;
  return disagree(
    kind, { value: left, classIndex: active.classes[row]! }, { value: right, classIndex: good.classes[row]! },
    { cosine: cosines === null ? null : cosines[row]!, sigma: deviation });
}

/** Judges who is to blame for answers that drift. */
export function judgeAttribution(facts: AnsweredFacts): Judged {
  if ('unavailable' in facts) {
    return { blames: 'unknown', text: `no recent inputs could be compared: ${facts.unavailable}` };
  }
  const { version, standby } = facts;
  const compared = compareAnswers(facts);
  const { pairs, disagreeing, psi, moved: { active, good } } = compared;
  if (pairs < PAIRS_MIN) {
    return { blames: 'unknown', text: `only ${pairs} recent inputs could be compared; wanted ${PAIRS_MIN}` };
  }
  const text = `versions ${standby} and ${version} disagree on ${disagreeing} of ${pairs} recent inputs ` +
    `(${percentText(disagreeing / pairs)}), PSI ${numberText(psi)} between their answers`;
  if (psi < PSI_DIFFERS && disagreeing < DISAGREE_SHARE * pairs) {
    return { blames: 'data', text: `${text}: they answer alike, so the data moved` };
  }
  if (good === null) return { blames: 'version', text };
  const own = `version ${standby} is PSI ${numberText(good.psi)} from its own baseline (chance gives up to ` +
    `${numberText(good.limit)})${active === null ? '' : `, version ${version} ${numberText(active.psi)} from its own`}`;
  if (hasMovedAlong(good, active)) return { blames: 'data', text: `${text}; ${own}: both moved, so the data did` };
  if (pairs < PAIRS_DECIDING && good.psi > PSI_MOVED && isAsFar(good, active)) {
    return { blames: 'unknown', text: `${text}; ${own}: too few inputs to tell whether both moved` };
  }
  return { blames: 'version', text: `${text}; ${own}` };
}

// Whether the last good version has moved too, and not much less far than the failing one.
function hasMovedAlong(good: Moved, active: Moved | null): boolean {
  const inShape = good.psi > good.limit && isAsFar(good, active);
  const inClasses =
    good.classes > good.classesLimit && good.classes * CLASSES_MUCH_FURTHER >= (active?.classes ?? 0);
  return inShape || inClasses;
}

const isAsFar = (good: Moved, active: Moved | null): boolean => good.psi * MUCH_FURTHER >= (active?.psi ?? 0);
