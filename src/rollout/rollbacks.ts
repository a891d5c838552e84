// Carries out one model's rollbacks as far as the pointer, which the rollout moves: finds a version that loads, writes
// the transaction. Main thread. Invariant: at most one takes effect per generation, and the version that fails is
// unhealthy in the registry before another answers, unless the disk refuses or is slow; then the rollback is in force
// all the same and the transaction is written when the disk is back.
import { isLastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import { trustOf } from '../registry/rules.ts';
import type { DecisionRecord, VersionRecord } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment/deployment.ts';
import type { Deployments } from './deployment/deployments.ts';
import { withTimeout } from '../base/clock.ts';
import type { ProblemEvent } from './deployment/loader.ts';
import { type Standing, standingOf } from './phases.ts';

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

/** Its decision is made once: what is told while the disk refuses it is what is written later, by the same id. */
type TargetedRequest = RollbackRequest & { readonly to: string; readonly decision: DecisionRecord };

/** A rollback that is in force: this deployment is to answer, in this generation. */
export interface RollbackDone {
  readonly decision: DecisionRecord;
  readonly deployment: Deployment;
  readonly generation: number;
  /** False when the disk refused it, or was too slow. */
  readonly isSaved: boolean;
}

interface RollbackPorts {
  readonly model: string;
  readonly registry: Registry;
  readonly deployments: Deployments;
  /** A promote is being written: the next number may be its, so that nobody else begins it without the disk. */
  readonly isActivating: () => boolean;
  /** The disk has taken the rollback that it refused before, or somebody else's word counts. */
  readonly onSaved: () => void;
  readonly emit: (problem: ProblemEvent) => void;
}

export class Rollbacks {
  readonly #ports: RollbackPorts;
  #unsaved: TargetedRequest | null = null;
  /** The write of `#unsaved` that is under way. */
  #saving: Promise<boolean> | null = null;

  constructor(ports: RollbackPorts) {
    this.#ports = ports;
  }

  /** A rollback is in force that the disk refused. */
  get isUnsaved(): boolean {
    return this.#unsaved !== null;
  }
  /** The decision of that rollback; null when all that is in force is on disk. */
  get unsaved(): DecisionRecord | null {
    return this.#unsaved?.decision ?? null;
  }
  /** What `read` finds in the registry, and of a rollback that the disk refused what it will find once that is back. */
  inForce<T>(read: () => T): T {
    const { model, registry } = this.#ports;
    const request = this.#unsaved;
    if (request === null) return read();
    try {
      return registry.foresee(() => registry.rollback({ model, ...request }), read);
    } catch {
      // The write under way has come through, or another process was faster: then the registry itself says it.
      return read();
    }
  }
  /** What is on record of what answers: nothing yet when the disk refused it. */
  get standing(): Standing {
    const { model, registry } = this.#ports;
    return this.isUnsaved ? 'unproven' : standingOf(registry.model(model));
  }

  /** Rolls back to the first candidate that loads; null when there is none. Throws like Registry.rollback. */
  async run(request: RollbackRequest): Promise<RollbackDone | null> {
    const { model, registry, deployments } = this.#ports;
    const tried = new Set<string>();
    for (;;) {
      const candidate = registry.rollbackTarget(model, { to: request.to, except: tried });
      if (candidate === undefined) return null;
      tried.add(candidate.version);
      // A warm standby is taken without an await: nothing comes between the verdict and the write.
      const deployment = deployments.find(candidate.version) ?? (await this.load(candidate));
      const done = deployment &&
        (await this.#commit(targetedAt(candidate, request), deployment, request.to !== undefined));
      if (done !== null) return done;
    }
  }

  // Null when a change that was under way before has made the candidate none.
  async #commit(request: TargetedRequest, deployment: Deployment, isNamed: boolean): Promise<RollbackDone | null> {
    const { model, registry, isActivating } = this.#ports;
    const isNumberOpen = !isActivating();
    const writing = this.#write(request, isNamed);
    try {
      const written = await (isNumberOpen ? withTimeout(COMMIT_MS_MAX, writing) : writing);
      if (written === null) throw new Error(`the disk has not taken it within ${COMMIT_MS_MAX} ms`);
      return { decision: written.decision, deployment, generation: written.model.generation, isSaved: true };
    } catch (error) {
      const code = isLastgoodError(error) ? error.code : 'DISK_REFUSED';
      if (code === 'NO_ROLLBACK_TARGET') return null;
      if (code !== 'DISK_REFUSED') throw error;
      const { generation, activeVersion } = registry.model(model);
      const expected = request.expectedGeneration;
      const found = this.#unsaved === null ? generation : this.#unsaved.expectedGeneration + 1;
      const isOurs = this.#unsaved === null && found === expected + 1 && activeVersion === request.to;
      // Another one was faster: what stands on the disk, or is in force already, is not overruled.
      if (found !== expected && !isOurs) throw lastgoodError('GENERATION_CONFLICT', { model, expected, found });
      // Serving nonsense because a disk is full is worse than a registry that is behind for a while.
      this.#unsaved = request;
      void this.#save(writing);
      this.#problem('rolled back in memory only, the registry could not be written', error);
      return {
        decision: request.decision, deployment, generation: request.expectedGeneration + 1, isSaved: false,
      };
    }
  }

  #write(request: TargetedRequest, isNamed = true): Promise<ReturnType<Registry['rollback']>> {
    const { model, registry } = this.#ports;
    return registry.commit(() => {
      // Found failing since it was chosen: a person may want it all the same, nobody else, unless it is in force.
      const isTarget = isNamed || this.#unsaved === request ||
        registry.isRollbackTarget(model, request.to);
      const isInTime = registry.generationOf(model) === request.expectedGeneration;
      if (!isTarget && isInTime) throw registry.noRollbackTarget(model);
      return registry.rollback({ model, ...request });
    });
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
        if (!isSaved) return false;
        this.#unsaved = null;
        this.#ports.onSaved();
        return true;
      });
    this.#saving = saving;
    return saving;
  }

  /** A version's deployment, loaded now if it is not yet; null when it does not load, which is written down. */
  async load(version: VersionRecord): Promise<Deployment | null> {
    const { model, registry, deployments } = this.#ports;
    try {
      return await deployments.ensure(version);
    } catch (error) {
      const [to, reason] = [version.version, reasonOf(error)];
      this.#problem(`version "${to}" did not load`, error);
      const event = { kind: 'load_failed', by: 'engine', reason, from: null, to, decision: null } as const;
      // A disk that refuses must not keep the rollback from its next candidate.
      registry.commit(() => registry.recordEvent(model, event))
        .catch((failure: unknown) => this.#problem('an event could not be written', failure));
      return null;
    }
  }

  #problem(what: string, error: unknown): void {
    this.#ports.emit({ kind: 'problem', model: this.#ports.model, what, reason: reasonOf(error) });
  }
}

function targetedAt(target: VersionRecord, request: RollbackRequest): TargetedRequest {
  const { version: to } = target;
  const decision = { ...request.decide(to), targetTrust: trustOf(target) };
  return { ...request, to, decision, decide: () => decision };
}
