// How one generation is judged: by the plain checks of compat over the last requests, or by the suite. Monitor thread,
// and whoever runs recorded samples; time is an argument. Both take the same samples and answer in the same form.
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline } from '../../registry/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { Outcome, SampleKind, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import type { CheckEffect, JudgePhase } from '../types/check-kinds.ts';
import { effectOf } from '../types/check-kinds.ts';
import { COMPAT_CHECKS, driftSigmas, errorRate, p95LatencyMs, runChecks } from './compat.ts';
import type { CheckName, CheckResult, HourCounts } from '../types/messages.ts';
import type { InputRow, InputsKept } from '../window/input-counts.ts';
import { Suite } from './suite.ts';
import { CompatWindow } from '../window/compat-window.ts';

/** What one look at a generation says. */
export interface JudgedLook {
  readonly checks: readonly CheckResult[];
  /** The failing ones among them; costs much less than all of them with their sentences. */
  readonly failing: readonly CheckResult[];
  /** The suite's name and the numbers that its checks were decided from, as plain data. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** What people see, judged or not. */
  readonly windowSamples: number;
  readonly p95LatencyMs: number | null;
  readonly errorRate: number | null;
  readonly predictionDrift: number | null;
  /** Counts of the last hour; null for compat. */
  readonly lastHour: HourCounts | null;
}

export interface GenerationJudge {
  /** Adds one sample; samples come in the order of their time. */
  add(sample: Readonly<Sample>): void;
  /** Adds one row of inputs. */
  addInputs(row: InputRow): void;
  /** Tells whether rows of inputs come in from now on; until then none do. */
  keepInputs(kept: InputsKept): void;
  setBaseline(baseline: Baseline | null): void;
  /** Judges what is held at `nowUs`; `p95Ms` is the p95 latency of the last minute, for people. */
  look(nowUs: number, phase: JudgePhase, p95Ms: number | null): JudgedLook;
}

/** The judge that the options ask for; observe judges like default and leaves the acting out. */
export function judgeOf(options: JudgeOptions, baseline: Baseline | null): GenerationJudge {
  return options.mode === 'compat' ? new CompatJudge(options, baseline) : new SuiteJudge(options, baseline);
}

class SuiteJudge implements GenerationJudge {
  readonly #suite: Suite;

  constructor(options: JudgeOptions, baseline: Baseline | null) {
    this.#suite = new Suite(options, baseline);
  }

  add(sample: Readonly<Sample>): void {
    this.#suite.add(sample);
  }

  addInputs(row: InputRow): void {
    this.#suite.addInputs(row);
  }

  keepInputs(kept: InputsKept): void {
    this.#suite.keepInputs(kept);
  }

  setBaseline(baseline: Baseline | null): void {
    this.#suite.setBaseline(baseline);
  }

  look(nowUs: number, phase: JudgePhase, p95Ms: number | null): JudgedLook {
    const look = this.#suite.look(nowUs, phase, p95Ms);
    const { requests, errorRate: rate, driftSigmas: sigmas, lastHour } = this.#suite.view();
    return {
      get checks() { return look.checks; },
      get failing() { return look.failing; },
      evidence: { suite: 'default', inputs: look.evidence }, windowSamples: requests,
      p95LatencyMs: p95Ms, errorRate: rate, predictionDrift: sigmas, lastHour,
    };
  }
}

class CompatJudge implements GenerationJudge {
  readonly #options: JudgeOptions;
  readonly #window: CompatWindow;
  #baseline: Baseline | null;

  constructor(options: JudgeOptions, baseline: Baseline | null) {
    this.#options = options;
    this.#baseline = baseline;
    this.#window = new CompatWindow(options.windowSamples);
  }

  add({ kind, outcome, latencyUs, atUs, value }: Readonly<Sample>): void {
    if (kind === SampleKind.request && speaksOfVersion(outcome)) {
      this.#window.addRequest(latencyUs, outcome === Outcome.modelFailure || outcome === Outcome.deadline, atUs);
    }
    // A prediction speaks for the model only if the model gave the whole answer.
    if (outcome === Outcome.ok && Number.isFinite(value)) this.#window.addPrediction(value);
  }

  // Three checks of the answers, as plain as they come: inputs are none of their business.
  addInputs(): void { /* not judged */ }
  keepInputs(): void { /* not judged */ }

  setBaseline(baseline: Baseline | null): void {
    this.#baseline = baseline;
  }

  look(nowUs: number, phase: JudgePhase): JudgedLook {
    const options = this.#options;
    const baseline = this.#baseline;
    const window = this.#window.view();
    const effects = Object.fromEntries(
      Object.keys(COMPAT_CHECKS)
        .map((name) => name as CheckName)
        .filter((name) => options.checks[name].mode !== 'off')
        .map((name) => [name, effectOf(name, options, phase)]),
    ) as Partial<Record<CheckName, CheckEffect>>;
    const agoMs = (us: number | null): number | null => (us === null ? null : Math.round((nowUs - us) / 1_000));
    const { p95LimitMs, errorRateLimit, driftSigmaLimit, samplesMin, predictionsMin, windowSamples } = options;
    const checks = runChecks({ window, limits: options, baseline, effects });
    return {
      checks,
      failing: checks.filter(({ verdict }) => verdict === 'fail'),
      evidence: {
        suite: 'compat',
        window: {
          requests: window.latenciesUs.length,
          oldestAgoMs: agoMs(window.firstUs),
          newestAgoMs: agoMs(window.lastUs),
          errors: window.errors,
          latenciesMs: window.latenciesUs.map((us) => us / 1_000),
          predictions: window.predictions,
        },
        limits: { p95LimitMs, errorRateLimit, driftSigmaLimit, samplesMin, predictionsMin, windowSamples },
        baseline: baseline === null ? null : {
          mean: baseline.mean,
          standardDeviation: baseline.standardDeviation,
          rows: baseline.rows,
          source: baseline.source,
        },
        effects,
      },
      windowSamples: window.latenciesUs.length,
      // People see what was measured, also while it is too little to be judged.
      p95LatencyMs: p95LatencyMs(window.latenciesUs),
      errorRate: errorRate(window),
      predictionDrift: driftSigmas(window.predictions, baseline),
      lastHour: null,
    };
  }
}
