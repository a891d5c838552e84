// What is counted of every model, kept by name over reloads of the model and restarts of the monitor. Main thread.
import { ModelMeter } from '../../metrics/model-meter.ts';
import type { RolloutEvent } from '../../rollout/events.ts';
import type { MeasuredModel } from '../../judge/types/messages.ts';

export class EngineMeters {
  readonly #models = new Map<string, ModelMeter>();
  monitorRestarts = 0;

  /** The meter of a model, made now if there is none yet. */
  of(model: string): ModelMeter {
    let meter = this.#models.get(model);
    if (meter === undefined) this.#models.set(model, (meter = new ModelMeter()));
    return meter;
  }

  /** Adds what the monitor has counted; nothing of a model that was removed meanwhile. */
  add(models: readonly MeasuredModel[]): void {
    for (const { model, samples, lapped, late } of models) {
      const meter = this.#models.get(model);
      if (meter === undefined) continue;
      for (const one of samples) meter.addSamples(one);
      meter.lappedSamples += lapped;
      meter.lateSamples += late;
    }
  }

  /** Counts what the machine did, and what it did not do. */
  note(event: RolloutEvent): void {
    if (event.kind !== 'rollback' && event.kind !== 'decision') return;
    const { model, trigger, action, suppressedBy } = event.decision;
    if (event.kind === 'rollback') this.of(model).countRollback(trigger);
    else this.of(model).countHold(action === 'suppressed' ? suppressedBy ?? action : action);
  }

  /** Forgets the models that are not in `known`: their names may be used for something else. */
  retainOnly(known: ReadonlySet<string>): void {
    for (const model of this.#models.keys()) if (!known.has(model)) this.#models.delete(model);
  }
}
