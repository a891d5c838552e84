// What one spell of load found out.

export interface LoadResult {
  readonly seconds: number;
  /** Answers with status 200 (or, over WebSocket, 200 in the frame). */
  readonly answered: number;
  /** With those before the seconds that count: what the server's CPU time of the whole spell was spent on. */
  readonly allAnswered: number;
  /** Other answers, and connections that broke. */
  readonly failed: number;
  /** Microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** CPU seconds of the generator. */
  readonly generatorCpuSeconds: number;
  /** The generator had no time left: the figure is a lower bound of what the server can do. */
  readonly isGeneratorBound: boolean;
}

/** Share of one core from which a single-threaded generator counts as busy all the time. */
export const GENERATOR_BUSY_SHARE = 0.93;
