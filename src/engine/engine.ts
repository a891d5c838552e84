// The engine: opens the data directory, serves every model in it, and owns start, drain and close. Main thread.
// Closing order: intake, then what is pending, then the workers, then the monitor, then the registry; a busy worker is
// never stopped.
import '../base/telemetry-off.ts';
import { performance } from 'node:perf_hooks';
import type { EngineStatus } from '../admin/answers.ts';
import { carryOut, checkedArguments, controlPlane } from '../admin/commands.ts';
import type { ControlPlane, PromoteArguments, RegisterArguments } from '../admin/commands.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import type { Front } from '../api/serving-api.ts';
import { startFront } from '../api/server.ts';
import type { Verdict } from '../judge/types/messages.ts';
import {
  type EngineOptions, optionsOfModel, type ResolvedOptions, resolveOptions, workersFor,
} from '../options/options.ts';
import { removeStaleParts } from '../registry/artifacts.ts';
import { WrittenChanges } from '../registry/commit/commits.ts';
import type { VersionRecord } from '../domain/records.ts';
import { Registry } from '../registry/registry.ts';
import { openStoreOnAnyDisk, type RegistryStore } from '../registry/store/store.ts';
import type { Activation, RolloutEvent, Rollback } from '../rollout/events.ts';
import { Background } from './background.ts';
import { chooseModel } from './choose-model.ts';
import { EngineControl } from './api/operator-api.ts';
import { DiskWatch } from './safety/disk-watch.ts';
import { closeFront, type Drained, drainQueues } from './draining.ts';
import { Announcer, type EngineSurroundings } from './events.ts';
import { HungRuns } from './hung-runs.ts';
import { Follower } from './follower.ts';
import { createServingApi, frontOptions } from './api/serving-api.ts';
import { GuardedStart } from './safety/guarded-start.ts';
import { silentLog } from './log.ts';
import { EngineMeters } from './models/meters.ts';
import { MonitorLink } from './monitor-link.ts';
import { recordedRows, startRecorder } from '../record/recording.ts';
import {
  type Features, type PredictAnswer, type PredictManyAnswer, predictRow, predictRows,
} from './api/library-api.ts';
import { ServedModel } from './models/served-model.ts';

/** What operators are called in the history when a program asks. */
const LIBRARY = { by: 'library' };

/**
 * Opens `dataDir` (./data by default), loads what is active there and answers `predict`; `listen` opens it to HTTP and
 * WebSocket clients. Throws INVALID_OPTION or DATA_UNUSABLE. One engine per directory: `lastgood serve` owns its own by
 * the admin socket, a program that embeds the engine sees to that itself.
 */
export async function createEngine(raw: EngineOptions = {}, surroundings: EngineSurroundings = {}): Promise<Engine> {
  const resolved = resolveOptions(raw);
  const store = openStoreOnAnyDisk(resolved.dataDir);
  const engine = new Engine(resolved, store, surroundings);
  await engine.start();
  return engine;
}

export class Engine extends Announcer {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly monitor: MonitorLink;
  readonly meters = new EngineMeters();
  /** The operator's verbs, as the admin socket calls them. */
  readonly control: ControlPlane;
  /** When it was created, on the clock of `performance.now()`. */
  readonly startedMs = performance.now();
  /** Models that are in the registry and not to be served until somebody loads them again. */
  unloaded: ReadonlySet<string> = new Set();
  readonly #store: RegistryStore;
  readonly #changes: WrittenChanges;
  readonly #models = new Map<string, ServedModel>();
  #front: Front | null = null;
  readonly #follower: Follower;
  readonly #guard: GuardedStart | null;
  readonly #background = new Background((error, model, what) =>
    this.problem(model, `the model ${what}`, reasonOf(error)));
  readonly #hungRuns: HungRuns;
  readonly #diskWatch: DiskWatch;
  #deploymentIds = 0;
  #firstActive: string | null = null;
  #draining: Promise<{ answered: number; left: number }> | null = null;
  #closing: Promise<void> | null = null;

  /** Use createEngine. */
  constructor(options: ResolvedOptions, store: RegistryStore, { clock, log, bootGuard }: EngineSurroundings) {
    super(log ?? silentLog);
    this.options = options;
    this.clock = clock ?? systemClock;
    this.#changes = new WrittenChanges(store, options.dataDir);
    this.registry = new Registry(store, this.clock, this.#changes);
    this.#store = store;
    const operator = new EngineControl(this);
    this.control = controlPlane((verb, args, actor) => carryOut(operator, verb, args, actor));
    const emit = (event: RolloutEvent): void => this.#emitEvent(event);
    const guarded = { store, registry: this.registry, clock: this.clock, emit };
    this.#guard = bootGuard === true ? new GuardedStart(guarded) : null;
    this.#follower = new Follower({
      registry: this.registry, clock: this.clock, followMs: options.followMs,
      follow: () => this.#follow(),
      onError: (error) => this.problem('', 'the registry could not be followed', reasonOf(error)),
    });
    this.#diskWatch = new DiskWatch({ store, tell: (what, reason) => this.problem('', what, reason) });
    this.#hungRuns = new HungRuns({
      models: () => this.#models.values(), registry: this.registry, clock: this.clock, emit,
      onHung: (run) => {
        // What follows is the end of this process, and the version that is to blame is out.
        const told = run.isTakenOut ? this.#guard?.stopped() : undefined;
        void Promise.resolve(told).then(() => this.tell('hung', run));
      },
    });
    this.monitor = new MonitorLink({
      onHealth: (report) => this.#models.get(report.model)?.onHealth(report),
      onVerdict: (verdict) => this.#onVerdict(verdict),
      onMeasured: (models) => this.meters.add(models),
      onRestart: (reason) => {
        this.meters.monitorRestarts += 1;
        this.problem('', 'the monitor ended and was started again', reason);
        for (const served of this.#models.values()) served.rejoinMonitor();
      },
      recorder: startRecorder(options, this.clock, (what, reason) => this.problem('', what, reason)),
    });
  }

  /** The models that are served, by name. */
  get models(): ReadonlyMap<string, ServedModel> {
    return this.#models;
  }
  get front(): Front | null {
    return this.#front;
  }
  get isDraining(): boolean {
    return this.#draining !== null;
  }

  /** Part of createEngine. */
  async start(): Promise<void> {
    this.monitor.start();
    this.#diskWatch.start();
    this.registry.adoptEarlyRecords();
    await removeStaleParts(this.options.dataDir, this.clock.wallMs());
    const bring = (models?: ReadonlySet<string>): Promise<void> => {
      this.followModels(models);
      return this.settled();
    };
    await (this.#guard?.start(bring) ?? bring());
    this.#changes.start();
    this.#follower.start();
    this.#hungRuns.start();
  }

  /** Listens for HTTP and WebSocket clients, port 0 on a free one: LISTEN_FAILED, FRONT_UNAVAILABLE, TLS_UNUSABLE. */
  async listen(address: { readonly host?: string; readonly port?: number } = {}): Promise<Front> {
    this.assertOpen();
    this.#front = await startFront(createServingApi(this), frontOptions(this, address));
    return this.#front;
  }

  /** Registers a file as a version: copied, tried in a child process, recorded; promoted too when asked. */
  async register(
    model: string, file: string, options: Omit<RegisterArguments, 'model' | 'file'> = {},
  ): Promise<VersionRecord> {
    const { version } = await this.control.register(checkedArguments('register', { model, file, ...options }), LIBRARY);
    return version;
  }

  /** Loads `version` beside the active one and makes it the active one. */
  async promote(
    model: string, version: string, options: Omit<PromoteArguments, 'model' | 'version'> = {},
  ): Promise<Activation> {
    return this.control.promote(checkedArguments('promote', { model, version, ...options }), LIBRARY);
  }

  /** Goes back to `to`, or to the last known good version; throws NO_ROLLBACK_TARGET and then has changed nothing. */
  async rollback(model: string, options: { readonly to?: string; readonly reason?: string } = {}): Promise<Rollback> {
    return this.control.rollback(checkedArguments('rollback', { model, ...options }), LIBRARY);
  }

  /** Vouches for the active version: its probation ends. */
  async confirm(model: string): Promise<void> {
    await this.control.confirm(checkedArguments('confirm', { model }), LIBRARY);
  }

  async status(model?: string): Promise<EngineStatus> {
    this.#mustNotBeClosed();
    return this.control.status(model === undefined ? {} : { model });
  }

  /** Answers one row, with the same queue, limits and samples as an HTTP request; throws the same errors. */
  async predict(model: string, features: Features): Promise<PredictAnswer> {
    this.#mustNotBeClosed();
    return predictRow(this.served(model).batcher, features, this.clock.monotonicUs());
  }

  /** Answers several rows as one request; a bad row refuses all of them. */
  async predictMany(model: string, instances: readonly Features[]): Promise<PredictManyAnswer> {
    this.#mustNotBeClosed();
    return predictRows(this.served(model), instances, this.clock.monotonicUs());
  }

  /** The served model of this name, or the default one; throws MODEL_NOT_FOUND or NO_DEFAULT_MODEL. */
  served(model: string | undefined): ServedModel {
    return chooseModel(this.#models, model ?? this.defaultModel ?? undefined, this.unloaded);
  }

  /**
   * The model that is meant when none is named: that of the options, or the one that had an active version first, which
   * is read once, because it stays so; null while there is none.
   */
  get defaultModel(): string | null {
    return this.options.defaultModel ?? (this.#firstActive ??= this.registry.firstActiveModel());
  }

  /** Throws ENGINE_CLOSED or DRAINING when no more changes can be accepted. */
  assertOpen(): void {
    this.#mustNotBeClosed();
    if (this.#draining !== null) throw lastgoodError('DRAINING');
  }
  #mustNotBeClosed(): void {
    if (this.#closing !== null) throw lastgoodError('ENGINE_CLOSED');
  }

  /**
   * Stops intake and resolves when everything that was accepted has been answered, or after `drainMs` with the number
   * of requests that are left.
   */
  drain(): Promise<{ answered: number; left: number }> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<Drained> {
    this.#front?.stopIntake();
    const queues = [...this.#models.values()].flatMap((served) => served.queues);
    const drained = await drainQueues(queues, this.options.drainMs);
    if (drained.left > 0) this.problem('', 'the engine was not drained in time', `${drained.left} requests are left`);
    else this.tell('drained');
    return drained;
  }

  /** Drains, then lets workers, monitor and registry go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    void this.#guard?.stopped();
    this.#follower.stop();
    this.#hungRuns.stop();
    this.#diskWatch.stop();
    await this.drain();
    if (this.#front !== null) await closeFront(this.#front);
    await this.settled();
    await Promise.all([...this.#models.values()].map((served) => served.close()));
    await this.monitor.stop();
    await this.#changes.close();
    await this.#store.close();
  }

  /** Serves the models that came into the registry, by whoever's hand, and lets those go that left it. */
  followModels(only?: ReadonlySet<string>): void {
    const known = this.registry.models();
    this.unloaded = new Set(known.filter(({ isUnloaded }) => isUnloaded).map(({ model }) => model));
    const names = new Set(known.map(({ model }) => model).filter((model) => !this.unloaded.has(model)));
    for (const model of names) {
      if (this.#models.has(model) || only?.has(model) === false) continue;
      this.#background.add(this.#serve(model).rollout.start(), model, 'could not be started');
    }
    for (const served of this.#models.values()) {
      if (names.has(served.model)) continue;
      this.#models.delete(served.model);
      this.#background.add(served.close(), served.model, 'could not be closed');
    }
  }

  /** Resolves when all models that are being started or closed have got there. */
  settled(): Promise<void> {
    return this.#background.settled();
  }

  #serve(model: string): ServedModel {
    const options = optionsOfModel(this.options, model);
    const served = new ServedModel({
      model, options, models: this.#models, meter: this.meters.of(model), registry: this.registry, clock: this.clock,
      dataDir: this.options.dataDir, loadMs: this.options.loadMs, record: recordedRows(this.options),
      workers: () => workersFor(options, this.#models.size),
      nextDeploymentId: () => (this.#deploymentIds += 1),
      monitor: (command) => this.monitor.post(command),
      detach: (name, deploymentId) => this.monitor.detach(name, deploymentId),
      emit: (event) => this.#emitEvent(event),
    });
    this.#models.set(model, served);
    return served;
  }

  async #follow(): Promise<void> {
    this.followModels();
    await Promise.all([...this.#models.values()].map(({ rollout }) => rollout.follow()));
  }

  #onVerdict(verdict: Verdict): void {
    this.#models.get(verdict.model)?.onVerdict(verdict).catch((error: unknown) => {
      this.problem(verdict.model, 'a verdict could not be acted on', reasonOf(error));
    });
  }

  #emitEvent(event: RolloutEvent): void {
    if (event.kind === 'promote') void this.#guard?.served(event.activation.model);
    if (event.kind === 'rollback') this.meters.of(event.decision.model).countRollback(event.decision.trigger);
    this.announce(event);
  }
}
