// Tells an engine whose event loop stands still from one that nobody lets run. Pure: times and states are arguments.
// What counts is the time in which the watcher itself was running and the engine could have: a suspended laptop, a
// paused virtual machine and an engine that somebody stopped by hand (SIGSTOP, a debugger) stand still and are well.

/** Two looks further apart say that the watcher was not running itself. */
const LOOK_MS = 250;
const GAP_MS_MAX = 4 * LOOK_MS;

export class Heartbeat {
  readonly lookMs = LOOK_MS;
  readonly #stalledMs: number;
  #lookedMs: number | null = null;
  /** Milliseconds without a beat that the engine could have used. */
  #silentMs = 0;
  /** Until the first beat nothing is expected: a program that knows of no beats has none. */
  #isBeating = false;

  /** 0 never finds anything. */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  beat(): void {
    this.#isBeating = true;
    this.#silentMs = 0;
  }

  /** Whether it stands still; `isStopped` says that it was stopped by a signal or is being traced. Monotonic time. */
  isStill(nowMs: number, isStopped: boolean): boolean {
    const passedMs = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    if (isStopped) this.#silentMs = 0;
    else this.#silentMs += Math.min(GAP_MS_MAX, Math.max(0, passedMs));
    return this.#isBeating && this.#stalledMs > 0 && this.#silentMs >= this.#stalledMs;
  }
}
