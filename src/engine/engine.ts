// The engine: opens the data directory, serves every model in it, and owns start, drain and close. Main thread.
// Closing order: intake, then what is pending, then the workers, then the monitor, then the registry; a busy worker is
// never stopped.
import '../telemetry-off.ts';
import { EventEmitter } from 'node:events';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { lastgoodError, reasonOf } from '../errors.ts';
import type { Front } from '../front/port.ts';
import { startFront } from '../front/server.ts';
import type { MonitorReport } from '../judge/messages.ts';
import { MonitorThread } from '../judge/monitor-thread.ts';
import { optionsOfModel, resolveOptions, workersFor } from '../options.ts';
import type { EngineOptions, ResolvedOptions } from '../options.ts';
import { removeStaleParts } from '../registry/artifacts.ts';
import { Registry } from '../registry/registry.ts';
import { openStore } from '../registry/store.ts';
import type { RegistryStore } from '../registry/store.ts';
import type { RolloutEvent } from '../rollout/outcome.ts';
import { createFrontPort } from './front-port.ts';
import { ServedModel } from './served-model.ts';

export interface EngineEvents {
  promote: [event: Extract<RolloutEvent, { kind: 'promote' }>];
  rollback: [event: Extract<RolloutEvent, { kind: 'rollback' }>];
  decision: [event: Extract<RolloutEvent, { kind: 'decision' }>];
  phase: [event: Extract<RolloutEvent, { kind: 'phase' }>];
  problem: [event: Extract<RolloutEvent, { kind: 'problem' }>];
}

/** Opens `dataDir`, loads what is active there and serves it. Throws INVALID_OPTION or DATA_UNUSABLE. */
export async function createEngine(options: EngineOptions = {}, clock: Clock = systemClock): Promise<Engine> {
  const resolved = resolveOptions(options);
  const store = openStore({ dataDir: resolved.dataDir });
  const engine = new Engine(resolved, store, clock);
  await engine.start();
  return engine;
}

export class Engine extends EventEmitter<EngineEvents> {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly #store: RegistryStore;
  readonly #clock: Clock;
  readonly #models = new Map<string, ServedModel>();
  readonly #monitor: MonitorThread;
  #front: Front | null = null;
  #followTimer: NodeJS.Timeout | null = null;
  #deploymentIds = 0;
  #closing: Promise<void> | null = null;

  /** Use createEngine. */
  constructor(options: ResolvedOptions, store: RegistryStore, clock: Clock) {
    super();
    this.options = options;
    this.registry = new Registry(store, clock);
    this.#store = store;
    this.#clock = clock;
    this.#monitor = new MonitorThread({
      onReport: (report) => this.#onReport(report),
      onUnexpectedExit: (reason) => this.#restartMonitor(reason),
    });
  }

  /** The models that are served, by name. */
  get models(): ReadonlyMap<string, ServedModel> {
    return this.#models;
  }

  async start(): Promise<void> {
    this.#monitor.start();
    await removeStaleParts(this.options.dataDir, this.#clock.wallMs());
    await this.#serveNewModels();
    this.#followTimer = setInterval(() => void this.#follow(), this.options.followMs);
  }

  /** Listens for HTTP and WebSocket clients; port 0 takes a free one. Throws LISTEN_FAILED or FRONT_UNAVAILABLE. */
  async listen(address: { readonly host?: string; readonly port?: number } = {}): Promise<Front> {
    if (this.#closing !== null) throw lastgoodError('ENGINE_CLOSED');
    this.#front = await startFront(createFrontPort(this), {
      host: address.host ?? this.options.host,
      port: address.port ?? this.options.port,
      bodyBytesMax: this.options.bodyBytesMax,
      adminToken: this.options.adminToken,
    });
    return this.#front;
  }

  /** The served model of this name, or the default one; throws MODEL_NOT_FOUND or NO_DEFAULT_MODEL. */
  served(model: string | undefined): ServedModel {
    const known = [...this.#models.keys()].map((name) => `"${name}"`).join(', ') || 'none';
    const name = model ?? this.options.defaultModel ?? (this.#models.size === 1 ? [...this.#models.keys()][0] : undefined);
    if (name === undefined) throw lastgoodError('NO_DEFAULT_MODEL', { known });
    const served = this.#models.get(name);
    if (served === undefined) throw lastgoodError('MODEL_NOT_FOUND', { model: name, known });
    return served;
  }

  /** Stops intake and resolves when everything that was accepted has been answered. */
  async drain(): Promise<void> {
    this.#front?.stopIntake();
    await Promise.all([...this.#models.values()].map(({ batcher }) => batcher.drain()));
  }

  /** Drains, then lets workers, monitor and registry go. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#followTimer !== null) clearInterval(this.#followTimer);
    await this.drain();
    this.#front?.close();
    await Promise.all([...this.#models.values()].map(({ rollout }) => rollout.close()));
    await this.#monitor.stop();
    await this.#store.close();
  }

  // Models that another process registered are found here too.
  async #serveNewModels(): Promise<void> {
    const fresh = this.registry.models().filter(({ model }) => !this.#models.has(model));
    const served = fresh.map(({ model }) => this.#serve(model));
    await Promise.all(served.map(({ rollout }) => rollout.start()));
  }

  #serve(model: string): ServedModel {
    const options = optionsOfModel(this.options, model);
    const served = new ServedModel({
      model, options,
      dataDir: this.options.dataDir,
      workers: () => workersFor(options, this.#models.size),
      loadMs: this.options.loadMs,
      registry: this.registry,
      clock: this.#clock,
      nextDeploymentId: () => (this.#deploymentIds += 1),
      monitor: (command) => this.#monitor.post(command),
      emit: (event) => this.#emitEvent(event),
    });
    this.#models.set(model, served);
    return served;
  }

  async #follow(): Promise<void> {
    try {
      await this.#serveNewModels();
      await Promise.all([...this.#models.values()].map(({ rollout }) => rollout.follow()));
    } catch (error) {
      this.#emitEvent({ kind: 'problem', model: '', what: 'the registry could not be followed', reason: reasonOf(error) });
    }
  }

  #onReport(report: MonitorReport): void {
    const served = this.#models.get(report.model);
    if (served === undefined) return;
    if (report.kind === 'health') served.onHealth(report);
    if (report.kind !== 'verdict') return;
    served.onVerdict(report).catch((error: unknown) => {
      const reason = reasonOf(error);
      this.#emitEvent({ kind: 'problem', model: report.model, what: 'a verdict could not be acted on', reason });
    });
  }

  #restartMonitor(reason: string): void {
    this.#emitEvent({ kind: 'problem', model: '', what: 'the monitor ended and was started again', reason });
    this.#monitor.start();
    for (const served of this.#models.values()) served.rejoinMonitor();
  }

  #emitEvent(event: RolloutEvent): void {
    if (event.kind === 'promote') this.emit('promote', event);
    else if (event.kind === 'rollback') this.emit('rollback', event);
    else if (event.kind === 'decision') this.emit('decision', event);
    else if (event.kind === 'phase') this.emit('phase', event);
    else this.emit('problem', event);
  }
}
