// What the Open Inference Protocol's routes ask of the engine, beside the queues of its models; types only.

/** GET /v2. */
export interface ServerMetadata {
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
export interface LoadRequest {
  /** The version to promote, or the name of the one in `file`. */
  readonly version?: string;
  /** The bytes of a new version. */
  readonly file?: Uint8Array;
}

export interface OipPort {
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
