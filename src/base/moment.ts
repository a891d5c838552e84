// One instant on both clocks, for rules that outlive a process: a span is measured on the monotonic clock, which no
// correction of the date can stretch or cut short, as long as the host has not been started again since; its boot id
// says so. Across a start of the host the date decides, as it was when this process first looked at it: no correction
// while a process runs changes what it does.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
/** Older than lastgood: the date of a host that has no clock of its own and had not been told the date yet. */
const DATES_FROM_MS = Date.UTC(2024, 0, 1);
/** Of a moment of which only the date is known. */
const NO_BOOT = '';

/** An instant, as far as the host knew it then. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  /** Microseconds of the host's monotonic clock, which begins anew with each start of the host. */
  readonly monotonicUs: number;
  /** Differs with each start of the host; empty where only the date is known. */
  readonly boot: string;
}

/** The present, and the instant at which this process first looked at its clock. */
export interface Now extends Moment {
  readonly first: Pick<Moment, 'wallMs' | 'monotonicUs'>;
}

/** Something is left alone for `forMs` from `since` on, because somebody said so. */
export interface Pause {
  readonly by: string;
  readonly reason: string;
  readonly since: Moment;
  readonly forMs: number;
}

const firsts = new WeakMap<Clock, Now['first']>();
let boot: string | undefined;

/** The instant that `clock` shows, to be written down. */
export function momentOf(clock: Clock): Moment {
  boot ??= bootId();
  return { wallMs: clock.wallMs(), monotonicUs: clock.monotonicUs(), boot };
}

/** The instant that `clock` shows, to measure spans up to it. */
export function nowOf(clock: Clock): Now {
  const moment = momentOf(clock);
  const first = firsts.get(clock) ?? { wallMs: moment.wallMs, monotonicUs: moment.monotonicUs };
  firsts.set(clock, first);
  return { ...moment, first };
}

/** The present of a recording, whose clock nobody corrects. */
export function recordedNow(wallMs: number): Now {
  const first = { wallMs, monotonicUs: wallMs * 1e3 };
  return { ...first, boot: 'recording', first };
}

/**
 * The moment of what a record says was at `atMs`. One of another date beside it is left from a change before, which an
 * earlier build made over: such a build knows dates only.
 */
export function recordedMoment(atMs: number, moment: Moment | undefined): Moment {
  return moment?.wallMs === atMs ? moment : { wallMs: atMs, monotonicUs: 0, boot: NO_BOOT };
}

/** Milliseconds from `since` until now; null where neither clock can tell. */
export function passedMs(since: Moment, now: Now): number | null {
  if (since.boot !== NO_BOOT && since.boot === now.boot) {
    return since.monotonicUs > now.monotonicUs ? null : (now.monotonicUs - since.monotonicUs) / 1e3;
  }
  const { first } = now;
  if (since.wallMs < DATES_FROM_MS || since.wallMs > first.wallMs) return null;
  return first.wallMs - since.wallMs + (now.monotonicUs - first.monotonicUs) / 1e3;
}

/** What is left in ms of a span of `forMs` that began at `since`; nothing where neither clock can tell. */
export function leftMs(since: Moment, forMs: number, now: Now): number {
  return Math.max(0, forMs - (passedMs(since, now) ?? forMs));
}

// Where the system has none, what this process began is measured right, and all else by the date.
function bootId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
