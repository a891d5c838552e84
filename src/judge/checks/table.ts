// The checks of the suite, one module each, in the order in which a failing one becomes the trigger of a verdict: the
// beyond doubt first. Pure; any thread.
import type { CheckName, JudgeOptions } from '../../options/judge-options.ts';
import type { CheckEffect, JudgePhase } from '../types/check-kinds.ts';
import type { CheckResult, CheckVerdict } from '../types/messages.ts';
import type { Check, CheckEvidence } from './check.ts';
import { classMix } from './class-mix.ts';
import { confidence } from './confidence.ts';
import { constantOutput } from './constant-output.ts';
import { errorRate } from './error-rate.ts';
import { hardFailure } from './hard-failure.ts';
import { inputDrift } from './input-drift.ts';
import { meanDrift } from './mean-drift.ts';
import { nonFinite } from './non-finite.ts';
import { p95Latency } from './p95-latency.ts';
import { projections } from './projections.ts';
import { repeats } from './repeats.ts';
import { shape } from './shape.ts';
import { spread } from './spread.ts';

export const CHECKS: { readonly [C in CheckName]: Check<C> } = {
  hard_failure: hardFailure,
  error_rate: errorRate,
  non_finite: nonFinite,
  constant_output: constantOutput,
  p95_latency: p95Latency,
  mean_drift: meanDrift,
  class_mix: classMix,
  shape,
  spread,
  confidence,
  repeats,
  projections,
  input_drift: inputDrift,
};
export const CHECKS_IN_ORDER = Object.values(CHECKS);

// Each module takes the evidence that bears its own name.
const checkOf = (evidence: CheckEvidence): Check => CHECKS[evidence.check] as unknown as Check;

/** Decides one check, with its sentence: live windows, recorded samples and stored evidence alike. */
export const decide = (evidence: CheckEvidence): CheckResult => checkOf(evidence).decide(evidence);

/** The verdict of one check, without its sentence. */
export const checkVerdict = (evidence: CheckEvidence): CheckVerdict => checkOf(evidence).verdictOf(evidence);

/** The histograms that one check compared, the worst first. */
export const histogramsOf = (evidence: CheckEvidence): ReturnType<Check['histograms']> =>
  checkOf(evidence).histograms(evidence);

/**
 * Returns what a failing check asks for: layer 2 only warns after the probation, unless steadyDrift is on. Inputs that
 * moved only ever warn: another version would be asked the same.
 */
export function effectOf(check: CheckName, options: JudgeOptions, phase: JudgePhase): CheckEffect {
  const { layer, cause } = CHECKS[check];
  if (options.checks[check].mode !== 'on' || cause === 'input') return 'warn';
  return layer < 2 || phase === 'probation' || options.steadyDrift === 'on' ? 'rollback' : 'warn';
}
