// The suite of one generation: an observer that takes samples in, and looks that run every check on what it holds.
// Monitor thread, and whoever runs recorded or simulated samples: time is an argument everywhere.
import type { CheckName, JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { ANSWER, RATE } from '../baseline/columns.ts';
import { referenceOf } from '../baseline/reference.ts';
import type { JudgePhase } from '../types/check-kinds.ts';
import type { CheckResult, HourCounts } from '../types/messages.ts';
import { answersWindows, inputWindows } from '../window/answers-windows.ts';
import { KnownDispersion } from '../window/dispersion.ts';
import type { InputRow, InputsKept } from '../window/input-counts.ts';
import { SuiteObserver } from '../window/observer.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import { Streaks } from '../window/streaks.ts';
import { type CheckEvidence, isMeasured } from './check.ts';
import { COMPAT_NAMES, CompatJudge } from './compat.ts';
import type { GenerationJudge, JudgedLook } from './generation-judge.ts';
import { CHECKS_IN_ORDER, checkVerdict, decide, effectOf } from './table.ts';

/** The window of an hour, in short ones and by its number. */
const HOUR_WINDOWS = 60;
const HOUR = WINDOW_FACTORS.indexOf(HOUR_WINDOWS);

/** The judge that the options ask for; observe judges like default and leaves the acting out. */
export function judgeOf(options: JudgeOptions, baseline: Baseline | null): GenerationJudge {
  return options.mode === 'compat' ? new CompatJudge(options, baseline) : new Suite(options, baseline);
}

/** The checks that these options let fail. */
export const checksInForce = ({ mode, checks }: JudgeOptions): readonly CheckName[] =>
  (mode === 'compat' ? COMPAT_NAMES : CHECKS_IN_ORDER.map(({ name }) => name))
    .filter((name) => checks[name].mode !== 'off');

/** Results in the order of the checks; made, with their sentences, when somebody reads them. */
class Results {
  readonly evidence: readonly CheckEvidence[];
  #checks: readonly CheckResult[] | null = null;
  #failing: readonly CheckResult[] | null = null;

  constructor(evidence: readonly CheckEvidence[]) {
    this.evidence = evidence;
  }

  get checks(): readonly CheckResult[] {
    return (this.#checks ??= this.evidence.map(decide));
  }

  get failing(): readonly CheckResult[] {
    return (this.#failing ??= this.evidence.filter((one) => checkVerdict(one) === 'fail').map(decide));
  }
}

/** Results that hold while nothing has changed. */
interface KeptResults {
  readonly results: Results;
  readonly revision: number;
  readonly phase: JudgePhase;
  readonly p95Ms: number | null;
}

class Suite implements GenerationJudge {
  readonly #options: JudgeOptions;
  readonly #observer: SuiteObserver;
  readonly #streaks = new Streaks();
  readonly #dispersion = new KnownDispersion();
  readonly #inputDispersion = new KnownDispersion();
  #kept: KeptResults | null = null;

  constructor(options: JudgeOptions, baseline: Baseline | null) {
    this.#options = options;
    this.#observer = new SuiteObserver(options, referenceOf(baseline));
  }

  add(sample: Readonly<Sample>): void {
    this.#observer.add(sample);
  }

  addInputs(row: InputRow): void {
    this.#observer.inputsKept = 'on';
    this.#observer.inputs?.add(row);
  }

  keepInputs(kept: InputsKept): void {
    if (this.#observer.inputsKept !== kept) this.#kept = null;
    this.#observer.inputsKept = kept;
  }

  setBaseline(baseline: Baseline | null): void {
    this.#observer.compareWith(referenceOf(baseline));
    this.#streaks.forget(CHECKS_IN_ORDER.filter(({ counts }) => counts !== 'requests').map(({ name }) => name));
    this.#dispersion.forget();
    this.#inputDispersion.forget();
    this.#kept = null;
  }

  look(nowUs: number, phase: JudgePhase, p95Ms: number | null): JudgedLook {
    this.#observer.advance(nowUs);
    const { revision } = this.#observer;
    const kept = this.#kept;
    // Nothing came and nothing left, and no breach grows older: the look before this one says it all.
    const isSame = kept?.revision === revision && kept.phase === phase && kept.p95Ms === p95Ms && this.#streaks.isEmpty;
    const results = isSame ? kept.results : this.#evaluate(nowUs, phase, p95Ms);
    const { rates, answers, reference } = this.#observer;
    const requests = rates.total(0, RATE.requests);
    const values = answers?.total(0, ANSWER.values) ?? 0;
    const hasDrift = answers !== null && values > 0 && isMeasured(reference) && (reference?.standardDeviation ?? 0) > 0;
    return {
      get checks() { return results.checks; },
      get failing() { return results.failing; },
      evidence: { suite: 'default', inputs: results.evidence },
      // What people see of the short window, judged or not.
      windowSamples: requests, p95LatencyMs: p95Ms,
      errorRate: requests === 0 ? null : rates.total(0, RATE.errors) / requests,
      predictionDrift: hasDrift ? Math.abs(answers.total(0, ANSWER.meanSum)) / values : null,
      lastHour: this.#lastHour(),
    };
  }

  #evaluate(nowUs: number, phase: JudgePhase, p95Ms: number | null): Results {
    const [observer, options] = [this.#observer, this.#options];
    const { reference, revision } = observer;
    const windows = answersWindows(observer, reference, options, this.#dispersion);
    const asked = inputWindows(observer, options, this.#inputDispersion);
    const evaluation = {
      observer, options, streaks: this.#streaks, nowUs, reference, windows, inputWindows: asked, p95Ms,
    };
    const results = new Results(CHECKS_IN_ORDER
      .filter(({ name, concerns }) => options.checks[name].mode !== 'off' && concerns(reference))
      .map(({ name, evaluate }) => evaluate(evaluation, effectOf(name, options, phase))));
    // How like the slots of a window are to each other changes with the slots, so what was near a breach is asked anew.
    const isSettled = ![...windows, ...asked].some((window) => window.wasNear());
    this.#kept = isSettled ? { results, revision, phase, p95Ms } : null;
    return results;
  }

  #lastHour(): HourCounts {
    const { rates } = this.#observer;
    return {
      windowMs: this.#options.windowMs * HOUR_WINDOWS,
      requests: rates.total(HOUR, RATE.requests), failed: rates.total(HOUR, RATE.errors),
      nonFinite: rates.total(HOUR, RATE.nonFinite),
      timed: rates.total(HOUR, RATE.timed), slow: rates.total(HOUR, RATE.slow),
    };
  }
}
