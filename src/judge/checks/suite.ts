// The suite of one generation: an observer that takes samples in, and looks that judge what it holds. Monitor thread,
// and whoever runs recorded or simulated samples: time is an argument everywhere.
import { CHECK_NAMES } from '../../options/check-names.ts';
import type { CheckName } from '../../options/check-names.ts';
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../registry/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import type { CheckEffect, JudgePhase } from '../types/check-kinds.ts';
import { CHECK_TABLE, effectOf } from '../types/check-kinds.ts';
import type { CheckResult, HourCounts } from '../types/messages.ts';
import { ANSWER, RATE } from '../baseline/columns.ts';
import { decide, verdictOf } from './decide.ts';
import { KnownDispersion } from '../window/dispersion.ts';
import type { DriftLook } from './drift-looks.ts';
import {
  answersWindows, classMix, confidence, INPUTS_MIN, meanDrift, projections, repeats, shape, spread,
} from './drift-looks.ts';
import type { CheckEvidence } from './evidence.ts';
import type { InputRow, InputsKept } from '../window/input-counts.ts';
import { inputDrift, inputWindows } from './input-look.ts';
import { SuiteObserver } from '../window/observer.ts';
import { errorRate, hardFailure, nonFinite, p95Latency } from './rate-looks.ts';
import { referenceOf } from '../baseline/reference.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import { Streaks } from '../window/streaks.ts';

/** One look's results, in the order of the checks, with what each was decided from. */
export class SuiteLook {
  readonly evidence: readonly CheckEvidence[];
  #checks: readonly CheckResult[] | null = null;
  #failing: readonly CheckResult[] | null = null;

  constructor(evidence: readonly CheckEvidence[]) {
    this.evidence = evidence;
  }

  /** Every result with its sentence; made when somebody reads them. */
  get checks(): readonly CheckResult[] {
    return (this.#checks ??= this.evidence.map(decide));
  }

  /** The results of the failing checks only. */
  get failing(): readonly CheckResult[] {
    return (this.#failing ??= this.evidence.filter((one) => verdictOf(one) === 'fail').map(decide));
  }
}

/** The window of an hour, in short ones and by its number. */
const HOUR_WINDOWS = 60;
const HOUR = WINDOW_FACTORS.indexOf(HOUR_WINDOWS);

/** A look that need not be made again while nothing has changed. */
interface KeptLook {
  readonly look: SuiteLook;
  readonly revision: number;
  readonly phase: JudgePhase;
  readonly p95Ms: number | null;
}

/** What people see of the short window; null without samples. */
export interface SuiteView {
  readonly requests: number;
  readonly errorRate: number | null;
  readonly driftSigmas: number | null;
  readonly lastHour: HourCounts;
}

export class Suite {
  readonly #options: JudgeOptions;
  readonly #observer: SuiteObserver;
  readonly #streaks = new Streaks();
  readonly #dispersion = new KnownDispersion();
  readonly #inputDispersion = new KnownDispersion();
  #kept: KeptLook | null = null;

  constructor(options: JudgeOptions, baseline: Baseline | null) {
    this.#options = options;
    this.#observer = new SuiteObserver(options, referenceOf(baseline));
  }

  /** Adds one sample of the generation. */
  add(sample: Readonly<Sample>): void {
    this.#observer.add(sample);
  }

  /** Adds one row of inputs of the generation. */
  addInputs(row: InputRow): void {
    this.#observer.inputsKept = 'on';
    this.#observer.inputs?.add(row);
  }

  /** Tells whether rows of inputs come in from now on. */
  keepInputs(kept: InputsKept): void {
    if (this.#observer.inputsKept !== kept) this.#kept = null;
    this.#observer.inputsKept = kept;
  }

  /** Judges what is held at `nowUs`; `p95Ms` is what people see of the latency. */
  look(nowUs: number, phase: JudgePhase, p95Ms: number | null): SuiteLook {
    this.#observer.advance(nowUs);
    const { revision } = this.#observer;
    const kept = this.#kept;
    // Nothing came and nothing left, and no breach grows older: the look before this one says it all.
    if (kept?.revision === revision && kept.phase === phase && kept.p95Ms === p95Ms && this.#streaks.isEmpty) {
      return kept.look;
    }
    const { reference } = this.#observer;
    const context = { observer: this.#observer, options: this.#options, streaks: this.#streaks, nowUs };
    const windows = reference === null ? [] : answersWindows(context, reference, this.#dispersion);
    const asked = inputWindows(context, this.#inputDispersion);
    const look: DriftLook = { ...context, reference, windows, inputWindows: asked };
    const evidence: CheckEvidence[] = [];
    for (const name of CHECK_NAMES) {
      if (this.#options.checks[name].mode === 'off') continue;
      const built = this.#build(name, look, effectOf(name, this.#options, phase), p95Ms);
      if (built !== null) evidence.push(built);
    }
    const made = new SuiteLook(evidence);
    // How like the slots of a window are to each other changes with the slots, so what was near a breach is asked anew.
    const isSettled = ![...windows, ...asked].some((window) => window.wasNear());
    this.#kept = isSettled ? { look: made, revision, phase, p95Ms } : null;
    return made;
  }

  #build(name: CheckName, look: DriftLook, effect: CheckEffect, p95Ms: number | null): CheckEvidence | null {
    switch (name) {
      case 'hard_failure': return hardFailure(look, effect);
      case 'error_rate': return errorRate(look, effect);
      case 'non_finite': return nonFinite(look, effect);
      case 'p95_latency': return p95Latency(look, effect, p95Ms);
      case 'constant_output': return this.#constantOutput(look, effect);
      case 'mean_drift': return meanDrift(look, effect);
      case 'class_mix': return (look.reference?.classes ?? null) === null ? null : classMix(look, effect);
      case 'shape': return shape(look, effect);
      case 'spread': return spread(look, effect);
      case 'confidence': return (look.reference?.entropy ?? null) === null ? null : confidence(look, effect);
      case 'repeats': return repeats(look, effect);
      case 'projections': return look.reference?.kind === 'vector' ? projections(look, effect) : null;
      case 'input_drift': return inputDrift(look, effect);
    }
  }

  #constantOutput({ observer, options, reference }: DriftLook, effect: CheckEffect): CheckEvidence {
    const inputs = observer.diversity.distinct();
    return {
      check: 'constant_output', effect, run: observer.equalAnswers, runMin: options.checks.constant_output.run,
      inputs: Number.isFinite(inputs) ? inputs : null, inputsMin: INPUTS_MIN,
      inputsKnown: observer.equalInputsKnown,
      baseline: reference === null ? null : { atomShare: reference.atomShare, rows: reference.rows },
    };
  }

  /** Compares answers with another baseline from now on. */
  setBaseline(baseline: Baseline | null): void {
    this.#observer.compareWith(referenceOf(baseline));
    this.#streaks.forget(CHECK_NAMES.filter((name) => ['drift', 'input'].includes(CHECK_TABLE[name].cause)));
    this.#dispersion.forget();
    this.#inputDispersion.forget();
    this.#kept = null;
  }

  /** What the short window says, judged or not. */
  view(): SuiteView {
    const { rates, answers, reference } = this.#observer;
    const requests = rates.total(0, RATE.requests);
    const values = answers?.total(0, ANSWER.values) ?? 0;
    const isMeasured = answers !== null && values > 0 && (reference?.standardDeviation ?? 0) > 0;
    return {
      requests,
      errorRate: requests === 0 ? null : rates.total(0, RATE.errors) / requests,
      driftSigmas: isMeasured ? Math.abs(answers.total(0, ANSWER.meanSum)) / values : null,
      lastHour: {
        windowMs: this.#options.windowMs * HOUR_WINDOWS,
        requests: rates.total(HOUR, RATE.requests), failed: rates.total(HOUR, RATE.errors),
        nonFinite: rates.total(HOUR, RATE.nonFinite),
        timed: rates.total(HOUR, RATE.timed), slow: rates.total(HOUR, RATE.slow),
      },
    };
  }
}
