// What pairs say of a failing check. Pure. Where there is a warm version before, the twin, everything that could lead
// to a rollback is decided by what both answer to the same questions, with tests that hold at every look:
//
//   the new version does worse on the same questions            version
//   it does, but the twin is proven worse in failures           twin: there is nothing to go back to
//   the twin does as badly, or answers the same                 inputs; of drifts: data
//   it does, on questions that the twin answers oddly too       inputs; of drifts: data
//   it does, and without one source it does not                 one_source
//   neither is shown yet                                        pairs: more of them are gathered, for a bounded time
//   neither is shown when that time is over                     failures by most of the pairs, drifts: unknown
//
// What was counted is stored, so that anybody can judge it again.
import type { z } from 'zod';
import { lnAbove, lnBelow, lnDiscordant, lnWorse } from '../pairs/e-processes.ts';
import { FAILED_MARGIN, LN_CLEAR, lnBlame, NON_FINITE_MARGIN } from '../pairs/pair-verdict.ts';
import type { Differences } from '../pairs/pair-schema.ts';
import type { Judged } from '../types/check-kinds.ts';
import { countedText, numberText, percentText } from '../types/number-text.ts';
import { levelsOf, objectionTo } from './paired-questions.ts';
import type { pairedChangesSchema, pairedFailuresSchema } from './findings-schema.ts';

/** What can blame a version: failures, answers that are not finite, equal ones, time, and the checks of drifts. */
export const METRICS = 11;

export type PairedFailures = z.infer<typeof pairedFailuresSchema>;
export type PairedChanges = z.infer<typeof pairedChangesSchema>;
type Waiting = Pick<PairedFailures, 'waitedMs' | 'waitMs'>;

const isOver = ({ waitedMs, waitMs }: Waiting): boolean => waitedMs >= waitMs;
const swapped = ({ plus, zero, minus }: Differences): Differences => ({ plus: minus, zero, minus: plus });
const NONE: Differences = { plus: 0, zero: 0, minus: 0 };

// Whether the twin is proven to do worse on questions that were drawn at random: nothing is won by going back to it.
function isTwinWorse(drawn: PairedFailures['drawn']): boolean {
  if (drawn === null) return false;
  const needed = lnBlame(METRICS, drawn.block);
  return lnWorse(swapped(drawn.failed), FAILED_MARGIN) >= needed ||
    lnWorse(swapped(drawn.nonFinite), NON_FINITE_MARGIN) >= needed;
}

function versionOrTwin(facts: Pick<PairedFailures, 'drawn' | 'twin'>, text: string): Judged {
  return isTwinWorse(facts.drawn)
    ? { blames: 'twin', text: `${text}; but version ${facts.twin} is worse on pairs` }
    : { blames: 'version', text };
}

/** Judges who is to blame for failures, or for answers that are not finite. */
export function judgePairedFailures(cause: 'failure' | 'output', facts: PairedFailures): Judged {
  const { version, twin, drawn, repeated } = facts;
  const [metric, margin] = cause === 'failure'
    ? ['failed', FAILED_MARGIN] as const
    : ['nonFinite', NON_FINITE_MARGIN] as const;
  const differences = drawn?.[metric] ?? NONE;
  const own = differences.plus + repeated.own;
  const shared = (drawn?.both[metric] ?? 0) + repeated.shared;
  // What the twin alone fails, and what did not fail again, speaks against nobody's being to blame.
  const bad = own + shared + differences.minus + repeated.passed;
  const needed = lnBlame(METRICS, drawn?.block ?? 0);
  const pairs = differences.plus + differences.zero + differences.minus;
  const text = `of ${bad} that went wrong version ${version} fails ${own} that version ${twin} answers, and both ` +
    `fail ${shared}; of ${countedText(pairs, 'question')} drawn at random ${differences.plus} and ` +
    `${differences.minus}`;
  if (lnWorse(differences, margin) >= needed || lnDiscordant(own, bad) >= needed) return versionOrTwin(facts, text);
  if (lnDiscordant(shared + differences.minus, bad) >= LN_CLEAR) {
    return { blames: 'inputs', text: `${text}: version ${twin} does no better` };
  }
  if (!isOver(facts)) return { blames: 'pairs', text: `${text}: more pairs are needed` };
  if (bad > 0 && own * 2 >= bad) return versionOrTwin(facts, `${text}; no more came in ${waited(facts)}`);
  return { blames: shared * 2 >= bad && bad > 0 ? 'inputs' : 'unknown', text: `${text}; no more in ${waited(facts)}` };
}

const waited = ({ waitedMs }: Waiting): string => `${numberText(waitedMs / 1e3)} s`;

/** Judges who is to blame for answers that drift, or that are all the same. */
export function judgePairedChanges(cause: 'drift' | 'constant', facts: PairedChanges): Judged {
  const { changes, episode } = facts;
  const needed = lnBlame(METRICS, episode);
  const rulings = changes.map((change) => {
    const levels = levelsOf(change.levels);
    const pairs = levels.reduce((sum, [, count]) => sum + count, 0);
    const mean = pairs === 0 ? 0 : levels.reduce((sum, [level, count]) => sum + level * count, 0) / pairs;
    const margin = Math.min(1, change.margin + Math.max(0, change.expected));
    const text = `${change.check} of the same ${countedText(pairs, 'question')} changes by ${percentText(mean)} of ` +
      `its range from version ${facts.twin} to ${facts.version} (margin ${percentText(margin)})`;
    // Beyond the whole range nothing can be shown.
    const isShown = margin < 1 && lnAbove(levels, margin) >= needed;
    const objection = isShown ? objectionTo(change, margin, needed, isOver(facts), facts.twin) : null;
    return {
      text: objection === null ? text : `${text}; ${objection.text}`,
      isOwn: isShown && objection === null, objection: objection?.kind ?? null,
      isCleared: margin >= 1 || lnBelow(levels, margin) >= LN_CLEAR,
    };
  });
  const text = rulings.map((one) => one.text).join(', ');
  if (rulings.some(({ isOwn }) => isOwn)) return versionOrTwin(facts, text);
  const objections = rulings.map(({ objection }) => objection);
  if (objections.includes('unusual')) return { blames: cause === 'constant' ? 'inputs' : 'data', text };
  if (objections.includes('one source')) return { blames: 'one_source', text };
  if (rulings.every(({ isCleared }) => isCleared)) {
    return cause === 'constant'
      ? { blames: 'inputs', text: `${text}: version ${facts.twin} does no better` }
      : { blames: 'data', text: `${text}: they answer alike, so the data moved` };
  }
  return isOver(facts)
    ? { blames: 'unknown', text: `${text}; ${waited(facts)} have not shown whose change it is` }
    : { blames: 'pairs', text: `${text}: more pairs are needed` };
}
