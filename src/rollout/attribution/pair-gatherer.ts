// Asks the twin, the warm version before, some of what the active version was asked, after its answers have gone out,
// and counts the pairs of answers. Main thread; the runs are on the twin's workers, a few rows at a time, belong to no
// generation and are nobody's requests.
//
// Cost: runs of the twin take at most a part of the worker time; what they took is paid back before the next ones. An
// alarm, a failing check that is looked into, gives it more, at full load too: until it is decided whose fault it is.
// Invariant: pairs are of one generation and one twin; with another of either all counting begins anew.
import type { Clock } from '../../base/clock.ts';
import { isSameInput, judgedOutputOf, outputDifference, stepElementsOf } from '../../domain/judged-output.ts';
import type { KnownPair } from '../../domain/known-answers.ts';
import type { VersionRecord } from '../../domain/records.ts';
import type { Reference } from '../../judge/baseline/reference.ts';
import type { CheckEvidence } from '../../judge/checks/check.ts';
import { PairCounts } from '../../judge/pairs/pair-counts.ts';
import type { PairExpectation } from '../../judge/pairs/pair-schema.ts';
import { judgePairs } from '../../judge/pairs/pair-verdict.ts';
import type { PairStanding } from '../../judge/pairs/pair-verdict.ts';
import type { AlarmFacts } from '../../judge/verdict/paired-alarms.ts';
import { PairedAlarms } from '../../judge/verdict/paired-alarms.ts';
import { RowReader, rowRingOffset } from '../../shared-memory/row-ring.ts';
import type { RingRow } from '../../shared-memory/row-ring.ts';
import { Outcome, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { knownViews, pairOf, SizeLimit } from './answer-view.ts';
import { REPLAY_ROWS, replayRows } from './recent-inputs.ts';

/** Parts of the worker time that the twin's runs may take. */
const PROBATION_SHARE = 0.05;
const STEADY_SHARE = 0.01;
const ALARM_SHARE = 0.1;
/** Worker time that may be saved up for later runs. */
const SAVED_US_MAX = 250_000;
/** Rows that wait to be asked, usually and in an alarm, and their bytes; the oldest give way. */
const WAITING_MAX = 64;
const WAITING_IN_ALARM_MAX = 512;
const WAITING_BYTES_MAX = 8 * 1024 ** 2;

interface ActiveVersion {
  readonly deployment: Deployment;
  readonly generation: number;
}

interface PairGathererPorts {
  readonly clock: Clock;
  /** What answers now; null while nothing does. */
  readonly active: () => ActiveVersion | null;
  readonly twin: () => Deployment | undefined;
  readonly isOnProbation: () => boolean;
  /** What a version answered while it was known to be right; null without a baseline. */
  readonly referenceOf: (version: string) => Reference | null;
  /** What is expected of a version beside this twin, by now; null when nobody knows. */
  readonly expectationOf: (version: string, twin: string) => PairExpectation | null;
  /** What a version answered to the questions of its validation, and this twin to the same; may be none. */
  readonly expectedPairsOf: (version: string, twin: string) => readonly KnownPair[];
  /** Told of the two that are compared from now on. */
  readonly onBegin: (version: VersionRecord, twin: VersionRecord) => void;
  /**
   * Told what the twin answered to rows of a generation, by row and null where it failed, and what that took in all;
   * of no rows when it begins to be asked. Absent where nobody wants to know.
   */
  readonly onAnswers?: (about: TwinAsked, rows: readonly RingRow[], answers: readonly (Float64Array | null)[]) => void;
  /** Told how many pairs have come, and what all of them say. */
  readonly onPairs: (paired: number, standing: PairStanding) => void;
}

interface TwinAsked {
  readonly generation: number;
  readonly twin: string;
  readonly ranUs: number;
}

/** The two that are compared, and what has come of it. */
interface Gathering {
  readonly generation: number;
  readonly active: Deployment;
  readonly twin: Deployment;
  readonly readers: readonly RowReader[];
  readonly counts: PairCounts;
  /** Answers of the twin that are larger come from inputs that nobody means. */
  readonly sizes: SizeLimit;
  waiting: RingRow[];
}

export class PairGatherer {
  readonly #ports: PairGathererPorts;
  #gathering: Gathering | null = null;
  #savedUs = 0;
  #lookedUs: number;
  #isAsking = false;
  readonly #alarms = new PairedAlarms();

  constructor(ports: PairGathererPorts) {
    this.#ports = ports;
    this.#lookedUs = ports.clock.monotonicUs();
  }

  /** What the pairs of the active generation say; null while there is no twin that can be asked. */
  get standing(): PairStanding | null {
    if (this.#gathering === null) return null;
    const { generation, counts, active, twin } = this.#gathering;
    const facts = counts.facts(this.#ports.expectationOf(active.version.version, twin.version.version));
    return { generation, facts, verdict: judgePairs(facts) };
  }

  /** Answers of the twin that are larger are none; Infinity while nobody knows its usual size. */
  get sizeMax(): number {
    return this.#gathering?.sizes.max ?? Infinity;
  }

  /** Somebody looks into a failing check: the twin may be asked whatever else keeps it from that. */
  get isAlarmed(): boolean {
    return this.#alarms.isRaised(this.#ports.clock.monotonicUs());
  }

  /**
   * Looks into failing checks of a generation: raises their alarms if they are not yet, asks the twin what its time
   * allows, and tells what has come since.
   */
  async lookInto(evidence: readonly CheckEvidence[], generation: number, version: string): Promise<AlarmFacts> {
    const nowUs = this.#ports.clock.monotonicUs();
    const twin = this.#ports.twin()?.version.version ?? null;
    const known = {
      own: this.#ports.referenceOf(version), twin: twin === null ? null : this.#ports.referenceOf(twin),
      expected: twin === null ? [] : knownViews(this.#ports.expectedPairsOf(version, twin)),
    };
    this.#alarms.raise(evidence, generation, known, nowUs);
    await this.look();
    const facts = this.#gathering?.generation === generation ? this.#gathering.counts.facts() : null;
    return this.#alarms.facts(evidence.map(({ check }) => check), facts, nowUs);
  }

  /** Asks the twin what its time allows; call it a few times a second. Never rejects. */
  async look(): Promise<void> {
    const nowUs = this.#ports.clock.monotonicUs();
    const passedUs = nowUs - this.#lookedUs;
    this.#lookedUs = nowUs;
    const gathering = this.#current();
    if (gathering === null) return;
    const { isAlarmed } = this;
    const share = isAlarmed ? ALARM_SHARE : this.#ports.isOnProbation() ? PROBATION_SHARE : STEADY_SHARE;
    this.#savedUs = Math.min(SAVED_US_MAX, this.#savedUs + passedUs * share * gathering.active.workers);
    takeRows(gathering, isAlarmed ? WAITING_IN_ALARM_MAX : WAITING_MAX);
    if (this.#isAsking) return;
    this.#isAsking = true;
    let paired = 0;
    try {
      while (this.#savedUs > 0 && gathering === this.#gathering && gathering.waiting.length > 0) {
        paired += await this.#ask(gathering);
      }
    } catch {
      // The twin is on its way out, or its worker was lost: another one follows, or none.
    } finally {
      this.#isAsking = false;
    }
    if (paired > 0 && gathering === this.#gathering) this.#ports.onPairs(paired, this.standing!);
  }

  // The pair that can be compared now: a new one when either has changed.
  #current(): Gathering | null {
    const active = this.#ports.active();
    const twin = this.#ports.twin();
    const known = this.#gathering;
    if (active === null || twin === undefined || twin === active.deployment) return (this.#gathering = null);
    if (known?.generation === active.generation && known.active === active.deployment && known.twin === twin) {
      return known;
    }
    return (this.#gathering = this.#begin(active, twin));
  }

  #begin({ deployment: active, generation }: ActiveVersion, twin: Deployment): Gathering | null {
    const { rows: { reservoir }, workers, version } = active;
    const isAlike = isSameInput(version.signature, twin.version.signature) &&
      outputDifference(version, twin.version) === null && judgedOutputOf(version).output !== null;
    if (reservoir === null || !isAlike) return null;
    const { version: name, outputKind: kind } = version;
    this.#savedUs = 0;
    this.#ports.onBegin(version, twin.version);
    this.#ports.onAnswers?.({ generation, twin: twin.version.version, ranUs: 0 }, [], []);
    return {
      generation, active, twin, waiting: [],
      readers: Array.from({ length: workers }, (_, ring) =>
        new RowReader(reservoir.memory, rowRingOffset(ring, reservoir.size), reservoir.size)),
      counts: new PairCounts({
        version: name, twin: twin.version.version, kind,
        sigma: this.#ports.referenceOf(name)?.standardDeviation ?? null,
      }),
      sizes: new SizeLimit(this.#ports.referenceOf(twin.version.version), this.#ports.referenceOf(name)),
    };
  }

  // How many pairs have come of it.
  async #ask(gathering: Gathering): Promise<number> {
    const { twin, waiting, counts, active, sizes } = gathering;
    const rows = waiting.splice(0, REPLAY_ROWS);
    const inputs = rows.map((row) => row.inputs);
    const { answers, ranUs } = await replayRows(twin, inputs, this.#ports.clock.monotonicUs());
    this.#savedUs -= ranUs;
    if (gathering !== this.#gathering) return 0;
    this.#ports.onAnswers?.({ generation: gathering.generation, twin: twin.version.version, ranUs }, rows, answers);
    const reading = { kind: active.version.outputKind, width: stepElementsOf(active.version) };
    let paired = 0;
    answers.forEach((answer, at) => {
      const pair = pairOf(reading, rows[at]!, answer, sizes.max);
      sizes.note(pair);
      if (counts.add(pair)) paired += 1;
      this.#alarms.add(pair);
    });
    return paired;
  }
}

// Rows of the generation that came in since the last look; their arrays become the gathering's own.
function takeRows(gathering: Gathering, waitingMax: number): void {
  const { readers, waiting, generation } = gathering;
  for (const reader of readers) {
    reader.drain((row) => {
      // A row that came too late says nothing of the answer.
      const isOfVersion = speaksOfVersion(row.outcome as Outcome) && row.outcome !== Outcome.deadline;
      if (row.generation !== generation || !isOfVersion || row.inputs.length === 0) return;
      waiting.push({ ...row, outputs: row.outputs.slice(), inputs: row.inputs.slice() });
    });
  }
  let bytes = waiting.reduce((sum, { outputs, inputs }) => sum + outputs.byteLength + inputs.length, 0);
  while (waiting.length > waitingMax || bytes > WAITING_BYTES_MAX) {
    const { outputs, inputs } = waiting.shift()!;
    bytes -= outputs.byteLength + inputs.length;
  }
}
