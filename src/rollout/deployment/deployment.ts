// One loaded version: its pool of workers, their sample rings, and how many batches it is running. Main thread.
// Invariant: it is closed only when nothing runs in it any more; a busy worker is never stopped.
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { ROWS_LIMIT } from '../../options/options.ts';
import { defaultsOf, labelsOf } from '../../domain/datatype.ts';
import { artifactRecordOf } from '../../domain/records.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { clearSampleRing, sampleRingBytes, sampleRingOffset } from '../../shared-memory/sample-ring.ts';
import { nanInputsOf, noLimits, RUN_ROWS_MAX, type RunLimits } from '../../domain/run-limits.ts';
import type { InFlightPlace } from '../../shared-memory/in-flight.ts';
import { MemoryBudget, type MemoryPlan } from '../../shared-memory/memory-budget.ts';
import { NO_GENERATION, Track, type Slab } from '../../shared-memory/slab.ts';
import { createSlab, type SlabArena } from '../../shared-memory/slab-arena.ts';
import { StackWatch } from '../../shared-memory/stack-watch.ts';
import { judgedOutputOf, stepElementsOf } from '../../domain/judged-output.ts';
import type { NonFiniteJson } from '../../protocols/json/tensor-json.ts';
import type { BatchResult, PredictionSource, RowMemory, WorkerStart } from '../../worker/messages.ts';
import { LargeWorker } from '../../worker/pool/large-worker.ts';
import { InferencePool } from '../../worker/pool/pool.ts';
import type { PlaceUser } from '../../worker/pool/scheduler.ts';
import { allocateRows, keepRows, NO_ROWS, type RowMemoryOptions, type RowPace } from './row-memory.ts';
import { roomFor } from './room.ts';
import type { RetiredResources } from './thread-reuse.ts';

/** Records per worker ring: at 200,000 samples a second the monitor has 80 ms before it is lapped. */
const RING_CAPACITY = 16_384;
/** Bytes of one answer; beyond it the request is answered with an error. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** A batch without requests. */
const NOTHING = { entriesMax: 1, requestBytes: 64, answerBytes: 64 };

export type DeploymentState = 'loading' | 'ready' | 'draining' | 'closed' | 'failed';

interface DeploymentOptions {
  /** Unique in this process; stamped into every batch. */
  readonly id: number;
  readonly dataDir: string;
  readonly version: VersionRecord;
  readonly workers: number;
  readonly intraOpThreads: number;
  readonly loadMs: number;
  /** Most rows of one request; ROWS_LIMIT by default. */
  readonly requestRowsMax?: number;
  /** What the process may have; nothing limits it by default. */
  readonly memory?: MemoryPlan | null;
  /** The name of what is prepared of it; see artifacts/prepared.ts. */
  readonly prepared?: string | null;
  /** What its runs may have; by default they may have anything. */
  readonly limits?: RunLimits;
  /** Of rows that were answered in company this share is run again alone; none by default. */
  readonly stackCheckShare?: number;
  /** What NaN and infinities become in the JSON of tensors; token by default. */
  readonly nonFinite?: NonFiniteJson;
  readonly arena: SlabArena;
  /** Whether its answers leave samples; true by default. */
  readonly samples?: boolean;
  /** Whether, and how many, whole rows its workers leave; none by default. */
  readonly rows?: RowMemoryOptions;
  /** Where its workers write down what they run; nowhere by default. */
  readonly inFlight?: InFlightPlace | null;
  /** Threads and memory of a deployment that is gone; new ones by default. */
  readonly retired?: RetiredResources | null;
  readonly onWorkerLost: (reason: unknown) => void;
  /** There may be a place for a large request now. */
  readonly onLargePlace?: () => void;
}

type VersionStartOptions = Pick<
  DeploymentOptions,
  'id' | 'dataDir' | 'version' | 'workers' | 'intraOpThreads' | 'prepared' | 'limits' | 'requestRowsMax' | 'nonFinite'
>;
/** What a worker is told of a version, without the memory that it shares with others. */
export type VersionStart = Omit<
  WorkerStart,
  'memory' | 'watch' | 'arena' | 'slabCount' | 'rings' | 'ringCapacity' | 'samples' | 'rows' | 'slots' | 'firstRing'
>;

export class Deployment {
  readonly id: number;
  readonly version: VersionRecord;
  /** Without the one for large requests. */
  readonly workers: number;
  /** Most rows of one request. */
  readonly requestRowsMax: number;
  /** The workers' rings, for the monitor: `ringCount` of them. */
  readonly rings: SharedArrayBuffer;
  readonly ringCapacity = RING_CAPACITY;
  /** The workers' rings of whole rows. */
  readonly rows: RowMemory;
  /** What they find out about stacking. */
  readonly watch: StackWatch;
  readonly #pool: InferencePool;
  /** Null where there are several workers: of those one is left to the other requests. */
  readonly #large: LargeWorker | null;
  #state: DeploymentState = 'ready';
  readonly #running = new Set<Slab>();
  readonly #stuck = new Set<Slab>();
  #onIdle: (() => void) | null = null;

  private constructor(
    options: DeploymentOptions, shared: Pick<Deployment, 'rings' | 'rows' | 'watch'>, pool: InferencePool,
    large: LargeWorker | null,
  ) {
    this.id = options.id;
    this.version = options.version;
    this.workers = options.workers;
    this.requestRowsMax = options.requestRowsMax ?? ROWS_LIMIT;
    this.rings = shared.rings;
    this.rows = shared.rows;
    this.watch = shared.watch;
    this.#pool = pool;
    this.#large = large;
  }

  /** Loads and warms the version in threads that serve nothing; throws LOAD_FAILED and leaves nothing behind. */
  static async load(options: DeploymentOptions): Promise<Deployment> {
    const { retired = null, workers, onWorkerLost, loadMs } = options;
    const ringCount = ringsFor(workers);
    const rings = retired === null ? allocateRings(ringCount) : clearedRings(retired.rings, ringCount);
    const { signature } = options.version;
    const rows = options.rows === undefined
      ? NO_ROWS
      : allocateRows(signature, ringCount, options.rows, retired?.rows);
    const watch = StackWatch.create(options.stackCheckShare ?? 0);
    const start = {
      ...versionStartOf(options),
      memory: memoryOf(options),
      watch: watch.memory,
      arena: options.arena.memory,
      slabCount: options.arena.slabs.length,
      rings,
      ringCapacity: RING_CAPACITY,
      samples: options.samples ?? true,
      rows,
      inFlight: options.inFlight ?? null,
    };
    const slotsFor = (count: number): SharedArrayBuffer => new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
    const threads = retired?.threads ?? null;
    const pool = await InferencePool.start({ ...start, slots: slotsFor(workers) }, { loadMs, onWorkerLost, threads });
    const large = ringCount === workers ? null : new LargeWorker({
      start: async () => {
        assertRoomForOne(options);
        const one = { workers: 1, slots: slotsFor(1), firstRing: workers, stepsBack: true };
        return InferencePool.start({ ...start, ...one }, { loadMs, onWorkerLost });
      },
      onChange: () => options.onLargePlace?.(),
    });
    return new Deployment(options, { rings, rows, watch }, pool, large);
  }

  /** Rings of its workers, that of the one for large requests included. */
  get ringCount(): number {
    return ringsFor(this.workers);
  }

  get state(): DeploymentState {
    return this.#state;
  }
  /** The batches that it is running; each says when it was cut. */
  get runningSlabs(): ReadonlySet<Slab> {
    return this.#running;
  }
  /** Those whose run is past the deadline of its requests: each has a worker that only an end of the run frees. */
  get stuck(): ReadonlySet<Slab> {
    return this.#stuck;
  }
  noteStuck(slab: Slab): void {
    if (this.#running.has(slab)) this.#stuck.add(slab);
  }
  /** Whether it can answer now: it is loaded, a worker is there, and none is stuck: half alive is not well. */
  get canAnswer(): boolean {
    return this.#state === 'ready' && this.#pool.scheduler.isManned && this.#stuck.size === 0;
  }
  /** Whether no worker is left that is not stuck. */
  get isBlocked(): boolean {
    let stuck = 0;
    for (const slab of this.#stuck) if (this.#large?.runs(slab) !== true) stuck += 1;
    return stuck >= this.workers;
  }
  /** Whether a batch of `user` may be run now: see BatchScheduler. */
  hasPlace(user: 'queue' | 'shielded' | 'named', mayQueueBehind = false, isLarge = false): boolean {
    if (this.#state !== 'ready') return false;
    if (isLarge && this.#large?.isRefused === false) return this.#large.hasPlace(user);
    return this.#pool.scheduler.hasPlace(user, mayQueueBehind, isLarge);
  }
  /** Keeps the place of a shielded batch until the function that it returns is called. */
  holdPlace(): () => void {
    return this.#pool.scheduler.holdPlace();
  }

  /** Tells its workers how often to keep a row; until then they keep none. */
  keepRows(pace: RowPace): void {
    keepRows(this.rows, this.ringCount, pace);
  }

  /** Runs one batch that was stamped with this deployment's id; throws MODEL_FAILED when its worker was lost. */
  async run(slab: Slab, user: PlaceUser): Promise<BatchResult> {
    this.#running.add(slab);
    try {
      return await ((slab.isLarge ? this.#large?.run(slab, user) : null) ?? this.#pool.scheduler.run(slab, user));
    } catch (error) {
      const { model, version } = this.version;
      throw lastgoodError('MODEL_FAILED', { model, version, reason: `its worker was lost: ${reasonOf(error)}` });
    } finally {
      this.#running.delete(slab);
      this.#stuck.delete(slab);
      if (this.#running.size === 0) this.#onIdle?.();
    }
  }

  /** Takes back the batches that no worker has begun: their runs resolve with `isRecalled`. */
  recall(): void {
    this.#pool.scheduler.recall();
  }

  /** Runs a slab of kept rows beside the batches: it counts as none. Rejects when the deployment is closing. */
  async replay(slab: Slab): Promise<BatchResult> {
    return this.#pool.scheduler.run(slab, 'replay');
  }

  /** Lets each worker that has nothing to do look whether it holds memory that somebody was refused. */
  giveMemoryBack(): void {
    for (let worker = 0; worker < this.workers && this.#state === 'ready'; worker += 1) {
      const nothing = createSlab(NOTHING);
      nothing.stamp(NO_GENERATION, this.id, 0, Track.named);
      // A worker that has work looks by itself.
      this.replay(nothing).catch(() => undefined);
    }
  }

  /** Waits for the running batches, then lets the sessions and the threads go. */
  async close(): Promise<void> {
    if (!(await this.#drain())) return;
    await Promise.all([this.#large?.close(), this.#pool.close()]);
    this.#state = 'closed';
  }

  /** The same, but leaves memory, and threads that are fit for it, to whoever comes next; null for a second call. */
  async retire(): Promise<RetiredResources | null> {
    if (!(await this.#drain())) return null;
    const [threads] = await Promise.all([this.#pool.retire(), this.#large?.close()]);
    this.#state = 'closed';
    return { workers: this.workers, threads, rings: this.rings, rows: this.rows };
  }

  // False when somebody else does it already.
  async #drain(): Promise<boolean> {
    if (this.#state !== 'ready') return false;
    this.#state = 'draining';
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    return true;
  }
}

/** How a worker is to load and run the version, wherever that is. */
export function versionStartOf(options: VersionStartOptions): VersionStart {
  const { version } = options;
  const { signature } = version;
  return {
    dataDir: options.dataDir,
    model: version.model,
    version: version.version,
    ...artifactRecordOf(version),
    labels: labelsOf(signature),
    defaults: defaultsOf(signature),
    outputKind: version.outputKind,
    source: predictionSource(version),
    deploymentId: options.id,
    workers: options.workers,
    intraOpThreads: options.intraOpThreads,
    session: version.session ?? {},
    stacking: version.stacking ?? null,
    prepared: options.prepared ?? null,
    limits: options.limits ?? noLimits(signature, RUN_ROWS_MAX),
    requestRowsMax: options.requestRowsMax ?? ROWS_LIMIT,
    answerBytesMax: ANSWER_BYTES_MAX,
    refusesNonFinite: nanInputsOf(version) === 'refuse',
    nonFinite: options.nonFinite ?? 'token',
  };
}

// Where nothing limits the process, or nobody knows what a run takes, no run is asked about.
function memoryOf({ memory = null, version }: DeploymentOptions): WorkerStart['memory'] {
  const run = version.trial.memory;
  return memory === null || run === undefined ? null : { plan: memory, run };
}

/** A deployment of one worker may get another one for large requests. */
export const ringsFor = (workers: number): number => (workers === 1 ? 2 : workers);

// Throws MEMORY_FULL when the process has no memory for one more worker.
function assertRoomForOne({ memory = null, version, prepared }: DeploymentOptions): void {
  if (memory === null) return;
  const budget = new MemoryBudget(memory);
  const { usedBytes, limitBytes } = budget;
  const isPrepared = prepared !== null && prepared !== undefined;
  budget.assertRoom(roomFor(version, { workers: 1, isPrepared, usedBytes, limitBytes }).bytes);
}

const allocateRings = (workers: number): SharedArrayBuffer =>
  new SharedArrayBuffer(workers * sampleRingBytes(RING_CAPACITY));

function clearedRings(rings: SharedArrayBuffer, workers: number): SharedArrayBuffer {
  for (let ring = 0; ring < workers; ring += 1) clearSampleRing(rings, sampleRingOffset(ring, RING_CAPACITY));
  return rings;
}

// Live predictions must come from the output that the baseline was computed from, and be read as it was.
function predictionSource(version: VersionRecord): PredictionSource | null {
  const { output: name, kind } = judgedOutputOf(version);
  const output = version.signature.outputs.findIndex((candidate) => candidate.name === name);
  const datatype = version.signature.outputs[output]?.datatype;
  return datatype === undefined ? null : { output, kind, datatype, width: stepElementsOf(version) };
}
