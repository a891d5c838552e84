// Takes in the samples of one generation for the suite: O(1) each, fixed memory. Monitor thread. Counts into the
// windows, keeps the runs of equal outcomes, and remembers which inputs failed. Invariant: only samples of one
// generation are added, in the order of their time; a prediction counts only when the whole answer was good.
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { Outcome, SampleKind, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import { binOf } from '../statistics/bins.ts';
import { MEAN_PULL_LIMITS, pulled, scoreEntropy, SPREAD_PULL } from '../statistics/distribution.ts';
import { ANSWER, RATE, RATE_COLUMNS } from '../baseline/columns.ts';
import { FrequentAnswers, InputDiversity } from './diversity.ts';
import { FailedInputs } from './failed-inputs.ts';
import type { InputsKept } from './input-counts.ts';
import { InputCounts } from './input-counts.ts';
import type { Reference } from '../baseline/reference.ts';
import { classSlotOf } from '../baseline/reference.ts';
import { SlotWindows } from './slot-windows.ts';

/** Windows of the blocks in which inputs and answers are told apart. */
export const BLOCK_WINDOWS = 5;

/** How many times in a row something happened; `inputs` counts a repeated question once. */
interface Run {
  length: number;
  inputs: number;
}

export class SuiteObserver {
  readonly rates: SlotWindows;
  #reference: Reference | null = null;
  #answers: SlotWindows | null = null;
  #inputs: InputCounts | null = null;
  /** Whether rows of inputs come in at all. */
  inputsKept: InputsKept = 'off';
  readonly failures = new FailedInputs();
  readonly nonFinites = new FailedInputs();
  readonly diversity: InputDiversity;
  frequent: FrequentAnswers = new FrequentAnswers(0);
  readonly errorRun: Run = { length: 0, inputs: 0 };
  readonly nonFiniteRun: Run = { length: 0, inputs: 0 };
  readonly #latencyLimitUs: number;
  readonly #warmupRequests: number;
  readonly #warmupUs: number;
  readonly #meanPull: number;
  #samplesAdded = 0;
  #requestsSeen = 0;
  #isWarm = false;
  #sinceUs: number | null = null;
  #lastFailed = 0;
  #lastNonFinite = 0;
  #lastInput = 0;
  #lastAnswer = 0;
  #equalAnswers = 0;
  #equalInputsKnown = true;

  readonly #windowMs: number;
  readonly #judgesInputs: boolean;

  constructor(options: JudgeOptions, reference: Reference | null) {
    const { windowMs } = options;
    this.#windowMs = windowMs;
    this.#judgesInputs = options.checks.input_drift.mode !== 'off';
    this.rates = new SlotWindows(RATE_COLUMNS, windowMs);
    this.compareWith(reference);
    this.diversity = new InputDiversity(windowMs * BLOCK_WINDOWS);
    this.#latencyLimitUs = options.p95LimitMs * 1_000;
    this.#warmupRequests = options.warmupRequests;
    this.#warmupUs = (windowMs * 1_000) / 2;
    this.#meanPull = options.driftSigmaLimit * MEAN_PULL_LIMITS;
  }

  get reference(): Reference | null {
    return this.#reference;
  }
  /** The windows of answers; null without a baseline. */
  get answers(): SlotWindows | null {
    return this.#answers;
  }

  /** The counts of inputs; null without a baseline of them, or when nobody wants them judged. */
  get inputs(): InputCounts | null {
    return this.#inputs;
  }

  /** Compares answers and inputs with another baseline from now on, in empty windows. */
  compareWith(reference: Reference | null): void {
    this.#reference = reference;
    this.#answers = reference === null ? null : new SlotWindows(reference.layout.count, this.#windowMs);
    const inputs = this.#judgesInputs ? (reference?.inputs ?? null) : null;
    this.#inputs = inputs === null ? null : new InputCounts(inputs, this.#windowMs);
    this.frequent = new FrequentAnswers(this.#windowMs * BLOCK_WINDOWS);
  }

  /** Moves all windows on to `nowUs`. */
  advance(nowUs: number): void {
    this.rates.advance(nowUs);
    this.#answers?.advance(nowUs);
    this.#inputs?.windows.advance(nowUs);
  }

  /** Grows with everything that comes into a window and with everything that leaves one. */
  get revision(): number {
    return this.#samplesAdded + this.rates.changes + (this.#answers?.changes ?? 0) + (this.#inputs?.revision ?? 0);
  }

  /** The warm-up is over: the first requests have been answered, and a while has passed. */
  get isWarm(): boolean {
    return this.#isWarm;
  }

  /** Equal answers in a row, to questions that changed. */
  get equalAnswers(): number {
    return this.#equalAnswers;
  }
  /** Whether the questions of all of them are known. */
  get equalInputsKnown(): boolean {
    return this.#equalInputsKnown;
  }

  /** Adds one sample: a request with its first row's prediction, or one more row's prediction. */
  add(sample: Readonly<Sample>): void {
    const { outcome, input, atUs } = sample;
    this.#samplesAdded += 1;
    if (sample.kind === SampleKind.request) {
      if (!speaksOfVersion(outcome)) return;
      this.rates.advance(atUs);
      this.#addRequest(sample);
    }
    if (outcome !== Outcome.ok || !Number.isFinite(sample.value)) return;
    // A question that was asked a moment ago gets the answer of a moment ago: that is no news about the answers.
    if (input !== 0 && input === this.#lastInput) return;
    this.#lastInput = input;
    this.diversity.add(input, atUs);
    const isEqual = sample.hash === this.#lastAnswer;
    this.#equalAnswers = isEqual ? this.#equalAnswers + 1 : 1;
    this.#equalInputsKnown = input !== 0 && (this.#equalInputsKnown || !isEqual);
    this.#lastAnswer = sample.hash;
    if (this.#reference === null || this.#answers === null) return;
    this.frequent.add(sample.hash, input, atUs);
    this.#answers.advance(atUs);
    this.#addValue(this.#reference, this.#answers.open, sample);
  }

  #addRequest({ outcome, latencyUs, atUs, input }: Readonly<Sample>): void {
    const open = this.rates.open;
    open[RATE.requests]! += 1;
    this.#sinceUs ??= atUs;
    this.#requestsSeen += 1;
    const isLaterOne = this.#requestsSeen > this.#warmupRequests;
    const isLater = atUs - this.#sinceUs >= this.#warmupUs;
    const isSlow = latencyUs > this.#latencyLimitUs;
    if (isLaterOne || isLater) {
      open[RATE.timed]! += 1;
      if (isSlow) open[RATE.slow]! += 1;
    }
    if (isLaterOne && isLater) {
      this.#isWarm = true;
      open[RATE.warmTimed]! += 1;
      if (isSlow) open[RATE.warmSlow]! += 1;
    }
    if (outcome === Outcome.modelFailure || outcome === Outcome.deadline) {
      open[RATE.errors]! += 1;
      this.failures.add(atUs, input);
      this.#lastFailed = lengthen(this.errorRun, input, this.#lastFailed);
      return;
    }
    this.errorRun.length = this.errorRun.inputs = 0;
    open[RATE.answers]! += 1;
    if (outcome === Outcome.nonFinite) {
      open[RATE.nonFinite]! += 1;
      this.nonFinites.add(atUs, input);
      this.#lastNonFinite = lengthen(this.nonFiniteRun, input, this.#lastNonFinite);
    } else {
      this.nonFiniteRun.length = this.nonFiniteRun.inputs = 0;
    }
  }

  #addValue(
    reference: Reference, open: Float64Array, sample: Readonly<Sample>,
  ): void {
    const { value, classIndex, entropy, direction, projection } = sample;
    const { layout, mean, standardDeviation } = reference;
    open[ANSWER.values]! += 1;
    open[layout.values.from + binOf(reference.bins.edges, value)]! += 1;
    if (standardDeviation > 0) {
      const z = (value - mean) / standardDeviation;
      open[ANSWER.meanSum]! += pulled(z, this.#meanPull);
      const near = pulled(z, SPREAD_PULL);
      open[ANSWER.spreadSum]! += near;
      open[ANSWER.spreadSquares]! += near * near;
    }
    if (layout.classes.length > 0) open[layout.classes.from + classSlotOf(reference, value, classIndex)]! += 1;
    const columns = layout.projections[direction];
    if (columns !== undefined && Number.isFinite(projection)) {
      open[columns.from + binOf(reference.projections[direction]!.edges, projection)]! += 1;
    }
    if (reference.entropy === null) return;
    const bits = reference.kind === 'score' ? scoreEntropy(value) : entropy;
    if (!Number.isFinite(bits)) return;
    open[ANSWER.entropies]! += 1;
    open[ANSWER.entropySum]! += bits;
    open[layout.entropies.from + binOf(reference.entropy.bins.edges, bits)]! += 1;
  }
}

function lengthen(run: Run, input: number, last: number): number {
  run.length += 1;
  if (run.length === 1 || input === 0 || input !== last) run.inputs += 1;
  return input;
}
