// When a queue cuts its next batch. Main thread; one per queue.
// A batch is cut when a turn of the event loop has brought no more requests for it: while turns still bring some, the
// loop is busy anyway, a hand-over costs it as much as several requests, and one batch takes the place of several.
// Invariant: a scheduled cut comes after GROWING_TURNS_MAX more turns at the latest, or when the company's time is up.

/** Turns that a batch may go on growing. */
const GROWING_TURNS_MAX = 2;
/** A batch that took longer cost more than its answers will: to collect company meanwhile would idle the worker. */
export const SLOW_BATCH_US = 1_000;

export interface CutPorts {
  readonly cut: () => void;
  /** Requests in the open batch, or 0 when no more may join it or something is ready before it. */
  readonly growing: () => number;
  /** Microseconds that the open batch may still wait for company. */
  readonly companyUs: () => number;
}

export class CutTimer {
  readonly #ports: CutPorts;
  #isScheduled = false;
  #turns = 0;
  #seen = 0;
  /** Runs while an open batch waits for company. */
  #company: NodeJS.Timeout | null = null;

  constructor(ports: CutPorts) {
    this.#ports = ports;
  }

  /** Sees to it that `cut` is called soon; again and again changes nothing. */
  schedule(): void {
    if (this.#isScheduled) return;
    const companyUs = this.#ports.companyUs();
    if (companyUs > 0) {
      this.#company ??= setTimeout(this.#onCompany, companyUs / 1e3);
      return;
    }
    this.#isScheduled = true;
    this.#turns = 0;
    this.#seen = 0;
    setImmediate(this.#onTurnEnd);
  }

  readonly #onCompany = (): void => {
    this.#company = null;
    this.#ports.cut();
  };

  // setImmediate runs after the poll phase: every request that this turn read is in the slab by then.
  readonly #onTurnEnd = (): void => {
    const entries = this.#ports.growing();
    if (entries > this.#seen && this.#turns < GROWING_TURNS_MAX) {
      this.#turns += 1;
      this.#seen = entries;
      setImmediate(this.#onTurnEnd);
      return;
    }
    this.#isScheduled = false;
    this.#ports.cut();
  };
}
