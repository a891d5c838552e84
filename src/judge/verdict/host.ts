// Is it the version that is slow, or the host? Pure. Before a rollback for latency the same small batches are timed on
// the failing version and on the last good one, in turn, on this host and now: a rollback can only help when the last
// good one is the faster of the two. What was timed is stored, so that anybody can judge it again.
import type { z } from 'zod';
import { numberText } from '../types/number-text.ts';
import type { Judged } from '../types/check-kinds.ts';
import type { hostFactsSchema } from './findings-schema.ts';

/** A version that needs less than this many times the last good one's time is as fast. */
const ALIKE_RATIO = 1.5;
/** From this on a version is slow whatever else is wrong with the host. */
const HEAVY_RATIO = 5;
/** The last good version is slow itself when it needs so many times what it needed when it was registered. */
const SLOWED_RATIO = 3;
/** Added to both sides of a ratio: differences of that size explain no breach. */
const FLOOR_MS = 0.1;
/** Times of fewer runs on either side say nothing. */
const RUNS_MIN = 3;

export type HostFacts = z.infer<typeof hostFactsSchema>;

/** The middle of sorted numbers; NaN of none. */
function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? NaN;
}

/** Judges who is to blame for a latency over its limit. */
export function judgeHost(facts: HostFacts): Judged {
  const { version, standby, usualMs, others } = facts;
  const othersText = others.length === 0 ? '' : `; over their limit as well: ${others.join(', ')}`;
  const timed = facts.probes
    .filter(({ activeMs, standbyMs }) => Math.min(activeMs.length, standbyMs.length) >= RUNS_MIN)
    .map(({ rows, activeMs, standbyMs }) => ({ rows, active: medianOf(activeMs), standby: medianOf(standbyMs) }));
  if (facts.stuck !== null) {
    const [who, blames] = facts.stuck === 'active' ? [version, 'version' as const] : [standby, 'host' as const];
    return { blames, text: `version ${who ?? ''} does not come back from a run` };
  }
  if (standby === null || timed.length === 0) {
    const text = `version ${version} could not be compared with the last good one${othersText}`;
    return { blames: others.length > 0 ? 'host' : 'version', text };
  }
  const ratioOf = ({ active, standby: good }: { active: number; standby: number }): number =>
    (active + FLOOR_MS) / (good + FLOOR_MS);
  const worst = timed.reduce((a, b) => (ratioOf(b) > ratioOf(a) ? b : a));
  const ratio = ratioOf(worst);
  const single = timed.reduce((a, b) => (b.rows < a.rows ? b : a));
  const isSlowed = usualMs !== null &&
    single.standby + FLOOR_MS >= SLOWED_RATIO * (usualMs + FLOOR_MS);
  const measured = `${numberText(worst.active)} ms a run of version ${version} and ${numberText(worst.standby)} ms ` +
    `of version ${standby} on the same ${worst.rows === 1 ? 'row' : `${worst.rows} rows`} now`;
  const slowed = isSlowed
    ? `; version ${standby} needed ${numberText(usualMs)} ms for one row when it was registered`
    : '';
  const text = `${measured}${slowed}${othersText}`;
  if (ratio < ALIKE_RATIO) return { blames: 'host', text: `${text}: the versions are equally fast` };
  if (ratio < HEAVY_RATIO && (isSlowed || others.length > 0)) {
    return { blames: 'host', text: `${text}: the host is slow for both` };
  }
  return { blames: 'version', text };
}
