// One model's rollout: which version answers, which one stands by, and every change of that. Main thread.
//
//   empty -> probation | steady                first promote, or a start that finds an active version
//   probation -> steady                        probation over, or confirmed
//   any but empty -> probation | steady        promote, rollback, follow: a new generation
//   probation | steady -> no_rollback_target   a failing verdict and nothing to go back to
//   no_rollback_target -> probation | steady   an operator released a version to go back to
//   probation | steady -> restored_failing     what the machine restored fails too; back when it is over, or confirmed
//
// #moveTo performs all of them, and #enter is where a generation begins. The registry's transaction comes first, the
// pointer flip when it is on disk; only a disk that refuses a rollback's transaction, or takes too long, is overruled.
import type { Clock } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import type { HealthReport, Verdict } from '../judge/types/messages.ts';
import type { ModelOptions } from '../options/options.ts';
import type { DecisionRecord, VersionRecord } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment/deployment.ts';
import type { Deployments, DeploymentView } from './deployment/deployments.ts';
import { LoadBackoff } from './deployment/deployments.ts';
import { DECISIONS_LOOKED_AT, ENGINE_ACTOR, justRolledBack, operatorDecision, phaseOf } from './decisions.ts';
import type { DoneRollback } from './decisions.ts';
import { VerdictHandler } from './verdict-handler.ts';
import type { VerdictHandlerPorts } from './verdict-handler.ts';
import type { Activation, Phase, RolloutEvent } from './events.ts';
import { checkPromotable } from './registration/promotable.ts';
import type { PromoteLeave } from './registration/promotable.ts';
import { OPERATOR_WAIT_MS_MAX, Rollbacks } from './rollbacks.ts';
import type { RollbackRequest } from './rollbacks.ts';

/** What answers now; null while nothing does. */
export interface ActiveGeneration {
  readonly deployment: Deployment;
  readonly generation: number;
}

export interface RolloutPorts {
  readonly model: string;
  readonly options: ModelOptions;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly clock: Clock;
  /** Told at every new generation, before anything is cut for it. */
  readonly onGeneration: (active: ActiveGeneration) => void;
  readonly emit: (event: RolloutEvent) => void;
  /** Finds out what a failing check of a version speaks of. */
  readonly attribute: VerdictHandlerPorts['attribute'];
}

export class ModelRollout {
  readonly #ports: RolloutPorts;
  #phase: Phase = 'empty';
  #active: ActiveGeneration | null = null;
  /** The one long change under way; a second one is refused with BUSY. */
  #changing: string | null = null;
  #closed = false;
  readonly #rollbacks: Rollbacks;
  readonly #verdicts: VerdictHandler;
  readonly #loadBackoff = new LoadBackoff();

  constructor(ports: RolloutPorts) {
    this.#ports = ports;
    this.#rollbacks = new Rollbacks({
      ...ports,
      enter: (deployment, generation) => this.#enter(deployment, generation),
    });
    this.#verdicts = new VerdictHandler({
      ...ports,
      rollbacks: this.#rollbacks,
      generation: () => this.#active?.generation ?? null,
      phase: () => this.#phase,
      moveTo: (phase) => this.#moveTo(phase),
      enterPhase: () => this.#moveTo(this.#phaseByRegistry()),
      rollBack: (request) => this.#rollbackNow(request),
      onLastGood: () => this.#settle(),
    });
  }

  get phase(): Phase {
    return this.#changing !== null && this.#active === null ? 'loading' : this.#phase;
  }
  /** False while a rollback is in force that the disk has refused. */
  get isSaved(): boolean {
    return !this.#rollbacks.isUnsaved;
  }
  get active(): ActiveGeneration | null {
    return this.#active;
  }
  get activeVersion(): VersionRecord | null {
    return this.#active?.deployment.version ?? null;
  }

  /** The loaded versions and what each is for. */
  get deployments(): DeploymentView[] {
    return this.#ports.deployments.views(this.activeVersion?.version ?? null);
  }

  /** Brings up what the registry says is active; when it does not load, the next version that has served. */
  async start(): Promise<void> {
    const { model, registry, deployments, clock } = this.#ports;
    const record = registry.model(model);
    if (record.activeVersion === null) return;
    this.#changing = 'start';
    try {
      const active = registry.version(model, record.activeVersion);
      const deployment = await deployments
        .ensure(active)
        .catch((error: unknown) => this.#rollbacks.loadFailed(active, error));
      if (deployment !== null) this.#enter(deployment, record.generation);
      else await this.#startOnEarlier(active.version, record.generation);
      if (this.#active === null) this.#loadBackoff.note(record.generation, clock.monotonicUs());
    } finally {
      this.#changing = null;
    }
    this.#settle();
  }

  async #startOnEarlier(failed: string, generation: number): Promise<void> {
    const reason = `version "${failed}" did not load at start`;
    await this.#rollbackNow({
      by: ENGINE_ACTOR,
      reason,
      expectedGeneration: generation,
      decide: (target) => this.#operatorDecision(ENGINE_ACTOR, failed, generation, target, reason),
    });
  }

  /** Loads `version` beside the active one and makes it active; the active one answers all the while. */
  async promote(
    version: string,
    options: PromoteLeave & { readonly reason: string; readonly by: string },
  ): Promise<Activation> {
    const { model, registry, deployments } = this.#ports;
    if (!this.isSaved) await this.#mustBeSaved();
    const record = registry.model(model);
    const candidate = registry.version(model, version);
    checkPromotable(registry, candidate, options);
    if (this.#changing !== null) throw lastgoodError('BUSY', { model, doing: this.#changing });
    this.#changing = `the promote of "${version}"`;
    try {
      const deployment = await deployments.ensure(candidate);
      if (this.#closed) throw lastgoodError('ENGINE_CLOSED');
      const { by, reason, force = false } = options;
      const change = { model, version, expectedGeneration: record.generation, by, reason, force };
      const after = await registry.commit(() => registry.activate(change));
      this.#enter(deployment, after.generation);
      const activation = { model, version, from: record.activeVersion, generation: after.generation };
      this.#ports.emit({ kind: 'promote', activation, by });
      return activation;
    } finally {
      this.#changing = null;
      this.#settle();
    }
  }

  /** Rolls back on an operator's word, to `to` or to the last known good version. */
  async rollback(options: {
    readonly by: string;
    readonly reason: string;
    readonly to?: string;
    readonly health: HealthReport | null;
  }): Promise<DoneRollback> {
    const { model, registry } = this.#ports;
    const active = this.#active;
    if (active === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
    if (!this.isSaved) await this.#mustBeSaved();
    const { generation } = active;
    const from = active.deployment.version.version;
    const decision = await this.#rollbackNow({
      by: options.by,
      reason: options.reason,
      expectedGeneration: generation,
      ...(options.to === undefined ? {} : { to: options.to }),
      decide: (target) =>
        this.#operatorDecision(options.by, from, generation, target, options.reason, options.health),
    });
    if (decision === null) throw registry.noRollbackTarget(model, options.to);
    return { ...decision, newGeneration: this.#active?.generation ?? generation };
  }

  /** The rollback that brought up what answers, if it is so young that another one would mean the same; else null. */
  justRolledBack(): DoneRollback | null {
    const { model, registry, clock } = this.#ports;
    const { newest } = this.#rollbacks;
    const decisions = registry.decisions(model, DECISIONS_LOOKED_AT);
    const all = newest === null ? decisions : [newest, ...decisions];
    return this.#active === null ? null : justRolledBack(all, this.#active.generation, clock.wallMs());
  }

  /** Acts on a failing verdict, or writes down why not. Verdicts about another generation are too late. */
  async onVerdict(verdict: Verdict): Promise<void> {
    if (!this.#closed) await this.#verdicts.onVerdict(verdict);
  }

  /** Ends the probation when its time and its requests have passed without a violation. */
  onHealth(report: HealthReport): Promise<void> {
    return this.#verdicts.onHealth(report);
  }

  /** An operator vouches for the active version. */
  async confirm(by: string): Promise<void> {
    const { model, registry } = this.#ports;
    if (!this.isSaved) await this.#mustBeSaved();
    await registry.commit(() => registry.confirm({ model, by }));
    if (this.#active !== null) this.#moveTo('steady');
  }

  /** Compares the stored generation with the one that serves, and goes where the registry points. */
  async follow(): Promise<void> {
    const { model, registry, deployments, clock } = this.#ports;
    if (!this.isSaved && !(await this.#rollbacks.saveUnsaved())) return;
    // Looked at after the wait: a change may have begun meanwhile.
    if (this.#closed || this.#changing !== null || this.#rollbacks.isRunning) return;
    const stored = registry.generationOf(model);
    if (stored === 0 || this.#loadBackoff.has(stored, clock.monotonicUs())) return;
    const record = registry.model(model);
    // Two processes can reach the same number while one of them could not write: the version decides then.
    const isSameVersion = record.activeVersion === this.activeVersion?.version;
    if (record.activeVersion === null || (isSameVersion && stored === this.#active?.generation)) return;
    const target = registry.version(model, record.activeVersion);
    this.#changing = `following the registry to "${target.version}"`;
    try {
      const deployment = await deployments
        .ensure(target)
        .catch((error: unknown) => this.#rollbacks.loadFailed(target, error));
      if (deployment === null) this.#loadBackoff.note(record.generation, clock.monotonicUs());
      // The registry may have moved on while this one loaded; the next poll goes there.
      if (deployment === null || registry.generationOf(model) !== record.generation) return;
      this.#enter(deployment, record.generation);
    } finally {
      this.#changing = null;
    }
    this.#settle();
  }

  /** Stops all changes and lets every loaded version go; call it when nothing is pending. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ports.deployments.closeAll();
  }

  // The one place where a generation begins: the pointer moves, then everybody is told.
  #enter(deployment: Deployment, generation: number): void {
    this.#active = { deployment, generation };
    this.#nameStandby();
    this.#verdicts.beginGeneration();
    this.#ports.onGeneration(this.#active);
    this.#moveTo(this.#phaseByRegistry());
  }

  // The one place where the phase changes.
  #moveTo(phase: Phase): void {
    this.#phase = phase;
    this.#ports.emit({ kind: 'phase', model: this.#ports.model, phase });
  }

  #phaseByRegistry(): Phase {
    return this.#rollbacks.isUnsaved ? 'probation' : phaseOf(this.#ports.registry.model(this.#ports.model));
  }

  /** Health of a version was changed by hand: there may be another one to stand by, or one to go back to again. */
  reconsider(): void {
    const { model, registry } = this.#ports;
    if (this.#phase === 'no_rollback_target' && registry.rollbackTargets(model).length > 0) {
      this.#moveTo(this.#phaseByRegistry());
    }
    this.#settle();
  }

  // Brings the loaded versions in line with the registry: the standby comes, what nobody needs goes.
  #settle(): void {
    const { model, registry, deployments } = this.#ports;
    if (this.#closed || this.#changing !== null || this.#active === null) return;
    const standby = this.#nameStandby();
    const wanted = [this.#active.deployment.version.version, standby].filter((name) => name !== null);
    deployments.retainOnly(new Set(wanted));
    if (standby === null || deployments.find(standby) !== undefined) return;
    const version = registry.version(model, standby);
    deployments.ensure(version).catch((error: unknown) => this.#rollbacks.loadFailed(version, error));
  }

  #nameStandby(): string | null {
    const { model, registry, deployments, options } = this.#ports;
    return (deployments.standbyVersion = options.standby === 'warm' ? registry.model(model).lastGoodVersion : null);
  }

  async #rollbackNow(request: RollbackRequest): Promise<DecisionRecord | null> {
    try {
      return await this.#rollbacks.run(request);
    } finally {
      this.#settle();
    }
  }

  #operatorDecision(
    by: string, from: string, generation: number, target: string, reason: string, health: HealthReport | null = null,
  ): DecisionRecord {
    const context = { version: from, generation, atMs: this.#ports.clock.wallMs() };
    return operatorDecision(this.#ports.model, context, target, reason, { by, health });
  }

  // No change may build on a generation that only this process knows: its number could be given out twice.
  async #mustBeSaved(): Promise<void> {
    if (await this.#rollbacks.saveUnsaved(OPERATOR_WAIT_MS_MAX)) return;
    const what = `the rollback of model "${this.#ports.model}" that is in force`;
    throw lastgoodError('DISK_REFUSED', { what, reason: 'the disk still refuses it, and what follows builds on it' });
  }
}
