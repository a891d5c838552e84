// The engine's life: start, drain, close. It opens the data directory, wires what serves the models in it, and owns all
// of that; nothing below knows of it. Main thread.
// Closing order: intake, then what is pending, then the workers, then the monitor, then the registry; a busy worker is
// never stopped.
import '../base/telemetry-off.ts';
import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineStatus, Promotion } from '../admin/answers.ts';
import { carryOut, checkedArguments, controlPlane } from '../admin/commands.ts';
import type { Answer, Arguments, ControlPlane, PromoteArguments, RegisterArguments } from '../admin/commands.ts';
import { startFront } from '../api/server.ts';
import type { Front } from '../api/serving-api.ts';
import { type Clock, systemClock, withTimeout } from '../base/clock.ts';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import type { VersionRecord } from '../domain/records.ts';
import { type EngineOptions, type ResolvedOptions, resolveOptions } from '../options/options.ts';
import { settingsPrint } from '../options/settings-print.ts';
import { startRecorder } from '../record/recording.ts';
import { removeStaleParts } from '../artifacts/directory.ts';
import { AsyncCommits } from '../registry/commit/commits.ts';
import { Registry } from '../registry/registry.ts';
import type { InFlightFile } from '../shared-memory/in-flight.ts';
import { memoryBudget } from '../shared-memory/memory-budget.ts';
import { openStoreOnAnyDisk } from '../registry/opening/open-store.ts';
import type { RegistryStore } from '../registry/store/store.ts';
import type { Outlook } from '../rollout/outlook.ts';
import type { RolloutEvent, Rollback } from '../rollout/events.ts';
import {
  type Features, type PredictAnswer, type PredictManyAnswer, predictRow, predictRows,
} from './api/library-api.ts';
import { OperatorApi } from './api/operator-api.ts';
import { createServingApi, frontOptions } from './api/serving-api.ts';
import { AdminSocket } from './admin-socket.ts';
import type { EngineEvents, EngineHooks } from './events.ts';
import { Follower } from './follower.ts';
import { HungRuns } from './blame/hung-runs.ts';
import { StackWatcher } from './stack-watcher.ts';
import { type EngineLog, logRolloutEvent, silentLog } from './log.ts';
import type { Drained, EngineContext, EngineLife } from './models/context.ts';
import { EngineMeters } from './models/meters.ts';
import { ExpectedChanges } from '../rollout/registration/expected-change.ts';
import { Preparation } from '../rollout/preparation/preparation.ts';
import { ModelTable } from './models/model-table.ts';
import { knownChange } from './models/recorded-twins.ts';
import { MonitorLink } from './monitor-link.ts';
import { MemoryWatch } from './safety/memory-watch.ts';
import { DiskWatch } from './safety/disk-watch.ts';
import { RollbackNotices } from './notices/rollback-notices.ts';
import { GuardedStart } from './safety/guarded-start.ts';
import { lookIntoLastDeath } from './blame/last-death.ts';
import { PostMortem } from './blame/post-mortem.ts';
import { TrafficStore } from './traffic-store.ts';
import { RefusedInputs } from './safety/refused-inputs.ts';

/** A kept-alive connection may carry one more request after the drain: it gets 503 and a farewell, not a reset. */
const LINGER_MS = 200;
/** What operators are called in the history when a program asks. */
const LIBRARY = { by: 'library' };
const asItIs: NonNullable<EngineHooks['aroundVerb']> = (_, work) => work();

/**
 * Opens `dataDir` (./data by default), loads what is active there and answers `predict`; `listen` opens it to HTTP and
 * WebSocket clients. Throws INVALID_OPTION, DATA_UNUSABLE or ADMIN_SOCKET_FAILED. One engine per directory: it owns
 * its own by the admin socket, on which it answers the operator's verbs. A second one throws ADMIN_IN_USE, unless it is
 * told to `follow`.
 */
export async function createEngine(raw: EngineOptions = {}, hooks: EngineHooks = {}): Promise<Engine> {
  const options = resolveOptions(raw);
  const isOwnedHere = !options.follow && hooks.ownsDirectory !== true;
  const admin = isOwnedHere ? await AdminSocket.claim(options.dataDir) : null;
  try {
    const store = openStoreOnAnyDisk(options.dataDir, {
      mayUpgrade: !options.follow,
      onUpgrade: (from, copy) => hooks.log?.info({ from, copy }, 'the registry was upgraded from an older format'),
    });
    const engine = new Engine(options, store, hooks, admin);
    await engine.start();
    admin?.attach(engine.control, engine.log);
    admin?.unref();
    if (hooks.bringsUpLater !== true) await engine.models.bringUp();
    return engine;
  } catch (error) {
    await admin?.close();
    throw error;
  }
}

// Kept in the file of what runs, for the engine after one that died.
function refusedInputs(clock: Clock, inFlight: InFlightFile | null): RefusedInputs {
  return new RefusedInputs({
    clock, before: inFlight?.text ?? '',
    keep: (text) => {
      if (inFlight !== null) inFlight.text = text;
    },
  });
}

export class Engine extends EventEmitter<EngineEvents> implements EngineLife {
  readonly context: EngineContext;
  readonly models: ModelTable;
  /** The operator's verbs, as the admin socket calls them. */
  readonly control: ControlPlane;
  readonly startedMs = performance.now();
  readonly log: EngineLog;
  readonly #store: RegistryStore;
  /** Null where somebody else owns the directory, or answers the socket. */
  readonly #admin: AdminSocket | null;
  readonly #commits: AsyncCommits;
  readonly #follower: Follower;
  readonly #guard: GuardedStart | null;
  readonly #hungRuns: HungRuns;
  readonly #postMortem: PostMortem;
  readonly #memoryWatch: MemoryWatch;
  readonly #stackWatcher: StackWatcher;
  readonly #diskWatch: DiskWatch;
  readonly #notices: RollbackNotices;
  #front: Front | null = null;
  #draining: Promise<Drained> | null = null;
  #closing: Promise<void> | null = null;

  /** Use createEngine. */
  constructor(
    options: ResolvedOptions, store: RegistryStore, hooks: EngineHooks, admin: AdminSocket | null = null,
  ) {
    super();
    const { clock = systemClock, log = silentLog, bootGuard, inFlight = null } = hooks;
    this.log = log;
    const commits = new AsyncCommits(store, options.dataDir);
    const registry = new Registry(store, clock, commits.run);
    const meters = new EngineMeters();
    const emit = this.#announce;
    const tell = (what: string, reason: string): void => emit({ kind: 'problem', model: '', what, reason });
    const traffic = new TrafficStore({ store, registry, clock, mayWrite: !options.follow });
    const monitor = new MonitorLink({
      traffic: traffic.memory,
      onHealth: (report) => models.all.get(report.model)?.onHealth(report),
      onVerdict: (verdict) => void models.all.get(verdict.model)?.onVerdict(verdict),
      onMeasured: (measured) => meters.add(measured),
      onRestart: (reason) => {
        meters.monitorRestarts += 1;
        traffic.mark('monitor', 'the monitor was started again');
        tell('the monitor ended and was started again', reason);
        for (const served of models.all.values()) served.rejoinMonitor();
      },
      known: (watch) => knownChange(registry, watch), recorder: startRecorder(options, clock, tell),
    });
    const preparation = new Preparation({
      ...options, registry, clock, tell: (what) => log.info(what, 'prepared a model'),
    });
    const expectedChanges = new ExpectedChanges({
      ...options, registry, clock,
      onUnknown: ({ model, version }, reason) =>
        log.warn({ model, version, reason }, 'its answers could not be compared with those of the version before'),
    });
    const memory = memoryBudget(options.memoryMax);
    const refused = refusedInputs(clock, inFlight);
    this.context = {
      options, registry, clock, log, meters, monitor, preparation, expectedChanges, memory, emit, inFlight, refused,
      traffic,
    };
    this.#guard = bootGuard === true ? new GuardedStart({ store, registry, clock, emit }) : null;
    const models = new ModelTable(this.context, this.#guard);
    this.models = models;
    const operator = new OperatorApi(this.context, models, this);
    const { aroundVerb = asItIs } = hooks;
    this.control = controlPlane((verb, args, actor) => {
      const { model = '' } = args as { readonly model?: string };
      return aroundVerb(`${verb} ${model}`.trim(), () => carryOut(operator, verb, args, actor));
    });
    this.#store = store;
    this.#admin = admin;
    this.#commits = commits;
    this.#memoryWatch = new MemoryWatch({
      budget: memory, tell,
      deployments: () => [...models.all.values()].flatMap(({ loaded }) => loaded),
      trim: () => {
        for (const queue of models.queues) queue.trim();
      },
    });
    this.#notices = new RollbackNotices(this.context);
    this.#diskWatch = new DiskWatch({ store, dataDir: options.dataDir, tell });
    this.#follower = new Follower({
      registry, clock, followMs: options.followMs, follow: () => models.follow(),
      onError: (error) => tell('the registry could not be followed', reasonOf(error)),
    });
    this.#stackWatcher = new StackWatcher({ ...this.context, models: () => models.all.values() });
    this.#postMortem = new PostMortem(this.context);
    this.#hungRuns = this.#watchRuns();
  }

  #watchRuns(): HungRuns {
    const { clock, emit, inFlight } = this.context;
    return new HungRuns({
      clock, emit, models: () => this.models.all.values(), isRecorded: inFlight !== null,
      examine: async (served, batch, what) => {
        const finding = await this.#postMortem.examine(served, batch, what);
        if (finding.blames === 'nobody') this.#guard?.charge([{ ...batch, as: 'crashesServing' }]);
        return finding;
      },
      onExamined: (slab) => inFlight?.forget(slab),
      // What follows is the end of this process, and nobody's crash: what is to blame is known, or will be looked into.
      onHung: (run) => void Promise.resolve(this.#guard?.stopped()).then(() => this.#tell('hung', run)),
    });
  }

  get front(): Front | null {
    return this.#front;
  }
  get isDraining(): boolean {
    return this.#draining !== null;
  }

  /** Part of createEngine. */
  async start(): Promise<void> {
    const { options, clock, monitor } = this.context;
    this.context.traffic.restore();
    this.context.traffic.markStart(settingsPrint(options));
    this.context.traffic.start();
    monitor.start();
    this.#memoryWatch.start();
    this.#diskWatch.start();
    await removeStaleParts(options.dataDir, clock.wallMs());
    const { inFlight, log } = this.context;
    const lastEnd = inFlight?.lastEnd;
    const left = lastEnd === undefined ? null : inFlight!.running();
    inFlight?.clear();
    this.#guard?.begin(left);
    this.#commits.start();
    this.models.followModels();
    for (const model of this.models.all.keys()) this.#catchUpOnNotices(model);
    this.#follower.start();
    this.#hungRuns.start();
    this.#stackWatcher.start();
    const { models } = this;
    void lookIntoLastDeath(
      { models, guard: this.#guard, postMortem: this.#postMortem, refused: this.context.refused, log },
      left ?? [], lastEnd ?? null,
    ).catch((error: unknown) => this.#announce({
      kind: 'problem', model: '', what: 'the last end of the process could not be looked into', reason: reasonOf(error),
    }));
  }

  /** Listens for HTTP and WebSocket clients, port 0 on a free one: LISTEN_FAILED, FRONT_UNAVAILABLE, TLS_UNUSABLE. */
  async listen(address: { readonly host?: string; readonly port?: number } = {}): Promise<Front> {
    this.assertOpen();
    const options = frontOptions(this.context, address);
    this.#front = await startFront(
      createServingApi(this.context, this.models, this, this.control, options.host), options);
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
  ): Promise<Promotion> {
    return this.control.promote(checkedArguments('promote', { model, version, ...options }), LIBRARY);
  }

  /** Goes back to `to`, or to the last known good version; throws NO_ROLLBACK_TARGET and then has changed nothing. */
  async rollback(model: string, options: Omit<Arguments<'rollback'>, 'model'> = {}): Promise<Rollback> {
    return this.control.rollback(checkedArguments('rollback', { model, ...options }), LIBRARY);
  }

  /** Vouches for the active version: its probation ends. */
  async confirm(model: string): Promise<void> {
    await this.control.confirm(checkedArguments('confirm', { model }), LIBRARY);
  }

  /** Lets the judge watch only for `forMs` milliseconds, or with `off` act again: what fails is told, nothing acts. */
  async observe(model: string, options: Omit<Arguments<'observe'>, 'model'>): Promise<Answer<'observe'>> {
    return this.control.observe(checkedArguments('observe', { model, ...options }), LIBRARY);
  }

  /** What would be done about a model now, and what it waits for. */
  async outlook(model: string): Promise<Outlook> {
    this.#mustNotBeClosed();
    return this.control.outlook({ model });
  }

  async status(model?: string): Promise<EngineStatus> {
    this.#mustNotBeClosed();
    return this.control.status(model === undefined ? {} : { model });
  }

  /** Answers one row, with the same queue, limits and samples as an HTTP request; throws the same errors. */
  async predict(model: string, features: Features): Promise<PredictAnswer> {
    this.#mustNotBeClosed();
    return predictRow(this.models.served(model).batcher, features, this.context.clock.monotonicUs());
  }

  /** Answers several rows as one request; a bad row refuses all of them. */
  async predictMany(model: string, instances: readonly Features[]): Promise<PredictManyAnswer> {
    this.#mustNotBeClosed();
    return predictRows(this.models.served(model), instances, this.context.clock.monotonicUs());
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
  drain(): Promise<Drained> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<Drained> {
    this.#front?.stopIntake();
    const { queues } = this.models;
    const answeredNow = (): number => queues.reduce((sum, { counts }) => sum + counts.answered, 0);
    const before = answeredNow();
    await withTimeout(this.context.options.drainMs, Promise.all(queues.map((queue) => queue.drain())));
    const left = queues.reduce((sum, { pending }) => sum + pending, 0);
    const [what, reason] = ['the engine was not drained in time', `${left} requests are left`];
    if (left > 0) this.#announce({ kind: 'problem', model: '', what, reason });
    else this.#tell('drained');
    return { answered: answeredNow() - before, left };
  }

  /** Drains, then lets workers, monitor and registry go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // Another process may have rolled back what is followed; the engine that owns the directory tells of it.
  #catchUpOnNotices(model: string): void {
    if (!this.context.options.follow) setImmediate(() => this.#notices.catchUp(model));
  }

  async #close(): Promise<void> {
    void this.#guard?.stopped();
    const noticesEnded = this.#notices.close();
    this.#follower.stop();
    this.#hungRuns.stop();
    this.#memoryWatch.stop();
    this.#stackWatcher.stop();
    this.#diskWatch.stop();
    await this.drain();
    if (this.#front !== null) {
      await sleep(LINGER_MS);
      this.#front.close();
    }
    await this.context.preparation.close();
    await this.context.expectedChanges.close();
    await this.models.close();
    await noticesEnded;
    await this.context.monitor.stop();
    await this.context.traffic.close();
    await this.#commits.close();
    await this.#store.close();
    await this.#admin?.close();
  }

  // Counts what happened, and tells the log and whoever listens for events of its kind.
  readonly #announce = (event: RolloutEvent): void => {
    if (event.kind === 'promote') void this.#guard?.served(event.activation.model);
    this.context.meters.note(event);
    if (event.kind === 'rollback') this.#notices.tell(event.decision);
    if (event.kind === 'phase') this.#catchUpOnNotices(event.model);
    logRolloutEvent(this.log, event);
    this.#tell(event.kind, ...([event] as EngineEvents[RolloutEvent['kind']]));
  };

  // Calls every listener, also after one that throws: that changes nothing of what was done, and is a problem.
  #tell<K extends keyof EngineEvents>(name: K, ...event: EngineEvents[K]): void {
    for (const listener of this.rawListeners(name)) {
      const onError = (error: unknown): void => {
        const [what, reason] = [`a listener for "${name}" threw an error`, reasonOf(error)];
        // Told of its own error, it would throw again.
        if (name === 'problem') this.log.error({ reason }, what);
        else this.#announce({ kind: 'problem', model: '', what, reason });
      };
      try {
        // One that is asynchronous fails by a promise that nobody else looks at, which would end the process.
        void Promise.resolve(Reflect.apply(listener, this, event)).catch(onError);
      } catch (error) {
        onError(error);
      }
    }
  }
}
