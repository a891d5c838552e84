// Brings the models up under the boot guard: a version that brought the process down too often is taken out of service
// before it is loaded again. Main thread. A registry that cannot be written must not keep the engine from serving: the
// guard then remembers nothing and says so.
import type { Clock } from '../../base/clock.ts';
import { isLastgoodError, reasonOf } from '../../base/errors.ts';
import { momentOf } from '../../base/moment.ts';
import type { InFlightBatch } from '../../shared-memory/in-flight.ts';
import { BootGuard, type Charge, type Culprit } from '../../registry/boot-guard.ts';
import type { BootRecord } from '../../registry/store/keys.ts';
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
  /** Models whose load has begun in this process. */
  readonly #marked = new Set<string>();
  #suspects: ReadonlySet<string> = new Set();
  #isStopped = false;
  #settle: () => void = () => undefined;
  /** Resolves when it is known whether a batch was to blame for the last end: suspects are not brought up before. */
  #settled: Promise<void> = Promise.resolve();

  constructor(ports: GuardedStartPorts) {
    this.#ports = ports;
    this.#guard = new BootGuard(ports.store);
  }

  /**
   * Takes out what brought the process down too often; once, before any model is brought up. `running` is what the
   * last process was running when it ended, null when nobody knows; who was running nothing stays out of it, and where
   * something was running nobody is charged before `settle`.
   */
  begin(running: readonly InFlightBatch[] | null = null): void {
    const isHeld = running !== null && running.length > 0;
    const counted = { starting: !isHeld, serving: running === null };
    const { culprits, suspects } = this.#tolerate(() => this.#guard.begin(counted)) ?? { culprits: [], suspects: [] };
    if (isHeld) this.#settled = new Promise((resolve) => (this.#settle = resolve));
    this.#suspects = new Set(suspects);
    for (const culprit of culprits) this.#takeOut(culprit);
  }

  /** These were running, and asking them again has not shown who is to blame: they are charged, and the suspects. */
  settle(charged: readonly Pick<InFlightBatch, 'model' | 'version'>[]): void {
    if (charged.length > 0) {
      const { registry } = this.#ports;
      const loading = [...this.#suspects].flatMap((model): Charge[] => {
        const version = registry.model(model).activeVersion;
        return version === null ? [] : [{ model, version, as: 'crashesStarting' }];
      });
      this.charge([...loading, ...charged.map(({ model, version }): Charge =>
        ({ model, version, as: 'crashesServing' }))]);
    }
    this.#settle();
  }

  /** Counts crashes that were not counted at the start; what has too many by then goes. */
  charge(charges: readonly Charge[]): void {
    for (const culprit of this.#tolerate(() => this.#guard.charge(charges)) ?? []) this.#takeOut(culprit);
  }

  /** Resolves when this model may be brought up. */
  async mayStart(model: string): Promise<void> {
    if (this.isSuspect(model)) await this.#settled;
  }

  isSuspect(model: string): boolean {
    return this.#suspects.has(model);
  }

  /** Resolves when it is on record that the load of a model begins: if the process dies, it is a suspect. */
  starting(model: string): Promise<void> {
    return this.#mark([model], 'starting');
  }

  started(model: string): void {
    void this.#mark([model], 'serving');
  }

  /** A model answers for the first time in this process. */
  async served(model: string): Promise<void> {
    if (!this.#marked.has(model)) await this.#mark([model], 'serving');
  }

  /** The process was told to end: whatever happens from when this resolves on is nobody's crash. */
  stopped(): Promise<void> {
    this.#isStopped = true;
    return this.#mark([...this.#marked], 'stopped');
  }

  async #mark(models: readonly string[], state: BootRecord['state']): Promise<void> {
    if (models.length === 0 || (this.#isStopped && state !== 'stopped')) return;
    for (const model of models) this.#marked.add(model);
    await this.#ports.registry.commit(() => this.#guard.mark(models, state))
      .catch((error: unknown) => this.#notWritten(error));
  }

  #takeOut({ model, version, generation, reason: what }: Culprit): void {
    const { registry, clock, emit } = this.#ports;
    const reason = `version "${version}": ${what}`;
    if (registry.model(model).pin !== null) {
      emit({ kind: 'problem', model, what: 'a pinned version brings the process down and is started again', reason });
      return;
    }
    const context = { version, generation, at: momentOf(clock) };
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
