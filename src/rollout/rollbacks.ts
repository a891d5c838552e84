// Carries out one model's rollbacks: finds a version that loads, writes the transaction, moves the pointer. Main
// thread. Invariant: at most one takes effect per generation, and the version that fails is unhealthy in the registry
// before another answers, unless the disk refuses or is slow; then the pointer moves all the same and the transaction
// is written when the disk is back.
import { isLastgoodError, reasonOf } from '../base/errors.ts';
import { trustOf } from '../registry/rules.ts';
import type { DecisionRecord, VersionRecord } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment/deployment.ts';
import type { Deployments } from './deployment/deployments.ts';
import { withTimeout } from '../base/clock.ts';
import type { RolloutEvent } from './events.ts';

/** A disk that has not taken the transaction by then is one that refuses it, for now: the failing version answers. */
const COMMIT_MS_MAX = 250;
/** So long an operator's change waits for the disk to take the rollback that it builds on. */
export const OPERATOR_WAIT_MS_MAX = 5_000;

export interface RollbackRequest {
  readonly by: string;
  readonly reason: string;
  readonly expectedGeneration: number;
  /** Only this version will do; otherwise the candidates are tried in order. */
  readonly to?: string;
  readonly decide: (target: string) => DecisionRecord;
}

type TargetedRequest = RollbackRequest & { readonly to: string };

export interface RollbackPorts {
  readonly model: string;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly enter: (deployment: Deployment, generation: number) => void;
  readonly emit: (event: RolloutEvent) => void;
}

export class Rollbacks {
  readonly #ports: RollbackPorts;
  #running = false;
  #unsaved: TargetedRequest | null = null;
  /** The newest that took effect in this process; the disk may have refused it. */
  #newest: DecisionRecord | null = null;
  /** The write of `#unsaved` that is under way. */
  #saving: Promise<boolean> | null = null;

  constructor(ports: RollbackPorts) {
    this.#ports = ports;
  }

  get isRunning(): boolean {
    return this.#running;
  }
  get newest(): DecisionRecord | null {
    return this.#newest;
  }
  /** A rollback is in force that the disk refused. */
  get isUnsaved(): boolean {
    return this.#unsaved !== null;
  }

  /** Rolls back to the first candidate that loads; null when there is none. Throws GENERATION_CONFLICT. */
  async run(request: RollbackRequest): Promise<DecisionRecord | null> {
    const { deployments } = this.#ports;
    const tried = new Set<string>();
    this.#running = true;
    try {
      for (let next = this.#next(request, tried); next !== undefined; next = this.#next(request, tried)) {
        const candidate = next;
        tried.add(candidate.version);
        // A warm standby is taken without an await: nothing comes between the verdict and the write.
        const deployment =
          deployments.find(candidate.version) ??
          (await deployments.ensure(candidate).catch((error: unknown) => this.loadFailed(candidate, error)));
        const decision = deployment && (await this.#commitTo({ ...request, to: candidate.version }, deployment));
        if (decision !== null) return decision;
      }
      return null;
    } finally {
      this.#running = false;
    }
  }

  #next({ to }: RollbackRequest, tried: ReadonlySet<string>): VersionRecord | undefined {
    const { model, registry } = this.#ports;
    return registry.rollbackTargets(model, to).find(({ version }) => !tried.has(version));
  }

  // Null when a change that was under way before has made the candidate none.
  #commitTo(request: TargetedRequest, deployment: Deployment): Promise<DecisionRecord | null> {
    return this.#commit(request, deployment).catch((error: unknown) => {
      if (isLastgoodError(error) && error.code === 'NO_ROLLBACK_TARGET') return null;
      throw error;
    });
  }

  async #commit(request: TargetedRequest, deployment: Deployment): Promise<DecisionRecord> {
    const { model, registry, enter, emit } = this.#ports;
    let generation = request.expectedGeneration + 1;
    let decision: DecisionRecord;
    const writing = this.#write(request);
    try {
      const written = await withTimeout(COMMIT_MS_MAX, writing);
      if (written === null) throw new Error(`the disk has not taken it within ${COMMIT_MS_MAX} ms`);
      generation = written.model.generation;
      decision = written.decision;
    } catch (error) {
      if (isLastgoodError(error) && error.code !== 'DISK_REFUSED') throw error;
      // Serving nonsense because a disk is full is worse than a registry that is behind for a while.
      this.#unsaved = request;
      void this.#save(writing);
      const targetTrust = trustOf(registry.version(model, request.to));
      decision = { ...request.decide(request.to), targetTrust };
      this.#problem('rolled back in memory only, the registry could not be written', error);
    }
    this.#newest = decision;
    enter(deployment, generation);
    emit({ kind: 'rollback', decision, generation });
    return decision;
  }

  #write(request: TargetedRequest): Promise<ReturnType<Registry['rollback']>> {
    const { model, registry } = this.#ports;
    return registry.commit(() => registry.rollback({ model, ...request }));
  }

  /** Writes a rollback that the disk refused before, or waits for the write under way; false when it is not done. */
  async saveUnsaved(waitMsMax = COMMIT_MS_MAX): Promise<boolean> {
    const request = this.#unsaved;
    if (request === null) return true;
    return (await withTimeout(waitMsMax, this.#saving ?? this.#save(this.#write(request)))) === true;
  }

  // Resolves true when the rollback is written, or another process was active in the meantime: its word counts.
  #save(writing: Promise<unknown>): Promise<boolean> {
    const saving = writing
      .then(() => true, (error: unknown) => isLastgoodError(error) && error.code !== 'DISK_REFUSED')
      .then((isSaved) => {
        this.#saving = null;
        if (isSaved) this.#unsaved = null;
        return isSaved;
      });
    this.#saving = saving;
    return saving;
  }

  /** Records that a version did not load; for a catch that goes on without it. */
  loadFailed(version: VersionRecord, error: unknown): null {
    const { model, registry } = this.#ports;
    const reason = reasonOf(error);
    this.#problem(`version "${version.version}" did not load`, error);
    registry.commit(() => registry.recordEvent(model, {
      kind: 'load_failed', by: 'engine', reason, from: null, to: version.version, decision: null,
    })).catch((failure: unknown) => {
      // A disk that refuses must not keep the rollback from its next candidate.
      this.#problem('an event could not be written', failure);
    });
    return null;
  }

  #problem(what: string, error: unknown): void {
    this.#ports.emit({ kind: 'problem', model: this.#ports.model, what, reason: reasonOf(error) });
  }
}
