// Everything the monitor knows of one generation of one model: its window, its totals, its latencies for people, its
// newest predictions. Monitor thread. Invariant: only samples that carry this generation's number are added.
import type { Sample } from '../shared-memory/sample-ring.ts';
import { Outcome, SampleKind } from '../shared-memory/sample-ring.ts';
import { LatencyView } from './latency-view.ts';
import type { GenerationTotals } from './messages.ts';
import { PredictionStore } from './prediction-store.ts';
import { CompatWindow } from './window.ts';

export class GenerationState {
  readonly generation: number;
  readonly latency = new LatencyView();
  readonly predictions = new PredictionStore();
  #window: CompatWindow;
  #samples = 0;
  readonly #totals = {
    requests: 0, ok: 0, clientFaults: 0, modelFailures: 0, nonFinite: 0, deadlines: 0, predictions: 0,
  };
  /** When the first request failed, by the sample's own time; null while none has. */
  #firstErrorUs: number | null = null;

  constructor(generation: number, windowSamples: number) {
    this.generation = generation;
    this.#window = new CompatWindow(windowSamples);
  }

  get window(): CompatWindow {
    return this.#window;
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

  /** Gives the window the size that its options ask for; the newest entries stay. */
  resizeWindow(windowSamples: number): void {
    this.#window = this.#window.resized(windowSamples);
  }

  /** Counts one sample: a request with its first row's prediction, or one more row's prediction. */
  add(sample: Readonly<Sample>): void {
    this.#samples += 1;
    if (sample.kind === SampleKind.request) this.#addRequest(sample);
    // A prediction speaks for the model only if the model gave the whole answer.
    if (sample.outcome !== Outcome.ok || !Number.isFinite(sample.value)) return;
    this.#totals.predictions += 1;
    this.#window.addPrediction(sample.value);
    this.predictions.add(sample.value, sample.classIndex);
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
    else if (sample.outcome === Outcome.modelFailure) this.#totals.modelFailures += 1;
    else this.#totals.deadlines += 1;
    const failed = sample.outcome === Outcome.modelFailure || sample.outcome === Outcome.deadline;
    if (failed) this.#firstErrorUs ??= sample.atUs;
    this.#window.addRequest(sample.latencyUs, failed, sample.atUs);
    this.latency.record(sample.latencyUs);
  }
}
