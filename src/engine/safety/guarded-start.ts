// Brings the models up under the boot guard: a version that brought the process down too often is taken out of service
// before it is loaded again. Main thread. A registry that cannot be written must not keep the engine from serving: the
// guard then remembers nothing and says so.
import type { Clock } from '../../base/clock.ts';
import { isLastgoodError, reasonOf } from '../../base/errors.ts';
import { BootGuard, type Culprit } from '../../registry/boot-guard.ts';
import type { BootRecord } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RegistryStore } from '../../registry/store/store.ts';
import { ENGINE_ACTOR, operatorDecision } from '../../rollout/decisions.ts';
import type { RolloutEvent } from '../../rollout/events.ts';

interface GuardedStartPorts {
  readonly store: RegistryStore;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly emit: (event: RolloutEvent) => void;
}

export class GuardedStart {
  readonly #ports: GuardedStartPorts;
  readonly #guard: BootGuard;
  readonly #serving = new Set<string>();

  constructor(ports: GuardedStartPorts) {
    this.#ports = ports;
    this.#guard = new BootGuard(ports.store);
  }

  /** Calls `bring` with the models to load, all at once or, after a crash while starting, one by one. */
  async start(bring: (models: ReadonlySet<string>) => Promise<void>): Promise<void> {
    const { culprits, oneByOne } = this.#tolerate(() => this.#guard.begin()) ?? { culprits: [], oneByOne: false };
    for (const culprit of culprits) this.#takeOut(culprit);
    const models = this.#ports.registry.models().map(({ model }) => model);
    for (const group of oneByOne ? models.map((model) => [model]) : [models]) {
      this.#mark(group, 'starting');
      await bring(new Set(group));
      this.#mark(group, 'serving');
    }
  }

  /** A model answers for the first time in this process. */
  async served(model: string): Promise<void> {
    if (!this.#serving.has(model)) await this.#markWhileServing([model], 'serving');
  }

  /** The process was told to end: whatever happens from when this resolves on is nobody's crash. */
  stopped(): Promise<void> {
    return this.#markWhileServing([...this.#serving], 'stopped');
  }

  async #markWhileServing(models: readonly string[], state: BootRecord['state']): Promise<void> {
    if (state === 'serving') for (const model of models) this.#serving.add(model);
    if (models.length === 0) return;
    await this.#ports.registry.commit(() => this.#guard.mark(models, state))
      .catch((error: unknown) => this.#notWritten(error));
  }

  #mark(models: readonly string[], state: BootRecord['state']): void {
    if (models.length === 0) return;
    if (state === 'serving') for (const model of models) this.#serving.add(model);
    this.#tolerate(() => this.#guard.mark(models, state));
  }

  #takeOut({ model, version, generation, reason: what }: Culprit): void {
    const { registry, clock, emit } = this.#ports;
    const reason = `version "${version}": ${what}`;
    if (registry.model(model).pin !== null) {
      emit({ kind: 'problem', model, what: 'a pinned version brings the process down and is started again', reason });
      return;
    }
    const context = { version, generation, atMs: clock.wallMs() };
    try {
      const { model: after, decision } = registry.rollback({
        model, expectedGeneration: generation, by: ENGINE_ACTOR, reason,
        decide: (to) => operatorDecision(model, context, to, reason, { by: ENGINE_ACTOR, health: null }),
      });
      emit({ kind: 'rollback', decision, generation: after.generation });
    } catch (error) {
      const hasNoTarget = isLastgoodError(error) && error.code === 'NO_ROLLBACK_TARGET';
      const what = hasNoTarget ? 'the only version brings the process down' : 'a version could not be taken out';
      emit({ kind: 'problem', model, what, reason: hasNoTarget ? reason : reasonOf(error) });
    }
  }

  #tolerate<T>(write: () => T): T | null {
    try {
      return write();
    } catch (error) {
      this.#notWritten(error);
      return null;
    }
  }

  #notWritten(error: unknown): void {
    const what = 'the boot guard could not write the registry';
    this.#ports.emit({ kind: 'problem', model: '', what, reason: reasonOf(error) });
  }
}
