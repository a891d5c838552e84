// The compat suite: three checks over the last requests of one generation, as pure functions of plain arrays, so that
// a stored window gives the same result as the live one. A limit is broken only by a value strictly above it; below
// the minimum number of samples a check is inconclusive, never passed.
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline } from '../../registry/records.ts';
import type { CheckEffect } from '../types/check-kinds.ts';
import type { CheckName, CheckResult, CheckVerdict } from '../types/messages.ts';
import { countText, numberText, percentText } from '../types/number-text.ts';

const P95 = 0.95;

/** What the checks need to know of a window; arrays oldest first. */
export interface CheckWindow {
  readonly latenciesUs: readonly number[];
  readonly errors: number;
  readonly predictions: readonly number[];
}
export type CheckLimits = Pick<
  JudgeOptions, 'p95LimitMs' | 'errorRateLimit' | 'driftSigmaLimit' | 'samplesMin' | 'predictionsMin'
>;
export type BaselineMoments = Pick<Baseline, 'mean' | 'standardDeviation' | 'rows' | 'source'>;

export interface CheckInput {
  readonly window: CheckWindow;
  readonly limits: CheckLimits;
  readonly baseline: BaselineMoments | null;
  /** What each check's failing asks for; one that is not in it is not run. Without it all ask for a rollback. */
  readonly effects?: Readonly<Partial<Record<CheckName, CheckEffect>>>;
}

/** Returns the element int(0.95 n) of the n sorted latencies, in ms; null without latencies. */
export function p95LatencyMs(latenciesUs: readonly number[]): number | null {
  if (latenciesUs.length === 0) return null;
  const sorted = Float64Array.from(latenciesUs).sort();
  return sorted[Math.floor(P95 * sorted.length)]! / 1_000;
}

/** Returns the share of requests that failed; null without requests. */
export function errorRate(window: CheckWindow): number | null {
  const requests = window.latenciesUs.length;
  return requests === 0 ? null : window.errors / requests;
}

/** Returns the arithmetic mean; NaN without values. */
export function meanOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Returns |mean - baseline mean| in baseline standard deviations; null without predictions or without a spread. */
export function driftSigmas(predictions: readonly number[], baseline: BaselineMoments | null): number | null {
  if (predictions.length === 0 || baseline === null || !(baseline.standardDeviation > 0)) return null;
  const sigmas = Math.abs(meanOf(predictions) - baseline.mean) / baseline.standardDeviation;
  // A sum that overflows is as far away as a number can say, and stays one in JSON.
  return Number.isFinite(sigmas) ? sigmas : Number.MAX_VALUE;
}

const verdictOf = (value: number, limit: number): CheckVerdict => (value > limit ? 'fail' : 'pass');
const sideOf = (verdict: CheckVerdict): string => (verdict === 'fail' ? 'over' : 'within');

/** Fails when the p95 latency is over the limit. */
export function checkP95Latency({ window, limits }: CheckInput): PlainResult {
  const samples = window.latenciesUs.length;
  const base = { check: 'p95_latency', limit: limits.p95LimitMs, samples, samplesMin: limits.samplesMin } as const;
  const value = p95LatencyMs(window.latenciesUs);
  if (value === null || samples < limits.samplesMin) return tooFew(base, 'p95 latency', 'request');
  const verdict = verdictOf(value, base.limit);
  const text = `p95 latency ${numberText(value, base.limit)} ms is ${sideOf(verdict)} the limit of ` +
    `${base.limit} ms (${countText(samples, 'request')})`;
  return { ...base, verdict, value, text };
}

/** Fails when the share of failed requests is over the limit. */
export function checkErrorRate({ window, limits }: CheckInput): PlainResult {
  const samples = window.latenciesUs.length;
  const base = { check: 'error_rate', limit: limits.errorRateLimit, samples, samplesMin: limits.samplesMin } as const;
  const value = errorRate(window);
  if (value === null || samples < limits.samplesMin) return tooFew(base, 'error rate', 'request');
  const verdict = verdictOf(value, base.limit);
  const text = `error rate ${percentText(value, base.limit)} is ${sideOf(verdict)} the limit of ` +
    `${percentText(base.limit)} (${window.errors} of ${countText(samples, 'request')} failed)`;
  return { ...base, verdict, value, text };
}

/** Fails when the mean prediction is over the limit away from the baseline's mean. */
export function checkMeanDrift({ window, limits, baseline }: CheckInput): PlainResult {
  const samples = window.predictions.length;
  const samplesMin = limits.predictionsMin;
  const base = { check: 'mean_drift', limit: limits.driftSigmaLimit, samples, samplesMin } as const;
  if (baseline === null) return inconclusive(base, 'mean drift is not judged: the version has no baseline');
  if (!(baseline.standardDeviation > 0)) {
    return inconclusive(base, 'mean drift is not judged: all predictions of the baseline are equal, so there is no ' +
      'spread to measure by');
  }
  const value = driftSigmas(window.predictions, baseline);
  if (value === null || samples < samplesMin) return tooFew(base, 'mean drift', 'prediction');
  const verdict = verdictOf(value, base.limit);
  const text = `mean prediction ${numberText(meanOf(window.predictions), baseline.mean)} is ` +
    `${numberText(value, base.limit)} standard deviations from the baseline's ${numberText(baseline.mean)}, ` +
    `${sideOf(verdict)} the limit of ${base.limit} (${countText(samples, 'prediction')})`;
  return { ...base, verdict, value, text };
}

type PlainResult = Omit<CheckResult, 'effect'>;
type CheckBase = Pick<CheckResult, 'check' | 'limit' | 'samples' | 'samplesMin'>;

function inconclusive(base: CheckBase, text: string): PlainResult {
  return { ...base, verdict: 'inconclusive', value: null, text };
}

function tooFew(base: CheckBase, what: string, noun: string): PlainResult {
  const missing = base.samplesMin - base.samples;
  return inconclusive(base, `${what} is not judged yet: ${base.samples} of ${countText(base.samplesMin, noun)}, ` +
    `${missing} more needed`);
}

/** The checks of the compat suite in the order in which a failing one becomes the trigger. */
export const COMPAT_CHECKS = {
  error_rate: checkErrorRate, p95_latency: checkP95Latency, mean_drift: checkMeanDrift,
} as const;

/** Runs the compat suite. */
export function runChecks(input: CheckInput): CheckResult[] {
  return Object.values(COMPAT_CHECKS).flatMap((run) => {
    const result = run(input);
    const effect = input.effects === undefined ? 'rollback' : input.effects[result.check];
    return effect === undefined ? [] : [{ ...result, effect }];
  });
}
