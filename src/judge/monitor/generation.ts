// Everything the monitor knows of one generation of one model: its judge, its totals, its latencies for people, its
// newest predictions. Monitor thread. A generation that answers before it is known how to judge it keeps its first
// samples for the judge. Invariant: only samples that carry this generation's number are added.
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { Outcome, SampleKind } from '../../shared-memory/sample-ring.ts';
import { Exposure } from '../verdict/exposure.ts';
import type { GenerationJudge } from '../checks/generation-judge.ts';
import { judgeOf } from '../checks/suite.ts';
import { InputStore } from '../window/input-store.ts';
import { LatencyView } from '../window/latency-view.ts';
import type { GenerationTotals } from '../types/messages.ts';
import { PredictionStore } from '../window/prediction-store.ts';
import type { InputRow } from '../window/input-counts.ts';

/** Samples that are kept until it is known how to judge them; the judge does not see those beyond. */
const KEPT_SAMPLES_MAX = 4_096;

export class GenerationState {
  readonly generation: number;
  readonly latency = new LatencyView();
  readonly predictions = new PredictionStore();
  readonly inputs = new InputStore();
  #judge: GenerationJudge | null = null;
  #exposure: Exposure | null = null;
  #kept: Sample[] = [];
  #samples = 0;
  readonly #totals = {
    requests: 0, ok: 0, clientFaults: 0, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0, deadlines: 0,
    predictions: 0,
  };
  /** When the first request failed, by the sample's own time; null while none has. */
  #firstErrorUs: number | null = null;
  #firstUs: number | null = null;

  constructor(generation: number) {
    this.generation = generation;
  }

  /** What judges the generation; null until `judgeBy`. */
  get judge(): GenerationJudge | null {
    return this.#judge;
  }
  /** What it did to its clients; null until `judgeBy`, when what was kept counts too. */
  get exposure(): Exposure | null {
    return this.#exposure;
  }
  /** When its first request was answered. */
  get firstUs(): number | null {
    return this.#firstUs;
  }
  get firstErrorUs(): number | null {
    return this.#firstErrorUs;
  }

  /** All samples added: requests and further rows. */
  get samples(): number {
    return this.#samples;
  }

  /** The totals, with the model's lapped samples put in. */
  totals(lapped: number): GenerationTotals {
    return { ...this.#totals, lapped };
  }

  /** From now on the generation is judged like this, what came in before included. */
  judgeBy(options: JudgeOptions, baseline: Baseline | null): GenerationJudge {
    this.#judge = judgeOf(options, baseline);
    this.#exposure = new Exposure(options);
    for (const sample of this.#kept) {
      this.#judge.add(sample);
      this.#exposure.add(sample);
    }
    this.#kept = [];
    return this.#judge;
  }

  /** Counts one sample: a request with its first row's prediction, or one more row's prediction. */
  add(sample: Readonly<Sample>): void {
    this.#samples += 1;
    this.#firstUs ??= sample.atUs;
    if (this.#judge !== null) this.#judge.add(sample);
    else this.#keep(sample);
    this.#exposure?.add(sample);
    if (sample.kind === SampleKind.request) this.#addRequest(sample);
    // A prediction speaks for the model only if the model gave the whole answer.
    if (sample.outcome !== Outcome.ok || !Number.isFinite(sample.value)) return;
    this.#totals.predictions += 1;
    this.predictions.add(sample);
  }

  /** Takes in one row of inputs. */
  addInputs(row: InputRow): void {
    this.#judge?.addInputs(row);
    this.inputs.add(row);
  }

  #keep(sample: Readonly<Sample>): void {
    if (this.#kept.length >= KEPT_SAMPLES_MAX) return;
    this.#kept.push({ ...sample });
  }

  #addRequest(sample: Readonly<Sample>): void {
    this.#totals.requests += 1;
    // Of a request that expired in the queue the version knows nothing: it may have waited for the one before.
    if (sample.outcome === Outcome.clientFault || sample.outcome === Outcome.expired) {
      if (sample.outcome === Outcome.clientFault) this.#totals.clientFaults += 1;
      return;
    }
    if (sample.outcome === Outcome.ok) this.#totals.ok += 1;
    else if (sample.outcome === Outcome.nonFinite) this.#totals.nonFinite += 1;
    else if (sample.outcome === Outcome.nonFiniteInput) this.#totals.nonFiniteInputs += 1;
    else if (sample.outcome === Outcome.modelFailure) this.#totals.modelFailures += 1;
    else this.#totals.deadlines += 1;
    const failed = sample.outcome === Outcome.modelFailure || sample.outcome === Outcome.deadline;
    if (failed) this.#firstErrorUs ??= sample.atUs;
    this.latency.record(sample.latencyUs);
  }
}
