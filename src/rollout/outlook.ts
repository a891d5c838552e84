// What the machine would do about a model if it had to act this moment, and what it waits for. Pure: all of it follows
// from what is known now, by the rules that verdicts are acted on by (`holdsOn` is the very same function).
import type { Now } from '../base/moment.ts';
import type { ModelRecord, Trust } from '../domain/records.ts';
import { judgePairs, type PairStanding } from '../judge/pairs/pair-verdict.ts';
import type { PairFacts } from '../judge/pairs/pair-schema.ts';
import { oneSourceOf, type SourceFacts } from '../judge/verdict/sources.ts';
import type { CheckResult, HealthReport } from '../judge/types/messages.ts';
import type { ModelOptions } from '../options/options.ts';
import { type Hold, holdsOn } from './decisions.ts';
import type { Phase } from './phases.ts';

const HOUR_MS = 3_600_000;
/** Nobody waits for more pairs than these. */
const PAIRS_MAX = 2 ** 24;

export type OutlookAction =
  /** No check that acts fails, or nothing is judged at all. */
  | 'nothing' | 'not judged'
  /** A check fails; what was told only, what holds the machine still, what it cannot go back to. */
  | 'tell' | 'hold' | 'no target'
  /** What fails is one client's alone, who it is stands in `oneSource`. */
  | 'one source'
  /** A check fails and the machine is free: it would find out first whether the version is to blame, or go back now. */
  | 'ask first' | 'roll back';

export interface Outlook {
  readonly model: string;
  readonly version: string | null;
  readonly generation: number;
  readonly phase: Phase;
  readonly atMs: number;
  readonly would: OutlookAction;
  readonly checks: readonly CheckResult[];
  /** Why what fails is one client's alone, a sentence without a full stop; null when it is not, or nobody is known. */
  readonly oneSource: string | null;
  /** How the version does beside the one before on the same questions; null while nobody is asked. */
  readonly pairs: (PairStanding & {
    readonly perHour: number;
    /** Further pairs without a difference that would clear it of either; null where none would. */
    readonly toClear: { readonly failed: number | null; readonly nonFinite: number | null };
    /** Until both are cleared at the pace so far; null where they cannot be, or no pairs come. */
    readonly hoursToClear: number | null;
  }) | null;
  readonly target: { readonly version: string; readonly trust: Trust; readonly isLoaded: boolean } | null;
  /** Of every version, why it is none to go back to; empty where there is a target. */
  readonly noTargetBecause: readonly { readonly version: string; readonly reason: string }[];
  readonly holds: readonly Hold[];
  /** What the probation still wants; null when there is none under way. */
  readonly probation: { readonly requests: number; readonly ms: number } | null;
}

export interface OutlookFacts {
  readonly record: ModelRecord;
  readonly options: Pick<ModelOptions, 'judge' | 'samples'>;
  readonly phase: Phase;
  /** Of what answers now; null while nothing does. */
  readonly version: string | null;
  readonly generation: number;
  readonly health: HealthReport | null;
  readonly pairs: PairStanding | null;
  /** Who asks, and whom the version fails; null while nobody is known. */
  readonly sources: SourceFacts | null;
  /** How long pairs have been gathered, and how long the active generation has served. */
  readonly pairingMs: number;
  readonly servedMs: number;
  readonly target: Outlook['target'];
  readonly noTargetBecause: Outlook['noTargetBecause'];
  readonly now: Now;
}

/** Says what would be done now. */
export function outlookOf(facts: OutlookFacts): Outlook {
  const { record, options: { judge }, phase, version, generation, health, target, now } = facts;
  const holds = version === null ? [] : holdsOn(record, judge, now);
  const oneSource = oneSourceNow(facts);
  return {
    model: record.model, version, generation, phase, atMs: now.wallMs,
    would: wouldDo(facts, holds, oneSource),
    checks: health?.checks ?? [], oneSource,
    pairs: facts.pairs === null ? null : pairsOutlook(facts.pairs, facts.pairingMs),
    target, noTargetBecause: target === null ? facts.noTargetBecause : [], holds,
    probation: phase === 'probation' ? probationLeft(facts) : null,
  };
}

function wouldDo(
  { version, health, options: { judge, samples }, target }: OutlookFacts, holds: readonly Hold[],
  oneSource: string | null,
): OutlookAction {
  if (version === null || samples === 'off') return 'not judged';
  const failing = (health?.checks ?? []).filter(({ verdict }) => verdict === 'fail');
  if (failing.length === 0) return 'nothing';
  if (failing.every(({ effect }) => effect === 'warn')) return 'tell';
  if (oneSource !== null && judge.mode !== 'compat') return 'one source';
  if (holds.length > 0) return 'hold';
  if (target === null) return 'no target';
  return judge.mode === 'compat' || judge.attribution === 'off' ? 'roll back' : 'ask first';
}

// Of the checks that act, by the rule that a verdict on them is held back by.
function oneSourceNow({ health, sources }: OutlookFacts): string | null {
  const failing = (health?.checks ?? []).filter(({ verdict, effect }) => verdict === 'fail' && effect !== 'warn');
  return sources === null ? null : oneSourceOf({ sources }, failing.map(({ check }) => check));
}

function pairsOutlook(standing: PairStanding, pairingMs: number): NonNullable<Outlook['pairs']> {
  const { facts } = standing;
  const toClear = { failed: pairsToClear(facts, 'failed'), nonFinite: pairsToClear(facts, 'nonFinite') };
  const perHour = pairingMs > 0 ? (facts.pairsInAll * HOUR_MS) / pairingMs : 0;
  const { failed, nonFinite } = toClear;
  const most = failed === null || nonFinite === null ? null : Math.max(failed, nonFinite);
  const isKnown = most === 0 || (most !== null && perHour > 0);
  return { ...standing, perHour, toClear, hoursToClear: isKnown && most > 0 ? most / perHour : isKnown ? 0 : null };
}

/** How many further pairs without a difference would show that the version does no worse; null if none would. */
function pairsToClear(facts: PairFacts, metric: 'failed' | 'nonFinite'): number | null {
  const isClearAfter = (more: number): boolean =>
    judgePairs({ ...facts, [metric]: { ...facts[metric], zero: facts[metric].zero + more } })[metric] === 'not worse';
  if (judgePairs(facts)[metric] === 'worse' || !isClearAfter(PAIRS_MAX)) return null;
  let [low, high] = [-1, PAIRS_MAX];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isClearAfter(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function probationLeft({ options: { judge }, health, servedMs }: OutlookFacts): Outlook['probation'] {
  const { requests = 0, clientFaults = 0, nonFiniteInputs = 0 } = health?.totals ?? {};
  return {
    requests: Math.max(0, judge.probationSamples - (requests - clientFaults - nonFiniteInputs)),
    ms: Math.max(0, judge.probationMs - servedMs),
  };
}
