// Failing checks of a generation that are looked into by pairs, and what the pairs since each alarm say of it. Pure;
// time is an argument: the engine gathers pairs beside the traffic, a backtest reads them from a recording, and both
// come to the same facts. Counting begins with the alarm, so that no pair that raised it is counted for it.
import { UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { KnownPair } from '../../domain/known-answers.ts';
import type { Reference } from '../baseline/reference.ts';
import type { Check, CheckEvidence } from '../checks/check.ts';
import { CHECKS } from '../checks/table.ts';
import type { PairFacts } from '../pairs/pair-schema.ts';
import type { AnsweredPair, AnswerView, PairEvent } from '../pairs/paired-change.ts';
import { PairedChange } from '../pairs/paired-change.ts';
import { SourcesSeen } from '../pairs/source-votes.ts';
import type { LevelLimits } from './twin-levels.ts';
import { TwinLevels } from './twin-levels.ts';
import type { CheckName } from '../types/messages.ts';
import type { PairedChanges } from './paired.ts';

/** An alarm is over when nobody has asked about it for so long. */
const ALARM_US = 60e6;
/** A few golden vectors, which may be a broken file's own answers, say nothing of the change to be expected. */
const EXPECTED_PAIRS_MIN = 50;
/** What the twin's own answers may be off by, where the failing check has no limit of the kind. */
const SHARE_LIMIT = 0.1;
const PSI_LIMIT = 0.25;

/** A failing check that is looked into. */
interface Alarm {
  readonly sinceUs: number;
  /** When somebody asked last. */
  askedUs: number;
  /** Null for checks of what is counted all the time. */
  readonly change: PairedChange | null;
  /** Alarms of the same check before this one. */
  readonly episode: number;
}

/** What is known of both versions beforehand. */
interface PairedBaselines {
  readonly own: Reference | null;
  readonly twin: Reference | null;
  /** What both answered to the questions of the validation; may be none. */
  readonly expected: readonly KnownPair<AnswerView>[];
}

/** What pairs say of failing checks; `drawn` is null when the answers of the two cannot be compared. */
export type AlarmFacts = Omit<PairedChanges, 'waitMs' | 'version' | 'twin' | 'paired'>;

export class PairedAlarms {
  /** Of the generation that was asked about last, by check. */
  readonly #alarms = new Map<CheckName, Alarm>();
  readonly #episodes = new Map<CheckName, number>();
  /** Of all generations: who has asked the one before still counts as one of those who ask. */
  readonly #seen = new SourcesSeen();
  #generation = 0;

  /** Somebody looks into a failing check. */
  isRaised(nowUs: number): boolean {
    return [...this.#alarms.values()].some(({ askedUs }) => askedUs >= nowUs - ALARM_US);
  }

  /** Raises the alarms of failing checks of a generation that are not raised yet. */
  raise(evidence: readonly CheckEvidence[], generation: number, known: PairedBaselines, nowUs: number): void {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#alarms.clear();
      this.#episodes.clear();
    }
    for (const one of evidence) this.#raise(one, known, nowUs);
  }

  #raise(evidence: CheckEvidence, baselines: PairedBaselines, nowUs: number): void {
    const { check } = evidence;
    const known = this.#alarms.get(check);
    if (known !== undefined && nowUs - known.askedUs < ALARM_US) {
      known.askedUs = nowUs;
      return;
    }
    const episode = this.#episodes.get(check) ?? 0;
    const event = pairEventOf(evidence, baselines);
    // An event may count as it goes, so what is known gets one of its own.
    const expected = event && meanChange(pairEventOf(evidence, baselines)!, baselines.expected);
    const twin = new TwinLevels(baselines.twin, levelLimitsOf(evidence));
    const change = event && new PairedChange(event, expected ?? 0, { seen: this.#seen, twin });
    this.#episodes.set(check, episode + 1);
    this.#alarms.set(check, { sinceUs: nowUs, askedUs: nowUs, episode, change });
  }

  /** Counts a pair for every check that is looked into. */
  add(pair: AnsweredPair): void {
    this.#seen.note(pair.source ?? UNKNOWN_SOURCE, pair.atUs);
    if (pair.fresh.outcome !== 'answered' || pair.twin.outcome !== 'answered') return;
    for (const { change } of this.#alarms.values()) change?.add(pair);
  }

  /** What has come for these checks by `nowUs`, the time at which they were last raised; `pairs`: of all of them. */
  facts(checks: readonly CheckName[], pairs: PairFacts | null, nowUs: number): AlarmFacts {
    const alarms = checks.flatMap((check) => {
      const alarm = this.#alarms.get(check);
      return alarm === undefined ? [] : [{ check, alarm }];
    });
    return {
      drawn: pairs === null ? null : {
        block: pairs.block, failed: pairs.failed, nonFinite: pairs.nonFinite,
        both: pairs.both ?? { failed: 0, nonFinite: 0 },
      },
      waitedMs: Math.max(0, ...alarms.map(({ alarm }) => (nowUs - alarm.sinceUs) / 1e3)),
      episode: Math.max(0, ...alarms.map(({ alarm }) => alarm.episode)),
      changes: alarms.flatMap(({ check, alarm: { change } }) =>
        (change === null ? [] : [{ check, ...change.facts() }])),
    };
  }
}

// By the limits of the check itself, and of the others by those that are usual.
function levelLimitsOf(evidence: CheckEvidence): LevelLimits {
  return {
    share: evidence.check === 'class_mix' ? evidence.limit : SHARE_LIMIT,
    psi: 'psi' in evidence ? evidence.psi : PSI_LIMIT,
  };
}

// The event of the check whose evidence it is; each module takes what bears its own name.
const pairEventOf = (evidence: CheckEvidence, { own, twin }: PairedBaselines): PairEvent | null =>
  (CHECKS[evidence.check] as unknown as Check).pairEvent?.(evidence, own, twin) ?? null;

// The mean change over pairs that are known beforehand; 0 when there are too few of them.
function meanChange({ change }: PairEvent, pairs: PairedBaselines['expected']): number {
  const changes = pairs
    .filter(({ fresh, twin }) => fresh.outcome === 'answered' && twin.outcome === 'answered')
    .map(({ fresh, twin }) => change(fresh, twin))
    .filter((one) => one !== null);
  return changes.length < EXPECTED_PAIRS_MIN ? 0 : changes.reduce((sum, one) => sum + one, 0) / changes.length;
}
