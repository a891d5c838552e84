// Everything that crosses the boundary between the engine's main thread and the monitor thread; types only.
import type { CheckName } from '../../options/judge-options.ts';
import type { MeteredSamples } from '../../metrics/sample-meter.ts';
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline, OutputKind, Signature } from '../../domain/records.ts';
import type { InputColumn } from '../../domain/input-columns.ts';
import type { RowRings } from '../../worker/messages.ts';
import type { CheckCause, CheckEffect, JudgePhase } from './check-kinds.ts';

/** What the monitor thread is started with. */
export interface MonitorData {
  /** Where what each version answers is counted for the timeline; null where nobody keeps that. */
  readonly traffic: SharedArrayBuffer | null;
}

/** Adds rings to read: those of one deployment's workers, or the main thread's own (deploymentId 0 of a model). */
export interface AttachRings {
  readonly kind: 'attach';
  readonly deploymentId: number;
  readonly model: string;
  /** Of the deployment; null for the main thread's ring, which has samples of several. */
  readonly version: string | null;
  readonly memory: SharedArrayBuffer;
  readonly rings: number;
  readonly capacity: number;
  /** Rings of recent rows, one beside each, and which of their inputs are watched; null where none are kept. */
  readonly inputs?: (RowRings & { readonly signature: Signature; readonly columns: readonly InputColumn[] }) | null;
  /** Rings of whole rows for the recorder, one beside each; `signature` is there when inputs are recorded. */
  readonly records?: (RowRings & { readonly signature: Signature | null }) | null;
}
/** Reads a deployment's rings a last time and forgets them. Answered by `detached`. */
export interface DetachRings {
  readonly kind: 'detach';
  readonly request: number;
  readonly deploymentId: number;
  readonly model: string;
}
/** From now on `generation` is what is judged for the model, with fresh windows. */
export interface WatchGeneration {
  readonly kind: 'watch';
  readonly model: string;
  readonly generation: number;
  readonly version: string;
  readonly outputKind: OutputKind;
  readonly baseline: Baseline | null;
  readonly options: JudgeOptions;
}
/** The watched generation ended its probation, or went back into it; until then it is in probation. */
interface SetPhase {
  readonly kind: 'phase';
  readonly model: string;
  readonly generation: number;
  readonly phase: JudgePhase;
}
/** Replaces the baseline of the watched generation. */
interface SetBaseline {
  readonly kind: 'baseline';
  readonly model: string;
  readonly generation: number;
  readonly baseline: Baseline | null;
}
/** Asks for the live predictions of the watched generation, to make a baseline of. Answered by `captured`. */
export interface CapturePredictions {
  readonly kind: 'capture';
  readonly request: number;
  readonly model: string;
}
/** Asks what samples have come in since the last time, of all models. Answered by `measured`. */
export interface MeasureSamples {
  readonly kind: 'measure';
  readonly request: number;
}
interface UnwatchModel {
  readonly kind: 'unwatch';
  readonly model: string;
}
/** Stops the thread after a last look. */
interface StopMonitor {
  readonly kind: 'stop';
}
export type MonitorCommand =
  | AttachRings | DetachRings | WatchGeneration | SetPhase | SetBaseline | CapturePredictions | MeasureSamples
  | UnwatchModel | StopMonitor;

export type { CheckName } from '../../options/judge-options.ts';
export type CheckVerdict = 'pass' | 'fail' | 'inconclusive';
/**
 * Why a value over its limit is no failure (yet): it was not so at a second look, chance explains it, one burst of
 * requests or one input makes all of it.
 */
export type HeldBack = 'looks' | 'chance' | 'burst' | 'one_input';

/** One check at one look, with what it was decided from. */
export interface CheckResult {
  readonly check: CheckName;
  readonly verdict: CheckVerdict;
  /** The measured value in the check's unit (ms, share, sigmas); null without enough data. */
  readonly value: number | null;
  readonly limit: number;
  /** Samples the value was computed from, and the number needed. */
  readonly samples: number;
  readonly samplesMin: number;
  /** What its failing asks for now. */
  readonly effect: CheckEffect;
  /** Of a check that passes although it is over its limit. */
  readonly heldBack?: HeldBack;
  /** A sentence for people. */
  readonly text: string;
}

/** The state of a model's watched generation after a look; sent at every look. */
export interface HealthReport {
  readonly kind: 'health';
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  readonly atUs: number;
  readonly checks: readonly CheckResult[];
  /** Of failing checks that ask for a rollback. */
  readonly violations: readonly string[];
  /** Of failing checks that only warn. */
  readonly warnings: readonly string[];
  readonly windowSamples: number;
  /** Since the generation began. */
  readonly totals: GenerationTotals;
  /** Quantiles over the last 60 s as people want to see them, in ms; null without samples. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  readonly p95LatencyMs: number | null;
  readonly errorRate: number | null;
  readonly predictionDrift: number | null;
  /** Of the last hour (sixty short windows); null for compat, which knows no time. */
  readonly lastHour: HourCounts | null;
}
export interface HourCounts {
  readonly windowMs: number;
  /** Requests that speak of the version, and what was wrong with them. */
  readonly requests: number;
  readonly failed: number;
  readonly nonFinite: number;
  /** Requests that count for latency, and those over its limit. */
  readonly timed: number;
  readonly slow: number;
}
export interface GenerationTotals {
  readonly requests: number;
  readonly ok: number;
  readonly clientFaults: number;
  readonly modelFailures: number;
  readonly nonFinite: number;
  /** Answers that are not finite to questions that are not: they count for and against no version. */
  readonly nonFiniteInputs: number;
  readonly deadlines: number;
  readonly predictions: number;
  /** Samples lost to lapping in the model's rings, since the engine started. */
  readonly lapped: number;
}
/** At least one check failed; sent at each look while it lasts. The evidence is plain data and recomputable. */
export interface Verdict {
  readonly kind: 'verdict';
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  readonly verdict: 'fail';
  /** The first failing check that asks for a rollback, or else the first that warns. */
  readonly trigger: CheckName;
  /** The failing checks with the trigger's effect, the trigger first. */
  readonly failing: readonly CheckResult[];
  /** rollback: at least one failing check asks for it. */
  readonly effect: CheckEffect;
  /** What the trigger's failing speaks of; a drift may lie in the data as well. */
  readonly cause: CheckCause;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}
export interface CapturedPredictions {
  readonly kind: 'captured';
  readonly request: number;
  readonly model: string;
  readonly generation: number;
  /** Time since the generation's first answer. */
  readonly forMs: number;
  readonly values: readonly number[];
  readonly classCounts: readonly number[];
  readonly entropies: readonly number[];
  /** Per fixed direction; empty when no answer was a vector. */
  readonly projections: readonly (readonly number[])[];
  /** Watched input columns with their values, row by row; null when no rows of inputs came in. */
  readonly inputs: CapturedInputs | null;
}
export interface CapturedInputs {
  readonly names: readonly string[];
  /** Per column; all of one length. What was no finite number is NaN. */
  readonly values: readonly (readonly number[])[];
}
/** The rings are not read any more: their memory may be used again. */
export interface DetachedRings {
  readonly kind: 'detached';
  readonly request: number;
}
/** What has come in since the last `measured`, and of which models nothing has. */
export interface MeasuredSamples {
  readonly kind: 'measured';
  readonly request: number;
  readonly models: readonly MeasuredModel[];
}
export interface MeasuredModel {
  readonly model: string;
  readonly samples: readonly MeteredSamples[];
  /** Samples that were overwritten before they were read, and that came for a generation that is not judged. */
  readonly lapped: number;
  readonly late: number;
}
export type MonitorReport = HealthReport | Verdict | CapturedPredictions | DetachedRings | MeasuredSamples;
