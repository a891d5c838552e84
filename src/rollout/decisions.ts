// Pure rules around a failing verdict: may the machine act on it now, and what is written down about it.
import { leftMs, type Moment, type Now, passedMs, recordedMoment } from '../base/moment.ts';
import { PAIRS_FORMAT } from '../judge/pairs/pair-schema.ts';
import type { PairsEvidence } from '../judge/pairs/pair-schema.ts';
import type { Blame } from '../judge/types/check-kinds.ts';
import type { HealthReport, Verdict } from '../judge/types/messages.ts';
import type { JudgeOptions } from '../options/options.ts';
import type { Suppression } from '../registry/rules.ts';
import type { DecisionRecord, ModelRecord } from '../domain/records.ts';

/** A rollback that names no version, so soon after another, means the version that is gone already. */
const REPEAT_MS = 60_000;

/** Who acts when the engine goes back without a verdict, because a version does not load. */
export const ENGINE_ACTOR = 'engine';

/**
 * Returns why a failing verdict must not lead to a rollback now, or null when it may. Cooldown
 * and interval bind the generation that the machine itself restored, so that it does not go to and fro; what a person
 * promoted since is protected from its first second.
 */
export function suppressionOf(model: ModelRecord, judge: JudgeOptions, now: Now): Suppression | null {
  return holdsOn(model, judge, now)[0]?.by ?? null;
}

/** What keeps the machine from acting. */
export interface Hold {
  readonly by: Suppression;
  /** Until when, in wall-clock ms; null until somebody changes it. */
  readonly untilMs: number | null;
}

/** All that keeps the machine from acting on a model now, what counts first before the others. */
export function holdsOn(model: ModelRecord, judge: JudgeOptions, now: Now): Hold[] {
  const holds: Hold[] = [];
  if (judge.mode === 'observe') holds.push({ by: 'observe', untilMs: null });
  const pausedMs = pauseLeftMs(model, now);
  if (pausedMs > 0) holds.push({ by: 'observe', untilMs: now.wallMs + pausedMs });
  if (model.pin !== null) holds.push({ by: 'pinned', untilMs: null });
  const sinceMs = sinceRollbackMs(model, now);
  const untilMs = (spanMs: number): number => Math.round(now.wallMs + Math.max(0, spanMs - sinceMs));
  if (model.stoppedGeneration === model.generation) {
    return [...holds, { by: 'restored_failing', untilMs: untilMs(intervalMs(judge)) }];
  }
  if (model.restoredGeneration !== model.generation) return holds;
  if (sinceMs < judge.cooldownMs) holds.push({ by: 'cooldown', untilMs: untilMs(judge.cooldownMs) });
  if (sinceMs < intervalMs(judge)) holds.push({ by: 'restored_failing', untilMs: untilMs(intervalMs(judge)) });
  return holds;
}

/** How long the judge only watches yet, because somebody said so, in ms; 0 when it may act. */
export function pauseLeftMs({ pause }: ModelRecord, now: Now): number {
  return pause ? leftMs(pause.since, pause.forMs, now) : 0;
}

/** Why nothing is done when the version is not to blame, or cannot be shown to be. */
export function suppressionBy(blames: Exclude<Blame, 'version' | 'twin'>): Suppression {
  if (blames === 'host' || blames === 'inputs' || blames === 'one_source') return blames;
  if (blames === 'pairs') return 'more_pairs';
  return blames === 'data' ? 'data_drift' : 'unattributed';
}

/** Tells whether a generation in which the machine acts no more has had its time: it may be judged as any other. */
export function isStopOver(model: ModelRecord, judge: JudgeOptions, now: Now): boolean {
  return sinceRollbackMs(model, now) >= intervalMs(judge);
}

// Where neither clock can tell, nothing binds any more.
function sinceRollbackMs({ lastAutomaticRollbackAtMs: atMs, lastAutomaticRollback }: ModelRecord, now: Now): number {
  return atMs === null ? Infinity : passedMs(recordedMoment(atMs, lastAutomaticRollback), now) ?? Infinity;
}

// compat knows a cooldown and nothing else.
const intervalMs = ({ mode, rollbackIntervalMs }: JudgeOptions): number =>
  mode === 'compat' ? 0 : rollbackIntervalMs;

/** Tells whether the active generation, which has served for `servedMs`, did so for long and often enough. */
export function isProbationOver(
  model: ModelRecord, report: HealthReport, judge: JudgeOptions, servedMs: number,
): boolean {
  if (model.generation !== report.generation || report.violations.length > 0) return false;
  const { requests, clientFaults, nonFiniteInputs } = report.totals;
  const judged = requests - clientFaults - nonFiniteInputs;
  return judged >= judge.probationSamples && servedMs >= judge.probationMs;
}

/** A decision's id: readable, unique per model, generation and millisecond. */
function decisionId(model: string, generation: number, atMs: number): string {
  return `${model}-g${generation}-${atMs.toString(36)}`;
}

interface DecisionContext {
  readonly version: string;
  readonly generation: number;
  readonly at: Moment;
}

/** Writes down what became of a verdict. */
export function decisionOf(
  verdict: Verdict,
  at: Moment,
  result: Pick<DecisionRecord, 'action' | 'suppressedBy' | 'rolledBackTo'>,
): DecisionRecord {
  return {
    id: decisionId(verdict.model, verdict.generation, at.wallMs),
    model: verdict.model,
    version: verdict.version,
    generation: verdict.generation,
    atMs: at.wallMs,
    at,
    trigger: verdict.trigger,
    reason: verdict.reason,
    evidence: verdict.evidence,
    ...result,
  };
}

/** Writes down that a version and the one before answer the same questions differently, and what became of it. */
export function pairsDecision(
  { model, generation, at }: { readonly model: string; readonly generation: number; readonly at: Moment },
  seen: Omit<PairsEvidence, 'format'>, reason: string,
  result: Pick<DecisionRecord, 'action' | 'suppressedBy' | 'rolledBackTo'>,
): DecisionRecord {
  return {
    id: decisionId(model, generation, at.wallMs), model, version: seen.pairs.version, generation,
    atMs: at.wallMs, at, trigger: 'pairs', reason, evidence: { format: PAIRS_FORMAT, ...seen }, ...result,
  };
}

/** A rollback that was carried out, and the generation that it began. */
export type DoneRollback = DecisionRecord & { readonly newGeneration: number };

/**
 * The rollback that began the active generation, by whomever, while it is so young that another one without a named
 * version means the same; else null: who saw the bad version and typed must not be taken one version further back.
 * Who names the generation that is to go, `meant`, gets the rollback that took it, however old, and no other.
 * One of which neither clock tells how old it is is an old one.
 */
export function justRolledBack(
  decisions: readonly DecisionRecord[], generation: number, now: Now, meant?: number,
): DoneRollback | null {
  const made = decisions.find((one) => one.action === 'rollback' && one.generation + 1 === generation);
  if (made === undefined) return null;
  const isMeant = meant === undefined
    ? (passedMs(recordedMoment(made.atMs, made.at), now) ?? Infinity) <= REPEAT_MS
    : made.generation === meant;
  return isMeant ? { ...made, newGeneration: generation } : null;
}

/** What a rollback that names no version builds on: as many of the newest decisions hold the one that began it. */
export const DECISIONS_LOOKED_AT = 100;

/** Writes down the rollback of an operator, or of the engine at its start; the evidence is the health last reported. */
export function operatorDecision(
  model: string,
  context: DecisionContext,
  rolledBackTo: string,
  reason: string,
  evidence: Readonly<Record<string, unknown>>,
): DecisionRecord {
  return {
    id: decisionId(model, context.generation, context.at.wallMs),
    model,
    version: context.version,
    generation: context.generation,
    atMs: context.at.wallMs,
    at: context.at,
    trigger: evidence['by'] === ENGINE_ACTOR ? 'engine' : 'operator',
    action: 'rollback',
    suppressedBy: null,
    rolledBackTo,
    reason,
    evidence,
  };
}
