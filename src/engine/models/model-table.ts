// The models that the engine serves: which there are, which one a request means, and how they come and go. Main thread.
// Invariant: it follows the registry. Whoever changes what is to be served writes there and lets the table follow.
import { availableParallelism } from 'node:os';
import type { Batcher } from '../../batch/batcher.ts';
import type { StartProgress } from '../../admin/answers.ts';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { EngineContext } from './context.ts';
import type { GuardedStart } from '../safety/guarded-start.ts';
import { ServedModel } from './served-model.ts';
import { StartOrder } from './start-order.ts';

export class ModelTable {
  readonly #context: EngineContext;
  readonly #served = new Map<string, ServedModel>();
  /** Models that are in the registry and not to be served until somebody loads them again. */
  #unloaded: ReadonlySet<string> = new Set();
  /** Models that are being started or closed. */
  readonly #underWay = new Map<Promise<void>, string>();
  readonly #order = new StartOrder(availableParallelism());
  readonly #guard: GuardedStart | null;
  #deploymentIds = 0;
  #firstActive: string | null = null;

  constructor(context: EngineContext, guard: GuardedStart | null) {
    this.#context = context;
    this.#guard = guard;
  }

  /** The models that are served, by name. */
  get all(): ReadonlyMap<string, ServedModel> {
    return this.#served;
  }

  /** The queues of all models. */
  get queues(): Batcher[] {
    return [...this.#served.values()].flatMap(({ queues }) => queues);
  }

  /**
   * The model that is meant when none is named: that of the options, or the one that had an active version first, which
   * is read once, because it stays so; null while there is none.
   */
  get defaultModel(): string | null {
    const { options, registry } = this.#context;
    return options.defaultModel ?? (this.#firstActive ??= registry.firstActiveModel());
  }

  /**
   * The model of this name, or the default one; while there is none, which is before any version is active, the only
   * one there is. Throws MODEL_NOT_FOUND, MODEL_UNLOADED or NO_DEFAULT_MODEL. Asked for every request.
   */
  served(name: string | undefined): ServedModel {
    const model = name ?? this.defaultModel ?? undefined;
    // Nothing is listed before it is clear that the answer is an error.
    const served = model === undefined ? this.#only : this.#served.get(model);
    if (served !== undefined) return served;
    const known = [...this.#served.keys()].map((one) => `"${one}"`).join(', ') || 'none';
    if (model === undefined) throw lastgoodError('NO_DEFAULT_MODEL', { known });
    if (this.#unloaded.has(model)) throw lastgoodError('MODEL_UNLOADED', { model });
    throw lastgoodError('MODEL_NOT_FOUND', { model, known });
  }

  get #only(): ServedModel | undefined {
    const [only] = this.#served.values();
    return this.#served.size === 1 ? only : undefined;
  }

  /**
   * Serves the models that came into the registry, by whoever's hand, and lets those go that left it. Each is there at
   * once, and answers when its turn to be brought up has come and gone.
   */
  followModels(): void {
    const known = this.#context.registry.models().sort((a, b) =>
      (a.activationOrder ?? -1) - (b.activationOrder ?? -1) || a.createdAtMs - b.createdAtMs);
    this.#unloaded = new Set(known.filter(({ isUnloaded }) => isUnloaded).map(({ model }) => model));
    const actives = new Set(known.filter(({ activeVersion }) => activeVersion !== null).map(({ model }) => model));
    const names = new Set(known.map(({ model }) => model).filter((model) => !this.#unloaded.has(model)));
    for (const model of names) {
      if (this.#served.has(model)) continue;
      const served = this.#serve(model);
      const isActive = actives.has(model);
      this.#carryOut(isActive ? this.#bringUp(served) : served.rollout.start(), model, 'could not be started');
    }
    for (const served of this.#served.values()) {
      if (names.has(served.model)) continue;
      this.#served.delete(served.model);
      this.#carryOut(served.close(), served.model, 'could not be closed');
    }
  }

  /** From now on the models are brought up, each in its turn; resolves when those have that are there by then. */
  bringUp(): Promise<void> {
    this.#order.begin();
    return this.settled();
  }

  /** Goes where the registry points: with the models, and with the active version of each. */
  async follow(): Promise<void> {
    this.followModels();
    // What waits for its turn goes where the registry points by itself.
    const started = [...this.#served.values()].filter(({ isStarting }) => !isStarting);
    await Promise.all(started.map(({ rollout }) => rollout.follow()));
  }

  /** Resolves when all models that are being started or closed, or the one that is named, have got there. */
  async settled(only?: string): Promise<void> {
    for (;;) {
      const awaited = [...this.#underWay].filter(([, model]) => only === undefined || model === only);
      if (awaited.length === 0) return;
      await Promise.all(awaited.map(([work]) => work));
    }
  }

  /** How far the start has got; null when no model waits for its turn or is being brought up. */
  get progress(): StartProgress | null {
    const all = [...this.#served.values()];
    const starting = all.filter(({ isStarting, rollout }) => isStarting && rollout.active === null);
    if (starting.length === 0) return null;
    const loading = starting.filter(({ rollout }) => rollout.phase === 'loading').map(({ model }) => model);
    const ready = all.filter(({ rollout }) => rollout.active !== null).length;
    return { ready, loading, waiting: starting.length - loading.length };
  }

  /**
   * Takes a model out of service, or back into it, without a change of its versions: what the repository extension
   * calls unload and load. It holds after a restart, and for whoever else serves the directory. Resolves with whether
   * that was a change, when the model has gone or is up; throws DISK_REFUSED.
   */
  async setUnloaded(model: string, isUnloaded: boolean, by: string): Promise<boolean> {
    const { registry } = this.#context;
    if (this.#unloaded.has(model) === isUnloaded) return false;
    const kind = isUnloaded ? 'unload' : 'load';
    await registry.commit(() => registry.recordEvent(
      model, { kind, by, reason: '', from: null, to: null, decision: null }, { isUnloaded }));
    this.followModels();
    await this.settled(model);
    return true;
  }

  /** Lets all models go; call it when nothing is pending. */
  async close(): Promise<void> {
    this.#order.close();
    await this.settled();
    await Promise.all([...this.#served.values()].map((served) => served.close()));
  }

  #serve(model: string): ServedModel {
    const served = new ServedModel({
      model, context: this.#context, models: this.#served, nextDeploymentId: () => (this.#deploymentIds += 1),
      inTurn: (load) => this.#order.standby(load),
    });
    this.#served.set(model, served);
    return served;
  }

  async #bringUp(served: ServedModel): Promise<void> {
    const { model, rollout } = served;
    const isSuspect = this.#guard?.isSuspect(model) === true;
    served.isStarting = true;
    try {
      await this.#guard?.mayStart(model);
      await this.#order.active(async () => {
        // It may have been removed while it waited.
        if (this.#served.get(model) !== served) return;
        await this.#guard?.starting(model);
        await rollout.start();
        this.#guard?.started(model);
      }, { isSuspect });
    } finally {
      served.isStarting = false;
    }
  }

  // Beside everything else; `what` completes "the model …" when it fails.
  #carryOut(work: Promise<void>, model: string, what: string): void {
    const watched = work
      .catch((error: unknown) =>
        this.#context.emit({ kind: 'problem', model, what: `the model ${what}`, reason: reasonOf(error) }))
      .finally(() => this.#underWay.delete(watched));
    this.#underWay.set(watched, model);
  }
}
