// Spans of time as people write them, for flags and for the history. Pure.
//
//   90s   30m   2h   1d   1h30m   1d12h      the larger unit first, each at most once, whole numbers only
//
// What is read and what is written are the same form, so that a span in the history can be typed again as it stands.

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const SPAN = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/;

/** Milliseconds of `2h`, `90m` or `1d12h`; null for what is no span. */
export function parseSpan(text: string): number | null {
  const parts = SPAN.exec(text)?.slice(1);
  if (text === '' || parts === undefined) return null;
  return Object.values(UNITS).reduce((sum, unitMs, index) => sum + Number(parts[index] ?? 0) * unitMs, 0);
}

/** The same the other way round, to the second: `1d12h`. */
export function spanText(spanMs: number): string {
  let left = Math.round(spanMs / 1_000) * 1_000;
  const parts = Object.entries(UNITS).map(([unit, unitMs]) => {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    return count === 0 ? '' : `${count}${unit}`;
  });
  return parts.join('') || '0s';
}
