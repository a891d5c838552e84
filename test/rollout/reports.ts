// What the monitor says of a generation, made up: a failing verdict by one check, and a report of its health. Pure.
import { CHECKS } from '../../src/judge/checks/table.ts';
import type { CheckName, HealthReport, Verdict } from '../../src/judge/types/messages.ts';

/** Which generation is spoken of. */
export type About = Pick<Verdict, 'model' | 'version' | 'generation'>;

export function verdictOf(about: About, check: CheckName): Verdict {
  const text = `${check} is over its limit`;
  return {
    kind: 'verdict', ...about, verdict: 'fail', trigger: check, effect: 'rollback', cause: CHECKS[check].cause,
    failing: [{ check, verdict: 'fail', effect: 'rollback', value: 1, limit: 0, samples: 20, samplesMin: 20, text }],
    reason: text, evidence: {},
  };
}

/** Of a generation that has served 50 requests. */
export function healthReport(about: About, violations: readonly string[]): HealthReport {
  return {
    kind: 'health', ...about, atUs: 0, checks: [], violations, warnings: [], windowSamples: 0,
    latencyMs: null, p95LatencyMs: null, errorRate: null, predictionDrift: null, lastHour: null,
    totals: {
      requests: 50, ok: 50, clientFaults: 0, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0,
      deadlines: 0, predictions: 0, lapped: 0,
    },
  };
}
