// When a queue cuts its next batch: at the end of the turn of the event loop, or later when company is waited for. Main
// thread; one per queue.
// Invariant: a scheduled cut comes at the end of this turn, or when the company's time is up.

/** A batch that took longer cost more than its answers will: to collect company meanwhile would idle the worker. */
export const SLOW_BATCH_US = 1_000;

export interface CutPorts {
  readonly cut: () => void;
  /** Microseconds that the open batch may still wait for company. */
  readonly companyUs: () => number;
}

export class CutTimer {
  readonly #ports: CutPorts;
  #isScheduled = false;
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
    setImmediate(this.#onTurnEnd);
  }

  readonly #onCompany = (): void => {
    this.#company = null;
    this.#ports.cut();
  };

  // setImmediate runs after the poll phase: every request that this turn read is in the slab by then.
  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    this.#ports.cut();
  };
}
