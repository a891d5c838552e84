// One model as the engine serves it: its queue, its loaded versions, its rollout and what the monitor says of it.
// Main thread. Everything that belongs to one model and to no other is wired here.
import { Batcher } from '../../batch/batcher.ts';
import type { Asked, OnBad, Unanswered } from '../../batch/options.ts';
import { lastgoodError } from '../../base/errors.ts';
import type { HealthAnswer } from '../../api/serving-api.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import type { JudgePhase } from '../../judge/types/check-kinds.ts';
import type { CheckName, HealthReport, Verdict } from '../../judge/types/messages.ts';
import type { ModelStatus } from '../../admin/answers.ts';
import type { AnswerCounts } from '../../metrics/answer-counts.ts';
import type { ModelOptions } from '../../options/options.ts';
import type { VersionRecord } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';
import { Attribution } from '../../rollout/attribution/attribution.ts';
import type { Deployment } from '../../rollout/deployment/deployment.ts';
import type { Deployments } from '../../rollout/deployment/deployments.ts';
import type { RolloutEvent } from '../../rollout/events.ts';
import { type ActiveGeneration, ModelRollout } from '../../rollout/rollout.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { Track } from '../../shared-memory/track.ts';
import type { BatchResult } from '../../worker/messages.ts';
import { circumstancesOf } from '../safety/evidence-context.ts';
import { FailureLog } from '../safety/failure-log.ts';
import { LastHours } from '../safety/evidence-context.ts';
import { LostSamples, MAIN_THREAD_RING } from '../safety/lost-samples.ts';
import { Shield, type ShieldCounts } from '../safety/shield.ts';
import { DeploymentLoader, type DeploymentLoaderPorts } from '../../rollout/deployment/loader.ts';
import { healthAnswerOf, statusOf } from './model-views.ts';
import { VersionQueues } from './version-queues.ts';

/** The number of a request to the monitor whose answer nobody waits for. */
const NOBODYS_REQUEST = 0;

export interface ServedModelPorts extends DeploymentLoaderPorts {
  readonly registry: Registry;
  /** All models of this host. */
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly emit: (event: RolloutEvent) => void;
}

export class ServedModel {
  readonly model: string;
  readonly batcher: Batcher;
  readonly rollout: ModelRollout;
  readonly #ports: ServedModelPorts;
  readonly #loader: DeploymentLoader;
  readonly #deployments: Deployments;
  readonly #versionQueues: VersionQueues;
  readonly #lostSamples = new LostSamples();
  readonly #shield: Shield;
  readonly #failures: FailureLog;
  readonly #lastHours = new LastHours();
  #health: HealthReport | null = null;

  constructor(ports: ServedModelPorts) {
    const { model, options, clock, registry } = ports;
    this.model = model;
    this.#ports = ports;
    this.#failures = new FailureLog(options.reservoir !== 'off');
    const { batchSizeMax, batchDelayUs, slabBytes, largeBytesMax, pendingMax, deadlineMs } = options;
    const onBad: OnBad = (slab, entry, answer, asked) =>
      this.#failures.note(slab, entry, answer, asked, clock.monotonicUs());
    const queue = {
      model, batchSizeMax, batchDelayUs, slabBytes, largeBytesMax, pendingMax, deadlineMs,
      monotonicUs: () => clock.monotonicUs(), meter: ports.meter,
      takeBack: () => this.#takeBackAllBut(null),
      answersOf: (slab: Slab) => this.#answersOf(slab),
      onUnanswered: (slab: Slab, requests: number, why: Unanswered) => this.#recordUnanswered(slab, requests, why),
      onBad,
    };
    this.#shield = new Shield({
      isOn: options.shield === 'on', counts: ports.meter,
      monotonicUs: () => clock.monotonicUs(),
      onLost: (slab, requests) => this.#recordUnanswered(slab, requests, 'lost'),
      onBad,
    });
    this.batcher = new Batcher({ ...queue, dispatch: (...batch) => this.#dispatch(...batch) });
    this.#loader = new DeploymentLoader(ports, () => this.batcher.arena);
    this.#deployments = this.#loader.deployments;
    this.#versionQueues = new VersionQueues({
      model, registry, queue,
      deployments: this.#deployments,
      standingOf: (version) => {
        const { active } = this.rollout;
        if (active?.deployment.version.version !== version) return null;
        return { generation: active.generation, track: this.#track };
      },
      onFree: () => this.batcher.wake(),
    });
    const attribution = new Attribution({
      model, batchSizeMax, registry, clock, deployments: this.#deployments,
      othersTooSlow: () => [...ports.models.values()]
        .filter((one) => one !== this && one.isTooSlow)
        .map((one) => one.model),
      failed: (generation, what) => this.#failures.kept(generation, what),
      keepRowsAsEver: () => this.#tellRows(),
    });
    this.rollout = new ModelRollout({
      model, options, registry, clock,
      deployments: this.#deployments,
      onGeneration: (active) => this.#watch(active),
      attribute: (cause, verdict) => attribution.attribute(cause, verdict),
      emit: (event) => {
        if (event.kind === 'phase') this.#tellPhase();
        ports.emit(event);
      },
    });
    ports.monitor(this.#lostSamples.attachment(model));
  }

  /** What the model counts since the engine started. */
  get counts(): Readonly<ShieldCounts> {
    return this.#shield.counts;
  }

  get options(): ModelOptions {
    return this.#ports.options;
  }

  /** All queues of the model: its own, and those of versions that were asked for by name. */
  get queues(): readonly Batcher[] {
    return [this.batcher, ...this.#versionQueues.all];
  }

  /** The versions that can answer, the active one first. */
  get loadedVersions(): string[] {
    const active = this.rollout.activeVersion?.version;
    const loaded = this.#deployments.ready.map(({ version }) => version.version);
    return loaded.sort((a, b) => Number(b === active) - Number(a === active));
  }

  /** Every deployment that may have a run under way, those on their way out included. */
  get loaded(): readonly Deployment[] {
    return [...this.#deployments.ready, ...this.#deployments.retiring];
  }

  /** Answers the requests of a batch that will not come back. */
  giveUp(slab: Slab, error: unknown): void {
    for (const queue of this.queues) queue.giveUp(slab, error);
  }

  /** The queue of whatever is active, or of a loaded version; throws VERSION_NOT_FOUND or VERSION_NOT_LOADED. */
  queueOf(version: string | undefined): Batcher {
    return version === undefined ? this.batcher : this.#versionQueues.queueOf(version);
  }

  /** What answers now, or a loaded version; throws NO_ACTIVE_VERSION and like `queueOf`. */
  deploymentOf(version: string | undefined): Deployment {
    if (version !== undefined) return this.#versionQueues.deploymentOf(version);
    if (this.rollout.active === null) throw lastgoodError('NO_ACTIVE_VERSION', { model: this.model });
    return this.rollout.active.deployment;
  }

  /** Throws ROWS_TOO_MANY when what is active would refuse a request of so many rows. */
  assertRows(rows: number): void {
    const limit = this.rollout.active?.deployment.requestRowsMax ?? Infinity;
    if (rows > limit) throw lastgoodError('ROWS_TOO_MANY', { model: this.model, limit });
  }

  /** The newest report of the monitor about the active generation. */
  get health(): HealthReport | null {
    return this.#health?.generation === this.rollout.active?.generation ? this.#health : null;
  }

  onHealth(report: HealthReport): void {
    this.#health = report;
    this.#lastHours.note(report);
    for (const { check, verdict } of report.checks) if (verdict === 'fail') this.#ports.meter.countBreach(check);
    void this.rollout.onHealth(report);
  }

  /** The checks that failed at the newest look. */
  get failingChecks(): CheckName[] {
    return this.health?.checks.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check) ?? [];
  }

  /** Its latency is over the limit now. */
  get isTooSlow(): boolean {
    return this.failingChecks.some((check) => CHECKS[check].cause === 'latency');
  }

  onVerdict(verdict: Verdict): Promise<void> {
    const { generation, version } = verdict;
    const nowUs = this.#ports.clock.monotonicUs();
    const around = circumstancesOf(this.model, this.#ports.models.values(), {
      shielded: this.#shield.shieldedOf(generation),
      failures: this.#failures.view(generation, nowUs),
      lastHours: this.#lastHours.before(version, nowUs),
    });
    return this.rollout.onVerdict({ ...verdict, evidence: { ...verdict.evidence, ...around } });
  }

  /** The registry has a new baseline for this version; it counts from now on if the version is judged. */
  baselineChanged({ version, baseline }: VersionRecord): void {
    const active = this.rollout.active;
    if (active?.deployment.version.version !== version) return;
    this.#ports.monitor({ kind: 'baseline', model: this.model, generation: active.generation, baseline });
  }

  /** Answers what is pending and lets all loaded versions go. */
  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.drain()));
    await Promise.all([this.rollout.close(), this.#loader.close()]);
    this.#ports.monitor({ kind: 'unwatch', model: this.model });
    this.#ports.monitor({
      kind: 'detach', request: NOBODYS_REQUEST, deploymentId: MAIN_THREAD_RING, model: this.model,
    });
  }

  /** Tells a restarted monitor all that it has to know. */
  rejoinMonitor(): void {
    this.#ports.monitor(this.#lostSamples.attachment(this.model));
    for (const deployment of this.#deployments.ready) this.#loader.attach(deployment);
    if (this.rollout.active === null) return;
    this.#watch(this.rollout.active);
    this.#tellPhase();
  }

  healthAnswer(): HealthAnswer {
    return healthAnswerOf(this, this.#ports.registry);
  }

  status(): ModelStatus {
    return statusOf(this, this.#ports.registry, this.#ports.clock.wallMs());
  }

  // Called at every cut: the generation is chosen here and not before.
  #dispatch(
    slab: Slab, memory: SharedArrayBuffer | null, mayWait: boolean, asked: Asked,
  ): Promise<BatchResult> | undefined {
    const active = this.rollout.active;
    if (active === null) throw lastgoodError('NO_ACTIVE_VERSION', { model: this.model });
    const { deployment, generation } = active;
    if (!deployment.takes(mayWait)) return undefined;
    slab.stamp(generation, deployment.id, this.#ports.clock.monotonicUs(), this.#track);
    const standby = this.rollout.phase === 'probation' ? this.#deployments.standby : undefined;
    return standby !== undefined && this.#shield.covers(deployment, standby)
      ? this.#shield.run(deployment, standby, slab, memory, asked)
      : deployment.run(slab, memory);
  }

  get #track(): Track {
    return this.rollout.phase === 'steady' ? Track.stable : Track.canary;
  }

  #answersOf({ deploymentId, track }: Slab): AnswerCounts {
    const { meter } = this.#ports;
    const deployment = this.#deployments.ready.find(({ id }) => id === deploymentId);
    return deployment === undefined ? meter.unserved : meter.of(deployment.version.version, track).answers;
  }

  #watch({ deployment, generation }: ActiveGeneration): void {
    const { version, outputKind } = deployment.version;
    // A baseline may have been replaced since the version was loaded.
    const { baseline } = this.#ports.registry.version(this.model, version);
    const { options: { judge: options } } = this.#ports;
    this.#ports.monitor({ kind: 'watch', model: this.model, generation, version, outputKind, baseline, options });
    // What lies ready for a version that is no longer active is answered by the one that is.
    this.#takeBackAllBut(deployment);
    this.batcher.wake();
  }

  #takeBackAllBut(kept: Deployment | null): void {
    for (const deployment of this.#deployments.ready) if (deployment !== kept) deployment.takeBack();
  }

  #tellPhase(): void {
    const generation = this.rollout.active?.generation;
    const { phase } = this.rollout;
    // Other phases change nothing in how the generation is judged.
    if (generation === undefined || (phase !== 'steady' && phase !== 'probation')) return;
    this.#tellRows();
    this.#ports.monitor({ kind: 'phase', model: this.model, generation, phase });
  }

  #tellRows(): void {
    const { phase, active } = this.rollout;
    active?.deployment.keepRows(this.#wantsRows(phase === 'probation' ? phase : 'steady'));
  }

  // Inputs are kept as long as a drift can lead to a rollback, because only then somebody asks where it came from.
  #wantsRows(phase: JudgePhase): boolean {
    const { reservoir, judge } = this.#ports.options;
    return reservoir === 'always' || phase === 'probation' || judge.steadyDrift === 'on';
  }

  #recordUnanswered(slab: Slab, requests: number, why: Unanswered): void {
    this.#lostSamples.record(slab, requests, why, this.#ports.clock.monotonicUs());
    this.#failures.noteUnanswered(slab, requests, why);
  }
}
