// What a backtest tells: one decision per change of a check's verdict, with what it was decided from. Pure.
import { CHECKS } from '../judge/checks/table.ts';
import type { JudgePhase } from '../judge/types/check-kinds.ts';
import type { JudgedLook } from '../judge/checks/generation-judge.ts';
import type { Finding } from '../judge/verdict/findings.ts';
import type { CheckName, CheckResult, GenerationTotals } from '../judge/types/messages.ts';
import type { OutputKind } from '../domain/records.ts';

export interface BacktestDecision {
  /** Milliseconds of the recorded clock. */
  readonly t: number;
  readonly model: string;
  readonly version: string;
  /** pairs: the version before answers the same questions differently. */
  readonly check: CheckName | 'pairs';
  readonly verdict: CheckResult['verdict'];
  /** suppressed: it asks for a rollback, and evidence.suppressedBy says why there would have been none. */
  readonly action: 'rollback' | 'warn' | 'none' | 'suppressed';
  readonly evidence: Readonly<Record<string, unknown>>;
}

interface DecisionContext {
  readonly generation: number;
  readonly phase: JudgePhase;
  /** How the outputs were read; null before the first. */
  readonly kind: OutputKind | null;
  readonly suppressedBy: string | null;
  /** Who is to blame: by pairs, or, of a drift, by inputs and models; without either nobody can tell. */
  readonly attribution: Finding | 'unavailable' | null;
  /** Rows of the baseline. */
  readonly rows: number | null;
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly totals: GenerationTotals;
}

export const isDrift = (check: CheckName): boolean => CHECKS[check].cause === 'drift';

/** The numbers that one check was decided from, with the sentence that it says. */
export function evidenceOf(
  look: JudgedLook, { check, value, limit, samples, samplesMin, effect, text }: CheckResult, context: DecisionContext,
): Record<string, unknown> {
  const { suppressedBy, attribution, generation, phase, kind, rows, sinceMs, nowMs, totals } = context;
  const { requests, modelFailures, nonFinite } = totals;
  return {
    text, value, limit, samples, samplesMin, effect, phase, generation,
    outputKind: kind, baselineRows: rows, servedMs: nowMs - sinceMs,
    totals: { requests, failed: modelFailures, nonFinite },
    ...(suppressedBy === null ? {} : { suppressedBy }),
    ...attributionOf(attribution),
    ...decidedFrom(look.evidence, check),
  };
}

function attributionOf(attribution: DecisionContext['attribution']): Record<string, unknown> {
  if (attribution === null) return {};
  if (attribution === 'unavailable') return { attribution };
  const isKnown = !('unavailable' in attribution.facts);
  return { attribution: isKnown ? attribution.blames : 'unavailable', finding: attribution };
}

// Of the suite, what this check counted; of compat, the window without its hundreds of single values.
function decidedFrom(evidence: Readonly<Record<string, unknown>>, check: CheckName): Record<string, unknown> {
  const { suite, inputs, limits, window, baseline } = evidence;
  if (Array.isArray(inputs)) {
    const input = (inputs as readonly { readonly check: CheckName }[]).find((one) => one.check === check);
    return { suite, input };
  }
  const { requests, errors, oldestAgoMs, newestAgoMs } = window as Record<string, unknown>;
  return { suite, limits, baseline, window: { requests, errors, oldestAgoMs, newestAgoMs } };
}
