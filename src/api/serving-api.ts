// What the public front end asks of the engine; implemented by the engine, so that the front knows none of its parts.
import type { SourceOptions } from '../batch/sources.ts';
import type { Submitter } from '../batch/submit.ts';
import type { MemoryBudget } from '../shared-memory/memory-budget.ts';
import type { OriginOptions } from '../http/origins.ts';
import type { FrontLimits } from '../http/limits.ts';
import type { TlsOptions } from '../http/tls/tls-renewal.ts';
import type { TlsView } from '../metrics/views.ts';
import type { Expect } from '../domain/known-answers.ts';
import type { StackingWish, Trust } from '../domain/records.ts';
import type { SaidLimits } from '../options/request-limits.ts';
import type { SessionOptions } from '../options/session-options.ts';
import type { PageSnapshot, TimelineView } from '../page/snapshot.ts';
import type { PageAction, RollbackBody } from './control-bodies.ts';

/** The answer of GET /health, fields as the public contract names them. */
export interface HealthAnswer {
  readonly healthy: boolean;
  readonly violations: readonly string[];
  readonly model: string;
  readonly active_model: string | null;
  readonly last_good: string | null;
  readonly last_good_trust: Trust | null;
  readonly generation: number;
  /** False while the disk refuses the rollback that brought this up: it is in force, and written when that is back. */
  readonly saved: boolean;
  readonly phase: string;
  readonly p95_latency_ms: number | null;
  readonly error_rate: number | null;
  readonly prediction_drift: number | null;
  readonly samples: number;
  readonly lapped_samples: number;
  readonly pending: number;
  /** Requests that a version on probation failed and the standby answered, since the engine started. */
  readonly shielded: number;
  /** Workers of the active version whose run is past its deadline; one is enough to be unhealthy, and not ready. */
  readonly stuck_workers: number;
  readonly pinned: boolean;
}

/** GET /v2. */
interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  /** Names of the protocol's extensions that work here. */
  readonly extensions: readonly string[];
}

/** One line of the repository index. */
export interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING' | 'UNKNOWN';
  readonly reason: string;
}

/** What a client asks of the repository extension, checked. */
export interface LoadRequest extends SaidLimits {
  /** The version to promote, or the name of the one in `files`. */
  readonly version?: string;
  /** The files of a new version, by name. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** How much it answers otherwise than the version before. */
  readonly expect?: Expect;
  /** Of a new version: whether rows of different requests may share a run. */
  readonly stacking?: StackingWish;
  /** Of a new version: how the runtime is to run it. */
  readonly session?: SessionOptions;
}

/** What the Open Inference Protocol's routes ask of the engine, beside the queues of its models. */
export interface OipApi {
  /** Load and unload need the admin token. */
  readonly needsToken: boolean;
  server(): ServerMetadata;
  /** Every model has a version that answers. */
  isReady(): boolean;
  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_LOADED or NO_ACTIVE_VERSION when it would not answer. */
  assertReady(model: string, version: string | undefined): void;
  /** Model metadata, config and statistics, as the protocol spells them; throw like `assertReady`. */
  metadata(model: string, version: string | undefined): object;
  config(model: string, version: string | undefined): object;
  statistics(model: string | undefined, version: string | undefined): Promise<object>;
  index(): readonly IndexEntry[];
  /** Serves a model (again); a new version goes through its trial and is promoted. */
  load(model: string, request: LoadRequest): Promise<void>;
  /** Stops serving a model until it is loaded again; throws UNLOAD_REFUSED. */
  unload(model: string, force: boolean): Promise<void>;
}

/** What the routes of TensorFlow Serving's REST API ask of the engine, beside the queues of its models. */
export interface TfsApi {
  /** The names of the models that are served. */
  models(): readonly string[];
  /**
   * The version that a label stands for, undefined for whichever is active. Throws MODEL_NOT_FOUND, LABEL_NOT_FOUND.
   */
  versionOf(model: string, label: string): string | undefined;
  /** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  status(model: string, version: string | undefined): object;
  /** Throws like `queueOf`. */
  metadata(model: string, version: string | undefined): object;
}

/** A model as its clients ask it. */
interface AskedModel {
  /** Of requests that are answered by whichever version is active. */
  readonly batcher: Submitter;
  /** Of those that one version answers, if one is named; throws VERSION_NOT_FOUND or VERSION_NOT_LOADED. */
  queueOf(version: string | undefined): Submitter;
}

/** What the page asks of the engine. */
export interface PageApi {
  readonly mode: 'read' | 'full';
  /** Throws MODEL_NOT_FOUND for a model that is not served; null shows the default one. */
  snapshot(model: string | null): Promise<PageSnapshot>;
  timeline(model: string, minutes: number): TimelineView;
  /**
   * Carries out what whoever showed the token chose; throws GENERATION_CONFLICT when another generation is active. The
   * verb `rows` changes nothing and answers the worst rows of the newest decision.
   */
  act(action: PageAction): Promise<unknown>;
}

export interface ServingApi {
  /** Finds a model, or the default one; throws MODEL_NOT_FOUND, MODEL_UNLOADED or NO_DEFAULT_MODEL. */
  readonly models: { served(name: string | undefined): AskedModel };
  /** Throws FLOATS_REFUSED when the version, or the active one, cannot be asked over `lastgood.f32`; and as above. */
  assertFloats(model: string | undefined, version?: string): void;
  readonly oip: OipApi;
  /** The text of GET /metrics. */
  metrics(): Promise<string>;
  readonly tfs: TfsApi;
  /** Null where there is no page. */
  readonly page: PageApi | null;
  healthOf(model: string | undefined): HealthAnswer;
  /**
   * Rolls back on behalf of a client that showed the admin token; not `saved`: the disk refused it, and it is in force.
   */
  rollbackFromFront(
    model: string | undefined, asked: RollbackBody,
  ): Promise<{ rolled_back_to: string; path: string; generation: number; trust: Trust; saved: boolean }>;
}

export interface FrontOptions {
  readonly host: string;
  readonly port: number;
  readonly bodyBytesMax: number;
  readonly limits: FrontLimits;
  /** What the process may have of memory; null when nothing limits it. */
  readonly memory: MemoryBudget | null;
  readonly adminToken: string | undefined;
  /** Who asks, where a proxy says it; nobody's word is taken without it. */
  readonly sources?: SourceOptions;
  /** Web pages that may ask, and names of this server; pages of none and names that are known without it. */
  readonly origins?: OriginOptions;
  /** Without it the port speaks plain HTTP. */
  readonly tls?: TlsOptions;
}

/** What clients hold of a front end now; see http/limits.ts. */
export interface ClientsHold {
  readonly connections: number;
  /** Since it listens. */
  readonly refusedConnections: number;
  readonly sockets: number;
  readonly receivingBytes: number;
  readonly unreadBytes: number;
}

/** A listening front end. */
export interface Front {
  readonly host: string;
  readonly port: number;
  /** Requests that were accepted and not yet answered. */
  readonly inFlight: number;
  readonly held: ClientsHold;
  /** Errors that it answered without asking a version, by code. */
  readonly refusals: ReadonlyMap<string, number>;
  /** What is known of the certificate; null in plain. */
  readonly tls: TlsView | null;
  /** Reads certificate and key again now; they are read when they change, too. */
  renewTls(): void;
  /** Stops accepting connections; from now on answers carry `Connection: close` and new requests get 503. */
  stopIntake(): void;
  /** Ends WebSockets with 1001 and closes everything; call it when nothing is in flight. */
  close(): void;
}
