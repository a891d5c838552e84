// The two ways to put load on a server. Closed: every connection sends again when it got its answer, so a slow server
// gets less load. Open: requests are due at a constant rate whatever the server does, and each is timed from the moment
// at which it was due; a stall is then seen by all requests that fell into it. Runs in the generator's process.
import { build } from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';
import type { LoadClient, OnAnswer } from './http-client.ts';

/** Latencies beyond this are counted as this. */
const LATENCY_US_MAX = 120_000_000;
const DIGITS = 3;
/** Less time than this until the next request is due is spun away: timers are no better than this. */
const SPIN_MS = 2;
/** How long answers that are still missing at the end are waited for. */
const LAST_ANSWERS_MS = 10_000;

export interface LoopResult {
  readonly seconds: number;
  readonly answered: number;
  /** With those before the seconds that count. */
  readonly allAnswered: number;
  readonly failed: number;
  readonly histogram: Histogram;
}

/** Opens all connections; each reports its answers to the given function. */
export type OpenClients = (onAnswer: OnAnswer) => Promise<readonly LoadClient[]>;

const newHistogram = (): Histogram => build({
  lowestDiscernibleValue: 1, highestTrackableValue: LATENCY_US_MAX, numberOfSignificantValueDigits: DIGITS,
});

function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(LATENCY_US_MAX, Math.max(0, Math.round(ms * 1e3))));
}

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Keeps every connection as full as it may be for `seconds`, and for `warmSeconds` before them that do not count. */
export async function closedLoop(open: OpenClients, seconds: number, warmSeconds = 0): Promise<LoopResult> {
  const histogram = newHistogram();
  const sentMs = new Map<number, number>();
  let ids = 0;
  let failed = 0;
  let answered = 0;
  let warmed = 0;
  let isOver = false;
  const fill = (client: LoadClient): void => {
    while (client.free > 0 && !isOver) {
      ids += 1;
      sentMs.set(ids, performance.now());
      client.send(ids);
    }
  };
  const clients = await open((client, id, ok) => {
    const nowMs = performance.now();
    record(histogram, nowMs - (sentMs.get(id) ?? nowMs));
    sentMs.delete(id);
    if (ok) answered += isOver ? 0 : 1;
    else failed += 1;
    fill(client);
  });
  for (const client of clients) fill(client);
  await new Promise((resolve) => setTimeout(resolve, warmSeconds * 1e3));
  histogram.reset();
  warmed = answered;
  answered = 0;
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1e3));
  isOver = true;
  const ranSeconds = (performance.now() - startMs) / 1e3;
  await until(() => sentMs.size === 0, LAST_ANSWERS_MS);
  for (const client of clients) client.end();
  return { seconds: ranSeconds, answered, allAnswered: warmed + answered, failed: failed + sentMs.size, histogram };
}

/** Told of each answer, with the times of performance.now() at which it was due and at which it came. */
export type Observe = (client: LoadClient, dueMs: number, nowMs: number, ok: boolean) => void;

export interface OpenLoopOptions {
  readonly observe?: Observe;
  /** With 0 requests go out in bursts of a millisecond, and the core that would be spun away is left to the server. */
  readonly spinMs?: number;
  /**
   * Load before the `seconds` that count, on the same connections and at the same rate: a generator that has just
   * started runs its code for the first time and falls behind, and each of its delays would be counted as the server's.
   */
  readonly warmSeconds?: number;
  /** Once it is true nothing more is due. */
  readonly isOver?: () => boolean;
}

/** Sends `rate` requests a second for `seconds` (Infinity: until it is over), whatever comes back. */
export async function openLoop(
  open: OpenClients, rate: number, seconds: number, options: OpenLoopOptions = {},
): Promise<LoopResult> {
  const { observe = () => undefined, spinMs = SPIN_MS, warmSeconds = 0, isOver = () => false } = options;
  const histogram = newHistogram();
  const warm = Math.round(rate * warmSeconds);
  let total = warm + Math.max(1, Math.round(rate * seconds));
  const gapMs = 1e3 / rate;
  const free: LoadClient[] = [];
  let startMs = 0;
  let sent = 0;
  let warmed = 0;
  let answered = 0;
  let failed = 0;
  const clients = await open((client, id, ok) => {
    const nowMs = performance.now();
    free.push(client);
    if (id < warm) {
      warmed += 1;
      return;
    }
    record(histogram, nowMs - (startMs + id * gapMs));
    observe(client, startMs + id * gapMs, nowMs, ok);
    if (ok) answered += 1;
    else failed += 1;
  });
  for (const client of clients) for (let slot = client.free; slot > 0; slot -= 1) free.push(client);
  startMs = performance.now();
  let endMs = startMs + (warmSeconds + seconds) * 1e3;
  // Requests that are due while no connection is free wait here, and their time runs.
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const nowMs = performance.now();
      if (sent < total && isOver()) {
        total = sent;
        endMs = nowMs;
      }
      while (sent < total && startMs + sent * gapMs <= nowMs) {
        const client = free.pop();
        if (client === undefined) break;
        client.send(sent);
        sent += 1;
      }
      const isStuck = nowMs > endMs + LAST_ANSWERS_MS;
      if ((sent === total && warmed + answered + failed >= total) || isStuck) {
        resolve();
        return;
      }
      const waitMs = startMs + sent * gapMs - nowMs;
      if (waitMs > spinMs || spinMs === 0) setTimeout(turn, waitMs - spinMs);
      else setImmediate(turn);
    };
    turn();
  });
  const ranSeconds = (performance.now() - startMs - warm * gapMs) / 1e3;
  for (const client of clients) client.end();
  const lost = Math.max(0, total - warm - answered);
  return { seconds: ranSeconds, answered, allAnswered: warmed + answered, failed: lost, histogram };
}
