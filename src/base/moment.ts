// One instant on both clocks, for rules that outlive a process: a span is measured on the monotonic clock, which no
// correction of the date can stretch, as long as the host has not been started again since; its boot id says so.
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/** Now, as far as the host knows. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  /** Microseconds of the host's monotonic clock, which begins anew with each start of the host. */
  readonly monotonicUs: number;
  /** Differs with each start of the host; empty where that cannot be known. */
  readonly boot: string;
}

/** Something is left alone for `forMs` from `since` on, because somebody said so. */
export interface Pause {
  readonly by: string;
  readonly reason: string;
  readonly since: Moment;
  readonly forMs: number;
}

let boot: string | undefined;

/** The instant that `clock` shows. */
export function momentOf(clock: Clock): Moment {
  boot ??= bootId();
  return { wallMs: clock.wallMs(), monotonicUs: clock.monotonicUs(), boot };
}

/**
 * What is left in ms of a span of `forMs` that began at `since`, between 0 and `forMs`. Without a common monotonic
 * clock the date decides, and a date before the beginning says nothing: then nothing is left.
 */
export function leftMs(since: Moment, forMs: number, now: Moment): number {
  const isSameBoot = since.boot !== '' && since.boot === now.boot;
  const passedMs = isSameBoot ? (now.monotonicUs - since.monotonicUs) / 1e3 : now.wallMs - since.wallMs;
  return passedMs < 0 ? 0 : Math.max(0, forMs - passedMs);
}

function bootId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    return '';
  }
}
