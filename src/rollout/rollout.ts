// One model's rollout: which version answers, which one stands by, and every change of that. Main thread.
//
//   load_began       empty -> loading
//   load_ended       loading -> empty
//   entered          any -> probation | steady | restored_failing
//   saved            probation -> probation | steady | restored_failing
//   proven           probation, steady, no_rollback_target, restored_failing -> steady
//   target_missing   probation, steady, no_rollback_target, restored_failing -> no_rollback_target
//   target_found     no_rollback_target -> probation | steady | restored_failing
//   restored_failed  probation, steady, no_rollback_target -> restored_failing
//   recovered        restored_failing -> probation | steady | restored_failing
//
// #enter is where a generation begins. The registry's transaction comes first, the pointer flip when it is on disk;
// only a disk that refuses a rollback's transaction, or takes too long, is overruled.
import type { Clock } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { momentOf, nowOf } from '../base/moment.ts';
import type { PairStanding } from '../judge/pairs/pair-verdict.ts';
import type { CheckResult, HealthReport, Verdict } from '../judge/types/messages.ts';
import type { ModelOptions } from '../options/options.ts';
import type { Expect } from '../domain/known-answers.ts';
import type { DecisionRecord, VersionRecord } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment/deployment.ts';
import { type Deployments, type DeploymentView, LoadBackoff } from './deployment/deployments.ts';
import { DECISIONS_LOOKED_AT, type DoneRollback, ENGINE_ACTOR, justRolledBack, operatorDecision } from './decisions.ts';
import { VerdictHandler, type VerdictHandlerPorts } from './verdict-handler.ts';
import { type ActiveGeneration, ActiveState, type TrafficSplit } from './active.ts';
import type { Activation, RolloutEvent } from './events.ts';
import { declaring } from './registration/expected-change.ts';
import { checkPromotable, type PromoteLeave } from './registration/promotable.ts';
import type { EnginePhase } from './phases.ts';
import { OPERATOR_WAIT_MS_MAX, type RollbackDone, type RollbackRequest, Rollbacks } from './rollbacks.ts';

export interface RolloutPorts {
  readonly model: string;
  readonly options: ModelOptions;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly clock: Clock;
  /** Carries the load of a standby out when it is its turn: at a start others come first. */
  readonly inTurn: (load: () => Promise<unknown>) => void;
  /** Told at every new generation, before anything is cut for it. */
  readonly onGeneration: (active: ActiveGeneration) => void;
  readonly emit: (event: RolloutEvent) => void;
  /** Finds out what a failing check of a version speaks of. */
  readonly attribute: VerdictHandlerPorts['attribute'];
}

export class ModelRollout {
  readonly #ports: RolloutPorts;
  readonly #state: ActiveState;
  /** The one long change under way; a second one is refused with BUSY. */
  #changing: string | null = null;
  /** The transaction of a promote is under way. */
  #isActivating = false;
  #isActing = false;
  #closed = false;
  /** A standby waits for its turn. */
  #isStandbyDue = false;
  /** The newest rollback that took effect in this process; the disk may have refused it. */
  #newestRollback: DecisionRecord | null = null;
  readonly #rollbacks: Rollbacks;
  readonly #verdicts: VerdictHandler;
  readonly #loadBackoff = new LoadBackoff();

  constructor(ports: RolloutPorts) {
    this.#ports = ports;
    this.#state = new ActiveState((phase) => ports.emit({ kind: 'phase', model: ports.model, phase }));
    this.#rollbacks = new Rollbacks({
      ...ports, isActivating: () => this.#isActivating, onSaved: () => this.#onSaved(),
    });
    this.#verdicts = new VerdictHandler(ports, {
      state: this.#state,
      rollbacks: this.#rollbacks,
      rollBack: this.#rollBack,
      settle: () => this.#settle(),
    });
  }

  get phase(): EnginePhase {
    return this.#state.phase;
  }
  /** False while a rollback is in force that the disk has refused. */
  get isSaved(): boolean {
    return !this.#rollbacks.isUnsaved;
  }
  /** The decision of that rollback; null without one. */
  get unsaved(): DecisionRecord | null {
    return this.#rollbacks.unsaved;
  }
  /** What `read` finds in the registry, with that rollback laid over what is stored. */
  inForce<T>(read: () => T): T {
    return this.#rollbacks.inForce(read);
  }
  /** What answers now; null while nothing does. */
  get traffic(): TrafficSplit | null {
    return this.#state.traffic;
  }
  /** The version that is judged and gone back from, and its generation; null while nothing answers. */
  get active(): ActiveGeneration | null {
    return this.#state.traffic?.stable ?? null;
  }
  get activeVersion(): VersionRecord | null {
    return this.active?.deployment.version ?? null;
  }

  /** The loaded versions and what each is for. */
  get deployments(): DeploymentView[] {
    return this.#ports.deployments.views(this.activeVersion?.version ?? null);
  }

  /** Brings up what the registry says is active; when it does not load, the next version that has served. */
  async start(): Promise<void> {
    const { model, registry, clock } = this.#ports;
    const record = registry.model(model);
    // Somebody may have promoted another one before its turn came.
    if (record.activeVersion === null || this.active !== null || this.#changing !== null) return;
    const active = registry.version(model, record.activeVersion);
    await this.#change('start', async () => {
      const deployment = await this.#rollbacks.load(active);
      if (deployment !== null) this.#enter(deployment, record.generation);
      else await this.#startOnEarlier(active.version, record.generation);
      if (this.active === null) this.#loadBackoff.note(record.generation, clock.monotonicUs());
    });
    this.#settle();
  }

  async #startOnEarlier(failed: string, generation: number): Promise<void> {
    const reason = `version "${failed}" did not load at start`;
    await this.#rollBack({
      by: ENGINE_ACTOR,
      reason,
      expectedGeneration: generation,
      decide: (target) => this.#operatorDecision(ENGINE_ACTOR, failed, generation, target, reason),
    });
  }

  /** Loads `version` beside the active one and makes it active; the active one answers all the while. */
  async promote(
    version: string,
    options: PromoteLeave & {
      readonly reason: string; readonly by: string; readonly expect?: Expect | undefined;
    },
  ): Promise<Activation> {
    const { model, registry, deployments } = this.#ports;
    if (!this.isSaved) await this.#mustBeSaved();
    const record = registry.model(model);
    const candidate = registry.version(model, version);
    checkPromotable(registry, candidate, options);
    if (this.#changing !== null) throw lastgoodError('BUSY', { model, doing: this.#changing });
    const promoting = this.#change(`the promote of "${version}"`, async () => {
      const deployment = await deployments.ensure(candidate);
      if (this.#closed) throw lastgoodError('ENGINE_CLOSED');
      if (!this.isSaved) await this.#mustBeSaved();
      const { by, reason, force = false, expect } = options;
      const change = { model, version, expectedGeneration: record.generation, by, reason, force };
      this.#isActivating = true;
      const after = await registry.commit(() => {
        const expectations = declaring(registry.version(model, version), expect);
        return registry.activate({ ...change, expectations });
      }).finally(() => (this.#isActivating = false));
      this.#enter(deployment, after.generation);
      const activation = { model, version, from: record.activeVersion, generation: after.generation };
      this.#ports.emit({ kind: 'promote', activation, by });
      return activation;
    });
    return promoting.finally(() => this.#settle());
  }

  /** Rolls back on an operator's word, to `to` or to the last known good version. */
  async rollback(options: {
    readonly by: string;
    readonly reason: string;
    readonly to?: string;
    /** The generation that is to go, where somebody said which; throws GENERATION_CONFLICT with another one active. */
    readonly generation?: number;
    readonly health: HealthReport | null;
  }): Promise<DoneRollback> {
    const { model, registry } = this.#ports;
    const { active } = this;
    if (active === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
    if (!this.isSaved) await this.#mustBeSaved();
    const { generation } = active;
    const { generation: expected = generation } = options;
    if (expected !== generation) throw lastgoodError('GENERATION_CONFLICT', { model, expected, found: generation });
    const from = active.deployment.version.version;
    const done = await this.#rollBack({
      by: options.by,
      reason: options.reason,
      expectedGeneration: generation,
      ...(options.to === undefined ? {} : { to: options.to }),
      decide: (target) =>
        this.#operatorDecision(options.by, from, generation, target, options.reason, options.health),
    });
    if (done === null) throw registry.noRollbackTarget(model, options.to);
    return { ...done.decision, newGeneration: done.generation };
  }

  /** The rollback that brought up what answers, if it is so young that another one would mean the same; else null. */
  justRolledBack(meant?: number): DoneRollback | null {
    const { model, registry, clock } = this.#ports;
    const newest = this.#newestRollback;
    const decisions = registry.decisions(model, DECISIONS_LOOKED_AT);
    const all = newest === null ? decisions : [newest, ...decisions];
    return this.active === null ? null : justRolledBack(all, this.active.generation, nowOf(clock), meant);
  }

  /** Acts on a failing verdict, or writes down why not. Those that come in while one is acted on are left. */
  async onVerdict(verdict: Verdict): Promise<void> {
    if (this.#closed || this.#isActing) return;
    this.#isActing = true;
    await this.#verdicts.actOn(verdict).finally(() => (this.#isActing = false));
  }

  /**
   * Acts on more disagreement of the active version and the one before than is expected, and tells of what nobody
   * announced. `inputDrift` is what that check of the generation says; null without one.
   */
  async onPairs(
    { generation, facts: pairs, verdict: { disagrees } }: PairStanding, inputDrift: CheckResult['verdict'] | null,
  ): Promise<void> {
    if (this.#closed || this.#isActing || disagrees === null || generation !== this.active?.generation) return;
    this.#isActing = true;
    await this.#verdicts.onPairs(disagrees, { pairs, inputDrift }).finally(() => (this.#isActing = false));
  }

  /** Ends the probation when its time and its requests have passed without a violation. */
  onHealth(report: HealthReport): Promise<void> {
    return this.#verdicts.onHealth(report);
  }

  /** An operator vouches for the active version. */
  async confirm(by: string): Promise<void> {
    const { model, registry } = this.#ports;
    if (!this.isSaved) await this.#mustBeSaved();
    const { generation } = await registry.commit(() => registry.confirm({ model, by }));
    // Another one may answer by now.
    if (generation === this.active?.generation) this.#state.apply({ kind: 'proven' });
  }

  /** Compares the stored generation with the one that serves, and goes where the registry points. */
  async follow(): Promise<void> {
    const { model, registry, clock } = this.#ports;
    if (!this.isSaved && !(await this.#rollbacks.saveUnsaved())) return;
    // Looked at after the wait: a change may have begun meanwhile.
    if (this.#closed || this.#changing !== null || this.#state.rollbacks > 0) return;
    const stored = registry.generationOf(model);
    if (stored === 0 || this.#loadBackoff.has(stored, clock.monotonicUs())) return;
    const record = registry.model(model);
    // Two processes can reach the same number while one of them could not write: the version decides then.
    const isSameVersion = record.activeVersion === this.activeVersion?.version;
    if (record.activeVersion === null || (isSameVersion && stored === this.active?.generation)) return;
    const target = registry.version(model, record.activeVersion);
    const hasMoved = await this.#change(`following the registry to "${target.version}"`, async () => {
      const deployment = await this.#rollbacks.load(target);
      if (deployment === null) this.#loadBackoff.note(record.generation, clock.monotonicUs());
      // The registry may have moved on while this one loaded; the next poll goes there.
      if (deployment === null || registry.generationOf(model) !== record.generation) return false;
      this.#enter(deployment, record.generation);
      return true;
    });
    if (hasMoved) this.#settle();
  }

  /** Stops all changes and lets every loaded version go; call it when nothing is pending. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ports.deployments.closeAll();
  }

  // The one place where a generation begins: the pointer moves, then everybody is told.
  #enter(deployment: Deployment, generation: number, isSaved = true): void {
    const active = { deployment, generation };
    this.#state.point(active);
    this.#nameStandby();
    this.#verdicts.beginGeneration();
    this.#ports.onGeneration(active);
    this.#state.apply({ kind: 'entered', standing: isSaved ? this.#rollbacks.standing : 'unproven' });
  }

  // One that loads a version takes long: no second one begins meanwhile.
  async #change<T>(doing: string, change: () => Promise<T>): Promise<T> {
    this.#changing = doing;
    this.#state.apply({ kind: 'load_began' });
    try {
      return await change();
    } finally {
      this.#changing = null;
      this.#state.apply({ kind: 'load_ended' });
    }
  }

  #onSaved(): void {
    const { generation, activeVersion } = this.#ports.registry.model(this.#ports.model);
    if (generation !== this.active?.generation || activeVersion !== this.activeVersion?.version) return;
    this.#state.apply({ kind: 'saved', standing: this.#rollbacks.standing });
    this.#settle();
  }

  /** Health of a version was changed by hand: there may be another one to stand by, or one to go back to again. */
  reconsider(): void {
    const { model, registry } = this.#ports;
    if (this.#state.phase === 'no_rollback_target' && registry.rollbackTarget(model) !== undefined) {
      this.#state.apply({ kind: 'target_found', standing: this.#rollbacks.standing });
    }
    this.#settle();
  }

  // Brings the loaded versions in line with the registry: the standby comes, what nobody needs goes.
  #settle(): void {
    const { deployments } = this.#ports;
    const { traffic } = this;
    // What a rollback has loaded must stay until it answers.
    if (this.#closed || this.#changing !== null || this.#state.rollbacks > 0 || traffic === null) return;
    const standby = this.#nameStandby();
    const serving = [traffic.stable, traffic.candidate].map((one) => one?.deployment.version.version ?? null);
    deployments.retainOnly(new Set([...serving, standby].filter((name) => name !== null)));
    if (standby !== null && deployments.find(standby) === undefined) this.#bringStandby();
  }

  #bringStandby(): void {
    const { model, registry, deployments, inTurn } = this.#ports;
    if (this.#isStandbyDue) return;
    this.#isStandbyDue = true;
    inTurn(async () => {
      this.#isStandbyDue = false;
      const { standbyVersion } = deployments;
      if (this.#closed || standbyVersion === null || deployments.find(standbyVersion) !== undefined) return;
      await this.#rollbacks.load(registry.version(model, standbyVersion));
    });
  }

  #nameStandby(): string | null {
    const { model, registry, deployments, options } = this.#ports;
    return (deployments.standbyVersion = options.standby === 'warm' ? registry.model(model).lastGoodVersion : null);
  }

  readonly #rollBack = async (request: RollbackRequest): Promise<RollbackDone | null> => {
    this.#state.rollbacks += 1;
    try {
      const done = await this.#rollbacks.run(request);
      if (done === null) return null;
      const { decision, deployment, generation, isSaved } = done;
      this.#newestRollback = decision;
      this.#enter(deployment, generation, isSaved);
      this.#ports.emit({ kind: 'rollback', decision, generation });
      return done;
    } finally {
      this.#state.rollbacks -= 1;
      this.#settle();
    }
  };

  #operatorDecision(
    by: string, from: string, generation: number, target: string, reason: string, health: HealthReport | null = null,
  ): DecisionRecord {
    const context = { version: from, generation, at: momentOf(this.#ports.clock) };
    return operatorDecision(this.#ports.model, context, target, reason, { by, health });
  }

  // No change may build on a generation that only this process knows: its number could be given out twice.
  async #mustBeSaved(): Promise<void> {
    if (await this.#rollbacks.saveUnsaved(OPERATOR_WAIT_MS_MAX)) return;
    const what = `the rollback of model "${this.#ports.model}" that is in force`;
    throw lastgoodError('DISK_REFUSED', { what, reason: 'the disk still refuses it, and what follows builds on it' });
  }
}
