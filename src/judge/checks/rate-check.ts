// What all checks of a share have in common: failed, slow and non-finite answers. What is decided from is stored as
// evidence, so the same numbers give the same verdict later. A breach is "over the limit, and chance does not explain
// it" by the exact binomial tail at the limit. A breach fails the check when it is also
//   lasting    the short window was in breach at an earlier look, long enough before; a longer one needs no second look
//   spread out without its worst slots it would still be over the limit: one burst decides nothing
//   various    without the one input that fails most often it would still be over the limit
//   present    the shortest window that holds enough is over the limit too: what is over by now decides nothing
import type { z } from 'zod';
import type { JudgeOptions } from '../../options/judge-options.ts';
import { BinomialLimits, binomialUpperTail } from '../statistics/binomial.ts';
import type { CheckKind } from '../types/check-kinds.ts';
import type { CheckResult, CheckVerdict, HeldBack } from '../types/messages.ts';
import { chanceText, countedText, percentText, windowText, withheldText } from '../types/number-text.ts';
import type { FailedInputs } from '../window/failed-inputs.ts';
import type { SuiteObserver } from '../window/observer.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import type { Check, CheckEvidence, DetectionContext, DetectionLimit, Evaluation, EvidenceOf } from './check.ts';
import type { countsSchema, rateSchema, rateWindowSchema } from './evidence-schema.ts';

/** What is left of a breach without its worst slots, or its worst input, only has to be unlikely. */
const REST_CHANCE = 1e-3;
/** Slots of each window that a burst may fill without deciding anything: 20 and 30 s to 2 h of the day. */
const BURST_SLOTS = [4, 6, 3, 3, 4, 6, 8] as const;
/** The part of a window that lies between the two looks that the short one needs. */
const TWO_LOOKS_PART = 1 / 6;
/** A run of bad answers this many times the limit fails whatever was asked, one and the same question as well. */
const ANY_INPUT_FACTOR = 5;

type Counts = z.infer<typeof countsSchema>;
export type RateWindow = z.infer<typeof rateWindowSchema>;
export type RateEvidence = z.infer<typeof rateSchema>;
type RateName = Extract<CheckEvidence, { rate: unknown }>['check'];

export const twoLooksMsOf = ({ windowMs }: JudgeOptions): number => windowMs * TWO_LOOKS_PART;

/** What a rate check counts, and when that fails it. */
export interface Rate {
  /** Columns of the windows of requests. */
  readonly hits: number;
  readonly trials: number;
  readonly limit: number;
  readonly twoLooks: boolean;
  readonly spreadOut: boolean;
}

/** What one rate check says of itself. */
interface RateSpec<C extends RateName>
  extends CheckKind, Pick<Check<C>, 'name' | 'samplesMin' | 'detectionLimit' | 'pairEvent'> {
  /** What is not judged, in the sentence that says so. */
  readonly subject: string;
  /** What the counted requests did: "37 of 1184 requests …". */
  readonly verb: (evidence: EvidenceOf<C>) => string;
  readonly isShort?: boolean;
  readonly rate: (options: JudgeOptions) => Rate;
  /** Which inputs the hits had; null when nobody keeps them. */
  readonly hitInputs: (observer: SuiteObserver) => FailedInputs | null;
  /** What it is decided from besides. */
  readonly besides: (evaluation: Evaluation) => Omit<EvidenceOf<C>, 'check' | 'effect' | 'rate'>;
  /** Fails it whatever the share is, with a sentence; null when it does not. */
  readonly failsAtOnce?: (evidence: EvidenceOf<C>) => string | null;
  /** The value, the limit and the beginning of the sentence, where they are not those of the share. */
  readonly measure?: (
    evidence: EvidenceOf<C>, verdict: CheckVerdict,
  ) => { readonly value: number | null; readonly limit: number; readonly prefix: string };
}

export function rateCheck<C extends RateName>(spec: RateSpec<C>): Check<C> {
  return checkOf(spec as unknown as RateSpec<'error_rate'>) as unknown as Check<C>;
}

// One of them stands for all where only what they share is read.
function checkOf(spec: RateSpec<'error_rate'>): Check<'error_rate'> {
  const { name, title, layer, cause, unit, samplesMin, detectionLimit, pairEvent, isShort = false } = spec;
  const atOnce = (evidence: EvidenceOf<'error_rate'>): string | null => spec.failsAtOnce?.(evidence) ?? null;
  return {
    name, title, layer, cause, unit, samplesMin, detectionLimit, pairEvent, isShort, counts: 'requests',
    concerns: () => true, unjudged: () => null, histograms: () => [],
    evaluate: (evaluation, effect) => ({
      check: name, effect,
      rate: rateOf(evaluation, spec.rate(evaluation.options), {
        of: name, samplesMin: samplesMin(evaluation.options), isShort, hitInputs: spec.hitInputs(evaluation.observer),
      }),
      ...spec.besides(evaluation),
    }),
    verdictOf: (evidence) => (atOnce(evidence) === null ? decideRate(evidence.rate).verdict : 'fail'),
    decide: (evidence) => decide(spec, evidence, atOnce(evidence)),
  };
}

function decide(
  spec: RateSpec<'error_rate'>, evidence: EvidenceOf<'error_rate'>, atOnce: string | null,
): CheckResult {
  const { check, effect, rate } = evidence;
  const outcome = decideRate(rate);
  const { window, heldBack } = outcome;
  // A check that can fail at once tells its share however little there is of it.
  const isTold = window !== null && (outcome.verdict !== 'inconclusive' || spec.failsAtOnce !== undefined);
  const { value, limit, prefix } = spec.measure?.(evidence, outcome.verdict) ??
    { value: isTold ? shareOf(window) : null, limit: rate.limit, prefix: '' };
  return {
    check, effect, verdict: atOnce === null ? outcome.verdict : 'fail', value, limit,
    samples: window?.trials ?? 0, samplesMin: rate.samplesMin,
    ...(heldBack === null || atOnce !== null ? {} : { heldBack }),
    text: atOnce ?? prefix + rateText(outcome, rate, spec.verb(evidence), spec.subject),
  };
}

/** Counts a share in all windows; `of` names its breaches, so that they are told from those of others. */
export function rateOf(
  { observer, options, streaks, nowUs }: Evaluation, rate: Rate,
  { of, samplesMin, isShort = false, hitInputs = null }: {
    readonly of: string; readonly samplesMin: number; readonly isShort?: boolean;
    readonly hitInputs?: FailedInputs | null;
  },
): RateEvidence {
  const windows = observer.rates;
  const { limit, spreadOut } = rate;
  const evidence: RateEvidence = {
    limit, samplesMin, spreadOut, chance: options.chance,
    twoLooksMs: rate.twoLooks ? twoLooksMsOf(options) : 0, windows: [],
  };
  let trialsBefore = -1;
  for (let window = 0; window < (isShort ? 1 : WINDOW_FACTORS.length); window += 1) {
    const hits = windows.total(window, rate.hits);
    const trials = windows.total(window, rate.trials);
    // A longer window that holds nothing more says nothing more.
    if (trials === trialsBefore) continue;
    trialsBefore = trials;
    const counts = { hits, trials };
    const windowMs = options.windowMs * WINDOW_FACTORS[window]!;
    const breach = isBreach(counts, evidence);
    const first = streaks.note(of, window, breach, counts, nowUs);
    const judged: RateWindow = {
      hits, trials, windowMs, rest: counts, oneInput: 0,
      firstLook: first === null ? null : { ...first.first, agoMs: first.agoMs },
    };
    if (breach) {
      if (spreadOut) judged.rest = withoutBurst(windows.slots(window), rate, BURST_SLOTS[window]!);
      judged.oneInput = hitInputs?.mostOfOne(nowUs - windowMs * 1_000, counts.hits) ?? 0;
    }
    evidence.windows.push(judged);
  }
  return evidence;
}

function withoutBurst(slots: readonly Float64Array[], { hits, trials }: Rate, burst: number): Counts {
  const worstFirst = slots
    .map((slot) => ({ hits: slot[hits]!, trials: slot[trials]! }))
    .sort((a, b) => b.hits - a.hits);
  const rest = { hits: 0, trials: 0 };
  for (const slot of worstFirst.slice(burst)) {
    rest.hits += slot.hits;
    rest.trials += slot.trials;
  }
  return rest;
}

interface RateOutcome {
  readonly verdict: CheckVerdict;
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
  const outcome = (verdict: CheckVerdict, window: RateWindow | undefined): RateOutcome => ({
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

// What was counted: "37 of 1184 requests failed (3.13 %) in 60 s".
function rateText(outcome: RateOutcome, { limit, samplesMin }: RateEvidence, verb: string, subject: string): string {
  const { verdict, window, tail, heldBack } = outcome;
  const held = window === null ? 0 : window.trials;
  if (window === null || verdict === 'inconclusive') {
    return `${subject} is not judged yet: ${held} of ${countedText(samplesMin, 'request')}, ` +
      `${Math.max(0, samplesMin - held)} more needed`;
  }
  const share = shareOf(window);
  const side = share > limit ? 'over' : 'within';
  const reason = verdict === 'fail' ? `, chance ${chanceText(tail)}` : withheldText(heldBack);
  return `${window.hits} of ${countedText(window.trials, 'request')} ${verb} in ${windowText(window.windowMs)}: ` +
    `${percentText(share, limit)} is ${side} the limit of ${percentText(limit)}${reason}`;
}

/** The sentence of a run of bad requests that is too long, whatever their share is; null when it is not. */
export function longRunText(
  { run, runLimit }: Pick<EvidenceOf<'hard_failure' | 'non_finite'>, 'run' | 'runLimit'>, verb: string,
): string | null {
  if (run.inputs < runLimit && run.length < runLimit * ANY_INPUT_FACTOR) return null;
  return `${countedText(run.length, 'request')} in a row ${verb}; the limit is ${runLimit}`;
}

/** The smallest share that is told from one at the limit. */
export function shareDetected(limit: number, { options, samples }: DetectionContext, verb: string): DetectionLimit {
  const hits = new BinomialLimits(limit, options.chance).hitsNeeded(samples);
  return hits > samples
    ? { value: null, text: `nothing: ${samples} requests decide no limit of ${percentText(limit)}` }
    : { value: hits / samples, text: `${percentText(hits / samples)} ${verb} (limit ${percentText(limit)})` };
}

/** The same, or a run that fails at once. */
export function runDetected(
  { run, limit }: { readonly run: number; readonly limit: number }, context: DetectionContext, verb: string,
): DetectionLimit {
  const { value, text } = shareDetected(limit, context, verb);
  return { value, text: value === null ? `${run} in a row ${verb}` : `${run} in a row ${verb}, or ${text}` };
}
