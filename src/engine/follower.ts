// Looks at the registry's revision every `followMs` and calls `follow` when it changed: whatever another process wrote
// there is obeyed. Main thread. One read of one number per look, because a read of LMDB after a pause costs 0.2 ms.
import type { Clock } from '../base/clock.ts';
import type { RegistryReader } from '../registry/reader.ts';

/** Also without news `follow` is called so often: it tries again what a disk refused or what did not load. */
const FOLLOW_ANYWAY_US = 1e6;

interface FollowerPorts {
  readonly registry: RegistryReader;
  readonly clock: Clock;
  readonly followMs: number;
  readonly follow: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export class Follower {
  readonly #ports: FollowerPorts;
  #timer: NodeJS.Timeout | undefined;
  #revision = -1;
  #followedUs = 0;

  constructor(ports: FollowerPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#ports.followMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { registry, clock, follow, onError } = this.#ports;
    try {
      const nowUs = clock.monotonicUs();
      const revision = registry.revision();
      if (revision === this.#revision && nowUs - this.#followedUs < FOLLOW_ANYWAY_US) return;
      this.#revision = revision;
      this.#followedUs = nowUs;
      follow().catch(onError);
    } catch (error) {
      onError(error);
    }
  }
}
