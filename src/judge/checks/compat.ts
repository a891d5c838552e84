// The compat suite in one file: three checks over the last requests of one generation, as plain as they come. The
// checks are pure functions of plain arrays, so that a stored window gives the same result as the live one. A limit is
// broken only by a value strictly above it; below the minimum number of samples a check is inconclusive, never passed.
// Monitor thread, and whoever recomputes a decision.
import type { z } from 'zod';
import type { CheckName, JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { Outcome, SampleKind, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import type { CheckEffect, JudgePhase } from '../types/check-kinds.ts';
import type { CheckResult, CheckVerdict } from '../types/messages.ts';
import { countedText, numberText, percentText } from '../types/number-text.ts';
import type { compatSchema } from './evidence-schema.ts';
import type { GenerationJudge, JudgedLook } from './generation-judge.ts';
import { effectOf } from './table.ts';

const P95 = 0.95;

/** What the checks need to know of a window; arrays oldest first, and nothing that changes later. */
export interface CheckWindow {
  readonly latenciesUs: readonly number[];
  readonly errors: number;
  readonly predictions: readonly number[];
}
type BaselineMoments = Pick<Baseline, 'mean' | 'standardDeviation' | 'rows' | 'source'>;

interface CheckInput {
  readonly window: CheckWindow;
  readonly limits: Pick<
    JudgeOptions, 'p95LimitMs' | 'errorRateLimit' | 'driftSigmaLimit' | 'samplesMin' | 'predictionsMin'
  >;
  readonly baseline: BaselineMoments | null;
  /** What each check's failing asks for; one that is not in it is not run. Without it all ask for a rollback. */
  readonly effects?: Readonly<Partial<Record<CheckName, CheckEffect>>> | undefined;
}

/** Returns the element int(0.95 n) of the n sorted latencies, in ms; null without latencies. */
export function p95LatencyMs(latenciesUs: readonly number[]): number | null {
  if (latenciesUs.length === 0) return null;
  const sorted = Float64Array.from(latenciesUs).sort();
  return sorted[Math.floor(P95 * sorted.length)]! / 1_000;
}

/** Returns the share of requests that failed; null without requests. */
function errorRate(window: CheckWindow): number | null {
  const requests = window.latenciesUs.length;
  return requests === 0 ? null : window.errors / requests;
}

/** Returns the arithmetic mean; NaN without values. */
function meanOf(values: readonly number[]): number {
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
    `${base.limit} ms (${countedText(samples, 'request')})`;
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
    `${percentText(base.limit)} (${window.errors} of ${countedText(samples, 'request')} failed)`;
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
    `${sideOf(verdict)} the limit of ${base.limit} (${countedText(samples, 'prediction')})`;
  return { ...base, verdict, value, text };
}

type PlainResult = Omit<CheckResult, 'effect'>;
type CheckBase = Pick<CheckResult, 'check' | 'limit' | 'samples' | 'samplesMin'>;

function inconclusive(base: CheckBase, text: string): PlainResult {
  return { ...base, verdict: 'inconclusive', value: null, text };
}

function tooFew(base: CheckBase, what: string, noun: string): PlainResult {
  const missing = base.samplesMin - base.samples;
  return inconclusive(base, `${what} is not judged yet: ${base.samples} of ${countedText(base.samplesMin, noun)}, ` +
    `${missing} more needed`);
}

/** The checks of the compat suite in the order in which a failing one becomes the trigger. */
const COMPAT_CHECKS = {
  error_rate: checkErrorRate, p95_latency: checkP95Latency, mean_drift: checkMeanDrift,
} as const;
export const COMPAT_NAMES = Object.keys(COMPAT_CHECKS) as (keyof typeof COMPAT_CHECKS)[];

function runChecks(input: CheckInput): CheckResult[] {
  return Object.values(COMPAT_CHECKS).flatMap((run) => {
    const result = run(input);
    const effect = input.effects === undefined ? 'rollback' : input.effects[result.check];
    return effect === undefined ? [] : [{ ...result, effect }];
  });
}

/** A window with the monotonic times of its oldest and newest request; null without requests. */
interface WindowView extends CheckWindow {
  readonly firstUs: number | null;
  readonly lastUs: number | null;
}

/**
 * The last so many requests (latency, error or not, time) and the last so many finite predictions of one generation.
 * Memory is taken once; adding is O(1) and allocates nothing. Invariant: `errors` always equals the number of flags set
 * among the newest entries.
 */
export class CompatWindow {
  readonly #capacity: number;
  readonly #latenciesUs: Float64Array;
  readonly #timesUs: Float64Array;
  readonly #errorFlags: Uint8Array;
  readonly #predictions: Float64Array;
  /** Entries ever added; the next one goes to this modulo the capacity. */
  #requestsAdded = 0;
  #predictionsAdded = 0;
  #errors = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#latenciesUs = new Float64Array(capacity);
    this.#timesUs = new Float64Array(capacity);
    this.#errorFlags = new Uint8Array(capacity);
    this.#predictions = new Float64Array(capacity);
  }

  /** Requests in the window. */
  get requests(): number {
    return Math.min(this.#requestsAdded, this.#capacity);
  }

  /** Adds a request that counts; the oldest one leaves a full window. */
  addRequest(latencyUs: number, error: boolean, atUs: number): void {
    const at = this.#requestsAdded % this.#capacity;
    const flag = error ? 1 : 0;
    // An entry that was never written holds 0, so the same line serves a window that is not full.
    this.#errors += flag - this.#errorFlags[at]!;
    this.#errorFlags[at] = flag;
    this.#latenciesUs[at] = latencyUs;
    this.#timesUs[at] = atUs;
    this.#requestsAdded += 1;
  }

  /** Adds a finite prediction; the oldest one leaves a full window. */
  addPrediction(value: number): void {
    this.#predictions[this.#predictionsAdded % this.#capacity] = value;
    this.#predictionsAdded += 1;
  }

  /** Copies the window out; O(capacity), for looks. */
  view(): WindowView {
    const timesUs = newest(this.#timesUs, this.#requestsAdded, this.#capacity);
    return {
      latenciesUs: newest(this.#latenciesUs, this.#requestsAdded, this.#capacity),
      errors: this.#errors,
      predictions: newest(this.#predictions, this.#predictionsAdded, this.#capacity),
      firstUs: timesUs[0] ?? null,
      lastUs: timesUs.at(-1) ?? null,
    };
  }
}

function momentsOf(baseline: Baseline | null): BaselineMoments | null {
  if (baseline === null) return null;
  const { mean, standardDeviation, rows, source } = baseline;
  return { mean, standardDeviation, rows, source };
}

function newest(ring: Float64Array, added: number, capacity: number): number[] {
  const count = Math.min(added, capacity);
  const values = new Array<number>(count);
  for (let index = 0; index < count; index += 1) values[index] = ring[(added - count + index) % capacity]!;
  return values;
}

/** Runs the checks again on what a decision was stored with. */
export function recheck({ window, limits, baseline, effects }: z.infer<typeof compatSchema>): CheckResult[] {
  const { errors, predictions, latenciesMs } = window;
  // Latencies were whole microseconds, so rounding gives back exactly what was judged.
  const latenciesUs = latenciesMs.map((ms) => Math.round(ms * 1_000));
  return runChecks({ window: { latenciesUs, errors, predictions }, limits, baseline, effects });
}

/** Judges one generation by the plain checks, which know nothing of inputs, bursts or chance. */
export class CompatJudge implements GenerationJudge {
  readonly #options: JudgeOptions;
  readonly #window: CompatWindow;
  #baseline: Baseline | null;

  constructor(options: JudgeOptions, baseline: Baseline | null) {
    this.#options = options;
    this.#baseline = baseline;
    this.#window = new CompatWindow(options.windowSamples);
  }

  add({ kind, outcome, latencyUs, atUs, value }: Readonly<Sample>): void {
    if (kind === SampleKind.request && speaksOfVersion(outcome)) {
      this.#window.addRequest(latencyUs, outcome === Outcome.modelFailure || outcome === Outcome.deadline, atUs);
    }
    // A prediction speaks for the model only if the model gave the whole answer.
    if (outcome === Outcome.ok && Number.isFinite(value)) this.#window.addPrediction(value);
  }

  addInputs(): void { /* not judged */ }
  keepInputs(): void { /* not judged */ }

  setBaseline(baseline: Baseline | null): void {
    this.#baseline = baseline;
  }

  look(nowUs: number, phase: JudgePhase): JudgedLook {
    const options = this.#options;
    // Labels are names: they have no mean to compare.
    const areLabels = this.#baseline?.kind === 'labels';
    const baseline = areLabels ? null : this.#baseline;
    const window = this.#window.view();
    const effects = Object.fromEntries(COMPAT_NAMES
      .filter((name) => options.checks[name].mode !== 'off' && !(areLabels && name === 'mean_drift'))
      .map((name) => [name, effectOf(name, options, phase)]));
    const agoMs = (us: number | null): number | null => (us === null ? null : Math.round((nowUs - us) / 1_000));
    const { p95LimitMs, errorRateLimit, driftSigmaLimit, samplesMin, predictionsMin, windowSamples } = options;
    const checks = runChecks({ window, limits: options, baseline, effects });
    return {
      checks,
      failing: checks.filter(({ verdict }) => verdict === 'fail'),
      evidence: {
        suite: 'compat',
        window: {
          requests: window.latenciesUs.length,
          oldestAgoMs: agoMs(window.firstUs),
          newestAgoMs: agoMs(window.lastUs),
          errors: window.errors,
          latenciesMs: window.latenciesUs.map((us) => us / 1_000),
          predictions: window.predictions,
        },
        limits: { p95LimitMs, errorRateLimit, driftSigmaLimit, samplesMin, predictionsMin, windowSamples },
        baseline: momentsOf(baseline),
        effects,
      },
      windowSamples: window.latenciesUs.length,
      // People see what was measured, also while it is too little to be judged.
      p95LatencyMs: p95LatencyMs(window.latenciesUs),
      errorRate: errorRate(window),
      predictionDrift: driftSigmas(window.predictions, baseline),
      lastHour: null,
    };
  }
}
