// When a queue cuts its next batch: at the end of the first turn of the event loop in which nothing came in, or later
// when the open batch lingers for more requests. Main thread; one per queue.
// A turn reads what the sockets have at its begin. While it does so clients send more, which the next turn reads, and
// one larger batch costs both threads less than two: the hand-over, the wake-up, the caches that each finds cold.
// Invariant: a scheduled cut comes at the end of this turn or of one of the GROWING_TURNS_MAX after it, or when the
// lingering is over.

/** A batch that took longer cost more than its answers will: to let the next one linger would idle the worker. */
export const SLOW_BATCH_US = 1_000;

/** Turns for which an open batch may grow; after each of them the queue looks whether anything came in. */
export const GROWING_TURNS_MAX = 4;

interface CutPorts {
  readonly cut: () => void;
  /** Microseconds that the open batch may still linger. */
  readonly lingerUs: () => number;
  /** Whether a larger batch is worth a turn in which a worker may be idle. */
  readonly mayGrow: () => boolean;
  /** Counts the requests that have come in. */
  readonly accepted: () => number;
}

export class CutTimer {
  readonly #ports: CutPorts;
  #isScheduled = false;
  /** What had come in when a turn ended the last time, and the turns since the cut was scheduled. */
  #acceptedBefore = 0;
  #turns = 0;
  /** Runs while an open batch lingers. */
  #linger: NodeJS.Timeout | null = null;

  constructor(ports: CutPorts) {
    this.#ports = ports;
  }

  /** Sees to it that `cut` is called soon; again and again changes nothing. */
  schedule(): void {
    if (this.#isScheduled) return;
    const lingerUs = this.#ports.lingerUs();
    if (lingerUs > 0) {
      this.#linger ??= setTimeout(this.#onLingered, lingerUs / 1e3);
      return;
    }
    this.#isScheduled = true;
    setImmediate(this.#onTurnEnd);
  }

  readonly #onLingered = (): void => {
    this.#linger = null;
    this.#ports.cut();
  };

  // setImmediate runs after the poll phase: every request that this turn read is in the slab by then.
  readonly #onTurnEnd = (): void => {
    if (this.#isGrowing()) {
      setImmediate(this.#onTurnEnd);
      return;
    }
    this.#turns = 0;
    this.#isScheduled = false;
    this.#ports.cut();
  };

  #isGrowing(): boolean {
    const accepted = this.#ports.accepted();
    const hasGrown = accepted !== this.#acceptedBefore;
    this.#acceptedBefore = accepted;
    this.#turns += 1;
    return hasGrown && this.#turns <= GROWING_TURNS_MAX && this.#ports.mayGrow();
  }
}
