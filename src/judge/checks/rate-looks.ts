// Builds what the checks of failures, latencies and non-finite answers are decided from, out of an observer. Monitor
// thread; called at looks.
import { SLOW_SHARE } from '../../options/check-names.ts';
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { CheckEffect } from '../types/check-kinds.ts';
import { RATE } from '../baseline/columns.ts';
import type { EvidenceOf } from './evidence.ts';
import type { FailedInputs } from '../window/failed-inputs.ts';
import type { SuiteObserver } from '../window/observer.ts';
import type { RateEvidence, RateWindow } from './rate-check.ts';
import { isBreach } from './rate-check.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import type { Streaks } from '../window/streaks.ts';

/** Slots of each window that a burst may fill without deciding anything: 20 and 30 s to 2 h of the day. */
const BURST_SLOTS = [4, 6, 3, 3, 4, 6, 8] as const;
/** The part of a window that lies between the two looks that the short one needs. */
const TWO_LOOKS_PART = 1 / 6;

export const twoLooksMsOf = ({ windowMs }: JudgeOptions): number => windowMs * TWO_LOOKS_PART;

/** What a rate check counts. */
interface Rate {
  readonly name: string;
  readonly hits: number;
  readonly trials: number;
  readonly limit: number;
  readonly samplesMin: number;
  /** How many windows are looked at, the shortest first. */
  readonly windows: number;
  readonly twoLooks: boolean;
  readonly spreadOut: boolean;
  readonly failed: FailedInputs | null;
}

/** One look at one generation. */
export interface LookContext {
  readonly observer: SuiteObserver;
  readonly options: JudgeOptions;
  readonly streaks: Streaks;
  readonly nowUs: number;
}

function rateOf({ observer, options, streaks, nowUs }: LookContext, rate: Rate): RateEvidence {
  const windows = observer.rates;
  const { limit, samplesMin, spreadOut } = rate;
  const evidence: RateEvidence = {
    limit, samplesMin, spreadOut, chance: options.chance,
    twoLooksMs: rate.twoLooks ? twoLooksMsOf(options) : 0, windows: [],
  };
  let trialsBefore = -1;
  for (let window = 0; window < rate.windows; window += 1) {
    const hits = windows.total(window, rate.hits);
    const trials = windows.total(window, rate.trials);
    // A longer window that holds nothing more says nothing more.
    if (trials === trialsBefore) continue;
    trialsBefore = trials;
    const counts = { hits, trials };
    const windowMs = options.windowMs * WINDOW_FACTORS[window]!;
    const breach = isBreach(counts, evidence);
    const first = streaks.note(rate.name, window, breach, counts, nowUs);
    const judged: RateWindow = {
      hits, trials, windowMs, rest: counts, oneInput: 0,
      firstLook: first === null ? null : { ...first.first, agoMs: first.agoMs },
    };
    if (breach) {
      if (spreadOut) judged.rest = withoutBurst(windows.slots(window), rate, BURST_SLOTS[window]!);
      judged.oneInput = rate.failed?.mostOfOne(nowUs - windowMs * 1_000, counts.hits) ?? 0;
    }
    evidence.windows.push(judged);
  }
  return evidence;
}

function withoutBurst(
  slots: readonly Float64Array[], { hits, trials }: Rate, burst: number,
): { hits: number; trials: number } {
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

export function hardFailure(look: LookContext, effect: CheckEffect): EvidenceOf<'hard_failure'> {
  const { run, limit } = look.options.checks.hard_failure;
  const rate = rateOf(look, {
    name: 'hard_failure', hits: RATE.errors, trials: RATE.requests, limit, samplesMin: Math.min(run, 10),
    windows: 1, twoLooks: false, spreadOut: false, failed: look.observer.failures,
  });
  return { check: 'hard_failure', effect, run: { ...look.observer.errorRun }, runLimit: run, rate };
}

export function errorRate(look: LookContext, effect: CheckEffect): EvidenceOf<'error_rate'> {
  const { errorRateLimit: limit, samplesMin } = look.options;
  const rate = rateOf(look, {
    name: 'error_rate', hits: RATE.errors, trials: RATE.requests, limit, samplesMin,
    windows: WINDOW_FACTORS.length, twoLooks: true, spreadOut: true, failed: look.observer.failures,
  });
  return { check: 'error_rate', effect, rate };
}

export function nonFinite(look: LookContext, effect: CheckEffect): EvidenceOf<'non_finite'> {
  const { run, limit } = look.options.checks.non_finite;
  const rate = rateOf(look, {
    name: 'non_finite', hits: RATE.nonFinite, trials: RATE.answers, limit, samplesMin: 1,
    windows: WINDOW_FACTORS.length, twoLooks: false, spreadOut: false, failed: look.observer.nonFinites,
  });
  return { check: 'non_finite', effect, run: { ...look.observer.nonFiniteRun }, runLimit: run, rate };
}

export function p95Latency(
  look: LookContext, effect: CheckEffect, p95Ms: number | null,
): EvidenceOf<'p95_latency'> {
  const { p95LimitMs, samplesMin } = look.options;
  const rate = rateOf(look, {
    name: 'p95_latency', hits: RATE.slow, trials: RATE.timed, limit: SLOW_SHARE, samplesMin,
    windows: WINDOW_FACTORS.length, twoLooks: true, spreadOut: true, failed: null,
  });
  return { check: 'p95_latency', effect, rate, limitMs: p95LimitMs, p95Ms };
}
