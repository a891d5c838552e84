// One model's rollout as the engine wires it, on a real registry and real deployments, without front end and monitor.
// The test plays the monitor and the operator, and sees the registry through a second handle at every event.
import '../../src/base/telemetry-off.ts';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicUs } from '../../src/base/clock.ts';
import { lastgoodError } from '../../src/base/errors.ts';
import { CHECKS } from '../../src/judge/checks/table.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import type { CheckName, CheckResult, HealthReport, Verdict } from '../../src/judge/types/messages.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import type { EngineOptions } from '../../src/options/options.ts';
import { addArtifact } from '../../src/artifacts/add.ts';
import { artifactPath } from '../../src/artifacts/directory.ts';
import { ALL_MODELS, versionsOf } from '../../src/registry/store/keys.ts';
import type { Signature, VersionHealth } from '../../src/domain/records.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import { Deployment } from '../../src/rollout/deployment/deployment.ts';
import { Deployments } from '../../src/rollout/deployment/deployments.ts';
import type { RolloutEvent } from '../../src/rollout/events.ts';
import { ModelRollout } from '../../src/rollout/rollout.ts';
import type { RolloutPorts } from '../../src/rollout/rollout.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const LINEAR: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};

/** An event together with what any other process could read in the registry at that moment. */
export interface Seen {
  readonly event: RolloutEvent;
  readonly active: string | null;
  readonly generation: number;
  readonly health: Readonly<Record<string, VersionHealth>>;
}

/** Lets the disk fail on purpose: as long as it refuses, transactions throw what LMDB throws then. */
export class Disk {
  refuses = false;
  /** What is written can be read at once, but is not acknowledged before this. */
  flushed: Promise<void> = Promise.resolve();
  /** Every write in the order in which it was made, as text. */
  readonly writes: string[] = [];

  watch(store: RegistryStore): void {
    const transaction = store.transaction.bind(store);
    const put = store.put.bind(store);
    store.transaction = (work) => {
      if (this.refuses) throw lastgoodError('DISK_REFUSED', { what: 'the registry', reason: 'ENOSPC' });
      return transaction(work);
    };
    store.put = (key, value) => {
      const { health, activeVersion } = value as { health?: string; activeVersion?: string };
      this.writes.push([...key.parts, health ?? activeVersion ?? ''].join(' '));
      put(key, value);
    };
  }
}

export interface BenchOptions {
  /** Versions in the order in which they have served; the last one is active. */
  readonly served: readonly string[];
  /** Those that ended their probation. */
  readonly good?: readonly string[];
  /** Versions that are registered and never served. */
  readonly fresh?: readonly string[];
  readonly engine?: EngineOptions;
}

export class RolloutBench {
  readonly dataDir = temporaryDirectory();
  readonly disk = new Disk();
  readonly store = openStore({ dataDir: this.dataDir });
  readonly clock = { nowMs: 1e12, monotonicUs: () => this.clock.nowMs * 1e3, wallMs: () => this.clock.nowMs };
  readonly registry = new Registry(this.store, this.clock, async (change) => {
    const result = change();
    await this.disk.flushed;
    return result;
  });
  readonly seen: Seen[] = [];
  readonly loads: string[] = [];
  /** Awaited before the next loads; lets a test do something while a version is loading. */
  beforeLoad: ((version: string) => Promise<void>) | null = null;
  /** What is found out about an uncertain cause; a failure is the version's. */
  attribute: RolloutPorts['attribute'] = (cause) => cause === 'failure' || cause === 'output' || cause === 'constant'
    ? Promise.resolve(findingOf({ cause, facts: { unavailable: 'nobody is asked' } }))
    : Promise.reject(new Error('nothing was to be found out'));
  readonly deployments: Deployments;
  readonly rollout: ModelRollout;
  readonly #observer: RegistryStore;
  readonly #arena = createSlabArena(4, { entriesMax: 4, requestBytes: 4_096, answerBytes: 4_096 });
  #nextId = 1;
  readonly #engine: EngineOptions;

  constructor(engine: EngineOptions = {}) {
    this.#observer = openStore({ dataDir: this.dataDir, readOnly: true });
    this.disk.watch(this.store);
    this.deployments = new Deployments({
      load: async (version) => {
        this.loads.push(version.version);
        await this.beforeLoad?.(version.version);
        return Deployment.load({
          id: this.#nextId++, dataDir: this.dataDir, version, workers: 1, intraOpThreads: 1, loadMs: 20_000,
          arena: this.#arena, onWorkerLost: () => undefined,
        });
      },
      onReady: () => undefined,
      retire: (deployment) => deployment.close(),
    });
    this.#engine = engine;
    this.rollout = this.again();
  }

  /** The rollout of an engine that is started anew on the same data, beside the first. */
  again(): ModelRollout {
    const engine = this.#engine;
    const judge = { cooldownMs: 0, rollbackIntervalMs: 0, probationMs: 1_000, probationSamples: 10, ...engine.judge };
    return new ModelRollout({
      model: 'm', registry: this.registry, clock: this.clock, deployments: this.deployments,
      options: optionsOfModel(resolveOptions({ ...engine, judge }), 'm'),
      inTurn: (load) => void load(),
      onGeneration: () => undefined,
      attribute: (cause, version) => this.attribute(cause, version),
      emit: (event) => this.seen.push({ event, ...this.#look() }),
    });
  }

  /** Registers versions, gives them their history, and starts the rollout; returns when the standby is loaded. */
  static async start({ served, good = [], fresh = [], engine = {} }: BenchOptions): Promise<RolloutBench> {
    const bench = new RolloutBench(engine);
    for (const version of [...served, ...fresh]) await bench.register(version);
    for (const version of served) {
      bench.activate(version);
      if (good.includes(version)) bench.registry.confirm({ model: 'm', by: 'test' });
    }
    await bench.rollout.start();
    await bench.settled();
    return bench;
  }

  /** Registers a version whose answers tell its name: the sum of the row, plus the version's number. */
  async register(version: string, bytes = linear(Number(version)), signature = LINEAR): Promise<void> {
    const file = join(this.dataDir, 'upload.onnx');
    writeFileSync(file, bytes);
    const { sha256 } = await addArtifact(this.dataDir, file);
    this.#record(version, sha256, bytes, signature);
  }

  /** The same of a file that a registration would not take, as an earlier build left it. */
  registerEarly(version: string, bytes: Uint8Array): void {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(artifactPath(this.dataDir, { sha256 }), bytes);
    this.#record(version, sha256, bytes, LINEAR);
  }

  #record(version: string, sha256: string, bytes: Uint8Array, signature: typeof LINEAR): void {
    this.registry.createVersion({
      model: 'm', version, sha256, artifactBytes: bytes.length, signature, outputKind: 'scalar', baseline: null,
      golden: null, trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 0 }, warnings: [],
    }, 'test');
  }

  activate(version: string): void {
    const expectedGeneration = this.registry.generationOf('m');
    this.registry.activate({ model: 'm', version, expectedGeneration, by: 'test', reason: '' });
  }

  artifactOf(version: string): string {
    return artifactPath(this.dataDir, this.registry.version('m', version));
  }

  /** Changes one byte of the artefact on disk, as a failing card does. */
  damage(version: string): void {
    writeFileSync(this.artifactOf(version), Buffer.concat([linear(99), Buffer.of(0)]));
  }

  /** Returns when no version is loading or on its way out. */
  async settled(): Promise<void> {
    const { deployments } = this;
    await until('nothing is loading', () => deployments.loading.length === 0 && deployments.retiring.length === 0);
  }

  /** A verdict about `checks`, the first of which is its trigger. */
  verdict(generation = this.registry.generationOf('m'), checks: readonly CheckName[] = ['error_rate']): Verdict {
    const failing = checks.map((check): CheckResult => ({
      check, verdict: 'fail', effect: 'rollback', value: 0.5, limit: 0.05, samples: 20, samplesMin: 20,
      text: check === 'error_rate' ? 'too many errors' : `${check} is over its limit`,
    }));
    const [trigger] = checks;
    return {
      kind: 'verdict', model: 'm', version: this.registry.model('m').activeVersion ?? '', generation, verdict: 'fail',
      trigger: trigger!, effect: 'rollback', cause: CHECKS[trigger!].cause, failing,
      reason: failing.map(({ text }) => text).join('; '), evidence: { errorRate: 0.5 },
    };
  }

  health(violations: readonly string[], generation = this.registry.generationOf('m')): HealthReport {
    return {
      kind: 'health', model: 'm', version: this.registry.model('m').activeVersion ?? '', generation, atUs: 0,
      checks: [], violations, warnings: [], windowSamples: 0, latencyMs: null, p95LatencyMs: null, errorRate: null,
      predictionDrift: null, lastHour: null,
      totals: {
        requests: 0, ok: 0, clientFaults: 0, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0,
        deadlines: 0, predictions: 0, lapped: 0,
      },
    };
  }

  /** The names of the loaded versions. */
  loaded(): string[] {
    return this.deployments.ready.map(({ version }) => version.version).sort();
  }

  /** Which version answers: asked of the deployment itself, through a real batch. */
  async answers(): Promise<string> {
    const active = this.rollout.active;
    if (active === null) return 'nobody';
    const slab = this.#arena.slabs[0]!.clear();
    slab.append(EntryKind.predictJson, Buffer.from('{"features":[0,0,0]}'), monotonicUs(), Infinity);
    slab.stamp(active.generation, active.deployment.id, monotonicUs());
    await active.deployment.run(slab, 'queue');
    const answer = JSON.parse(Buffer.from(slab.answer(0)!).toString()) as { prediction: number; model_version: string };
    if (String(answer.prediction) !== answer.model_version) throw new Error(`answered ${JSON.stringify(answer)}`);
    return `${answer.model_version} g${active.generation}`;
  }

  /** The events of one kind, oldest first. */
  events<K extends RolloutEvent['kind']>(kind: K): (Seen & { readonly event: Extract<RolloutEvent, { kind: K }> })[] {
    return this.seen.filter(({ event }) => event.kind === kind) as never;
  }

  /** How many events of this kind the registry tells of. */
  history(kind: string): number {
    return this.registry.history('m').filter((event) => event.kind === kind).length;
  }

  async close(): Promise<void> {
    await this.rollout.close();
    await this.#observer.close();
    await this.store.close();
  }

  // One read transaction: what is read belongs to one commit.
  #look(): Omit<Seen, 'event'> {
    return this.#observer.read(() => {
      const [model] = this.#observer.list(ALL_MODELS);
      const versions = this.#observer.list(versionsOf('m'));
      return {
        active: model?.activeVersion ?? null, generation: model?.generation ?? 0,
        health: Object.fromEntries(versions.map(({ version, health }) => [version, health])),
      };
    });
  }
}
