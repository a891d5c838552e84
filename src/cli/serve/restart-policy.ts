// When a dead engine is started again: at once when it had served, with growing pauses when it dies again soon, and not
// at all when it never came up or dies too often. An end that a request explains is none of those: the next engine
// asks it again and acts, while it answers everybody else, so however many there are they do not end the service.
// Pure: times are arguments.

/** An engine that lived so long is no part of a series of crashes. */
const STEADY_MS = 60_000;
/** More restarts than this within the window, and a restart is no cure. */
export const RESTARTS_MAX = 10;
export const RESTART_WINDOW_MS = 600_000;
/** A client that sends nothing but what ends the engine gets no more of the host than this leaves. */
const EXPLAINED_PAUSE_MS = 50;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;

/** How an engine process ended. */
export interface Death {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it had begun to listen. */
  readonly isReady: boolean;
  /** Whether no engine before it had either. */
  readonly isFirst: boolean;
  /** It served, and was running requests when it ended, or ended for one that did not come back. */
  readonly isExplained: boolean;
  readonly livedMs: number;
  /** On a monotonic clock. */
  readonly atMs: number;
}

export class RestartPolicy {
  #deathsMs: number[] = [];
  /** Crashes in a row. */
  #series = 0;

  /** Milliseconds to wait before the next start, or null when there shall be none. */
  next({ code, isReady, isFirst, isExplained, livedMs, atMs }: Death): number | null {
    // It said why on stderr: wrong usage, a taken port, a directory in use. The same start would fail the same way.
    if (isFirst && !isReady && code !== null) return null;
    if (isReady && isExplained) return EXPLAINED_PAUSE_MS;
    this.#deathsMs = [...this.#deathsMs.filter((ms) => atMs - ms < RESTART_WINDOW_MS), atMs];
    if (this.#deathsMs.length > RESTARTS_MAX) return null;
    if (livedMs >= STEADY_MS) this.#series = 0;
    this.#series += 1;
    if (isReady && this.#series === 1) return 0;
    return Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (this.#series - 1));
  }
}
