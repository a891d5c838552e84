// One model as the engine serves it: its queue, its loaded versions, its rollout and what the monitor says of it.
// Main thread. Everything that belongs to one model and to no other is wired here.
import { Batcher } from '../../batch/batcher.ts';
import type { BatcherOptions, Dispatch, LossReason, OnFailedAnswer } from '../../batch/options.ts';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { inNaturalOrder } from '../../base/names.ts';
import { referenceOf } from '../../judge/baseline/reference.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import type { CheckName, HealthReport, Verdict } from '../../judge/types/messages.ts';
import type { AnswerCounts } from '../../metrics/answer-counts.ts';
import type { ModelMeter } from '../../metrics/model-meter.ts';
import { type ModelOptions, optionsOfModel, workersFor } from '../../options/options.ts';
import { recordedRows } from '../../record/recording.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { pairExpectation } from '../../judge/pairs/expectation.ts';
import type { PairStanding } from '../../judge/pairs/pair-verdict.ts';
import { Attribution } from '../../rollout/attribution/attribution.ts';
import { PairGatherer } from '../../rollout/attribution/pair-gatherer.ts';
import type { Deployment } from '../../rollout/deployment/deployment.ts';
import type { Deployments } from '../../rollout/deployment/deployments.ts';
import type { ActiveGeneration } from '../../rollout/active.ts';
import { DeploymentLoader } from '../../rollout/deployment/loader.ts';
import { ModelRollout } from '../../rollout/rollout.ts';
import { NO_GENERATION, type Slab, Track } from '../../shared-memory/slab.ts';
import type { BatchResult } from '../../worker/messages.ts';
import { circumstancesOf, LastHours } from '../safety/evidence-context.ts';
import { FailureLog } from '../safety/failure-log.ts';
import { LostSamples, MAIN_THREAD_RING } from '../safety/lost-samples.ts';
import { SourceLog } from '../safety/source-log.ts';
import { Shield, type ShieldCounts } from '../safety/shield.ts';
import type { EngineContext } from './context.ts';
import { twinRecorder } from './recorded-twins.ts';
import { VersionQueues } from './version-queues.ts';

/** The number of a request to the monitor whose answer nobody waits for. */
const NOBODYS_REQUEST = 0;

interface ServedModelPorts {
  readonly model: string;
  readonly context: EngineContext;
  /** All models of this host. */
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly nextDeploymentId: () => number;
  /** Carries the load of a standby out when it is its turn. */
  readonly inTurn: (load: () => Promise<unknown>) => void;
}

export class ServedModel {
  readonly model: string;
  readonly options: ModelOptions;
  readonly batcher: Batcher;
  readonly rollout: ModelRollout;
  readonly pairs: PairGatherer;
  /** Who asks the active version, and whom it fails. */
  readonly sources: SourceLog;
  readonly #context: EngineContext;
  readonly #models: ReadonlyMap<string, ServedModel>;
  readonly #meter: ModelMeter;
  readonly #loader: DeploymentLoader;
  readonly #deployments: Deployments;
  readonly #versionQueues: VersionQueues;
  readonly #lostSamples = new LostSamples();
  readonly #shield: Shield;
  readonly #failures: FailureLog;
  readonly #lastHours = new LastHours();
  #health: HealthReport | null = null;
  /** It waits to be brought up, or is being brought up. */
  isStarting = false;

  constructor({ model, context, models, nextDeploymentId, inTurn }: ServedModelPorts) {
    const options = optionsOfModel(context.options, model);
    const { registry, clock, monitor } = context;
    this.model = model;
    this.options = options;
    this.#context = context;
    this.#models = models;
    this.#meter = context.meters.of(model);
    this.#failures = new FailureLog(options.reservoir !== 'off');
    const queue = this.#queueOptions();
    this.#shield = new Shield({
      isOn: options.shield === 'on', counts: this.#meter, monotonicUs: queue.monotonicUs,
      onFailedAnswer: this.#noteFailedAnswer,
      onLost: (slab, requests) => this.#noteUnanswered(slab, requests, 'lost'),
    });
    this.sources = new SourceLog(options.judge, queue.monotonicUs);
    const onSource = (source: number, requests: number): void => this.sources.requested(source, requests);
    this.batcher = new Batcher({ ...queue, dispatch: this.#dispatch, onSource });
    this.#loader = new DeploymentLoader({
      model, options, clock, monitor, nextDeploymentId, meter: this.#meter, emit: context.emit,
      preparation: context.preparation, inFlight: context.inFlight, memory: context.memory?.plan ?? null,
      dataDir: context.options.dataDir, loadMs: context.options.loadMs, record: recordedRows(context.options),
      workers: () => workersFor(options, models.size), onLargePlace: () => this.queues.forEach((queue) => queue.wake()),
    }, () => this.batcher.arena);
    this.#deployments = this.#loader.deployments;
    this.#versionQueues = new VersionQueues({
      model, registry, queue, namedVersions: context.options.namedVersions,
      deployments: this.#deployments,
      standingOf: (version) => {
        const { active } = this.rollout;
        if (active?.deployment.version.version !== version) return null;
        return { generation: active.generation, track: this.#track };
      },
      onFree: () => this.batcher.wake(),
    });
    this.pairs = new PairGatherer({
      clock,
      active: () => this.rollout.active,
      twin: () => (this.#asksTwin || this.pairs.isAlarmed ? this.#deployments.standby : undefined),
      isOnProbation: () => this.rollout.phase === 'probation',
      referenceOf: (version) => referenceOf(registry.baselineOf(model, version)),
      expectationOf: (version, twin) => pairExpectation(registry.version(model, version), twin),
      expectedPairsOf: (version, twin) => registry.expectedPairsBeside(model, version, twin),
      onBegin: (version, twin) => context.expectedChanges.ensure(version, twin), ...twinRecorder(model, monitor),
      onPairs: (paired, standing) => {
        this.#meter.pairs += paired;
        void this.#onPairs(standing);
      },
    });
    const attribution = new Attribution({
      model, registry, clock, pairs: this.pairs, deployments: this.#deployments,
      windowMs: options.judge.windowMs, batchSizeMax: options.batchSizeMax, seed: clock.wallMs(),
      othersTooSlow: () => [...models.values()].filter((one) => one !== this && one.isTooSlow).map((one) => one.model),
      failed: (generation, what) => this.#failures.kept(generation, what),
      onRepeated: (generation, counts) => monitor.record({ kind: 'repeated', model, generation, ...counts }),
    });
    this.rollout = new ModelRollout({
      model, options, registry, clock,
      deployments: this.#deployments,
      inTurn,
      onGeneration: this.#watch,
      attribute: (cause, verdict) => attribution.attribute(cause, verdict),
      emit: (event) => {
        if (event.kind === 'phase') this.#tellPhase();
        context.emit(event);
      },
    });
    monitor.post(this.#lostSamples.attachment(model));
  }

  get #asksTwin(): boolean {
    const { pairs } = this.options;
    return pairs === 'always' || (pairs === 'probation' && this.rollout.phase === 'probation');
  }

  // What the model's own queue and those of its versions have in common.
  #queueOptions(): Omit<BatcherOptions, 'dispatch' | 'separateSlabs'> {
    const { batchSizeMax, batchDelayUs, slabBytes, largeBytesMax, pendingMax, deadlineMs } = this.options;
    const { clock, memory, refused } = this.#context;
    return {
      model: this.model, batchSizeMax, batchDelayUs, slabBytes, largeBytesMax, pendingMax, deadlineMs, memory,
      refused, monotonicUs: () => clock.monotonicUs(), meter: this.#meter, answersOf: this.#answersOf,
      recall: () => this.#recallAllBut(null),
      onUnanswered: this.#noteUnanswered, onFailedAnswer: this.#noteFailedAnswer,
    };
  }

  /** What the model counts since the engine started. */
  get counts(): Readonly<ShieldCounts> {
    return this.#shield.counts;
  }

  /** All queues of the model: its own, and those of versions that were asked for by name. */
  get queues(): readonly Batcher[] {
    return [this.batcher, ...this.#versionQueues.all];
  }

  /** The versions that can answer, in natural order. */
  get loadedVersions(): string[] {
    return inNaturalOrder(this.#deployments.ready.map(({ version }) => version.version), (version) => version);
  }

  /** Every deployment that may have a run under way, those on their way out included. */
  get loaded(): readonly Deployment[] {
    return [...this.#deployments.ready, ...this.#deployments.retiring];
  }

  /** A run of this version is past its deadline: what lies ready behind it goes to whoever can answer. */
  noteStuck(deployment: Deployment, slab: Slab): void {
    deployment.noteStuck(slab);
    deployment.recall();
    this.batcher.wake();
  }

  /** Whether the model's requests are answered while a worker of `deployment` is stuck. */
  canAnswerBeside(deployment: Deployment): boolean {
    return this.rollout.active?.deployment !== deployment || !deployment.isBlocked || this.#substitute !== undefined;
  }

  // Whoever answers while all workers of the active version are stuck.
  get #substitute(): Deployment | undefined {
    const { standby } = this.#deployments;
    const active = this.rollout.active?.deployment;
    const isAble = active !== undefined && standby !== undefined && !standby.isBlocked;
    return isAble && this.#shield.areAlike(active, standby) ? standby : undefined;
  }

  /** Answers the requests of a batch that will not come back. */
  giveUp(slab: Slab, error: unknown): void {
    for (const queue of this.queues) queue.giveUp(slab, error);
  }

  /** The queue of whatever is active, or of a loaded version; throws VERSION_NOT_FOUND or VERSION_NOT_LOADED. */
  queueOf(version: string | undefined): Batcher {
    return version === undefined ? this.batcher : this.#versionQueues.queueOf(version);
  }

  /** What answers now, or a loaded version; throws NO_ACTIVE_VERSION, MODEL_STARTING and like `queueOf`. */
  deploymentOf(version: string | undefined): Deployment {
    if (version !== undefined) return this.#versionQueues.deploymentOf(version);
    if (this.rollout.active === null) throw this.#servesNothing();
    return this.rollout.active.deployment;
  }

  /** Workers of the active version whose run is past its deadline. */
  get stuckWorkers(): number {
    return this.rollout.active?.deployment.stuck.size ?? 0;
  }

  /** Whether the active version can answer now. */
  get isReady(): boolean {
    return this.rollout.active?.deployment.canAnswer === true;
  }

  /** Throws NOT_READY when it is loaded and cannot answer now, and like `deploymentOf`. */
  assertReady(version: string | undefined): void {
    const { canAnswer, version: { version: asked } } = this.deploymentOf(version);
    if (!canAnswer) throw lastgoodError('NOT_READY', { model: this.model, version: asked });
  }

  /** The version that is to be active once the model is up; null when nothing is awaited. */
  get awaitedVersion(): string | null {
    if (!this.isStarting || this.rollout.active !== null) return null;
    return this.#context.registry.model(this.model).activeVersion;
  }

  #servesNothing(): Error {
    const code = this.awaitedVersion === null ? 'NO_ACTIVE_VERSION' : 'MODEL_STARTING';
    return lastgoodError(code, { model: this.model });
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
    for (const { check, verdict } of report.checks) if (verdict === 'fail') this.#meter.countBreach(check);
    this.#tellRows();
    void this.pairs.look();
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

  async onVerdict(verdict: Verdict): Promise<void> {
    const { generation, version } = verdict;
    try {
      const nowUs = this.#context.clock.monotonicUs();
      const around = circumstancesOf(this.model, this.#models.values(), {
        shielded: this.#shield.shieldedOf(generation),
        failures: this.#failures.view(generation, nowUs),
        lastHours: this.#lastHours.before(version, nowUs), sources: this.sources.view(),
      });
      await this.rollout.onVerdict({ ...verdict, evidence: { ...verdict.evidence, ...around } });
    } catch (error) {
      const what = 'a verdict could not be acted on';
      this.#context.emit({ kind: 'problem', model: this.model, what, reason: reasonOf(error) });
    }
  }

  async #onPairs(standing: PairStanding): Promise<void> {
    const inputDrift = this.health?.checks.find(({ check }) => check === 'input_drift')?.verdict ?? null;
    try {
      await this.rollout.onPairs(standing, inputDrift);
    } catch (error) {
      const what = 'what the pairs say could not be written down';
      this.#context.emit({ kind: 'problem', model: this.model, what, reason: reasonOf(error) });
    }
  }

  /** The registry has a new baseline for this version; it counts from now on if the version is judged. */
  baselineChanged({ version }: VersionRecord): void {
    const active = this.rollout.active;
    if (active?.deployment.version.version !== version) return;
    const baseline = this.#context.registry.baselineOf(this.model, version);
    this.#context.monitor.post({ kind: 'baseline', model: this.model, generation: active.generation, baseline });
  }

  /** Answers what is pending and lets all loaded versions go. */
  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.drain()));
    await Promise.all([this.rollout.close(), this.#loader.close()]);
    this.#context.monitor.post({ kind: 'unwatch', model: this.model });
    this.#context.monitor.post({
      kind: 'detach', request: NOBODYS_REQUEST, deploymentId: MAIN_THREAD_RING, model: this.model,
    });
  }

  /** Tells a restarted monitor all that it has to know. */
  rejoinMonitor(): void {
    this.#context.monitor.post(this.#lostSamples.attachment(this.model));
    for (const deployment of this.#deployments.ready) this.#loader.attach(deployment);
    if (this.rollout.active === null) return;
    this.#watch(this.rollout.active);
    this.#tellPhase();
  }

  // Called at every cut: the generation is chosen here and not before.
  readonly #dispatch: Dispatch = (slab, mayQueueBehind, ids) => {
    const { traffic } = this.rollout;
    if (traffic === null) throw this.#servesNothing();
    const { deployment, generation } = traffic.stable;
    if (deployment.isBlocked && this.#substitute !== undefined) return this.#substituted(this.#substitute, slab);
    const standby = this.rollout.phase === 'probation' ? this.#deployments.standby : undefined;
    const isShielded = standby !== undefined && this.#shield.covers(deployment, standby);
    if (!deployment.hasPlace(isShielded ? 'shielded' : 'queue', mayQueueBehind, slab.isLarge)) return undefined;
    slab.stamp(generation, deployment.id, this.#context.clock.monotonicUs(), this.#track);
    return isShielded ? this.#shield.run(deployment, standby, slab, ids) : deployment.run(slab, 'queue');
  };

  // Judged for nobody: it says nothing about either version.
  #substituted(standby: Deployment, slab: Slab): Promise<BatchResult> | undefined {
    if (!standby.hasPlace('queue', false, slab.isLarge)) return undefined;
    slab.stamp(NO_GENERATION, standby.id, this.#context.clock.monotonicUs(), Track.shield);
    return standby.run(slab, 'queue');
  }

  get #track(): Track {
    return this.rollout.phase === 'steady' ? Track.stable : Track.canary;
  }

  readonly #answersOf = ({ deploymentId, track }: Slab): AnswerCounts => {
    const deployment = this.#deployments.ready.find(({ id }) => id === deploymentId);
    return deployment === undefined ? this.#meter.unserved : this.#meter.of(deployment.version.version, track).answers;
  };

  readonly #watch = ({ deployment, generation }: ActiveGeneration): void => {
    const { registry, monitor } = this.#context;
    this.sources.begin(generation);
    this.batcher.weighFor(deployment.version);
    const { version, outputKind } = deployment.version;
    const baseline = registry.baselineOf(this.model, version);
    const { model, options: { judge: options } } = this;
    monitor.post({ kind: 'watch', model, generation, version, outputKind, baseline, options });
    // What lies ready for a version that is no longer active is answered by the one that is.
    this.#recallAllBut(deployment);
    this.batcher.wake();
  };

  #recallAllBut(kept: Deployment | null): void {
    for (const deployment of this.#deployments.ready) if (deployment !== kept) deployment.recall();
  }

  #tellPhase(): void {
    const generation = this.rollout.active?.generation;
    const { phase } = this.rollout;
    // Other phases change nothing in how the generation is judged.
    if (generation === undefined || (phase !== 'steady' && phase !== 'probation')) return;
    this.#tellRows();
    this.#context.monitor.post({ kind: 'phase', model: this.model, generation, phase });
  }

  // Inputs are kept as long as a drift can lead to a rollback, or the standby is asked the same, and more of them while
  // a check fails.
  #tellRows(): void {
    const { reservoir, judge } = this.options;
    const { phase, active } = this.rollout;
    const isFailing = this.failingChecks.length > 0;
    const isPaired = (this.#asksTwin || isFailing) && this.#deployments.standby !== undefined;
    const isKept = reservoir === 'always' || isPaired || phase === 'probation' || judge.steadyDrift === 'on';
    active?.deployment.keepRows(!isKept ? 'never' : isFailing ? isPaired ? 'alarm' : 'fast' : 'usual');
  }

  readonly #noteFailedAnswer: OnFailedAnswer = (slab, entry, answer, ids) => {
    this.#failures.note(slab, entry, answer, ids, this.#context.clock.monotonicUs());
    this.sources.failed(slab, entry, ids);
  };

  readonly #noteUnanswered = (slab: Slab, requests: number, why: LossReason): void => {
    this.sources.lost(slab, requests);
    this.#lostSamples.record(slab, requests, why, this.#context.clock.monotonicUs());
    this.#failures.noteUnanswered(slab, requests, why);
  };
}
