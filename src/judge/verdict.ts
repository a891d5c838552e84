// From checks to a verdict and back: what is broken in a sentence, which check is to blame, and the evidence from which
// anybody can recompute both. Pure. The evidence is plain JSON: the window's raw values (at most windowSamples of each,
// as configured), the limits and the baseline's moments; nothing else enters a decision.
import { z } from 'zod';
import type { JudgeOptions } from '../options.ts';
import type { BaselineMoments } from './checks.ts';
import { runChecks } from './checks.ts';
import type { CheckName, CheckResult, GenerationTotals, Verdict } from './messages.ts';
import type { WindowView } from './window.ts';

const EVIDENCE_FORMAT = 'lastgood.evidence/1';

/** The texts of the failing checks, the trigger's first. */
export function violationsOf(checks: readonly CheckResult[]): string[] {
  return checks.filter((check) => check.verdict === 'fail').map((check) => check.text);
}

/** The first failing check in the order of the suite, or null when none fails. */
export function triggerOf(checks: readonly CheckResult[]): CheckName | null {
  return checks.find((check) => check.verdict === 'fail')?.check ?? null;
}

/** One look at a window, with all that its verdict depends on and what a reader wants to know beside it. */
export interface Look {
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  /** Counted from 1 since the generation is watched. */
  readonly look: number;
  readonly atUs: number;
  readonly window: WindowView;
  readonly checks: readonly CheckResult[];
  readonly options: JudgeOptions;
  readonly baseline: BaselineMoments | null;
  readonly totals: GenerationTotals;
  /** Samples of other generations that came in and were not counted. */
  readonly lateSamples: number;
  /** The first look of this unbroken run of failing ones. */
  readonly failingSince: { readonly look: number; readonly atUs: number };
  readonly firstErrorUs: number | null;
}

/** Builds the verdict of a failing look, or null when no check fails. */
export function verdictOf(look: Look): Verdict | null {
  const trigger = triggerOf(look.checks);
  if (trigger === null) return null;
  const { model, version, generation } = look;
  const reason = violationsOf(look.checks).join('; ');
  return { kind: 'verdict', model, version, generation, verdict: 'fail', trigger, reason, evidence: evidenceOf(look) };
}

function evidenceOf(look: Look): Record<string, unknown> {
  const { window, options, baseline } = look;
  const agoMs = (us: number | null): number | null => (us === null ? null : Math.round((look.atUs - us) / 1_000));
  return {
    format: EVIDENCE_FORMAT,
    suite: 'compat',
    model: look.model,
    version: look.version,
    generation: look.generation,
    look: look.look,
    // Monotonic time means nothing as a date, so times are told as distances from this look.
    failingSinceLook: look.failingSince.look,
    failingForMs: agoMs(look.failingSince.atUs),
    firstErrorAgoMs: agoMs(look.firstErrorUs),
    window: {
      requests: window.latenciesUs.length,
      oldestAgoMs: agoMs(window.firstUs),
      newestAgoMs: agoMs(window.lastUs),
      errors: window.errors,
      latenciesMs: window.latenciesUs.map((us) => us / 1_000),
      predictions: window.predictions,
    },
    limits: {
      p95LimitMs: options.p95LimitMs,
      errorRateLimit: options.errorRateLimit,
      driftSigmaLimit: options.driftSigmaLimit,
      samplesMin: options.samplesMin,
      predictionsMin: options.predictionsMin,
      windowSamples: options.windowSamples,
    },
    baseline: baseline === null ? null : {
      mean: baseline.mean,
      standardDeviation: baseline.standardDeviation,
      rows: baseline.rows,
      source: baseline.source,
    },
    checks: look.checks,
    totals: look.totals,
    lateSamples: look.lateSamples,
  };
}

const evidenceSchema = z.object({
  format: z.literal(EVIDENCE_FORMAT),
  suite: z.literal('compat'),
  window: z.object({
    errors: z.int().min(0),
    latenciesMs: z.array(z.number().min(0)),
    predictions: z.array(z.number()),
  }),
  limits: z.object({
    p95LimitMs: z.number(),
    errorRateLimit: z.number(),
    driftSigmaLimit: z.number(),
    samplesMin: z.int(),
    predictionsMin: z.int(),
  }),
  baseline: z
    .object({
      mean: z.number(),
      standardDeviation: z.number(),
      rows: z.int(),
      source: z.enum(['validation', 'live']),
    })
    .nullable(),
});

/** What the evidence says when the checks are run on it again. */
export interface Recomputed {
  readonly verdict: 'pass' | 'fail';
  readonly trigger: CheckName | null;
  /** The same sentence as the verdict's; empty when nothing fails. */
  readonly reason: string;
  readonly checks: readonly CheckResult[];
}

/** Runs the checks on stored evidence; null when it is not the evidence of a verdict (an operator's decision). */
export function recompute(evidence: Readonly<Record<string, unknown>>): Recomputed | null {
  const parsed = evidenceSchema.safeParse(evidence);
  if (!parsed.success) return null;
  const { window, limits, baseline } = parsed.data;
  const { errors, predictions } = window;
  // Latencies were whole microseconds, so rounding gives back exactly what was judged.
  const latenciesUs = window.latenciesMs.map((ms) => Math.round(ms * 1_000));
  const checks = runChecks({ window: { latenciesUs, errors, predictions }, limits, baseline });
  const trigger = triggerOf(checks);
  const verdict = trigger === null ? 'pass' : 'fail';
  return { verdict, trigger, reason: violationsOf(checks).join('; '), checks };
}
