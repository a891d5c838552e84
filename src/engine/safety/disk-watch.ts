// An engine that was started on a disk that is mounted read-only serves from it and looks once a second whether it can
// be written again. Main thread.
import type { RegistryStore } from '../../registry/store/store.ts';

const LOOK_MS = 1_000;

interface DiskWatchPorts {
  readonly store: RegistryStore;
  /** Called with what an operator should know. */
  readonly tell: (what: string, reason: string) => void;
}

export class DiskWatch {
  readonly #ports: DiskWatchPorts;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: DiskWatchPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { store, tell } = this.#ports;
    if (!store.readOnly || this.#timer !== undefined) return;
    tell('the data directory can only be read', 'models are served, changes are refused until it can be written');
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const { store, tell } = this.#ports;
    try {
      if (!(await store.tryWritable())) return;
      this.stop();
      tell('the data directory can be written again', 'changes are accepted');
    } catch (error) {
      this.stop();
      tell('the registry could not be opened for writing', String(error));
    }
  }
}
