// Loads a model's versions and retires them, and tells the monitor of their rings. Main thread. A deployment retires
// after a delay; it leaves its threads and its memory to the next one, once monitor and recorder have looked into it a
// last time.
import type { MonitorCommand } from '../../judge/types/messages.ts';
import type { ModelMeter } from '../../metrics/model-meter.ts';
import { type Clock, withTimeout } from '../../base/clock.ts';
import type { ModelOptions } from '../../options/options.ts';
import type { VersionRecord } from '../../domain/records.ts';
import type { Preparation } from '../preparation/preparation.ts';
import { Deployment, ringsFor } from './deployment.ts';
import { Deployments } from './deployments.ts';
import type { RowMemoryOptions } from './row-memory.ts';
import { requestRowsMax, runLimits } from './run-limits.ts';
import { ResourceCache, RetireDelay, type RetiredResources } from './thread-reuse.ts';
import type { InFlightFile, InFlightPlace } from '../../shared-memory/in-flight.ts';
import type { MemoryPlan } from '../../shared-memory/memory-budget.ts';
import type { SlabArena } from '../../shared-memory/slab-arena.ts';
import { inputColumnsOf } from '../../domain/input-columns.ts';

/** A load waits this long for the threads of a deployment that is on its way out: new ones take as long to start. */
const RETIRED_AWAITED_MS = 250;

export interface ProblemEvent {
  readonly kind: 'problem';
  readonly model: string;
  readonly what: string;
  readonly reason: string;
}

interface DeploymentLoaderPorts {
  readonly model: string;
  readonly dataDir: string;
  readonly options: ModelOptions;
  readonly loadMs: number;
  /** Which rows are recorded; null while none are. */
  readonly record: RowMemoryOptions['record'];
  readonly workers: () => number;
  readonly clock: Clock;
  readonly meter: ModelMeter;
  readonly preparation: Preparation;
  /** What the process may have of memory; null when nothing limits it. */
  readonly memory: MemoryPlan | null;
  /** Where workers write down what they run; null where nobody keeps that. */
  readonly inFlight: InFlightFile | null;
  readonly nextDeploymentId: () => number;
  readonly monitor: {
    post(command: MonitorCommand): void;
    /** Resolves when nobody reads the deployment's rings any more. */
    detach(model: string, deploymentId: number): Promise<void>;
  };
  readonly emit: (problem: ProblemEvent) => void;
  /** A deployment may have a place for a large request now. */
  readonly onLargePlace: () => void;
}

export class DeploymentLoader {
  readonly deployments: Deployments;
  readonly #ports: DeploymentLoaderPorts;
  readonly #arena: () => SlabArena;
  readonly #cache = new ResourceCache();
  readonly #delay = new RetireDelay();
  readonly #retiring = new Set<Promise<void>>();
  readonly #places = new WeakMap<Deployment, InFlightPlace>();

  constructor(ports: DeploymentLoaderPorts, arena: () => SlabArena) {
    this.#ports = ports;
    this.#arena = arena;
    this.deployments = new Deployments({
      load: (version) => this.#load(version),
      onReady: (deployment) => this.attach(deployment),
      retire: (deployment) => {
        const retiring = this.#retire(deployment).finally(() => this.#retiring.delete(retiring));
        this.#retiring.add(retiring);
        return retiring;
      },
    });
  }

  /** Tells the monitor of a deployment's rings. */
  attach({ id, version, rings, ringCount, ringCapacity, rows: { record, reservoir } }: Deployment): void {
    const { monitor, model } = this.#ports;
    const { signature } = version;
    monitor.post({
      kind: 'attach', deploymentId: id, model, version: version.version,
      memory: rings, rings: ringCount, capacity: ringCapacity,
      inputs: reservoir && { ...reservoir, signature, columns: inputColumnsOf(version) },
      records: record && { ...record, signature: record.inputs ? signature : null },
    });
  }

  /** From now on deployments retire at once, and no threads are kept for a next one. */
  close(): Promise<void> {
    this.#delay.end();
    return this.#cache.close();
  }

  async #load(version: VersionRecord): Promise<Deployment> {
    const { dataDir, options, loadMs, record, nextDeploymentId, emit, clock, meter, model, preparation } = this.#ports;
    const beginUs = clock.monotonicUs();
    const workers = this.#ports.workers();
    const inFlight = this.#ports.inFlight?.take(ringsFor(workers)) ?? null;
    const deployment = await Deployment.load({
      id: nextDeploymentId(), dataDir, version, workers, loadMs,
      intraOpThreads: options.intraOpThreads,
      requestRowsMax: requestRowsMax(options, version),
      limits: runLimits(options, version),
      prepared: preparation.keyOf(version),
      memory: this.#ports.memory,
      stackCheckShare: options.stackCheckShare,
      nonFinite: options.jsonNonFinite,
      samples: options.samples === 'on',
      rows: { ...options, record },
      arena: this.#arena(),
      retired: await this.#takeRetired(workers),
      onWorkerLost: (reason) =>
        emit({ kind: 'problem', model, what: 'a worker ended unexpectedly', reason: String(reason) }),
      onLargePlace: this.#ports.onLargePlace,
      inFlight,
    }).catch((error: unknown) => {
      this.#giveBack(inFlight, workers);
      throw error;
    });
    if (inFlight !== null) this.#places.set(deployment, inFlight);
    void preparation.ensureServed(version).catch(() => undefined);
    meter.noteLoad(version.version, (clock.monotonicUs() - beginUs) / 1e6);
    return deployment;
  }

  #giveBack(place: InFlightPlace | null, workers: number): void {
    if (place !== null) this.#ports.inFlight?.give(place, ringsFor(workers));
  }

  async #takeRetired(workers: number): Promise<RetiredResources | null> {
    const retired = this.#cache.take(workers);
    if (retired?.threads || this.#retiring.size === 0) return retired;
    this.#delay.finishNow();
    await withTimeout(RETIRED_AWAITED_MS, Promise.allSettled([Promise.race(this.#retiring)]));
    return this.#cache.take(workers) ?? retired;
  }

  async #retire(deployment: Deployment): Promise<void> {
    const { model, meter, monitor } = this.#ports;
    const { id, version: { version } } = deployment;
    await this.#delay.wait();
    const retired = await deployment.retire().finally(() => {
      if (this.deployments.find(version) === undefined) meter.loadSeconds.delete(version);
    });
    this.#giveBack(this.#places.get(deployment) ?? null, deployment.workers);
    // Memory that somebody may still read is not used again.
    const isFree = await monitor.detach(model, id).then(() => true, () => false);
    if (retired === null) return;
    if (isFree) await this.#cache.keep(retired);
    else await retired.threads?.end();
  }
}
