// From checks to a verdict: what is broken in a sentence, which check is to blame, and the evidence from which
// anybody can recompute both. Pure. The evidence is plain JSON: of compat the window's raw values (at most
// windowSamples of each), the limits and the baseline's moments; of the suite what each check counted, with its limits
// and the baseline's counts. Nothing else enters a decision.
import type { CheckEffect, JudgePhase } from '../types/check-kinds.ts';
import { CHECKS } from '../checks/table.ts';
import type { ExposureView } from './exposure.ts';
import type { JudgedLook } from '../checks/generation-judge.ts';
import type { CheckName, CheckResult, GenerationTotals, Verdict } from '../types/messages.ts';

export const EVIDENCE_FORMAT = 'lastgood.evidence/1';

const textsOf = (checks: readonly CheckResult[], effect: CheckEffect): string[] =>
  checks.filter((check) => check.verdict === 'fail' && check.effect === effect).map(({ text }) => text);

/** The texts of the failing checks that ask for a rollback, the trigger's first. */
export function violationsOf(checks: readonly CheckResult[]): string[] {
  return textsOf(checks, 'rollback');
}

/** The texts of the failing checks that only warn. */
export function warningsOf(checks: readonly CheckResult[]): string[] {
  return textsOf(checks, 'warn');
}

/** Those that ask for a rollback, or else those that warn. */
export function failingOf(checks: readonly CheckResult[]): CheckResult[] {
  const failing = checks.filter(({ verdict }) => verdict === 'fail');
  const asking = failing.filter(({ effect }) => effect === 'rollback');
  return asking.length > 0 ? asking : failing;
}

/** The first failing check that asks for a rollback, or else the first that warns; null when none fails. */
export function triggerOf(checks: readonly CheckResult[]): CheckName | null {
  return failingOf(checks)[0]?.check ?? null;
}

/** What is broken, in a sentence. */
export const reasonText = (failing: readonly CheckResult[]): string => failing.map(({ text }) => text).join('; ');

/** One look at a window, with all that its verdict depends on and what a reader wants to know beside it. */
interface Look {
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  /** Counted from 1 since the generation is watched. */
  readonly look: number;
  readonly atUs: number;
  readonly phase: JudgePhase;
  readonly judged: JudgedLook;
  readonly totals: GenerationTotals;
  /** Samples of other generations that came in and were not counted. */
  readonly lateSamples: number;
  /** The first look of this unbroken run of failing ones. */
  readonly failingSince: { readonly look: number; readonly atUs: number };
  /** When the generation's first request was answered, and when its first one failed. */
  readonly firstUs: number | null;
  readonly firstErrorUs: number | null;
  /** What the version did to its clients up to this look. */
  readonly exposure: ExposureView | null;
}

/** Builds the verdict of a failing look, or null when no check fails. */
export function verdictOf(look: Look): Verdict | null {
  const { model, version, generation, judged, failingSince, phase, exposure, totals, lateSamples } = look;
  const failing = failingOf(judged.checks);
  if (failing[0] === undefined) return null;
  const { check: trigger, effect } = failing[0];
  // Monotonic time means nothing as a date, so times are told as distances from this look.
  const agoMs = (us: number | null): number | null => (us === null ? null : Math.round((look.atUs - us) / 1_000));
  return {
    kind: 'verdict', model, version, generation, verdict: 'fail', trigger, failing, effect,
    cause: CHECKS[trigger].cause,
    reason: reasonText(failing),
    evidence: {
      format: EVIDENCE_FORMAT, model, version, generation, phase, look: look.look,
      failingSinceLook: failingSince.look,
      failingForMs: agoMs(failingSince.atUs),
      firstRequestAgoMs: agoMs(look.firstUs),
      firstErrorAgoMs: agoMs(look.firstErrorUs),
      exposure, ...judged.evidence, checks: judged.checks, totals, lateSamples,
    },
  };
}
