// The monitor without its thread: takes commands, drains rings, looks at windows, returns reports. Monitor thread; time
// is an argument everywhere. Invariant: commands for one model are handled in the order they were posted in.
import type { MonitorCommand, MonitorReport } from '../types/messages.ts';
import { ModelMeters } from './model-meters.ts';
import { ModelWatch } from './model-watch.ts';
import type { TrafficCounter } from './traffic-counter.ts';

export class MonitorState {
  readonly #models = new Map<string, ModelWatch>();
  readonly #meters = new ModelMeters();
  readonly #traffic: TrafficCounter | null;
  #stopped = false;

  constructor(traffic: TrafficCounter | null = null) {
    this.#traffic = traffic;
  }

  /** A `stop` came in; nothing is handled after it. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** There is something that can produce samples. */
  get hasRings(): boolean {
    for (const model of this.#models.values()) if (model.hasRings) return true;
    return false;
  }

  /** When the next look is due, in the clock of `nowUs`; Infinity while nothing is watched. */
  get nextLookUs(): number {
    let nextUs = Infinity;
    for (const model of this.#models.values()) nextUs = Math.min(nextUs, model.nextLookUs);
    return nextUs;
  }

  /** Samples of the model that belonged to no judged generation. */
  lateSamples(model: string): number {
    return this.#models.get(model)?.lateSamples ?? 0;
  }

  /** Carries out a command; the reports are its answer (a capture's predictions, a stop's last looks). */
  handle(command: MonitorCommand, nowUs: number): MonitorReport[] {
    if (this.#stopped) return [];
    if (command.kind === 'stop') {
      this.#stopped = true;
      this.drain(nowUs);
      return [...this.#models.values()].flatMap((model) => model.look(nowUs));
    }
    if (command.kind === 'measure') {
      this.drain(nowUs);
      return [{ kind: 'measured', request: command.request, models: this.#meters.take(this.#models) }];
    }
    const model = this.#model(command.model);
    switch (command.kind) {
      case 'attach':
        model.attach(command);
        return [];
      case 'detach':
        model.detach(command.deploymentId, nowUs);
        this.#forgetIfUnused(command.model, model);
        return [{ kind: 'detached', request: command.request }];
      case 'watch':
        model.watch(command, nowUs);
        return [];
      case 'baseline':
        model.setBaseline(command.generation, command.baseline);
        break;
      case 'phase':
        model.setPhase(command.generation, command.phase);
        break;
      case 'capture': {
        model.drain(nowUs);
        const answer = model.capture(command.request);
        this.#forgetIfUnused(command.model, model);
        return [answer];
      }
      case 'unwatch':
        model.unwatch();
        break;
    }
    this.#forgetIfUnused(command.model, model);
    return [];
  }

  #model(name: string): ModelWatch {
    let model = this.#models.get(name);
    if (model === undefined) {
      model = new ModelWatch(name, this.#meters.of(name), this.#traffic);
      this.#models.set(name, model);
    }
    return model;
  }

  #forgetIfUnused(name: string, model: ModelWatch): void {
    if (model.hasRings || model.generation !== null) return;
    this.#meters.keepLoss(name, model);
    this.#models.delete(name);
  }

  /** Takes in what the rings hold and returns how many samples that were. */
  drain(nowUs: number): number {
    let samples = 0;
    for (const model of this.#models.values()) samples += model.drain(nowUs);
    return samples;
  }

  /** Looks at every model whose look is due; drain first. */
  look(nowUs: number): MonitorReport[] {
    const reports: MonitorReport[] = [];
    for (const model of this.#models.values()) {
      if (model.nextLookUs <= nowUs) reports.push(...model.look(nowUs));
    }
    return reports;
  }
}
