// From stored evidence back to the verdict: the checks are run on it again, and the findings judged again. Pure.
import { recheck } from '../checks/compat.ts';
import { compatSchema, suiteSchema } from '../checks/evidence-schema.ts';
import { decide } from '../checks/table.ts';
import { findingOf, remaining } from './findings.ts';
import type { Finding } from './findings.ts';
import { findingsSchema } from './findings-schema.ts';
import type { CheckName, CheckResult } from '../types/messages.ts';
import { EVIDENCE_FORMAT, failingOf, reasonText } from './verdict.ts';

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
  return { verdict: trigger === null ? 'pass' : 'fail', trigger, reason: reasonText(left), checks, findings };
}

function checksOf(evidence: Readonly<Record<string, unknown>>): CheckResult[] | null {
  if (evidence['format'] !== EVIDENCE_FORMAT) return null;
  const ofSuite = suiteSchema.safeParse(evidence);
  if (ofSuite.success) return ofSuite.data.inputs.map(decide);
  const ofCompat = compatSchema.safeParse(evidence);
  return ofCompat.success ? recheck(ofCompat.data) : null;
}
