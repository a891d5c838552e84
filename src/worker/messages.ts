// Everything that crosses the boundary between the main thread and an inference worker; types only.
import type { SessionOptions } from '../options/session-options.ts';
import type { MessagePort } from 'node:worker_threads';
import type { EncodedError, FailedTask } from '../base/errors.ts';
import type { ArtifactRecord, Datatype, OutputKind, Signature, StackingDecision } from '../domain/records.ts';
import type { RunMemory } from '../domain/run-memory.ts';
import type { MemoryPlan } from '../shared-memory/memory-budget.ts';
import type { RunLimits } from '../domain/run-limits.ts';
import type { ClassLabels, DefaultValue } from '../onnx/derive/open-zipmap.ts';
import type { InFlightPlace } from '../shared-memory/in-flight.ts';
import type { RowRingSize } from '../shared-memory/row-ring.ts';
import type { NonFiniteJson } from '../protocols/json/tensor-json.ts';

/** `workers` row rings, one after another. */
export interface RowRings {
  readonly memory: SharedArrayBuffer;
  readonly size: RowRingSize;
}
/** Where the workers of a deployment leave whole rows; null where nobody ever wants any. */
export interface RowMemory {
  /** Recent rows with their inputs, a few a second. */
  readonly reservoir: RowRings | null;
  /** Every row (of one request in `every`) for the recorder, with its inputs only when that was asked for. */
  readonly record: (RowRings & { readonly every: number; readonly inputs: boolean }) | null;
}

/** Which output predictions are read from, and how. */
export interface PredictionSource {
  readonly output: number;
  readonly kind: OutputKind;
  readonly datatype: Datatype;
  /** Numbers of one step, of a sequence; 1 by default. */
  readonly width?: number;
}

/** Given to every worker of a deployment with its tasks. */
export interface WorkerStart extends ArtifactRecord {
  readonly dataDir: string;
  readonly model: string;
  readonly version: string;
  /** As in its signature, by output. */
  readonly labels?: Readonly<Record<string, ClassLabels>>;
  /** The values of inputs that may be left out, by input; none by default. */
  readonly defaults?: Readonly<Record<string, DefaultValue>>;
  readonly outputKind: OutputKind;
  /** Where its predictions are read from; null when no output can be judged. */
  readonly source: PredictionSource | null;
  /** Stamped into each batch; a worker refuses a batch of another deployment. */
  readonly deploymentId: number;
  readonly workers: number;
  readonly intraOpThreads: number;
  /** The version's own session options; all are the engine's by default. */
  readonly session?: SessionOptions;
  /** As the version's record has it; null when it was registered before that was decided. */
  readonly stacking: StackingDecision | null;
  /** What its workers find out about that while they serve: see shared-memory/stack-watch.ts. */
  readonly watch: SharedArrayBuffer;
  /** What is prepared of the artefact, if it is: see artifacts/prepared.ts; null when nobody is to look. */
  readonly prepared: string | null;
  /** What the process may have of memory, and what runs of the version take; null where nobody knows. */
  readonly memory: { readonly plan: MemoryPlan; readonly run: RunMemory } | null;
  /** What one run may have. */
  readonly limits: RunLimits;
  /** Most rows of one request. */
  readonly requestRowsMax: number;
  /** Limit of one answer. */
  readonly answerBytesMax: number;
  /** Inputs that hold NaN or an infinity are refused; they are not without it. */
  readonly refusesNonFinite?: boolean;
  /** What NaN and infinities become in the JSON of tensors. */
  readonly nonFinite: NonFiniteJson;
  readonly arena: SharedArrayBuffer;
  readonly slabCount: number;
  /** Sample rings, one after another. */
  readonly rings: SharedArrayBuffer;
  readonly ringCapacity: number;
  /** The rings, and the place of the in-flight record, of the first of these workers; 0 by default. */
  readonly firstRing?: number;
  /** They leave the processor to whoever else wants it: see pool/large-worker.ts. */
  readonly stepsBack?: boolean;
  /** Whether samples are written. */
  readonly samples: boolean;
  readonly rows: RowMemory;
  /** Int32 per worker slot: see pool/slots.ts. */
  readonly slots: SharedArrayBuffer;
  /** Where it is written down what runs: see shared-memory/in-flight.ts; null or not there where nobody keeps that. */
  readonly inFlight?: InFlightPlace | null;
}

/** Opens the session, warms it, then holds its worker until all workers of the deployment have done so. */
export interface LoadTask {
  readonly kind: 'load';
  readonly start: WorkerStart;
  readonly deadlineUs: number;
}
/**
 * Runs the batches that come through the mailbox, one after the other, until it is told to leave; then releases the
 * session, so that the worker can be stopped or loaded anew, and holds its worker like `load`.
 */
export interface ServeTask {
  readonly kind: 'serve';
  readonly start: WorkerStart;
  readonly mailbox: SharedArrayBuffer;
  /** The mailbox's other half: see shared-memory/mailbox.ts. */
  readonly port: MessagePort;
  /** Limit of releasing the session. */
  readonly releaseMs: number;
}
export type WorkerTask = LoadTask | ServeTask;

export interface LoadResult {
  readonly kind: 'load';
  readonly loadMs: number;
  readonly signature: Signature;
  readonly outputKind: OutputKind;
}
export interface BatchResult {
  /** Answers that did not fit the slab's answer area. */
  readonly overflow: readonly { readonly entry: number; readonly answer: Uint8Array }[];
  /** No worker has begun it: the batch is as it was before, and can be given to another deployment. */
  readonly isRecalled?: true;
}
/** What of a batch's result does not fit the slab; `failure` says why there is no result. */
export interface BatchReport {
  readonly overflow: BatchResult['overflow'];
  readonly failure?: EncodedError;
}
export interface ServeResult {
  readonly kind: 'serve';
}
export type WorkerResult = LoadResult | ServeResult | FailedTask;
