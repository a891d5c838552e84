// Pure rules around a failing verdict: may the machine act on it now, and what is written down about it.
import type { Blame } from '../judge/verdict/findings.ts';
import type { HealthReport, Verdict } from '../judge/types/messages.ts';
import type { JudgeOptions } from '../options/options.ts';
import type { DecisionRecord, ModelRecord } from '../registry/records.ts';

/** An operator's rollback so soon after the machine's means the version that is gone already. */
const OPERATOR_RACE_MS = 3_000;

/** Who acts when the engine goes back without a verdict, because a version does not load. */
export const ENGINE_ACTOR = 'engine';

/**
 * Why a failing verdict leads to nothing. cooldown, interval: the machine rolled the model back so short a time ago;
 * restored_failing: and what it restored fails as well. host, data_drift: the version is not to blame; unattributed: it
 * could not be found out whether it is.
 */
export const SUPPRESSIONS = [
  'observe', 'pinned', 'cooldown', 'interval', 'restored_failing', 'host', 'data_drift', 'unattributed',
] as const;
export type Suppression = (typeof SUPPRESSIONS)[number];
/** Those that do not say that the version fails. */
const BLAME_OTHERS: readonly Suppression[] = ['host', 'data_drift', 'unattributed'];

/** Whether a decision leaves a version in place that failed: not when others are to blame, or may be. */
export function isLeftFailing({ action, suppressedBy }: DecisionRecord): boolean {
  if (action === 'no_target') return true;
  return action === 'suppressed' && !BLAME_OTHERS.some((cause) => cause === suppressedBy);
}

/** Returns why a failing verdict must not lead to a rollback now, or null when it may. Times in wall-clock ms. */
export function suppressionOf(model: ModelRecord, judge: JudgeOptions, nowMs: number): Suppression | null {
  if (judge.mode === 'observe') return 'observe';
  if (model.pin !== null) return 'pinned';
  if (model.stoppedGeneration === model.generation) return 'restored_failing';
  const passedMs = sinceRollbackMs(model, nowMs);
  if (passedMs < judge.cooldownMs) return 'cooldown';
  if (passedMs >= intervalMs(judge)) return null;
  return model.restoredGeneration === model.generation ? 'restored_failing' : 'interval';
}

/** Why nothing is done when the version is not to blame, or cannot be shown to be. */
export function suppressionBy(blames: Exclude<Blame, 'version'>): Suppression {
  if (blames === 'host') return 'host';
  return blames === 'data' ? 'data_drift' : 'unattributed';
}

/** The phase of the active generation as the registry knows it, also after a restart. */
export function phaseOf(model: ModelRecord): 'probation' | 'steady' | 'restored_failing' {
  if (model.stoppedGeneration === model.generation) return 'restored_failing';
  return model.probationEndedAtMs === null ? 'probation' : 'steady';
}

/** Tells whether a generation in which the machine acts no more has had its time: it may be judged as any other. */
export function isStopOver(model: ModelRecord, judge: JudgeOptions, nowMs: number): boolean {
  return sinceRollbackMs(model, nowMs) >= intervalMs(judge);
}

// A wall clock that was set back must not stretch anything: only the past counts.
function sinceRollbackMs({ lastAutomaticRollbackAtMs: last }: ModelRecord, nowMs: number): number {
  return last === null || nowMs < last ? Infinity : nowMs - last;
}

// compat knows a cooldown and nothing else.
const intervalMs = ({ mode, rollbackIntervalMs }: JudgeOptions): number =>
  mode === 'compat' ? 0 : rollbackIntervalMs;

/** Tells whether the active generation has served long enough and often enough without a violation. */
export function isProbationOver(model: ModelRecord, report: HealthReport, judge: JudgeOptions, nowMs: number): boolean {
  if (model.generation !== report.generation || report.violations.length > 0) return false;
  const { requests, clientFaults, nonFiniteInputs } = report.totals;
  const judged = requests - clientFaults - nonFiniteInputs;
  return judged >= judge.probationSamples && nowMs - model.activatedAtMs >= judge.probationMs;
}

/** A decision's id: readable, unique per model, generation and millisecond. */
export function decisionId(model: string, generation: number, atMs: number): string {
  return `${model}-g${generation}-${atMs.toString(36)}`;
}

export interface DecisionContext {
  readonly version: string;
  readonly generation: number;
  readonly atMs: number;
}

/** Writes down what became of a verdict. */
export function decisionOf(
  verdict: Verdict,
  atMs: number,
  result: Pick<DecisionRecord, 'action' | 'suppressedBy' | 'rolledBackTo'>,
): DecisionRecord {
  return {
    id: decisionId(verdict.model, verdict.generation, atMs),
    model: verdict.model,
    version: verdict.version,
    generation: verdict.generation,
    atMs,
    trigger: verdict.trigger,
    reason: verdict.reason,
    evidence: verdict.evidence,
    ...result,
  };
}

/**
 * The rollback that the machine made a moment before an operator asked for one, or null: who saw the bad version and
 * typed must not be taken one version further back. `nowMs` is wall-clock time.
 */
export function justRolledBack(
  newest: DecisionRecord | undefined, generation: number, nowMs: number,
): (DecisionRecord & { readonly newGeneration: number }) | null {
  if (newest?.action !== 'rollback' || newest.trigger === 'operator') return null;
  if (generation !== newest.generation + 1 || nowMs - newest.atMs > OPERATOR_RACE_MS) return null;
  return { ...newest, newGeneration: generation };
}

/** Writes down the rollback of an operator, or of the engine at its start; the evidence is the health last reported. */
export function operatorDecision(
  model: string,
  context: DecisionContext,
  rolledBackTo: string,
  reason: string,
  evidence: Readonly<Record<string, unknown>>,
): DecisionRecord {
  return {
    id: decisionId(model, context.generation, context.atMs),
    model,
    version: context.version,
    generation: context.generation,
    atMs: context.atMs,
    trigger: evidence['by'] === ENGINE_ACTOR ? 'engine' : 'operator',
    action: 'rollback',
    suppressedBy: null,
    rolledBackTo,
    reason,
    evidence,
  };
}
