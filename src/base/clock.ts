// Time for the whole engine. `monotonicUs` counts from the same origin in every thread and process of the host
// (CLOCK_MONOTONIC), so a stamp written by the front end can be subtracted in a worker. Pure logic never imports
// this file's functions: it takes times as arguments.
import { performance } from 'node:perf_hooks';

/** A source of time that tests can replace. */
export interface Clock {
  /** Microseconds of a monotonic clock; comparable between threads, meaningless as a date. */
  monotonicUs(): number;
  /** Milliseconds since 1970, for records that people read. */
  wallMs(): number;
}

// process.hrtime() allocates and performance.now() counts from the thread's own start, so the offset between the
// two is taken once per thread. A thread that is held up between the two readings would be off by as long for its whole
// life, so of several readings the one counts that took the shortest.
const ORIGIN_READINGS = 16;
const threadOriginUs = originUs(() => {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}, () => performance.now() * 1e3);

/**
 * What to add to `threadUs` to get `hostUs`, both in microseconds: off by at most half of the shortest time that passed
 * between two readings of `hostUs` with one of `threadUs` between them.
 */
export function originUs(hostUs: () => number, threadUs: () => number): number {
  let shortest = Infinity;
  let origin = 0;
  for (let reading = 0; reading < ORIGIN_READINGS; reading += 1) {
    const before = hostUs();
    const own = threadUs();
    const after = hostUs();
    if (after - before >= shortest) continue;
    shortest = after - before;
    origin = (before + after) / 2 - own;
  }
  return origin;
}

/** Returns microseconds of the host's monotonic clock. */
export function monotonicUs(): number {
  return performance.now() * 1e3 + threadOriginUs;
}

/** The real clock. */
export const systemClock: Clock = { monotonicUs, wallMs: () => Date.now() };

/** Resolves with the value, or with null when `limitMs` passed before. */
export async function withTimeout<T>(limitMs: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
