// Everything that crosses the boundary between the demo and its load process; types only. Times are microseconds of the
// host's monotonic clock, which both processes read alike.

/** Starts the clients; sent once. */
export interface StartLoad {
  readonly kind: 'start';
  readonly port: number;
  readonly path: string;
  /** A traffic.json: rows, and the right answer to each. */
  readonly trafficFile: string;
  readonly connections: number;
  /** How long a client waits between an answer and its next request. */
  readonly thinkMs: number;
}
/** Lets every client get its last answer and then reports `done`. */
interface StopLoad {
  readonly kind: 'stop';
}
export type LoadCommand = StartLoad | StopLoad;

/** One request that was answered, as its client saw it. */
export interface SeenAnswer {
  readonly sentUs: number;
  readonly answeredUs: number;
  readonly status: number;
  /** The version that answered, also with an error; empty when the answer names none. */
  readonly version: string;
  /** The prediction less the right answer; null without a prediction. */
  readonly deviation: number | null;
}

/** The answers since the last report, in the order in which they came. */
interface AnswersReport {
  readonly kind: 'answers';
  readonly answers: readonly SeenAnswer[];
}
/** The last message: what was sent in all, and why some of it got no answer. */
export interface LoadDone {
  readonly kind: 'done';
  readonly sent: number;
  readonly unanswered: Readonly<Record<string, number>>;
}
export type LoadReport = AnswersReport | LoadDone;
