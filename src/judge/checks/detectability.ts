// What judging costs and what it can see, for people: per check the smallest fault that is told from chance at the
// given traffic, what it still waits for and how long, and the false-alarm budget of all. Pure.
import { INPUT_PAUSE_US_MIN } from '../../options/judge-constants.ts';
import type { CheckName, JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Reference } from '../baseline/reference.ts';
import { referenceOf } from '../baseline/reference.ts';
import type { CheckResult } from '../types/messages.ts';
import { countedText, numberText, windowText } from '../types/number-text.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import { CHECKS_IN_ORDER } from './table.ts';

const SECONDS_A_DAY = 86_400;
/** The window that faults are told for when it holds enough: five short ones. */
const USUAL_WINDOW = 1;
type AnyCheck = (typeof CHECKS_IN_ORDER)[number];

/** What one check can see. */
export interface Sight {
  readonly check: CheckName;
  /** The smallest fault in the check's unit; null when this traffic shows none. */
  readonly smallest: number | null;
  /** The fault in words, or why there is none. */
  readonly text: string;
  /** It is told for so many samples, those of a window of this length; null when no window holds enough. */
  readonly samples: number;
  readonly windowMs: number | null;
  /** Samples that are missing before anything is decided, and how long they take; null when they never come. */
  readonly missing: number;
  readonly waitMs: number | null;
}
export interface Sights {
  /** Requests a second that the figures are told for, and where that number comes from. */
  readonly perSecond: number;
  readonly traffic: 'observed' | 'expected' | 'none';
  readonly checks: readonly Sight[];
}

/** What comes in: requests that speak of the version, predictions, and kept rows of inputs a second. */
export interface Traffic {
  readonly requests: number;
  readonly predictions: number;
  readonly inputs: number;
}

const isOn = ({ name }: AnyCheck, { checks }: JudgeOptions): boolean => checks[name].mode !== 'off';

/**
 * Tells for every check what it sees. `results` are those of the newest look, as far as there was one. Empty for
 * compat, whose limits know nothing of chance.
 */
export function sightsOf(
  options: JudgeOptions, baseline: Baseline | null, traffic: Traffic, results: readonly CheckResult[],
): Sight[] {
  if (options.mode === 'compat') return [];
  const reference = referenceOf(baseline);
  return CHECKS_IN_ORDER.filter((check) => isOn(check, options) && check.concerns(reference)).map((check) => {
    const unjudged = check.unjudged(reference);
    if (unjudged === null) {
      return sightOf(check, { options, baseline, reference, perSecond: traffic[check.counts] }, results);
    }
    const text = `nothing: ${unjudged}`;
    return { check: check.name, smallest: null, text, samples: 0, windowMs: null, missing: 0, waitMs: null };
  });
}

interface SightContext {
  readonly options: JudgeOptions;
  readonly baseline: Baseline | null;
  readonly reference: Reference | null;
  readonly perSecond: number;
}

function sightOf(check: AnyCheck, context: SightContext, results: readonly CheckResult[]): Sight {
  const { options, perSecond } = context;
  const samplesMin = check.samplesMin(options);
  const lengthMs = (window: number): number => options.windowMs * WINDOW_FACTORS[window]!;
  const heldBy = (window: number): number => Math.floor((perSecond * lengthMs(window)) / 1_000);
  const windows = check.isShort ? [0] : WINDOW_FACTORS.map((_, window) => window).slice(USUAL_WINDOW);
  const window = windows.find((one) => heldBy(one) >= Math.max(1, samplesMin));
  const samples = heldBy(window ?? windows.at(-1)!);
  const result = results.find((one) => one.check === check.name);
  const missing = samplesMin === 0 ? 0 : Math.max(0, samplesMin - (result?.samples ?? 0));
  const waitMs = missing === 0 ? 0 : window === undefined ? null : (missing / perSecond) * 1_000;
  const base = { check: check.name, samples, missing, waitMs };
  if (window === undefined && samplesMin > 0) {
    const held = `${windowText(lengthMs(windows.at(-1)!))} hold ${samples} of ${samplesMin}`;
    const text = perSecond === 0 ? 'nothing while nothing comes in' : `nothing: ${held} samples`;
    return { ...base, smallest: null, text, windowMs: null };
  }
  const { value, text } = check.detectionLimit({ ...context, samples });
  // A run of equal answers is as long as it is, in whatever time.
  const windowMs = samplesMin === 0 ? null : lengthMs(window!);
  return { ...base, smallest: value, text, windowMs };
}

/** Says what a check waits for: "needs 137 more samples, about 4 min at 0.6/s"; empty when it waits for nothing. */
export function waitText({ missing, waitMs }: Pick<Sight, 'missing' | 'waitMs'>, perSecond: number): string {
  if (missing === 0) return '';
  const needs = `needs ${countedText(missing, 'more sample')}`;
  if (perSecond === 0) return `${needs}; nothing comes in now`;
  return waitMs === null
    ? `${needs}: more than the longest window ever holds at ${numberText(perSecond)}/s`
    : `${needs}, about ${aboutText(waitMs)} at ${numberText(perSecond)}/s`;
}

function aboutText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

/** For the log at start: one sentence each, for a version with a large baseline; nothing for compat. */
export function priceOf(options: JudgeOptions, perSecond: number): string[] {
  if (options.mode === 'compat') return [];
  const looksADay = Math.round((SECONDS_A_DAY * 1_000) / options.lookMs);
  const traffic = { requests: perSecond, predictions: perSecond, inputs: keptPerSecond(perSecond) };
  const seen = (checks: readonly AnyCheck[]): string => checks.map((check) => {
    const about = { options, baseline: null, reference: null, perSecond: traffic[check.counts] };
    return `${check.title}: ${sightOf(check, about, []).text}`;
  }).join('; ');
  const on = CHECKS_IN_ORDER.filter((check) => isOn(check, options));
  const compared = on.filter(({ counts }) => counts !== 'requests');
  return [
    `chance may explain a breach with ${options.chance} per look and check for a version exactly at a limit ` +
      `(${looksADay} looks a day, which share nearly all of their samples), and far less below it`,
    `the smallest faults seen at ${numberText(perSecond)}/s. ${seen(on.filter((check) => !compared.includes(check)))}`,
    `and against a large baseline. ${seen(compared)} (lastgood status MODEL tells them for its own)`,
  ];
}

/** Rows of inputs that one worker keeps a second of so many, soon after a version began to serve. */
export const keptPerSecond = (perSecond: number): number => Math.min(perSecond, 1e6 / INPUT_PAUSE_US_MIN);
