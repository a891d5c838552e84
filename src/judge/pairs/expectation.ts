// How much a version may answer otherwise than its twin before that counts against it: what an operator declared, or
// what both answered to known questions, and a margin. Pure.
//
//   declared same      2 % of the pairs, and 25 % of those of any class: an export, a quantisation, another runtime
//   declared change=P  P % of the pairs; of single classes nothing is known
//   measured           the highest share that the known answers leave possible, and what a new version may change
import type { ExpectedChange, Expectations } from '../../domain/known-answers.ts';
import { expectOf } from '../../domain/known-answers.ts';
import type { OutputKind, VersionRecord } from '../../domain/records.ts';
import { percentText } from '../types/number-text.ts';
import { shareInterval } from './e-processes.ts';
import type { PairExpectation, PairFacts } from './pair-schema.ts';

const SAME_MARGIN = 0.02;
/** Classes whose changes are kept: those that the twin answers most often. */
const CLASSES_MAX = 32;
/** Of one class of the twin's, so that a rare one that is lost is seen. */
export const CLASS_DISAGREE_MARGIN = 0.25;
/** Pairs that may differ where nobody announced more: numbers of a retrained version move further than its classes. */
const NUMBERS_MARGIN = 0.25;
const OTHERS_MARGIN = 0.1;
/** Of the interval of the share that was measured. */
const MEASURED_ALPHA = 0.05;

/** What a new version may answer otherwise although nobody announced it, as a share of the pairs. */
export const disagreeMargin = (kind: OutputKind): number =>
  (kind === 'regression' || kind === 'scalar' ? NUMBERS_MARGIN : OTHERS_MARGIN);

/** What is expected of a version beside this twin; null when nobody knows. What an operator declared comes first. */
export function pairExpectation(
  { expect, expected, outputKind }: Expectations & Pick<VersionRecord, 'outputKind'>, twin: string,
): PairExpectation | null {
  const declared = expect === undefined ? null : expectOf(expect);
  if (declared !== null) {
    return declared.percent === null
      ? { source: 'declared', change: SAME_MARGIN, classes: [], otherClasses: CLASS_DISAGREE_MARGIN }
      : { source: 'declared', change: declared.percent / 100, classes: [], otherClasses: null };
  }
  if (expected === undefined || expected.against !== twin || expected.compared === 0) return null;
  return {
    source: 'validation', change: allowed(expected, disagreeMargin(outputKind)),
    classes: expected.classes.map(({ classIndex, ...counts }) =>
      ({ classIndex, change: allowed(counts, CLASS_DISAGREE_MARGIN) })),
    otherClasses: null,
  };
}

/** What follows from the pairs of known questions, `unanswered` of which only the version has no answer to. */
export function measuredChange(
  { twin, pairs: rows, disagreement, classes }: PairFacts, unanswered: number, distance: ExpectedChange['distance'],
): Omit<ExpectedChange, 'atMs'> {
  return {
    against: twin, rows, unanswered, compared: disagreement?.pairs ?? 0, differing: disagreement?.hits ?? 0,
    classes: [...classes].sort((a, b) => b.pairs - a.pairs).slice(0, CLASSES_MAX)
      .map(({ classIndex, pairs, hits }) => ({ classIndex, compared: pairs, differing: hits })),
    distance,
  };
}

type Counts = Pick<ExpectedChange, 'compared' | 'differing'>;

const intervalOf = ({ compared, differing }: Counts): ReturnType<typeof shareInterval> =>
  shareInterval(differing, compared, MEASURED_ALPHA);

const allowed = (counts: Counts, margin: number): number => Math.min(1, intervalOf(counts).high + margin);

/** What a person has to know of what was measured: a large change that nobody declared, or failures. */
export function expectationWarnings(
  { expect, expected, outputKind }: Expectations & Pick<VersionRecord, 'outputKind'>,
): string[] {
  if (expected === undefined) return [];
  const { against, rows, unanswered, compared } = expected;
  const limit = pairExpectation({ ...(expect !== undefined && { expect }), outputKind }, against)?.change;
  const isLarge = compared > 0 && intervalOf(expected).low > (limit ?? disagreeMargin(outputKind));
  const declared = limit === undefined ? '' : `; ${percentText(limit)} at most were declared (--expect ${expect!})`;
  return [
    ...(isLarge ? [`${expectedText(expected)}${declared}`] : []),
    ...(unanswered > 0
      ? [`it does not answer ${unanswered} of ${rows} validation rows that version "${against}" answers`]
      : []),
  ];
}

/** What is expected of a version, in a sentence without a full stop; null when nobody knows. */
export function expectationText(
  { expect, expected, outputKind }: Expectations & Pick<VersionRecord, 'outputKind'>,
): string | null {
  const known = { ...(expect !== undefined && { expect }), ...(expected !== undefined && { expected }), outputKind };
  const limit = pairExpectation(known, expected?.against ?? '');
  const declared = expect === undefined ? [] : [`declared as ${expect}`];
  const measured = expected === undefined ? [] : [expectedText(expected)];
  const limits = limit === null ? [] : [`${percentText(limit.change)} at most in service`];
  return expect === undefined && expected === undefined ? null : [...declared, ...measured, ...limits].join('; ');
}

/** What was measured, in a sentence without a full stop. */
function expectedText({ against, compared, differing }: ExpectedChange): string {
  return compared === 0
    ? `its answers to the validation rows cannot be compared with those of version "${against}"`
    : `answers differ from version "${against}" on ${percentText(differing / compared)} of the ${compared} ` +
      'validation rows';
}
