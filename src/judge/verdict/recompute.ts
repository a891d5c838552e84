// From stored evidence back to the verdict: the checks are run on it again, and the findings judged again. Pure.
import { z } from 'zod';
import { CHECK_NAMES } from '../../options/check-names.ts';
import { runChecks } from '../checks/compat.ts';
import { findingOf, remaining } from './findings.ts';
import type { Finding } from './findings.ts';
import { findingsSchema } from './findings-schema.ts';
import type { CheckName, CheckResult } from '../types/messages.ts';
import { decide } from '../checks/decide.ts';
import { evidenceSchema as suiteInputSchema } from '../checks/evidence-schema.ts';
import { EVIDENCE_FORMAT, failingOf, reasonOf } from './verdict.ts';

const compatSchema = z.object({
  format: z.literal(EVIDENCE_FORMAT),
  suite: z.literal('compat'),
  window: z.object({
    errors: z.int().min(0),
    latenciesMs: z.array(z.number().min(0)),
    predictions: z.array(z.number()),
  }),
  limits: z.object({
    p95LimitMs: z.number(),
    errorRateLimit: z.number(),
    driftSigmaLimit: z.number(),
    samplesMin: z.int(),
    predictionsMin: z.int(),
  }),
  baseline: z
    .object({
      mean: z.number(),
      standardDeviation: z.number(),
      rows: z.int(),
      source: z.enum(['validation', 'live']),
    })
    .nullable(),
  effects: z.partialRecord(z.enum(CHECK_NAMES), z.enum(['rollback', 'warn'])).optional(),
});
const suiteSchema = z.object({
  format: z.literal(EVIDENCE_FORMAT),
  suite: z.literal('default'),
  inputs: z.array(suiteInputSchema),
});

/** What the evidence says when the checks are run on it again, and the findings judged again. */
export interface Recomputed {
  readonly verdict: 'pass' | 'fail';
  readonly trigger: CheckName | null;
  /** The same sentence as the verdict's; empty when nothing fails. */
  readonly reason: string;
  readonly checks: readonly CheckResult[];
  /** What was found out about the failing checks before anything was done. */
  readonly findings: readonly Finding[];
}

/** Runs the checks on stored evidence; null when it is not the evidence of a verdict (an operator's decision). */
export function recompute(evidence: Readonly<Record<string, unknown>>): Recomputed | null {
  const checks = checksOf(evidence);
  if (checks === null) return null;
  const findings = findingsSchema.optional().parse(evidence['findings'])?.map(findingOf) ?? [];
  const left = remaining(failingOf(checks), findings);
  const trigger = left[0]?.check ?? null;
  return { verdict: trigger === null ? 'pass' : 'fail', trigger, reason: reasonOf(left), checks, findings };
}

function checksOf(evidence: Readonly<Record<string, unknown>>): CheckResult[] | null {
  const ofSuite = suiteSchema.safeParse(evidence);
  if (ofSuite.success) return ofSuite.data.inputs.map(decide);
  const ofCompat = compatSchema.safeParse(evidence);
  if (!ofCompat.success) return null;
  const { window, limits, baseline, effects } = ofCompat.data;
  const { errors, predictions } = window;
  // Latencies were whole microseconds, so rounding gives back exactly what was judged.
  const latenciesUs = window.latenciesMs.map((ms) => Math.round(ms * 1_000));
  return runChecks({
    window: { latenciesUs, errors, predictions }, limits, baseline, ...(effects === undefined ? {} : { effects }),
  });
}
