// The pairs of one recorded generation, and what they say of its failing checks: the engine's own counts and tests, on
// answers that were recorded in place of such that are asked for. Pure. Invariant: pairs are of one version and one
// twin; another twin begins anew, as in the engine.
import type { ExpectedChange, Expectations, KnownPair } from '../domain/known-answers.ts';
import type { OutputKind } from '../domain/records.ts';
import type { Reference } from '../judge/baseline/reference.ts';
import type { JudgedLook } from '../judge/checks/generation-judge.ts';
import { CHECKS } from '../judge/checks/table.ts';
import { measuredChange, pairExpectation } from '../judge/pairs/expectation.ts';
import { PairCounts } from '../judge/pairs/pair-counts.ts';
import type { PairStanding } from '../judge/pairs/pair-verdict.ts';
import { judgePairs } from '../judge/pairs/pair-verdict.ts';
import type { AnswerView } from '../judge/pairs/paired-change.ts';
import type { CheckResult } from '../judge/types/messages.ts';
import type { Finding } from '../judge/verdict/findings.ts';
import { findingOf } from '../judge/verdict/findings.ts';
import { PairedAlarms } from '../judge/verdict/paired-alarms.ts';
import { knownViews, pairOf, sizeMaxOf } from '../rollout/attribution/answer-view.ts';
import { evidenceOfCause, WAIT_WINDOWS } from '../rollout/attribution/attribution.ts';
import { Outcome, speaksOfVersion } from '../shared-memory/sample-ring.ts';
import type { KnownTwin } from './known-twin.ts';
import type { PromoteLine } from './record-line.ts';

interface PairedVersions {
  readonly generation: number;
  readonly version: string;
  readonly twin: string;
  readonly kind: OutputKind;
  /** Numbers of one step, of a sequence. */
  readonly width: number;
  /** What each answered while it was known to be right; null without a baseline. */
  readonly own: Reference | null;
  readonly other: Reference | null;
  /** What is known beforehand; null for nothing. */
  readonly promoted: Pick<PromoteLine, 'baseline' | 'twinBaseline' | 'expect' | 'known'> | null;
  readonly windowMs: number;
}

/** A row that the version answered, or failed. */
interface Row {
  readonly input: number;
  readonly atUs: number;
  readonly outcome: Outcome;
  readonly outputs: ArrayLike<number>;
}
type Repeated = Readonly<Record<'own' | 'shared' | 'passed', number>>;
const NONE_REPEATED: Repeated = { own: 0, shared: 0, passed: 0 };

export class PairedReplay {
  readonly twin: string;
  readonly #about: PairedVersions;
  readonly #counts: PairCounts;
  readonly #alarms = new PairedAlarms();
  readonly #known: readonly KnownPair<AnswerView>[];
  readonly #expectations: Expectations;
  #repeated = NONE_REPEATED;

  constructor(about: PairedVersions) {
    const { version, twin, kind, own, promoted } = about;
    this.twin = twin;
    this.#about = about;
    this.#counts = new PairCounts({ version, twin, kind, sigma: own?.standardDeviation ?? null });
    const { expected, pairs } = knownOf(about);
    this.#known = pairs;
    this.#expectations = {
      ...(promoted?.expect !== undefined && { expect: promoted.expect }), ...(expected !== null && { expected }),
    };
  }

  /** Counts what the twin answered to a row, null where it failed; what says nothing of the version is left out. */
  add(row: Row, answer: ArrayLike<number> | null): void {
    if (!speaksOfVersion(row.outcome) || row.outcome === Outcome.deadline) return;
    const pair = pairOf(this.#about, row, answer, sizeMaxOf(this.#about.other));
    this.#counts.add(pair);
    this.#alarms.add(pair);
  }

  /** Counts failed requests that were asked again of both. */
  repeat({ own, shared, passed }: Repeated): void {
    const before = this.#repeated;
    this.#repeated = { own: before.own + own, shared: before.shared + shared, passed: before.passed + passed };
  }

  /** Somebody looks into a failing check. */
  isAlarmed(nowUs: number): boolean {
    return this.#alarms.isRaised(nowUs);
  }

  /** What all pairs of the generation say. */
  get standing(): PairStanding {
    const { kind: outputKind, twin, generation } = this.#about;
    const facts = this.#counts.facts(pairExpectation({ ...this.#expectations, outputKind }, twin));
    return { generation, facts, verdict: judgePairs(facts) };
  }

  /**
   * Who is to blame for a failing check, by the pairs so far; null for what pairs are not asked about. `nonFinite`:
   * what raised an alarm of answers that are not finite, asked of both again; a recording does not have it.
   */
  find(
    check: CheckResult, failing: readonly CheckResult[], look: JudgedLook, nowUs: number, nonFinite = NONE_REPEATED,
  ): Finding | null {
    const { version, twin, own, other, generation, windowMs } = this.#about;
    const { cause } = CHECKS[check.check];
    if (cause === 'latency' || cause === 'input') return null;
    const evidence = evidenceOfCause(cause, { failing, evidence: look.evidence });
    this.#alarms.raise(evidence, generation, { own, twin: other, expected: this.#known }, nowUs);
    const found = this.#alarms.facts(evidence.map((one) => one.check), this.#counts.facts(), nowUs);
    const about = { paired: true as const, version, twin, waitMs: windowMs * WAIT_WINDOWS };
    if (cause === 'drift' || cause === 'constant') {
      const unavailable = 'its evidence names no change that pairs could have';
      return findingOf({ cause, facts: found.changes.length === 0 ? { unavailable } : { ...about, ...found } });
    }
    const { drawn, waitedMs } = found;
    const repeated = cause === 'failure' ? this.#repeated : nonFinite;
    return findingOf({ cause, facts: { ...about, drawn, waitedMs, repeated } });
  }
}

// Stored pairs of this twin, or those of the rows of a file that was made by hand.
function knownOf(about: PairedVersions): {
  readonly expected: ExpectedChange | null; readonly pairs: readonly KnownPair<AnswerView>[];
} {
  const { promoted, twin, version, kind, own, other } = about;
  const known: KnownTwin | undefined = promoted?.known;
  if (known?.against === twin) return { expected: known.expected, pairs: knownViews(known.pairs) };
  const others = promoted?.twinBaseline;
  if (promoted === null || others === undefined) return { expected: null, pairs: [] };
  const counts = new PairCounts({ version, twin, kind, sigma: own?.standardDeviation ?? null });
  const pairs = promoted.baseline.map((outputs, row) =>
    pairOf(about, { input: 0, atUs: 0, outcome: Outcome.ok, outputs }, others[row]!, sizeMaxOf(other)));
  for (const pair of pairs) counts.add(pair);
  const unanswered = pairs.filter(({ fresh, twin: answer }) =>
    fresh.outcome !== 'answered' && answer.outcome === 'answered').length;
  return { expected: { ...measuredChange(counts.facts(), unanswered, null), atMs: 0 }, pairs };
}
