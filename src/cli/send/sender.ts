// Sends the rows of a file to a model at a steady rate, each as a request of its own, and counts who answered. Clock,
// pauses and the request itself are arguments.
// Bound: so many requests wait for an answer at most; beyond it the rate gives way, and nothing is caught up on.
import { build } from 'hdr-histogram-js';

/** Requests that may wait for their answers at the same time. */
export const WAITING_MAX = 64;
/** Changes of who answers that are kept; later ones are counted together. */
const RUNS_MAX = 1_000;
const LATENCY_US_MAX = 3_600_000_000;
const US_PER_MS = 1_000;

/** Who answered a request: a version, or an error by its code; `status` 0 where nothing came back. */
export interface RowAnswer {
  readonly status: number;
  readonly version: string | null;
  readonly code: string | null;
}

/** Answers in a row of one kind, in the order in which they came. */
export interface Run extends RowAnswer {
  count: number;
}

export interface Sent {
  readonly sent: number;
  readonly answered: number;
  readonly seconds: number;
  readonly runs: readonly Run[];
  /** Of the answered ones, in milliseconds; null where there are none. */
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
}

interface SenderOptions {
  /** Requests a second. */
  readonly rate: number;
  /** How many in all; Infinity until `signal`. */
  readonly count: number;
  /** Asks request number `index`, counted from 0; never rejects. */
  readonly ask: (index: number) => Promise<RowAnswer>;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told of a run when it is over. */
  readonly onRun: (run: Readonly<Run>) => void;
  readonly onSent: (sent: number) => void;
}

/** Sends until `count` or `signal`, waits for what is outstanding, and says what came of it. */
export async function sendRows(options: SenderOptions): Promise<Sent> {
  const { rate, count, ask, nowMs, pause } = options;
  const isOver = (): boolean => options.signal.aborted;
  const latencies = build({ highestTrackableValue: LATENCY_US_MAX, numberOfSignificantValueDigits: 3 });
  const runs = new RunLog(options.onRun);
  const waiting = new Set<Promise<void>>();
  const startMs = nowMs();
  let dueMs = startMs;
  let sent = 0;
  let answered = 0;
  const request = async (index: number): Promise<void> => {
    const beginMs = nowMs();
    const reply = await ask(index);
    runs.add(reply);
    if (reply.version === null) return;
    answered += 1;
    latencies.recordValue(Math.min(LATENCY_US_MAX, Math.max(1, Math.round((nowMs() - beginMs) * US_PER_MS))));
  };
  for (; sent < count && !isOver(); sent += 1) {
    if (waiting.size >= WAITING_MAX) await Promise.race(waiting);
    const waitMs = dueMs - nowMs();
    if (waitMs > 0) await pause(waitMs);
    if (isOver()) break;
    // One that is late moves all that follow: catching up would be a burst that nobody asked for.
    dueMs = Math.max(dueMs, nowMs()) + 1_000 / rate;
    const one: Promise<void> = request(sent).finally(() => waiting.delete(one));
    waiting.add(one);
    options.onSent(sent + 1);
  }
  await Promise.all(waiting);
  const quantileMs = (percent: number): number | null =>
    (answered === 0 ? null : latencies.getValueAtPercentile(percent) / US_PER_MS);
  return {
    sent, answered, seconds: (nowMs() - startMs) / 1_000, runs: runs.end(),
    medianMs: quantileMs(50), p95Ms: quantileMs(95),
  };
}

class RunLog {
  readonly #onRun: (run: Readonly<Run>) => void;
  readonly #runs: Run[] = [];

  constructor(onRun: (run: Readonly<Run>) => void) {
    this.#onRun = onRun;
  }

  add(reply: RowAnswer): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && (isAlike(last, reply) || this.#runs.length === RUNS_MAX)) {
      last.count += 1;
      return;
    }
    if (last !== undefined) this.#onRun(last);
    this.#runs.push({ ...reply, count: 1 });
  }

  end(): readonly Run[] {
    const last = this.#runs.at(-1);
    if (last !== undefined) this.#onRun(last);
    return this.#runs;
  }
}

const isAlike = (one: RowAnswer, other: RowAnswer): boolean =>
  one.status === other.status && one.version === other.version && one.code === other.code;
