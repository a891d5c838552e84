// Decides about shares: failed, slow and non-finite answers. Pure; what it is given is stored as evidence, so the same
// numbers give the same verdict later. A breach is "over the limit, and chance does not explain it" by the exact
// binomial tail at the limit. A breach fails the check when it is also
//   lasting    the short window was in breach at an earlier look, long enough before; a longer one needs no second look
//   spread out without its worst slots it would still be over the limit: one burst decides nothing
//   various    without the one input that fails most often it would still be over the limit
//   present    the shortest window that holds enough is over the limit too: what is over by now decides nothing
import type { z } from 'zod';
import { binomialUpperTail } from '../statistics/binomial.ts';
import type { HeldBack } from '../types/messages.ts';
import { countText, percentText } from '../types/number-text.ts';
import type { countsSchema, rateSchema, rateWindowSchema } from './evidence-schema.ts';

/** What is left of a breach without its worst slots, or its worst input, only has to be unlikely. */
export const REST_CHANCE = 1e-3;

export type Counts = z.infer<typeof countsSchema>;
export type RateWindow = z.infer<typeof rateWindowSchema>;
export type RateEvidence = z.infer<typeof rateSchema>;

export interface RateOutcome {
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /** The window that failed, or else the shortest that holds enough, or else the longest. */
  readonly window: RateWindow | null;
  /** P(at least so many hits) if the true share were the limit. */
  readonly tail: number;
  /** Why the window passes although it is over the limit; null when it is not, or fails. */
  readonly heldBack: HeldBack | null;
}

export const shareOf = ({ hits, trials }: Counts): number => (trials === 0 ? 0 : hits / trials);

/** How likely chance gives so many hits or more at exactly the limit. */
export function tailOf({ hits, trials }: Counts, limit: number): number {
  return limit >= 1 ? 1 : binomialUpperTail(hits, trials, limit);
}

/** Tells whether a share is over its limit by more than chance explains. */
export function isBreach(counts: Counts, { limit, samplesMin, chance }: Omit<RateEvidence, 'windows'>): boolean {
  return counts.trials >= samplesMin && shareOf(counts) > limit && tailOf(counts, limit) <= chance;
}

/** Decides by all windows, the shortest first. */
export function decideRate(evidence: RateEvidence): RateOutcome {
  const { windows, limit, samplesMin } = evidence;
  const judged = windows.filter(({ trials }) => trials >= samplesMin);
  const shortest = judged[0];
  const outcome = (verdict: RateOutcome['verdict'], window: RateWindow | undefined): RateOutcome => ({
    verdict, window: window ?? null, tail: window === undefined ? 1 : tailOf(window, limit),
    heldBack: verdict === 'pass' && window !== undefined ? heldBackOf(window, evidence) : null,
  });
  if (shortest === undefined) return outcome('inconclusive', windows.at(-1));
  const failing = judged.find((window) =>
    isBreach(window, evidence) && isLasting(window, evidence) && isSpreadOut(window, evidence) &&
    isVarious(window, evidence) && shareOf(shortest) > limit);
  return failing === undefined ? outcome('pass', shortest) : outcome('fail', failing);
}

function heldBackOf(window: RateWindow, evidence: RateEvidence): HeldBack | null {
  if (shareOf(window) <= evidence.limit) return null;
  if (!isBreach(window, evidence)) return 'chance';
  if (!isSpreadOut(window, evidence)) return 'burst';
  return isVarious(window, evidence) ? 'looks' : 'one_input';
}

function isLasting(window: RateWindow, evidence: RateEvidence): boolean {
  if (evidence.twoLooksMs === 0 || window !== evidence.windows[0]) return true;
  const { firstLook } = window;
  return firstLook !== null && firstLook.agoMs >= evidence.twoLooksMs && isBreach(firstLook, evidence);
}

function isSpreadOut({ rest }: RateWindow, { spreadOut, limit }: RateEvidence): boolean {
  return !spreadOut || isUnlikely(rest, limit);
}

function isVarious({ hits, trials, oneInput }: RateWindow, { limit }: RateEvidence): boolean {
  return oneInput === 0 || isUnlikely({ hits: hits - oneInput, trials: trials - oneInput }, limit);
}

const isUnlikely = (counts: Counts, limit: number): boolean =>
  counts.trials > 0 && shareOf(counts) > limit && tailOf(counts, limit) <= REST_CHANCE;

/** Below this a tail may have come out as nothing. */
const CHANCE_SHOWN_MIN = 1e-300;

/** Writes a probability with the digits it deserves. */
export function chanceText(chance: number): string {
  if (chance < CHANCE_SHOWN_MIN) return `below ${CHANCE_SHOWN_MIN}`;
  return chance >= 0.01 ? percentText(chance) : chance.toExponential(0);
}

/** Writes a window's length. */
export function windowText(windowMs: number): string {
  return windowMs % 3_600_000 === 0 ? `${windowMs / 3_600_000} h` : `${windowMs / 1_000} s`;
}

const HELD_BACK_TEXTS: Readonly<Record<HeldBack, string>> = {
  looks: ', not for long enough yet (1 of 2 looks)',
  chance: ', which chance explains',
  burst: ', but only in one burst so far',
  one_input: ', but only for one input so far',
};

/** Continues a sentence about a value over its limit with why that is no failure. */
export const heldBackText = (heldBack: HeldBack | null): string =>
  (heldBack === null ? '' : HELD_BACK_TEXTS[heldBack]);

/** Writes what was counted: "37 of 1184 requests failed (3.13 %) in 60 s". */
export function rateText(
  outcome: RateOutcome, { limit, samplesMin }: RateEvidence, what: string, noun: string,
): string {
  const { verdict, window, tail, heldBack } = outcome;
  const held = window === null ? 0 : window.trials;
  if (window === null || verdict === 'inconclusive') {
    return `${noun} is not judged yet: ${held} of ${countText(samplesMin, 'request')}, ` +
      `${Math.max(0, samplesMin - held)} more needed`;
  }
  const share = shareOf(window);
  const side = share > limit ? 'over' : 'within';
  const reason = verdict === 'fail' ? `, chance ${chanceText(tail)}` : heldBackText(heldBack);
  return `${window.hits} of ${countText(window.trials, 'request')} ${what} in ${windowText(window.windowMs)}: ` +
    `${percentText(share, limit)} is ${side} the limit of ${percentText(limit)}${reason}`;
}
