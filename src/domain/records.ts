// What the registry stores, as plain types, and what is read from them. A record is written whole, in one transaction,
// and never edited in place: a changed record is a new value under the same key. Times are wall-clock milliseconds
// since 1970; a Moment beside one is the same on both clocks. Early builds wrote none, and no numbers of events.
import type { Moment, Pause } from '../base/moment.ts';
import type { DimensionSizes } from '../onnx/derive/fix-dimensions.ts';
import type { ClassLabels, DefaultValue } from '../onnx/derive/open-zipmap.ts';
import type { Expectations, KnownPair, ValidationRow } from './known-answers.ts';
import type { CheckName } from '../options/judge-options.ts';
import type { SaidLimits } from '../options/request-limits.ts';
import type { SessionOptions } from '../options/session-options.ts';
import type { RunMemory } from './run-memory.ts';

/** Open Inference Protocol spelling of an element type. */
export type Datatype =
  | 'BOOL' | 'UINT8' | 'UINT16' | 'UINT32' | 'UINT64' | 'INT8' | 'INT16' | 'INT32' | 'INT64'
  | 'FP16' | 'FP32' | 'FP64' | 'BYTES';

/** One input or output of a model; -1 stands for a dimension that may have any size. */
export interface TensorSignature {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** What the numbers along the last dimension speak for, where the model has names for its classes. */
  readonly labels?: ClassLabels;
}

/** An input that a request for whole tensors may leave out, and a request in rows does. */
export interface OptionalInput extends TensorSignature {
  readonly datatype: Exclude<Datatype, 'BYTES'>;
  readonly default: DefaultValue;
}

export interface Signature {
  /** Those that every request has. */
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  /** Not there when there are none. */
  readonly optional?: readonly OptionalInput[];
}

/**
 * How the judge reads the output: one number per row (a score in 0…1, a regression's value, or of unknown meaning),
 * one label per row, one score per class, a vector without such meaning, or as many steps as it may be (sequence.ts).
 */
export const OUTPUT_KINDS = ['scalar', 'score', 'regression', 'labels', 'classes', 'vector', 'sequence'] as const;
export type OutputKind = (typeof OUTPUT_KINDS)[number];
/** The kinds that an operator can declare. */
export const DECLARED_KINDS = ['score', 'regression', 'labels', 'classes', 'vector', 'sequence'] as const;
export type DeclaredKind = (typeof DECLARED_KINDS)[number];

/** Which output the judge reads and how, and which of the two the operator said at registration. */
export interface JudgedOutput {
  /** Null when the model has no numeric output and none is declared. */
  readonly output: string | null;
  readonly kind: OutputKind;
  readonly isOutputDeclared: boolean;
  readonly isKindDeclared: boolean;
}

/** Rows per bin: counts[0] below the first edge, counts[i] in [edge i-1, edge i), the last above all edges. */
export interface Bins {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** What a baseline says of one number per row, beyond mean and deviation. */
export interface Distribution {
  readonly mean: number;
  readonly standardDeviation: number;
  readonly bins: Bins;
}

/** One watched input column while its version was known to be good. */
export interface InputColumnBaseline {
  /** As in input-columns.ts. */
  readonly name: string;
  /** Its place among all numbers of a row, as recordings write them; -1 when that is not fixed. */
  readonly at: number;
  readonly bins: Bins;
  /** Rows in which it was no finite number. */
  readonly nonFinite: number;
  /** Share of the most frequent value. */
  readonly atomShare: number;
}

/** What came in while a version was known to be good. */
export interface InputBaseline {
  readonly source: 'validation' | 'live';
  readonly rows: number;
  readonly columns: readonly InputColumnBaseline[];
  /** SHA-256 of everything else in it but the time. */
  readonly hash: string;
  readonly createdAtMs: number;
}

/** The distribution of one version's predictions while it was known to be good. Never changed once it is stored. */
export interface Baseline {
  readonly source: 'validation' | 'live';
  /** The output that predictions are read from. */
  readonly output: string;
  readonly kind: OutputKind;
  /** Number of rows that it was computed from. */
  readonly rows: number;
  /** Mean and sample standard deviation of the prediction value (the scalar, or the best class's score). */
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  /** Sorted prediction values, thinned to at most 2,000: later checks draw their bins from them. */
  readonly values: readonly number[];
  /** Share of rows per best class, for `classes`. */
  readonly classShares?: readonly number[];
  /** For `labels`, as prediction.ts reads them: the most frequent ones first; what is missing to 1 are all others. */
  readonly labels?: readonly { readonly value: number; readonly name: string; readonly share: number }[];
  /** For `sequence`: numbers of one step. */
  readonly width?: number;
  /** Bins of the prediction value; baselines of early versions have none and are binned by `values`. */
  readonly bins?: Bins;
  /** Deviation and kurtosis of the prediction value with far values pulled in, as the spread check reads it. */
  readonly spread?: { readonly standardDeviation: number; readonly kurtosis: number };
  /** Share of the most frequent prediction value. */
  readonly atomShare?: number;
  /** Normalised entropy of the class scores, or of a score and its complement. */
  readonly entropy?: Distribution;
  /** Bins of each fixed projection of the unit vector, for `vector`; for `sequence` as sequence.ts says. */
  readonly projections?: readonly Bins[];
  /** The inputs that were asked about; not there when nobody gave them. */
  readonly inputs?: InputBaseline;
  /** SHA-256 of everything else in the baseline but the time, and the inputs, which have one of their own. */
  readonly hash?: string;
  readonly createdAtMs: number;
}

/** What a version's record says of its baseline, which lies apart: nothing that grows with rows or classes. */
export interface BaselineSummary extends Pick<
  Baseline,
  | 'source' | 'output' | 'kind' | 'rows' | 'mean' | 'standardDeviation' | 'min' | 'max' | 'bins' | 'atomShare' | 'hash'
  | 'createdAtMs'
> {
  readonly inputs?: Pick<InputBaseline, 'source' | 'rows' | 'hash' | 'createdAtMs'> & {
    readonly columns: readonly Pick<InputColumnBaseline, 'name'>[];
  };
}

/** Input rows with the answers that a load of this artefact has to give. */
export interface GoldenCase {
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly outputs: Readonly<Record<string, GoldenTensor>>;
}
interface GoldenTensor {
  readonly shape: readonly number[];
  /** Texts are elements of BYTES, or whole numbers beyond 2^53. */
  readonly data: readonly (number | string)[];
}

export interface Golden {
  readonly rtol: number;
  readonly atol: number;
  readonly cases: readonly GoldenCase[];
}

/** What a version's record says of its golden cases, which lie apart. */
export interface GoldenSummary {
  readonly rtol: number;
  readonly atol: number;
  readonly cases: number;
}

/** What belongs to a version and is only read when somebody asks for it: its record does not grow with it. */
export interface Attachments {
  readonly baseline: Baseline;
  readonly golden: Golden;
  /** Some of the rows of its baseline's file, where that has inputs. */
  readonly validation: readonly ValidationRow[];
  /** What it answered to known questions, and the version of its `expected` to the same. */
  readonly expected: readonly KnownPair[];
}

/** What the first load in the trial process measured. */
export interface TrialReport {
  readonly loadMs: number;
  /** Median of the warm-up runs at batch 1. */
  readonly runMs: number;
  /** Least milliseconds for a row among the warm-up runs of all sizes; 0, or not there, when it was not measured. */
  readonly rowMs?: number;
  readonly goldenCases: number;
  /** What the trial's process grew by. */
  readonly residentBytes: number;
  /** What its runs take; not there when it was not measured, as in records of early builds. */
  readonly memory?: RunMemory;
  /** What it answered to NaN; not there when it has no floating-point inputs, or before that was looked at. */
  readonly nanAnswers?: NanAnswers;
}

/**
 * Whether rows of different requests may share a run of a version: `none` when an answer may depend on what else is in
 * the run, and then every row of a request in rows, and every request of whole tensors, has a run of its own.
 */
export interface StackingDecision {
  readonly mode: 'rows' | 'none';
  /** A sentence without a full stop. */
  readonly reason: string;
  /** An operator's word, or what was seen in service, instead of the proof; absent for the proof. */
  readonly by?: 'operator' | 'service';
  /**
   * How far answers to a row, alone and in company, may be apart, in shares of its largest number; absent where nothing
   * was compared, and in early records.
   */
  readonly tolerance?: number;
  /** Which outputs have a row for each row, in the signature's order; absent in early records: decided at each load. */
  readonly rowOutputs?: readonly boolean[];
}

/**
 * Whether a version is asked about inputs that hold no finite number: NaN, in JSON also null, a missing value; and the
 * infinities.
 */
export const NAN_INPUTS = ['allow', 'refuse'] as const;
export type NanInputs = (typeof NAN_INPUTS)[number];
/** What a version answered in its trial to rows in which one number, and all of them, were NaN. */
export type NanAnswers = 'finite' | 'not finite' | 'failure';

/** What an operator can ask for: `rows` if that is proven, `rows!` whatever the proof says. */
export const STACKING_WISHES = ['rows', 'none', 'rows!'] as const;
export type StackingWish = (typeof STACKING_WISHES)[number];

/**
 * new: has never served, or not long enough. good: ended its probation or was confirmed.
 * unhealthy: was rolled back or put into quarantine; never chosen by the machine until an operator releases it.
 */
export type VersionHealth = 'new' | 'good' | 'unhealthy';

/** How a version earned to be gone back to; unproven: it served and never failed, and that is all that is known. */
export const TRUSTS = ['confirmed', 'probation ended', 'served 7 days', 'unproven'] as const;
export type Trust = (typeof TRUSTS)[number];

/** A file of an artefact; its name is relative to the model's folder, with / between folders. */
export interface ManifestFile {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** All that a session on the model reads. */
export interface Manifest {
  readonly kind: 'onnx' | 'ort';
  /** The model itself, then the files that its weights lie in, by name. */
  readonly files: readonly ManifestFile[];
}

/** What is loaded in place of a model, which can always be made again from it: see artifacts/derived.ts. */
export interface DerivedFile {
  /** Each with its version, in the order in which they were applied. */
  readonly rules: readonly string[];
  /** What fix-dimensions was told; not there without it. */
  readonly sizes?: DimensionSizes;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a version is loaded from. */
export interface ArtifactRecord {
  /** SHA-256 of its one file; of the manifest when there are more: see artifacts/manifest.ts. */
  readonly sha256: string;
  /** Not there when the artefact is one ONNX file. */
  readonly manifest?: Manifest;
  /** Not there when the model is loaded as it was given. */
  readonly derived?: DerivedFile;
}

/** That part of a version's record, or of what goes into one. */
export const artifactRecordOf = ({ sha256, manifest, derived }: ArtifactRecord): ArtifactRecord => ({
  sha256, ...(manifest === undefined ? {} : { manifest }), ...(derived === undefined ? {} : { derived }),
});

export interface VersionRecord extends ArtifactRecord, Expectations {
  readonly model: string;
  readonly version: string;
  /** Of all its files. */
  readonly artifactBytes: number;
  readonly signature: Signature;
  readonly outputKind: OutputKind;
  /**
   * What the operator declared of the output that is judged, and of the inputs that are watched (see input-columns.ts);
   * the rest is inferred from signature and baseline.
   */
  readonly declared?: {
    readonly output?: string; readonly kind?: DeclaredKind; readonly inputColumns?: string;
    /** Whether it is asked about inputs that hold no finite number; by default what the trial saw decides. */
    readonly nanInputs?: NanInputs;
  };
  readonly baseline: BaselineSummary | null;
  readonly golden: GoldenSummary | null;
  readonly trial: TrialReport;
  /** How the runtime is to run it; absent, and what is left out of it, are the engine's settings. */
  readonly session?: SessionOptions;
  /** What its requests may have, in place of what the model's options say and of what was learned. */
  readonly requestLimits?: SaidLimits;
  /** Decided in the trial; versions of early registrations have none, and are probed at each load. */
  readonly stacking?: StackingDecision;
  readonly warnings: readonly string[];
  readonly health: VersionHealth;
  /** How and when a good one earned that; null or absent for all others, and in records of early builds. */
  readonly earned?: Readonly<{ how: Exclude<Trust, 'unproven'>; atMs: number; event?: number }> | null;
  /** Why it is unhealthy, and since when; null otherwise. */
  readonly quarantine: Readonly<{ reason: string; by: string; atMs: number; event?: number }> | null;
  /**
   * The decision in which it was found failing and was not rolled back (pinned, within a cooldown, nothing to go back
   * to, promoted over); null or absent when there was none, or when it earned trust or somebody vouched for it since.
   */
  readonly failed?: { readonly decision: string; readonly atMs: number; readonly at?: Moment } | null;
  /** The last generation that it served as; 0 when it never has. */
  readonly lastGeneration: number;
  readonly registeredAtMs: number;
  readonly registeredBy: string;
}

export interface ModelRecord {
  readonly model: string;
  readonly activeVersion: string | null;
  readonly lastGoodVersion: string | null;
  /** How the last good version earned that; absent in records of early builds. */
  readonly lastGoodTrust?: Trust | null;
  /** Goes up by one on every promote and every rollback; 0 before the first. */
  readonly generation: number;
  /** When the active generation began. */
  readonly activatedAtMs: number;
  readonly activated?: Moment;
  /** When the active generation's probation ended (or was confirmed); null while it lasts. */
  readonly probationEndedAtMs: number | null;
  readonly pin: { readonly by: string; readonly reason: string; readonly atMs: number } | null;
  /** Somebody has told the judge to watch only; it may be over. Null when called off. */
  readonly pause?: Pause | null;
  /** When the machine last rolled this model back; the cooldown counts from here and survives a restart. */
  readonly lastAutomaticRollbackAtMs: number | null;
  readonly lastAutomaticRollback?: Moment;
  /** The generation that the machine's last rollback began: the only one that cooldown and interval bind. */
  readonly restoredGeneration?: number;
  /** The generation in which the machine rolls back no more: what it restored failed too. Cleared when that is over. */
  readonly stoppedGeneration?: number;
  /**
   * How many models had an active version before this one's first. It is not there before that, nor in records of early
   * registries, which all came first.
   */
  readonly activationOrder?: number;
  /** Nobody serves it until somebody loads it again. */
  readonly isUnloaded?: boolean;
  /** The integer that the next version gets when the operator names none. */
  readonly nextVersion: number;
  /** The sequence number of the next event. */
  readonly nextEvent: number;
  readonly createdAtMs: number;
}

export type EventKind =
  | 'register' | 'promote' | 'rollback' | 'probation_ended' | 'confirm' | 'pin' | 'unpin'
  | 'quarantine' | 'release' | 'baseline' | 'remove' | 'no_rollback_target' | 'load_failed'
  | 'restored_failing' | 'recovered' | 'unload' | 'load' | 'stacking' | 'expected'
  | 'rollback_told' | 'rollback_untold' | 'observe' | 'observe_off';

/** One line of a model's history. */
export interface EventRecord {
  readonly model: string;
  readonly sequence: number;
  readonly kind: EventKind;
  readonly atMs: number;
  /** `monitor`, `engine`, or the operator as given by the client (`cli:user`, `http`, `library`). */
  readonly by: string;
  readonly reason: string;
  /** The version that was active before and the one that the event is about. */
  readonly from: string | null;
  readonly to: string | null;
  /** The generation after the event. */
  readonly generation: number;
  readonly decision: string | null;
  /** The version to go back to after the event; absent in records of early builds. */
  readonly lastGood?: { readonly version: string; readonly trust: Trust } | null;
}

/** A verdict that led, or would have led, to a rollback, with everything it was decided from. */
export interface DecisionRecord {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  readonly atMs: number;
  readonly at?: Moment;
  /** pairs: the version and the one before answer the same questions differently. */
  readonly trigger: CheckName | 'pairs' | 'operator' | 'engine';
  /** warn: the failing check is not one that acts (any more). */
  readonly action: 'rollback' | 'suppressed' | 'no_target' | 'warn';
  /** For suppressed: why nothing was done; see SUPPRESSIONS in registry/rules.ts. */
  readonly suppressedBy: string | null;
  readonly rolledBackTo: string | null;
  /** How the version that was gone back to had earned that; only there for rollbacks, and not of early builds. */
  readonly targetTrust?: Trust;
  readonly reason: string;
  /** The judge's evidence as plain data; recomputable. */
  readonly evidence: Readonly<Record<string, unknown>>;
}
