// What a check is: one module says everything about it, from its limits to its sentence. Types, and what the modules
// share to say the smallest fault that they see. Pure; any thread. The table of all checks is in table.ts.
import type { z } from 'zod';
import type { CheckName, JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Reference } from '../baseline/reference.ts';
import type { PairEvent } from '../pairs/paired-change.ts';
import type { meanLimit, Worth } from '../statistics/chance.ts';
import type { CheckEffect, CheckKind } from '../types/check-kinds.ts';
import type { CheckResult, CheckVerdict } from '../types/messages.ts';
import type { AnswersWindow } from '../window/answers-windows.ts';
import type { SuiteObserver } from '../window/observer.ts';
import type { Streaks } from '../window/streaks.ts';
import type { evidenceSchema } from './evidence-schema.ts';

/** The numbers that one check is decided from. */
export type CheckEvidence = z.infer<typeof evidenceSchema>;
export type EvidenceOf<C extends CheckName> = Extract<CheckEvidence, { check: C }>;

export interface Check<C extends CheckName = CheckName> extends CheckKind {
  readonly name: C;
  /** What it counts, and so what has to come in before it decides anything. */
  readonly counts: 'requests' | 'predictions' | 'inputs';
  /** It looks at the short window only, not at the longer ones. */
  readonly isShort: boolean;
  /** Fewer samples decide nothing; 0 for a run of answers, which is as long as it is. */
  readonly samplesMin: (options: JudgeOptions) => number;
  /** Whether it says anything at all of a version with such answers. */
  readonly concerns: (reference: Reference | null) => boolean;
  /** Why it decides nothing against the reference, whatever comes in; null when it can. */
  readonly unjudged: (reference: Reference | null) => string | null;
  /** Reads what it is decided from out of the windows. Called at looks; not when it does not concern the version. */
  readonly evaluate: (evaluation: Evaluation, effect: CheckEffect) => EvidenceOf<C>;
  /** The verdict without its sentence: most looks need no more. */
  readonly verdictOf: (evidence: EvidenceOf<C>) => CheckVerdict;
  readonly decide: (evidence: EvidenceOf<C>) => CheckResult;
  /** The smallest fault that it tells from chance. */
  readonly detectionLimit: (context: DetectionContext) => DetectionLimit;
  /** What was compared, for people: the worst first; empty when it compares no histograms. */
  readonly histograms: (evidence: EvidenceOf<C>) => readonly ComparedBins[];
  /**
   * What it looks at in pairs from its alarm on, by the alarm's evidence and the baselines of both. Null for what pairs
   * count all the time (failures, answers that are not finite), what is timed in runs of its own, and what never leads
   * to a rollback.
   */
  readonly pairEvent: ((
    evidence: EvidenceOf<C>, reference: Reference | null, twin: Reference | null,
  ) => PairEvent | null) | null;
}

/** What the suite decided a look from, as it lies in the evidence of a verdict; empty for any other evidence. */
export const evidenceOfSuite = ({ suite, inputs }: Readonly<Record<string, unknown>>): readonly CheckEvidence[] =>
  (suite === 'default' && Array.isArray(inputs) ? inputs as CheckEvidence[] : []);

/** One look at one generation. */
export interface Evaluation {
  readonly observer: SuiteObserver;
  readonly options: JudgeOptions;
  readonly streaks: Streaks;
  readonly nowUs: number;
  /** Null without a baseline. */
  readonly reference: Reference | null;
  /** Of the answers. */
  readonly windows: readonly AnswersWindow[];
  /** Of the rows of inputs that were kept. */
  readonly inputWindows: readonly AnswersWindow[];
  /** The p95 latency of the last minute, as people see it. */
  readonly p95Ms: number | null;
}

/** Counts of a window beside those of the baseline, bin by bin. */
export interface ComparedBins {
  readonly title: string;
  readonly names: readonly string[];
  readonly baseline: readonly number[];
  readonly window: readonly number[];
  /** The limit; 0 when the check has none of this kind. */
  readonly psi: number;
  readonly chance: number;
  readonly worth: Worth;
  /** Rows of the baseline. */
  readonly rows: number;
}

/** What detection limits are told for: the limits, the number of samples, and what they are compared with. */
export interface DetectionContext {
  readonly options: JudgeOptions;
  readonly samples: number;
  readonly baseline: Baseline | null;
  readonly reference: Reference | null;
}
/** The smallest fault that is seen, in the check's unit and in words; null when so many samples show none. */
export interface DetectionLimit {
  readonly value: number | null;
  readonly text: string;
}

/** Whether answers have a size that can be compared: labels are names. */
export const isMeasured = (reference: Reference | null): boolean => reference?.kind !== 'labels';

/** Bins that a distribution usually has. */
export const BINS_USUAL = 12;
const HALVINGS = 24;

/** The smallest value from `low` to `high` at which `isSeen` holds, which it does from some value on; null if never. */
export function smallestSeen(low: number, high: number, isSeen: (value: number) => boolean): number | null {
  if (!isSeen(high)) return null;
  let [unseen, seen] = [low, high];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (unseen + seen) / 2;
    if (isSeen(middle)) seen = middle;
    else unseen = middle;
  }
  return seen;
}

/** By what chance explains so many independent samples, against an endless baseline where there is none. */
export const chanceOf = ({ options, samples, reference }: DetectionContext): Parameters<typeof meanLimit>[1] =>
  ({ chance: options.chance, worth: { effective: samples }, rows: reference?.rows ?? Infinity });
