// Looks once a second at what the workers have found out about stacking, counts it, and writes down for good that the
// rows of a version do not share a run any more. Main thread. The workers have stopped by then by themselves.
import { reasonOf } from '../base/errors.ts';
import { ENGINE_ACTOR } from '../rollout/decisions.ts';
import type { Deployment } from '../rollout/deployment/deployment.ts';
import type { EngineContext } from './models/context.ts';
import type { ServedModel } from './models/served-model.ts';

const LOOK_MS = 1_000;

interface Counted {
  checked: number;
  mismatches: number;
  isWritten: boolean;
}

interface StackWatcherPorts extends Pick<EngineContext, 'registry' | 'meters' | 'emit'> {
  readonly models: () => Iterable<ServedModel>;
}

export class StackWatcher {
  readonly #ports: StackWatcherPorts;
  readonly #counted = new WeakMap<Deployment, Counted>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: StackWatcherPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  look(): void {
    for (const { loaded } of this.#ports.models()) for (const deployment of loaded) this.#lookAt(deployment);
  }

  #lookAt(deployment: Deployment): void {
    const { version: { model }, watch } = deployment;
    const { checked, mismatches } = watch;
    const before = this.#counted.get(deployment) ?? { checked: 0, mismatches: 0, isWritten: false };
    const meter = this.#ports.meters.of(model);
    meter.stackChecks += checked - before.checked;
    meter.stackMismatches += mismatches - before.mismatches;
    this.#counted.set(deployment, { checked, mismatches, isWritten: before.isWritten || watch.isOver });
    if (watch.isOver && !before.isWritten) void this.#write(deployment);
  }

  // Until it is on disk it is tried again: a restart must not forget it.
  async #write(deployment: Deployment): Promise<void> {
    const { version: { model, version, signature }, watch: { checked, mismatches, output } } = deployment;
    const { registry, emit } = this.#ports;
    const name = signature.outputs[output]?.name ?? '';
    const reason = `in service ${mismatches} of ${checked} rows that were run again alone had another answer in ` +
      `company, last in output "${name}"`;
    try {
      await registry.commit(() => registry.stopStacking({ model, version, reason, by: ENGINE_ACTOR }));
      emit({ kind: 'problem', model, what: `rows of version "${version}" do not share a run any more`, reason });
    } catch (error) {
      const counted = this.#counted.get(deployment);
      if (counted !== undefined) counted.isWritten = false;
      emit({ kind: 'problem', model, what: 'the end of stacking could not be written', reason: reasonOf(error) });
    }
  }
}
