// What was found out about failing checks before anything was done about them. Pure. A failure, or an answer that is
// none, may be due to what was asked, a latency to the host and a drift to the data, so all are looked into first, and
// a check whose cause lies elsewhere is set aside.
import type { z } from 'zod';
import { judgeConstant, judgeFailures } from './asked-again.ts';
import { judgeAttribution } from './attribution.ts';
import type { Blame, CheckCause, Judged } from '../types/check-kinds.ts';
import { CHECKS } from '../checks/table.ts';
import type { findingSchema } from './findings-schema.ts';
import { judgeHost } from './host.ts';
import { judgePairedChanges, judgePairedFailures } from './paired.ts';
import type { CheckResult, Verdict } from '../types/messages.ts';

/** The causes that are looked into. */
export type UncertainCause = z.infer<typeof findingSchema>['cause'];
/** A finding with the facts that it was judged from, as plain data. */
export type Finding = z.infer<typeof findingSchema> & Judged;

/** Judges facts, just gathered or stored long ago. */
export function findingOf(about: z.infer<typeof findingSchema>): Finding {
  return { ...about, ...judge(about) };
}

function judge(about: z.infer<typeof findingSchema>): Judged {
  switch (about.cause) {
    case 'latency': return judgeHost(about.facts);
    case 'drift':
      return 'paired' in about.facts ? judgePairedChanges('drift', about.facts) : judgeAttribution(about.facts);
    case 'constant':
      return 'paired' in about.facts ? judgePairedChanges('constant', about.facts) : judgeConstant(about.facts);
    default:
      return 'paired' in about.facts
        ? judgePairedFailures(about.cause, about.facts)
        : judgeFailures(about.facts);
  }
}

// Inputs that moved only ever warn, so nobody looks into them.
const isUncertain = (cause: CheckCause): cause is UncertainCause => cause !== 'input';

/** Looked into whatever else keeps the machine from acting, because these mark a version as one that failed. */
export const isFailure = (cause: CheckCause): boolean =>
  cause === 'failure' || cause === 'output' || cause === 'constant';

/** The failing checks whose cause was not found to lie elsewhere; all of them when nothing would be left. */
export function remaining<C extends Pick<CheckResult, 'check'>>(
  failing: readonly C[], findings: readonly Finding[],
): readonly C[] {
  const left = failing.filter(({ check }) => !isElsewhere(CHECKS[check].cause, findings));
  return left.length > 0 ? left : failing;
}

const isElsewhere = (cause: CheckCause, findings: readonly Finding[]): boolean =>
  findings.some((finding) => finding.cause === cause && finding.blames !== 'version');

/** What to do about a verdict as far as it is known. */
export type Conclusion =
  /** This cause has to be looked into first. */
  | { readonly kind: 'look'; readonly cause: UncertainCause }
  | { readonly kind: 'act' }
  | { readonly kind: 'leave'; readonly blames: Exclude<Blame, 'version'> };

/** Goes through the failing checks in their order: the first that the version has to answer for decides. */
export function conclude({ failing }: Pick<Verdict, 'failing'>, findings: readonly Finding[]): Conclusion {
  const told: Blame[] = [];
  for (const { check } of failing) {
    const { cause } = CHECKS[check];
    if (!isUncertain(cause)) return { kind: 'act' };
    const finding = findings.find((one) => one.cause === cause);
    if (finding === undefined) return { kind: 'look', cause };
    if (finding.blames === 'version') return { kind: 'act' };
    told.push(finding.blames);
  }
  // Of several reasons the first of these is the one that somebody has to look into.
  const inOrder = ['twin', 'pairs', 'one_source', 'inputs', 'data', 'host'] as const;
  const blames = inOrder.find((one) => told.includes(one)) ?? 'unknown';
  return { kind: 'leave', blames };
}

/** The verdict with what was found out: its trigger and reason are those of the checks that are left. */
export function withFindings(verdict: Verdict, findings: readonly Finding[]): Verdict {
  if (findings.length === 0) return verdict;
  const left = remaining(verdict.failing, findings);
  const { check: trigger } = left[0]!;
  return {
    ...verdict, trigger, cause: CHECKS[trigger].cause, reason: left.map(({ text }) => text).join('; '),
    evidence: { ...verdict.evidence, findings },
  };
}
