// Spans, bytes and counts in sentences and tables that people read. Pure.
import { numberText } from './number-text.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const BYTES_STEP = 1_000;

/** A span in ms, with two units at most: "820 ms", "12 s", "3 min 4 s", "2 h 5 min", "3 d 1 h". */
export function durationText(spanMs: number): string {
  const ms = Math.max(0, spanMs);
  if (ms < SECOND_MS) return `${numberText(ms)} ms`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  const [large, small, largeMs, smallMs] =
    ms < HOUR_MS ? ['min', 's', MINUTE_MS, SECOND_MS] as const
    : ms < DAY_MS ? ['h', 'min', HOUR_MS, MINUTE_MS] as const
    : ['d', 'h', DAY_MS, HOUR_MS] as const;
  const rest = Math.floor((ms % largeMs) / smallMs);
  return `${Math.floor(ms / largeMs)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** Bytes in decimal units: "812 B", "4.1 kB", "7 MB". */
export function bytesText(bytes: number): string {
  let value = bytes;
  for (const unit of ['B', 'kB', 'MB']) {
    if (value < BYTES_STEP) return `${numberText(value)} ${unit}`;
    value /= BYTES_STEP;
  }
  return `${numberText(value)} GB`;
}

/** Counts with separators for thousands, the same in every locale. */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}
