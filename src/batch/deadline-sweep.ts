// Looks from time to time whether requests of one queue have outlived their deadline. Main thread; runs only while
// something is pending.
import { expireBatches } from './deadlines.ts';
import type { Batch } from './batch.ts';

const SWEEP_MS = 100;

interface SweepPorts {
  readonly deadlineMs: number;
  readonly monotonicUs: () => number;
  readonly isPending: () => boolean;
  /** Oldest first. */
  readonly running: () => readonly Batch[];
  readonly queued: () => readonly Batch[];
  /** The error for a request that was given so much time. */
  readonly lateError: (allowedUs: number) => unknown;
  /** So many requests were failed by the version that runs this batch. */
  readonly blame: (batch: Batch, requests: number) => void;
  /** Nothing was pending: the sweep rests until `start`. */
  readonly onRest: () => void;
}

export class DeadlineSweep {
  readonly #ports: SweepPorts;
  #timer: NodeJS.Timeout | null = null;

  constructor(ports: SweepPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), SWEEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer ?? undefined);
    this.#timer = null;
    this.#ports.onRest();
  }

  #look(): void {
    const { deadlineMs, monotonicUs, isPending, running, queued, lateError, blame } = this.#ports;
    if (!isPending()) {
      this.stop();
      return;
    }
    for (const { batch, requests } of expireBatches(running(), queued(), monotonicUs(), deadlineMs * 1e3, lateError)) {
      blame(batch, requests);
    }
  }
}
