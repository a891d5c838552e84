// One model as the monitor sees it: its rings, the generation that is judged, and at most one newer generation that
// already answers but whose `watch` command has not come in yet. Monitor thread. Pure but for the rings.
//
//   sample.generation == watched            counts
//   sample.generation  > newest ever watched  held for the coming `watch`; of two such generations only the newer one,
//                                             because the older one is superseded before it was ever judged
//   anything else                           late: counted as such, and nowhere else
import type { SampleMeter } from '../../metrics/sample-meter.ts';
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import type { JudgePhase } from '../types/check-kinds.ts';
import type { AttachRings, HealthReport, MonitorReport, WatchGeneration } from '../types/messages.ts';
import { GenerationState } from './generation.ts';
import type { GenerationJudge, JudgedLook } from '../checks/generation-judge.ts';
import { InputFeed } from '../window/input-feed.ts';
import { drainInOrder, RingGroup } from '../window/ring-merge.ts';
import type { InputsKept } from '../window/input-counts.ts';
import type { TrafficCounter } from './traffic-counter.ts';
import { verdictOf, violationsOf, warningsOf } from '../verdict/verdict.ts';

/** The generation that is judged, with what its `watch` command said. */
interface Watched {
  readonly state: GenerationState;
  readonly version: string;
  readonly options: JudgeOptions;
  readonly judge: GenerationJudge;
  phase: JudgePhase;
  look: number;
  nextLookUs: number;
  failingSince: { readonly look: number; readonly atUs: number } | null;
}

export class ModelWatch {
  readonly #model: string;
  readonly #meter: SampleMeter;
  readonly #traffic: TrafficCounter | null;
  readonly #groups = new Map<number, RingGroup>();
  readonly #feeds = new Map<number, InputFeed>();
  #watched: Watched | null = null;
  #held: GenerationState | null = null;
  /** Generations up to this one were watched once: their samples are never held. */
  #newestWatched = 0;
  #lateSamples = 0;
  /** Lapped samples of rings that are gone. */
  #lappedBefore = 0;
  #nowUs = 0;

  /** `traffic` counts for the timeline; null where nobody keeps one. */
  constructor(model: string, meter: SampleMeter, traffic: TrafficCounter | null = null) {
    this.#model = model;
    this.#meter = meter;
    this.#traffic = traffic;
  }

  get generation(): number | null {
    return this.#watched?.state.generation ?? null;
  }
  /** Samples that came in for a generation that was not judged (any more). */
  get lateSamples(): number {
    return this.#lateSamples;
  }
  get lapped(): number {
    let lapped = this.#lappedBefore;
    for (const group of this.#groups.values()) lapped += group.lapped;
    return lapped;
  }
  get hasRings(): boolean {
    return this.#groups.size > 0;
  }
  /** When the next look is due; Infinity while nothing is watched. */
  get nextLookUs(): number {
    return this.#watched?.nextLookUs ?? Infinity;
  }

  /** Reads these rings from now on; a deployment that is attached already stays as it is. */
  attach({ deploymentId, memory, rings, capacity, version, inputs = null }: AttachRings): void {
    if (this.#groups.has(deploymentId)) return;
    if (inputs !== null) this.#feeds.set(deploymentId, new InputFeed(inputs, rings));
    this.#groups.set(deploymentId, new RingGroup(memory, rings, capacity, version));
  }

  /** Reads a deployment's rings a last time and forgets them. */
  detach(deploymentId: number, nowUs: number): void {
    const group = this.#groups.get(deploymentId);
    if (group === undefined) return;
    this.drain(nowUs, [group]);
    this.#lappedBefore += group.lapped;
    this.#groups.delete(deploymentId);
    this.#feeds.delete(deploymentId);
  }

  /** Judges the command's generation from now on: with what was held for it, or from nothing. */
  watch(command: WatchGeneration, nowUs: number): void {
    const { generation, version, options, baseline } = command;
    let state: GenerationState | null = null;
    if (this.#held !== null && this.#held.generation <= generation) {
      if (this.#held.generation === generation) state = this.#held;
      else this.#lateSamples += this.#held.samples;
      this.#held = null;
    }
    state ??= new GenerationState(generation);
    const judge = state.judgeBy(options, baseline);
    const nextLookUs = nowUs + options.lookMs * 1_000;
    this.#watched = { state, version, options, judge, phase: 'probation', look: 0, nextLookUs, failingSince: null };
    this.#newestWatched = Math.max(this.#newestWatched, generation);
  }

  /** Judges nothing from now on; what comes in for generations up to the last one is late. */
  unwatch(): void {
    this.#watched = null;
    this.#lateSamples += this.#held?.samples ?? 0;
    this.#held = null;
  }

  /** Replaces the baseline if `generation` is the one that is judged. */
  setBaseline(generation: number, baseline: Baseline | null): void {
    if (this.#watched?.state.generation === generation) this.#watched.judge.setBaseline(baseline);
  }

  /** Judges `generation` as its phase asks for from now on, if it is the one that is judged. */
  setPhase(generation: number, phase: JudgePhase): void {
    if (this.#watched?.state.generation === generation) this.#watched.phase = phase;
  }

  /** Takes in all samples that wait in `groups`, by default in all rings, and returns how many. */
  drain(nowUs: number, groups: Iterable<RingGroup> = this.#groups.values()): number {
    this.#nowUs = nowUs;
    this.#watched?.state.latency.advance(nowUs);
    this.#held?.latency.advance(nowUs);
    return drainInOrder(groups, this.#visit);
  }

  readonly #visit = (sample: Readonly<Sample>, version: string | null): void => {
    const { generation } = sample;
    const answered = version ?? this.#versionOf(generation);
    this.#meter.add(sample, answered);
    this.#traffic?.add(this.#model, answered, sample);
    if (generation === this.#watched?.state.generation) this.#watched.state.add(sample);
    else if (generation <= this.#newestWatched) this.#lateSamples += 1;
    else this.#hold(sample);
  };

  // Of requests that no worker answered; those of an earlier generation are counted without a version.
  #versionOf(generation: number): string {
    return this.#watched?.state.generation === generation ? this.#watched.version : '';
  }

  #hold(sample: Readonly<Sample>): void {
    const held = this.#held;
    if (held !== null && sample.generation < held.generation) {
      this.#lateSamples += 1;
      return;
    }
    if (held?.generation === sample.generation) {
      held.add(sample);
      return;
    }
    this.#lateSamples += held?.samples ?? 0;
    this.#held = new GenerationState(sample.generation);
    this.#held.latency.advance(this.#nowUs);
    this.#held.add(sample);
  }

  /** Answers a capture: the newest predictions of the judged generation, or none when nothing is judged. */
  capture(request: number): MonitorReport {
    const state = this.#watched?.state;
    const captured = state?.predictions.capture() ?? { values: [], classCounts: [], entropies: [], projections: [] };
    const about = { model: this.#model, generation: this.generation ?? 0 };
    const inputs = state?.inputs.capture() ?? null;
    const forMs = Math.max(0, this.#nowUs - (state?.firstUs ?? this.#nowUs)) / 1_000;
    return { kind: 'captured', request, ...about, forMs, ...captured, inputs };
  }

  /** Judges the window now: a health report, and a verdict when a check fails. Nothing while nothing is watched. */
  look(nowUs: number): MonitorReport[] {
    const watched = this.#watched;
    if (watched === null) return [];
    watched.look += 1;
    const lookUs = watched.options.lookMs * 1_000;
    // A thread that was held up looks once and goes on from now, it does not catch up on missed looks.
    const onTimeUs = watched.nextLookUs + lookUs;
    watched.nextLookUs = onTimeUs > nowUs ? onTimeUs : nowUs + lookUs;
    watched.state.latency.advance(nowUs);
    this.#takeInputs(watched);
    const { state, version, look, phase } = watched;
    const latencyMs = state.latency.quantilesMs();
    const judged = watched.judge.look(nowUs, phase, latencyMs?.p95 ?? null);
    const failing = judged.failing.length > 0;
    watched.failingSince = failing ? (watched.failingSince ?? { look, atUs: nowUs }) : null;
    const health = this.#healthOf(watched, nowUs, judged, latencyMs);
    const verdict = watched.failingSince === null ? null : verdictOf({
      model: this.#model, version, generation: state.generation, look, phase, judged, atUs: nowUs,
      totals: health.totals, lateSamples: this.#lateSamples, failingSince: watched.failingSince,
      firstUs: state.firstUs, firstErrorUs: state.firstErrorUs, exposure: state.exposure?.view(nowUs) ?? null,
    });
    return verdict === null ? [health] : [health, verdict];
  }

  // Rows of inputs are few and wait in their rings, so a look is often enough.
  #takeInputs({ state, judge }: Watched): void {
    let kept: InputsKept = this.#feeds.size === 0 ? 'off' : 'paused';
    for (const feed of this.#feeds.values()) {
      feed.drain(state.generation, (row) => state.addInputs(row));
      if (feed.isOpen) kept = 'on';
    }
    judge.keepInputs(kept);
  }

  #healthOf(
    { state, version }: Watched, nowUs: number, judged: JudgedLook, latencyMs: HealthReport['latencyMs'],
  ): HealthReport {
    const { checks, windowSamples, p95LatencyMs, errorRate, predictionDrift, lastHour } = judged;
    return {
      kind: 'health',
      model: this.#model,
      version,
      generation: state.generation,
      atUs: nowUs,
      checks,
      violations: violationsOf(checks),
      warnings: warningsOf(checks),
      windowSamples,
      totals: state.totals(this.lapped),
      latencyMs,
      p95LatencyMs,
      errorRate,
      predictionDrift,
      lastHour,
    };
  }
}
