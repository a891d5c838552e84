// What judges one generation, be it the suite or the plain checks of compat. Both take the same samples and answer in
// the same form. Monitor thread, and whoever runs recorded or simulated samples: time is an argument everywhere.
import type { Baseline } from '../../domain/records.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import type { JudgePhase } from '../types/check-kinds.ts';
import type { CheckResult, HourCounts } from '../types/messages.ts';
import type { InputRow, InputsKept } from '../window/input-counts.ts';

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
  /** Compares answers with another baseline from now on. */
  setBaseline(baseline: Baseline | null): void;
  /** Judges what is held at `nowUs`; `p95Ms` is the p95 latency of the last minute, for people. */
  look(nowUs: number, phase: JudgePhase, p95Ms: number | null): JudgedLook;
}
