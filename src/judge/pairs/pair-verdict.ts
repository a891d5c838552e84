// What follows from pairs: is the version worse than its twin, or shown not to be, and does it answer differently?
// Pure. Every answer is computed from the counts alone, by tests that hold whoever looks, and however often. Worse is
// worse; different is not: a new version is there to answer differently. So disagreement is told; over what is expected
// of the version it counts against it.
import { numberText, percentText } from '../types/number-text.ts';
import { lnNotWorse, lnOver, lnWorse, shareInterval } from './e-processes.ts';
import { CLASS_DISAGREE_MARGIN, disagreeMargin } from './expectation.ts';
import type { Disagreement, PairExpectation, PairFacts } from './pair-schema.ts';

/** The error that all metrics and blocks together may make: of blaming, and of clearing. */
const ALPHA = 1e-3;
const BETA = 1e-2;
/** Metrics: failures and answers that are not finite can blame; all answers and those of one class tell. */
const METRICS = 4;
/** What a version may do worse by, as a share of the pairs. */
export const FAILED_MARGIN = 0.005;
export const NON_FINITE_MARGIN = 0.001;
/** Of the interval that is shown. */
const SHOWN_ALPHA = 0.05;

/** What a metric's pairs have shown so far. */
type MetricStanding = 'worse' | 'not worse' | 'open';

/** More pairs differ than was expected, or than nobody announced. */
export interface Disagrees {
  /** The twin's class whose pairs these are; null for all. */
  readonly classIndex: number | null;
  /** Whose expectation it is over; null where nothing was expected, and then it is only told. */
  readonly over: PairExpectation['source'] | null;
  /** The source without whose pairs it is not shown; null where the others show it too, or nobody else asks. */
  readonly oneSource: string | null;
  readonly text: string;
}

interface PairVerdict {
  readonly failed: MetricStanding;
  readonly nonFinite: MetricStanding;
  /** Null when not, or not yet. */
  readonly disagrees: Disagrees | null;
  /** Share of the pairs in which both answer alike, with an interval that holds at every look; null without any. */
  readonly agreement: { readonly share: number; readonly low: number; readonly high: number } | null;
  /** A sentence without a full stop. */
  readonly text: string;
}

/** The counts and what follows from them. */
export interface PairStanding {
  /** Of the version whose answers they are. */
  readonly generation: number;
  readonly facts: PairFacts;
  readonly verdict: PairVerdict;
}

/**
 * The logarithm that blames a version, of so many metrics, in a block or an episode from 0. Half of the error is spent
 * in the first, a quarter in the second, …: all of them together stay below it.
 */
export const lnBlame = (metrics: number, block: number): number => Math.log(metrics / ALPHA) + (block + 1) * Math.LN2;

/** The logarithm that clears it. */
export const LN_CLEAR = Math.log(1 / BETA);

/** Judges the counts of the block under way. */
export function judgePairs(facts: PairFacts): PairVerdict {
  const { version, twin, pairs, failed, nonFinite, disagreement, block } = facts;
  const blame = lnBlame(METRICS, block);
  const standingOf = (counts: PairFacts['failed'], margin: number): MetricStanding => {
    if (lnWorse(counts, margin) >= blame) return 'worse';
    return lnNotWorse(counts, margin) >= LN_CLEAR ? 'not worse' : 'open';
  };
  const agreement = disagreement === null ? null : agreementOf(disagreement);
  const agree = agreement === null ? '' : `, they agree on ${percentText(agreement.share)} ` +
    `(${percentText(agreement.low)} to ${percentText(agreement.high)})`;
  return {
    failed: standingOf(failed, FAILED_MARGIN), nonFinite: standingOf(nonFinite, NON_FINITE_MARGIN),
    disagrees: disagreesOf(facts, blame), agreement,
    text: `${pairs} ${pairs === 1 ? 'question' : 'questions'} to versions ${version} and ${twin}${agree}`,
  };
}

function agreementOf({ hits, pairs }: Disagreement): NonNullable<PairVerdict['agreement']> {
  const { low, high } = shareInterval(pairs - hits, pairs, SHOWN_ALPHA);
  return { share: (pairs - hits) / pairs, low, high };
}

function disagreesOf(facts: PairFacts, blame: number): Disagrees | null {
  const { version, twin, kind, disagreement, classes, expectation = null } = facts;
  if (disagreement === null) return null;
  const over = expectation?.source ?? null;
  const change = expectation?.change ?? disagreeMargin(kind);
  const allowedText = (share: number): string => (expectation === null ? '' : `; ${percentText(share)} at most ` +
    (over === 'declared' ? 'were declared' : 'follow from the validation rows'));
  if (lnOver(disagreement.hits, disagreement.pairs, change) >= blame) {
    const oneSource = oneSourceOf(facts, null, change, blame);
    return {
      classIndex: null, over, oneSource,
      text: `versions ${version} and ${twin} answer ${disagreement.hits} of ${disagreement.pairs} questions ` +
        `differently (${percentText(disagreement.hits / disagreement.pairs)})${allowedText(change)}` +
        withoutText(oneSource),
    };
  }
  // Each class is a further chance to err.
  const needed = blame + Math.log(Math.max(1, classes.length));
  const worst = classes
    .map((one) => ({ ...one, change: classChange(expectation, one.classIndex) }))
    .map((one) => ({ ...one, ln: lnOver(one.hits, one.pairs, one.change) }))
    .reduce<{ ln: number; classIndex: number; hits: number; pairs: number; change: number } | null>(
      (most, one) => (most === null || one.ln > most.ln ? one : most), null);
  if (worst === null || worst.ln < needed) return null;
  const oneSource = oneSourceOf(facts, worst.classIndex, worst.change, needed);
  return {
    classIndex: worst.classIndex, over, oneSource,
    text: `version ${version} answers ${worst.hits} of ${worst.pairs} questions differently that version ${twin} ` +
      `answers with class ${numberText(worst.classIndex)}${allowedText(worst.change)}${withoutText(oneSource)}`,
  };
}

const withoutText = (source: string | null): string =>
  (source === null ? '' : `; without those of source ${source} it is not shown`);

// Whether what is left without the source in whose pairs most differ does not show it. One that asks alone decides.
function oneSourceOf(
  { heaviest, disagreement, classes }: PairFacts, classIndex: number | null, change: number, needed: number,
): string | null {
  if (heaviest === null || heaviest === undefined || disagreement === null) return null;
  const isOne = (one: { readonly classIndex: number }): boolean => one.classIndex === classIndex;
  const all = classIndex === null ? disagreement : classes.find(isOne);
  const own = classIndex === null ? heaviest : heaviest.classes.find(isOne);
  if (disagreement.pairs === heaviest.pairs || all === undefined || own === undefined) return null;
  return lnOver(all.hits - own.hits, all.pairs - own.pairs, change) >= needed ? null : heaviest.source;
}

// Where nothing is expected of a class it may change altogether, within what may change in all.
function classChange(expectation: PairExpectation | null, classIndex: number): number {
  if (expectation === null) return CLASS_DISAGREE_MARGIN;
  const { classes, otherClasses } = expectation;
  return classes.find((one) => one.classIndex === classIndex)?.change ?? otherClasses ?? 1;
}
