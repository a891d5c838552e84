// An engine that was started on a disk that is mounted read-only serves from it and looks once a second whether it can
// be written again. Main thread.
import { tryWritable } from '../../registry/opening/open-store.ts';
import type { RegistryStore } from '../../registry/store/store.ts';

const LOOK_MS = 1_000;

interface DiskWatchPorts {
  readonly store: RegistryStore;
  readonly dataDir: string;
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
    const why = `changes are refused until it can be written (${store.readOnlyReason ?? ''})`;
    tell('the data directory can only be read', `models are served, ${why}`);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    const { store, dataDir, tell } = this.#ports;
    try {
      if (!(await tryWritable(store, dataDir))) return;
      this.stop();
      tell('the data directory can be written again', 'changes are accepted');
    } catch (error) {
      this.stop();
      tell('the registry could not be opened for writing', String(error));
    }
  }
}
