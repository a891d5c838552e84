// The version before a simulated one: what it answers to the same questions, as often as the engine would ask it, and
// what follows for a failing check. The counts and tests are the engine's; only asking is simulated.
import type { PairedReplay } from '../../src/backtest/paired-replay.ts';
import { PairedReplay as Pairs } from '../../src/backtest/paired-replay.ts';
import { computeBaseline } from '../../src/judge/baseline/baseline.ts';
import { referenceOf } from '../../src/judge/baseline/reference.ts';
import type { JudgedLook } from '../../src/judge/checks/generation-judge.ts';
import { CHECKS } from '../../src/judge/checks/table.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import type { CheckName } from '../../src/judge/types/messages.ts';
import type { Baseline } from '../../src/domain/records.ts';
import { INPUT_PAUSE_US_MAX } from '../../src/options/judge-constants.ts';
import type { JudgeOptions } from '../../src/options/options.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { emptySample, Outcome } from '../../src/shared-memory/sample-ring.ts';
import type { Service } from './laws.ts';
import { lastAnswer } from './laws.ts';
import { Random } from './random.ts';
import type { Stream } from './streams.ts';

/** Questions of the validation set that both versions were asked. */
const KNOWN_ROWS = 256;
const BASELINE_ROWS = 1_000;
/** Between two pairs at most, in an alarm. */
const ALARM_PAUSE_US = 2_000;
/** Failed requests that wait to be asked again. */
const REPEATS_KEPT = 64;
/** Findings are looked for anew after so much. */
const FIND_US = 1e6;
/** What all pairs say is asked after so many. */
const STANDING_PAIRS = 20;

/** One run of the version before, and how often both are timed. */
const USUAL_MS = 20;
const TIMED_RUNS = 5;

interface Found {
  readonly acting: readonly CheckName[];
  readonly atUs: number;
}

export class SimulatedTwin {
  readonly #stream: Stream;
  readonly #pairs: PairedReplay;
  readonly #random: Random;
  readonly #service: Service;
  readonly #scratch: Sample = emptySample();
  #dueUs = 0;
  #unasked = 0;
  /** Answers that are not finite: those that were not drawn before the alarm, which are asked again once. */
  #undrawn = 0;
  #isAlarmed = false;
  #found: Found = { acting: [], atUs: -Infinity };
  #sinceStanding = 0;
  /** The two answer more differently than anybody announced. */
  #isTold = false;
  #overExpectation = false;

  /** `healthy`: what the validation set is of; `served`: what comes in. */
  constructor(
    { healthy, served, baseline, seed }: {
      readonly healthy: Stream; readonly served: Stream; readonly baseline: Baseline; readonly seed: number;
    },
    options: JudgeOptions,
  ) {
    const random = new Random(seed ^ 0x7717);
    const { answers: law } = healthy;
    const twinLaw = served.twinLaw ?? law;
    const other = twinLaw === law ? baseline : computeBaseline(
      Array.from({ length: BASELINE_ROWS }, () => twinLaw.row(random)),
      { output: 'output', kind: twinLaw.kind, source: 'validation', createdAtMs: 0, origin: healthy.name });
    const rows = Array.from({ length: KNOWN_ROWS }, () => law.row(random));
    this.#stream = served;
    this.#random = random;
    this.#service = (served.twinService ?? served.service)();
    this.#pairs = new Pairs({
      generation: 1, version: '2', twin: '1', kind: law.kind, width: 1,
      own: referenceOf(baseline), other: referenceOf(other), windowMs: options.windowMs,
      promoted: {
        baseline: rows,
        twinBaseline: rows.map((row) => [...healthy.twinAnswer?.(row, random, 0) ?? row]),
      },
    });
  }

  /** Told in service, and acted on by nobody. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** Takes in a request that was answered, or failed, before another one comes. */
  add(sample: Readonly<Sample>): void {
    const { atUs, outcome } = sample;
    if (outcome === Outcome.modelFailure && this.#unasked < REPEATS_KEPT) this.#unasked += 1;
    const isDrawn = atUs >= this.#dueUs;
    if (outcome === Outcome.nonFinite && !isDrawn && !this.#isAlarmed) {
      this.#undrawn = Math.min(REPEATS_KEPT, this.#undrawn + 1);
    }
    if (!isDrawn) return;
    this.#dueUs = atUs + (this.#isAlarmed ? ALARM_PAUSE_US : INPUT_PAUSE_US_MAX);
    const isBad = outcome !== Outcome.ok;
    const outputs = outcome === Outcome.ok ? lastAnswer() : [NaN];
    this.#pairs.add({ input: sample.input, atUs, outcome, outputs }, this.#answer(isBad, atUs, outcome));
    this.#sinceStanding += 1;
    if (this.#sinceStanding >= STANDING_PAIRS) this.#look();
  }

  // Null where the version before fails.
  #answer(isBad: boolean, atUs: number, outcome: Outcome): readonly number[] | null {
    const { failures = 'passed', twinAnswer } = this.#stream;
    const row = lastAnswer();
    const right = twinAnswer?.(row, this.#random, atUs) ?? row;
    if (isBad && failures === 'shared') return outcome === Outcome.nonFinite ? [NaN] : null;
    const scratch = this.#scratch;
    scratch.atUs = atUs;
    this.#service(scratch, this.#random);
    if (failures !== 'shared' && scratch.outcome === Outcome.modelFailure) return null;
    return failures !== 'shared' && scratch.outcome === Outcome.nonFinite ? [NaN] : right;
  }

  // Both are timed beside the traffic: what made requests wait in between does not show in a run.
  #timed(): ReturnType<typeof findingOf> {
    const { runMs = USUAL_MS } = this.#stream;
    const timesOf = (ms: number): number[] => Array.from({ length: TIMED_RUNS }, () => ms);
    return findingOf({
      cause: 'latency',
      facts: {
        version: '2', standby: '1', usualMs: USUAL_MS, others: [], stuck: null,
        probes: [{ rows: 1, activeMs: timesOf(runMs), standbyMs: timesOf(USUAL_MS) }],
      },
    });
  }

  #look(): void {
    this.#sinceStanding = 0;
    const { disagrees } = this.#pairs.standing.verdict;
    if (disagrees === null) return;
    if (disagrees.over === null) this.#isTold = true;
    else this.#overExpectation = true;
  }

  // What comes of asking both what raised the alarm of answers that are not finite.
  #before(): Record<'own' | 'shared' | 'passed', number> {
    const { failures = 'passed' } = this.#stream;
    return { own: 0, shared: 0, passed: 0, [failures]: this.#undrawn };
  }

  /** What would be rolled back for at a look with these failing checks. */
  acting(look: JudgedLook, nowUs: number): readonly (CheckName | 'pairs')[] {
    const failing = look.failing.filter(({ effect }) => effect === 'rollback');
    this.#isAlarmed = failing.length > 0;
    if (failing.length === 0) return this.#overExpectation ? ['pairs'] : [];
    if (nowUs - this.#found.atUs >= FIND_US) {
      const asked = this.#unasked;
      this.#unasked = 0;
      const { failures = 'passed' } = this.#stream;
      this.#pairs.repeat({ own: 0, shared: 0, passed: 0, [failures]: asked });
      const acting = failing.filter((check) => {
        const isTimed = CHECKS[check.check].cause === 'latency';
        const finding = isTimed ? this.#timed() : this.#pairs.find(check, failing, look, nowUs, this.#before());
        return finding === null || finding.blames === 'version';
      });
      this.#found = { acting: acting.map(({ check }) => check), atUs: nowUs };
    }
    return this.#found.acting;
  }
}
