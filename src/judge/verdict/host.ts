// Is it the version that is slow, or the host? Pure. Before a rollback for latency the same small batches are run on
// the failing version and on the last good one, in drawn order, on this host and now: a rollback can only help when the
// last good one is the faster of the two.
//
//   the version takes clearly longer for the same batches        version
//   it does not: it is slow under load only, or the host is      host: told, and nothing is done
//   the version is still warming up, or neither is shown yet     pairs: more runs are timed, for a bounded time
//   nothing can be timed beside it                               by other models of the host, and its own warm-up
//
// What was timed is stored, so that anybody can judge it again.
import type { z } from 'zod';
import { lnNotWorse, lnWorse } from '../pairs/e-processes.ts';
import { LN_CLEAR, lnBlame } from '../pairs/pair-verdict.ts';
import type { Differences } from '../pairs/pair-schema.ts';
import { ALIKE_RATIO, HEAVY_RATIO, isSlowerBy, medianOf, SLOW_CLEAR_MARGIN, SLOW_MARGIN } from '../pairs/run-times.ts';
import type { RunFacts } from '../pairs/run-times.ts';
import { countedText, numberText } from '../types/number-text.ts';
import type { Judged } from '../types/check-kinds.ts';
import type { hostFactsSchema, PairedRunFacts } from './findings-schema.ts';
import { METRICS } from './paired.ts';

/** The last good version is slow itself when it needs so many times what it needed when it was registered. */
const SLOWED_RATIO = 3;
/** Fewer runs of either version say nothing. */
const RUNS_MIN = 3;

export type HostFacts = z.infer<typeof hostFactsSchema>;

/** Judges who is to blame for a latency over its limit. */
export function judgeHost(facts: HostFacts): Judged {
  const { version, standby, runs } = facts;
  if (facts.stuck !== null) {
    const [who, blames] = facts.stuck === 'active' ? [version, 'version' as const] : [standby, 'host' as const];
    return { blames, text: `version ${who ?? ''} does not come back from a run` };
  }
  if (standby === null) return judgeAlone(facts);
  if (runs === undefined) return judgeProbes(facts, standby);
  if (runs.sizes.length > 0) return judgeRuns(facts, standby, runs);
  return runs.waitedMs < runs.waitMs
    ? { blames: 'pairs', text: `versions ${version} and ${standby} are being timed` }
    : judgeAlone(facts);
}

const othersText = ({ others }: HostFacts): string =>
  (others.length === 0 ? '' : `; over their limit as well: ${others.join(', ')}`);

function judgeAlone(facts: HostFacts): Judged {
  const { version, others, warmUp } = facts;
  const text = `version ${version} could not be compared with the last good one${othersText(facts)}`;
  if (others.length > 0) return { blames: 'host', text };
  return (warmUp ?? null) === null || warmUp!.isSlowSince
    ? { blames: 'version', text }
    : { blames: 'unknown', text: `${text}; it has been slow while it warmed up, and not long enough since` };
}

/** Whether the last good version takes far longer for one row than when it was registered. */
const isSlowed = ({ usualMs }: HostFacts, standbyMs: number): boolean =>
  usualMs !== null && isSlowerBy(SLOWED_RATIO, standbyMs, usualMs);

// What was measured, in words.
function timedText(facts: HostFacts, { rows, activeMs, standbyMs }: Timed, isSlow: boolean): string {
  const { version, standby, usualMs } = facts;
  const slowed = isSlow
    ? `; version ${standby} needed ${numberText(usualMs!)} ms for one row when it was registered`
    : '';
  return `${numberText(activeMs)} ms a run of version ${version} and ${numberText(standbyMs)} ms of version ` +
    `${standby} on the same ${rows === 1 ? 'row' : `${rows} rows`} now${slowed}${othersText(facts)}`;
}
type Timed = Pick<RunFacts, 'rows' | 'activeMs' | 'standbyMs'>;

const pairsOf = ({ plus, zero, minus }: Differences): number => plus + zero + minus;

function judgeRuns(facts: HostFacts, standby: string, { sizes, episode, waitedMs, waitMs }: PairedRunFacts): Judged {
  const single = sizes.reduce((a, b) => (b.rows < a.rows ? b : a));
  const isSlow = isSlowed(facts, single.standbyMs);
  // A host that slows everything down makes a somewhat slower version too slow: there only much slower runs count.
  const isHost = isSlow || facts.others.length > 0;
  const countsOf = ({ slower, muchSlower }: RunFacts): Differences => (isHost ? muchSlower : slower);
  const worst = sizes.reduce((a, b) =>
    (lnWorse(countsOf(b), SLOW_MARGIN) > lnWorse(countsOf(a), SLOW_MARGIN) ? b : a));
  const { plus, minus } = countsOf(worst);
  const pairs = pairsOf(countsOf(worst));
  const ratio = isHost ? HEAVY_RATIO : ALIKE_RATIO;
  const text = `${timedText(facts, worst, isSlow)}; in ${plus} of ${countedText(pairs, 'pair')} of runs it takes ` +
    `${ratio} times as long, in ${minus} version ${standby} does`;
  // Each size is a further chance to err.
  const needed = lnBlame(METRICS * sizes.length, episode);
  if (lnWorse(countsOf(worst), SLOW_MARGIN) >= needed) {
    // A version that has just begun is slow in the same way, and will not stay so.
    return facts.warmUp?.isOver === false
      ? { blames: 'pairs', text: `${text}: it is still warming up` }
      : { blames: 'version', text };
  }
  const cleared = isHost
    ? `${text}: the host is slow for both`
    : `${text}: the versions are equally fast, so it is slow under load only, or the host is`;
  if (sizes.every((size) => lnNotWorse(countsOf(size), SLOW_CLEAR_MARGIN) >= LN_CLEAR)) {
    return { blames: 'host', text: cleared };
  }
  if (waitedMs < waitMs) return { blames: 'pairs', text: `${text}: more runs are needed` };
  // What few pairs there are may be the host's doing, unless most of them are beyond that.
  const much = worst.muchSlower;
  const isBeyond = pairs >= RUNS_MIN && (much.plus - much.minus) * 2 > pairs;
  return isBeyond && facts.warmUp?.isOver !== false
    ? { blames: 'version', text: `${text}; no more were timed in ${numberText(waitedMs / 1e3)} s` }
    : { blames: 'host', text: cleared };
}

// What earlier builds timed: the middle of a few runs of each.
function judgeProbes(facts: HostFacts, standby: string): Judged {
  const timed = (facts.probes ?? [])
    .filter(({ activeMs, standbyMs }) => Math.min(activeMs.length, standbyMs.length) >= RUNS_MIN)
    .map(({ rows, activeMs, standbyMs }) =>
      ({ rows, activeMs: medianOf(activeMs), standbyMs: medianOf(standbyMs) }));
  if (timed.length === 0) return judgeAlone(facts);
  const exceeds = (ratio: number) => ({ activeMs, standbyMs }: Timed): boolean =>
    isSlowerBy(ratio, activeMs, standbyMs);
  const worst = timed.reduce((a, b) => (b.activeMs / b.standbyMs > a.activeMs / a.standbyMs ? b : a));
  const single = timed.reduce((a, b) => (b.rows < a.rows ? b : a));
  const isSlow = isSlowed({ ...facts, standby }, single.standbyMs);
  const text = timedText(facts, worst, isSlow);
  if (!timed.some(exceeds(ALIKE_RATIO))) return { blames: 'host', text: `${text}: the versions are equally fast` };
  if (!timed.some(exceeds(HEAVY_RATIO)) && (isSlow || facts.others.length > 0)) {
    return { blames: 'host', text: `${text}: the host is slow for both` };
  }
  return { blames: 'version', text };
}
