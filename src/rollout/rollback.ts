// Carries out one model's rollbacks: finds a version that loads, writes the transaction, moves the pointer. Main
// thread. Invariant: at most one takes effect per generation, and the version that fails is unhealthy in the registry
// before another answers, unless the disk refuses; then the pointer moves all the same and the transaction is written
// when the disk is back.
import { isLastgoodError, reasonOf } from '../errors.ts';
import type { DecisionRecord, VersionRecord } from '../registry/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment.ts';
import type { DeploymentSet } from './deployment-set.ts';
import type { RolloutEvent } from './outcome.ts';

export interface RollbackRequest {
  readonly by: string;
  readonly reason: string;
  readonly expectedGeneration: number;
  /** Only this version will do; otherwise the candidates are tried in order. */
  readonly to?: string;
  readonly decide: (target: string) => DecisionRecord;
}

export interface RollbackPorts {
  readonly model: string;
  readonly registry: Registry;
  readonly deployments: DeploymentSet;
  readonly enter: (deployment: Deployment, generation: number) => void;
  readonly emit: (event: RolloutEvent) => void;
}

export class Rollbacks {
  readonly #ports: RollbackPorts;
  #running = false;
  #unsaved: (RollbackRequest & { readonly to: string }) | null = null;

  constructor(ports: RollbackPorts) {
    this.#ports = ports;
  }

  get isRunning(): boolean {
    return this.#running;
  }
  /** A rollback is in force that the disk refused. */
  get isUnsaved(): boolean {
    return this.#unsaved !== null;
  }

  /** Rolls back to the first candidate that loads; null when there is none. Throws GENERATION_CONFLICT. */
  async run(request: RollbackRequest): Promise<DecisionRecord | null> {
    const { model, registry, deployments } = this.#ports;
    const candidates = registry
      .rollbackCandidates(model)
      .filter(({ version }) => request.to === undefined || version === request.to);
    this.#running = true;
    try {
      for (const candidate of candidates) {
        // A warm standby is taken without an await: nothing comes between the verdict and the flip.
        const deployment =
          deployments.find(candidate.version) ??
          (await deployments.ensure(candidate).catch((error: unknown) => this.loadFailed(candidate, error)));
        if (deployment !== null) return this.#commit({ ...request, to: candidate.version }, deployment);
      }
      return null;
    } finally {
      this.#running = false;
    }
  }

  #commit(request: RollbackRequest & { readonly to: string }, deployment: Deployment): DecisionRecord {
    const { model, registry, enter, emit } = this.#ports;
    let generation = request.expectedGeneration + 1;
    let decision: DecisionRecord;
    try {
      const written = registry.rollback({ model, ...request });
      generation = written.model.generation;
      decision = written.decision;
    } catch (error) {
      if (isLastgoodError(error) && error.code !== 'DISK_REFUSED') throw error;
      // Serving nonsense because a disk is full is worse than a registry that is behind for a while.
      this.#unsaved = request;
      decision = request.decide(request.to);
      this.#problem('rolled back in memory only, the registry could not be written', error);
    }
    enter(deployment, generation);
    emit({ kind: 'rollback', decision, generation });
    return decision;
  }

  /** Writes a rollback that the disk refused before; false while it still does. */
  saveUnsaved(): boolean {
    const request = this.#unsaved;
    if (request === null) return true;
    try {
      this.#ports.registry.rollback({ model: this.#ports.model, ...request });
    } catch (error) {
      if (!isLastgoodError(error) || error.code === 'DISK_REFUSED') return false;
      // Another process was active in the meantime: its word counts.
    }
    this.#unsaved = null;
    return true;
  }

  /** Records that a version did not load; for a catch that goes on without it. */
  loadFailed(version: VersionRecord, error: unknown): null {
    const { model, registry } = this.#ports;
    const reason = reasonOf(error);
    this.#problem(`version "${version.version}" did not load`, error);
    try {
      registry.recordEvent(model, {
        kind: 'load_failed', by: 'engine', reason, from: null, to: version.version, decision: null,
      });
    } catch (failure) {
      // A disk that refuses must not keep the rollback from its next candidate.
      this.#problem('an event could not be written', failure);
    }
    return null;
  }

  #problem(what: string, error: unknown): void {
    this.#ports.emit({ kind: 'problem', model: this.#ports.model, what, reason: reasonOf(error) });
  }
}
