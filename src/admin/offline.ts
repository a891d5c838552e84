// The operator's verbs on a data directory that no engine serves: the same registry, the same refusals, without
// anything loaded. An engine that starts later, or follows the directory, finds what was written here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import type { ResolvedOptions } from '../options/options.ts';
import { packageVersion } from '../base/package-root.ts';
import { artifactPath, verifyArtifact } from '../registry/artifacts.ts';
import type { DecisionRecord, EventRecord, ModelRecord, VersionRecord } from '../registry/records.ts';
import { Registry } from '../registry/registry.ts';
import { openStore } from '../registry/store.ts';
import type { RegistryStore } from '../registry/store.ts';
import { baselineFromFile } from '../rollout/baselines.ts';
import { operatorDecision } from '../rollout/decisions.ts';
import { checkPromotable } from '../rollout/promotable.ts';
import { registerVersion } from '../rollout/registration.ts';
import { removeVersions } from '../rollout/removal.ts';
import type {
  Activation, Actor, BaselineArguments, ControlPlane, EngineStatus, ModelStatus, RegisterArguments, Rollback,
} from './control-plane.ts';

const DECISIONS_SHOWN = 5;

/** What a directory without an engine needs to know. */
export type OfflineOptions =
  Pick<ResolvedOptions, 'dataDir' | 'trialMs' | 'intraOpThreads'> & Partial<Pick<ResolvedOptions, 'trialMemoryBytes'>>;

/** Opens the data directory; only `create` makes one that is not there. Throws DATA_UNUSABLE. */
export function openOffline(
  options: OfflineOptions,
  clock: Clock,
  { create = false }: { readonly create?: boolean } = {},
): OfflineControl {
  if (!create && !existsSync(join(options.dataDir, 'registry'))) {
    const reason = 'there is no registry in it; wanted the --data of an engine, or register a first version';
    throw lastgoodError('DATA_UNUSABLE', { path: options.dataDir, reason });
  }
  return new OfflineControl(options, openStore({ dataDir: options.dataDir }), clock);
}

export class OfflineControl implements ControlPlane {
  readonly #options: OfflineOptions;
  readonly #store: RegistryStore;
  readonly #registry: Registry;
  readonly #clock: Clock;

  constructor(
    options: OfflineOptions,
    store: RegistryStore,
    clock: Clock,
  ) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#registry = new Registry(store, clock);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async register(
    { promote, allowSignatureChange, ...request }: RegisterArguments,
    actor: Actor,
  ): Promise<{ version: VersionRecord; activation: Activation | null }> {
    const ports = { ...this.#options, registry: this.#registry, clock: this.#clock };
    const version = await registerVersion(ports, request, actor.by);
    if (promote !== true) return { version, activation: null };
    const target = { model: version.model, version: version.version };
    const activation = await this.promote({ ...target, allowSignatureChange: allowSignatureChange ?? false }, actor);
    return { version: this.#registry.version(target.model, target.version), activation };
  }

  async promote(
    args: { model: string; version: string; allowSignatureChange?: boolean; reason?: string },
    { by }: Actor,
  ): Promise<Activation> {
    const { model, version } = args;
    const { generation, activeVersion } = this.#registry.model(model);
    const candidate = this.#registry.version(model, version);
    checkPromotable(this.#registry, candidate, args.allowSignatureChange ?? false);
    await verifyArtifact(this.#options.dataDir, candidate.sha256);
    const change = { model, version, expectedGeneration: generation, by, reason: args.reason ?? '' };
    const after = this.#registry.activate(change);
    return this.#flushed({ model, version, from: activeVersion, generation: after.generation });
  }

  async rollback(args: { model: string; to?: string; reason?: string }, { by }: Actor): Promise<Rollback> {
    const { model } = args;
    const { generation, activeVersion } = this.#registry.model(model);
    if (activeVersion === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
    const reason = args.reason ?? 'requested by an operator';
    const target = await this.#intactTarget(model, args.to);
    const context = { version: activeVersion, generation, atMs: this.#clock.wallMs() };
    const { model: after, decision } = this.#registry.rollback({
      model, expectedGeneration: generation, to: target.version, by, reason,
      decide: (to) => operatorDecision(model, context, to, reason, { by, health: null }),
    });
    const path = artifactPath(this.#options.dataDir, target.sha256);
    const { version: rolledBackTo } = target;
    return this.#flushed({
      model, rolledBackTo, from: activeVersion, generation: after.generation, path, decision: decision.id,
      stored: true,
    });
  }

  // Nothing can be loaded here, but a file that is gone or damaged must not become the active version.
  async #intactTarget(model: string, to: string | undefined): Promise<VersionRecord> {
    const candidates = this.#registry.rollbackCandidates(model);
    for (const candidate of candidates.filter(({ version }) => to === undefined || version === to)) {
      const intact = await verifyArtifact(this.#options.dataDir, candidate.sha256).catch(() => null);
      if (intact !== null) return candidate;
    }
    throw lastgoodError('NO_ROLLBACK_TARGET', { model });
  }

  async confirm({ model }: { model: string }, { by }: Actor): Promise<ModelRecord> {
    return this.#flushed(this.#registry.confirm({ model, by }));
  }
  async pin({ model, reason }: { model: string; reason?: string }, { by }: Actor): Promise<ModelRecord> {
    return this.#flushed(this.#registry.setPin(model, { by, reason: reason ?? '' }, by));
  }
  async unpin({ model }: { model: string }, { by }: Actor): Promise<ModelRecord> {
    return this.#flushed(this.#registry.setPin(model, null, by));
  }
  async quarantine(args: { model: string; version: string; reason?: string }, { by }: Actor): Promise<VersionRecord> {
    return this.#flushed(this.#registry.quarantine({ reason: 'by an operator', ...args, by }));
  }
  async release(args: { model: string; version: string }, { by }: Actor): Promise<VersionRecord> {
    return this.#flushed(this.#registry.release({ ...args, by }));
  }

  async baseline(
    args: BaselineArguments,
    { by }: Actor,
  ): Promise<VersionRecord> {
    const { model, version, from } = args;
    if (from === undefined) throw this.#engineNeeded('capture a baseline from live traffic');
    const named = version === undefined ? { model } : { model, version };
    return baselineFromFile(this.#registry, { ...named, from }, by, this.#clock);
  }

  remove(
    args: { model: string; version?: string },
    { by }: Actor,
  ): Promise<{ removed: string[]; artifacts: string[] }> {
    return removeVersions({ dataDir: this.#options.dataDir, registry: this.#registry }, args, by);
  }

  status({ model }: { model?: string }): Promise<EngineStatus> {
    return inTurn(() => {
      const records = model === undefined ? this.#registry.models() : [this.#registry.model(model)];
      return {
        engine: 'offline', version: packageVersion(), dataDir: this.#options.dataDir, listen: null, tls: null,
        pid: null,
        uptimeMs: null, residentBytes: null,
        models: records.map((record) => this.#statusOf(record)),
      };
    });
  }

  #statusOf(record: ModelRecord): ModelStatus {
    return {
      model: record,
      phase: 'offline',
      versions: this.#registry.versions(record.model),
      deployments: [],
      health: null,
      pending: 0,
      shielded: 0,
      sights: null,
      recentDecisions: this.#registry.decisions(record.model, DECISIONS_SHOWN),
    };
  }

  history({ model, limit }: { model: string; limit?: number }): Promise<EventRecord[]> {
    return inTurn(() => this.#registry.history(model, limit));
  }
  explain({ decision }: { decision?: string }): Promise<DecisionRecord> {
    return inTurn(() => this.#registry.findDecision(decision));
  }
  drain(): Promise<{ answered: number }> {
    return Promise.reject(this.#engineNeeded('drain'));
  }

  #engineNeeded(verb: string): Error {
    return lastgoodError('ENGINE_NEEDED', { verb, dataDir: this.#options.dataDir });
  }

  async #flushed<T>(result: T): Promise<T> {
    await this.#registry.flushed();
    return result;
  }
}

function inTurn<T>(read: () => T): Promise<T> {
  return Promise.resolve().then(read);
}
