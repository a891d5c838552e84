// Brings a model's versions up and lets them go, and tells the monitor of their rings. Main thread. A deployment that
// goes lingers first; it leaves its threads and its memory to the next one, once monitor and recorder have looked into
// it a last time.
import type { MonitorCommand } from '../../judge/types/messages.ts';
import type { ModelMeter } from '../../metrics/model-meter.ts';
import { type Clock, withTimeout } from '../../base/clock.ts';
import type { ModelOptions } from '../../options/options.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { Deployment } from '../deployment.ts';
import { DeploymentSet } from '../deployment-set.ts';
import type { RolloutEvent } from '../outcome.ts';
import type { RowMemoryOptions } from '../row-memory.ts';
import { requestRowsMax } from '../rows-limit.ts';
import { type Spare, SparePlace } from '../spare.ts';
import type { SlabArena } from '../../shared-memory/slab-arena.ts';
import { inputColumnsOf } from '../../domain/input-columns.ts';

/** A load waits this long for the threads of a deployment that is on its way out: new ones take as long to start. */
const SPARE_AWAITED_MS = 250;

/** Longer than two versions take to change places; short beside how long either serves. */
const LINGER_MS = 500;

export interface ModelDeploymentsPorts {
  readonly model: string;
  readonly dataDir: string;
  readonly options: ModelOptions;
  readonly loadMs: number;
  /** Which rows are recorded; null while none are. */
  readonly record: RowMemoryOptions['record'];
  readonly workers: () => number;
  readonly clock: Clock;
  readonly meter: ModelMeter;
  readonly nextDeploymentId: () => number;
  readonly monitor: (command: MonitorCommand) => void;
  /** Resolves when nobody reads the deployment's rings any more. */
  readonly detach: (model: string, deploymentId: number) => Promise<void>;
  readonly emit: (event: RolloutEvent) => void;
}

export class ModelDeployments {
  readonly set: DeploymentSet;
  readonly #ports: ModelDeploymentsPorts;
  readonly #arena: () => SlabArena;
  readonly #spares = new SparePlace();
  readonly #lingering = new Lingering();
  readonly #leaving = new Set<Promise<void>>();

  constructor(ports: ModelDeploymentsPorts, arena: () => SlabArena) {
    this.#ports = ports;
    this.#arena = arena;
    this.set = new DeploymentSet({
      load: (version) => this.#load(version),
      onReady: (deployment) => this.attach(deployment),
      letGo: (deployment) => {
        const leaving = this.#letGo(deployment).finally(() => this.#leaving.delete(leaving));
        this.#leaving.add(leaving);
        return leaving;
      },
    });
  }

  /** Tells the monitor of a deployment's rings. */
  attach({ id, version, rings, workers, ringCapacity, rows: { record, reservoir } }: Deployment): void {
    const { monitor, model } = this.#ports;
    const { signature } = version;
    monitor({
      kind: 'attach', deploymentId: id, model, version: version.version,
      memory: rings, rings: workers, capacity: ringCapacity,
      inputs: reservoir && { ...reservoir, signature, columns: inputColumnsOf(version) },
      records: record && { ...record, signature: record.inputs ? signature : null },
    });
  }

  /** From now on what goes goes at once, and no threads are kept for a next deployment. */
  close(): Promise<void> {
    this.#lingering.end();
    return this.#spares.close();
  }

  async #load(version: VersionRecord): Promise<Deployment> {
    const { dataDir, options, loadMs, record, nextDeploymentId, emit, clock, meter, model } = this.#ports;
    const beginUs = clock.monotonicUs();
    const workers = this.#ports.workers();
    const deployment = await Deployment.load({
      id: nextDeploymentId(), dataDir, version, workers, loadMs,
      intraOpThreads: options.intraOpThreads,
      requestRowsMax: requestRowsMax(options, version),
      nonFinite: options.jsonNonFinite,
      samples: options.samples === 'on',
      rows: { ...options, record },
      arena: this.#arena(),
      spare: await this.#spare(workers),
      onWorkerLost: (reason) =>
        emit({ kind: 'problem', model, what: 'a worker ended unexpectedly', reason: String(reason) }),
    });
    meter.loadSeconds.set(version.version, (clock.monotonicUs() - beginUs) / 1e6);
    return deployment;
  }

  async #spare(workers: number): Promise<Spare | null> {
    const spare = this.#spares.take(workers);
    if (spare?.threads || this.#leaving.size === 0) return spare;
    this.#lingering.hurry();
    await withTimeout(SPARE_AWAITED_MS, Promise.allSettled([Promise.race(this.#leaving)]));
    return this.#spares.take(workers) ?? spare;
  }

  async #letGo(deployment: Deployment): Promise<void> {
    const { model, meter, detach } = this.#ports;
    const { id, version: { version } } = deployment;
    await this.#lingering.linger();
    const retired = await deployment.retire().finally(() => {
      if (this.set.find(version) === undefined) meter.loadSeconds.delete(version);
    });
    // Memory that somebody may still read is not used again.
    const isFree = await detach(model, id).then(() => true, () => false);
    if (retired === null) return;
    if (isFree) await this.#spares.keep(retired);
    else await retired.threads?.end();
  }
}

/**
 * A deployment that no longer serves stays as it is for a moment: its end (sessions released, garbage collected, rings
 * looked into a last time) would take the CPU from the first answers of the version that took its place.
 * Invariant: one lingers at most; whoever needs its threads or its end hurries it.
 */
export class Lingering {
  readonly #lingerMs: number;
  #hurry: () => void = () => undefined;
  #isOver = false;

  constructor(lingerMs = LINGER_MS) {
    this.#lingerMs = lingerMs;
  }

  /** Resolves when the caller may go: after a while, or when the next one comes, or when somebody hurries it. */
  async linger(): Promise<void> {
    this.hurry();
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#lingerMs).unref();
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Lets the one that lingers go. */
  hurry(): void {
    this.#hurry();
  }

  /** From now on nobody lingers. */
  end(): void {
    this.#isOver = true;
    this.hurry();
  }
}
