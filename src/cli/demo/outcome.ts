// What a demo has to show for it: the report, and whether the promise was kept. Pure. A problem is a sentence that
// names what is wrong; a demo without problems is `ok`.
import { failedOf, totalOf } from './ledger.ts';
import type { Counts } from './ledger.ts';
import type { SeenAnswer } from './messages.ts';

type CheckTrigger = 'mean_drift' | 'p95_latency' | 'error_rate';

/** One act as planned. */
export interface Act {
  /** first: goes live on an empty host; better: is promoted and confirmed; failing: the monitor takes it back. */
  readonly kind: 'first' | 'better' | 'failing';
  readonly version: string;
  readonly story: string;
  /** Of a failing version: the check that must see it. */
  readonly trigger?: CheckTrigger;
}

/** What was seen of a rollback. */
export interface RollbackSeen {
  readonly trigger: string;
  /** Who did it, as the history says. */
  readonly by: string;
  readonly reason: string;
  readonly rolledBackTo: string | null;
  readonly generation: number;
  /** The failing version cannot be chosen again until an operator releases it. */
  readonly quarantined: boolean;
  readonly decision: string;
  /** From the promote to the rollback. */
  readonly afterMs: number;
}

/** One act as it went. */
export interface ActReport {
  readonly kind: Act['kind'];
  readonly version: string;
  readonly from: string | null;
  readonly generation: number;
  /** Since the demo began. */
  readonly promotedAtMs: number;
  /** What the monitor found while the version was good, as sentences; empty for a failing one. */
  readonly checks: readonly string[];
  readonly confirmed: boolean;
  readonly rollback: RollbackSeen | null;
  /** Who answered between promote and rollback. */
  readonly meanwhile: Counts | null;
  /** Why the act ended before its time; null when it did not. */
  readonly failure: string | null;
}

interface DemoCounts {
  readonly sent: number;
  readonly answered: number;
  readonly dropped: number;
  readonly byVersion: Counts;
  readonly rollbacks: { readonly wanted: number; readonly happened: number };
}

export interface DemoReport {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly tookMs: number;
  readonly settings: Readonly<Record<string, number>>;
  readonly acts: readonly ActReport[];
  readonly counts: DemoCounts;
}

/** What the demo has in its hands at the end. */
export interface Findings {
  readonly planned: readonly Act[];
  readonly acts: readonly ActReport[];
  readonly sent: number;
  readonly answered: number;
  readonly unanswered: Readonly<Record<string, number>>;
  readonly byVersion: Counts;
  readonly misplaced: readonly SeenAnswer[];
}

/** Adds up what happened and says what of it breaks the promise. */
export function outcomeOf(findings: Findings): Pick<DemoReport, 'ok' | 'problems' | 'counts'> {
  const { planned, acts, sent, answered, byVersion } = findings;
  const failing = planned.filter(({ kind }) => kind === 'failing');
  const happened = failing.filter((act) => rollbackProblem(act, reportOf(act, acts)) === null).length;
  const counts: DemoCounts = {
    sent, answered,
    dropped: sent - answered,
    byVersion,
    rollbacks: { wanted: failing.length, happened },
  };
  const problems = [...requestProblems(findings), ...planned.flatMap((act) => actProblems(act, reportOf(act, acts)))];
  return { ok: problems.length === 0, problems, counts };
}

const reportOf = ({ version }: Act, acts: readonly ActReport[]): ActReport | undefined =>
  acts.find((report) => report.version === version);

function requestProblems({ planned, sent, answered, unanswered, byVersion, misplaced }: Findings): string[] {
  const problems: string[] = [];
  if (sent === 0) problems.push('no request was sent');
  if (sent !== answered) {
    const reasons = Object.entries(unanswered).map(([reason, count]) => `${count} times ${reason}`).join(', ');
    problems.push(`${sent - answered} of ${sent} requests got no answer: ${reasons || 'for reasons unknown'}`);
  }
  const known = new Map(planned.map((act) => [act.version, act]));
  for (const [version, counts] of Object.entries(byVersion)) {
    const who = version === '' ? 'no version' : `version ${version}`;
    const act = known.get(version);
    if (act === undefined && version !== '') {
      problems.push(`${totalOf(counts)} requests were answered by ${who}, which was never promoted`);
    }
    if (failedOf(counts) === 0) continue;
    const statuses = Object.entries(counts.failed).map(([status, count]) => `${count} with ${status}`).join(', ');
    problems.push(`${failedOf(counts)} requests were refused or failed, answered by ${who}: ${statuses}`);
  }
  if (misplaced.length > 0) {
    const versions = [...new Set(misplaced.map(({ version }) => version))].join(', ');
    const what = `${misplaced.length} answers came from a version that was not active and did not stand by`;
    problems.push(`${what}: ${versions}`);
  }
  return problems;
}

function actProblems(act: Act, report: ActReport | undefined): string[] {
  if (report === undefined) return [`the act of version ${act.version} was not played`];
  const problem = act.kind === 'failing' ? rollbackProblem(act, report) : report.failure;
  if (problem !== null) return [problem];
  return act.kind === 'better' && !report.confirmed ? [`version ${act.version} was not confirmed`] : [];
}

function rollbackProblem({ version, trigger }: Act, report: ActReport | undefined): string | null {
  const rollback = report?.rollback;
  if (report === undefined || rollback === null || rollback === undefined) {
    return `the rollback of version ${version} did not happen${report?.failure ? `: ${report.failure}` : ''}`;
  }
  const what = `the rollback of version ${version}`;
  if (rollback.by !== 'monitor') return `${what} was done by ${rollback.by}, not by the monitor`;
  if (rollback.trigger !== trigger) return `${what} was triggered by ${rollback.trigger}; wanted ${trigger ?? 'none'}`;
  if (rollback.rolledBackTo !== report.from) {
    return `${what} went to version ${rollback.rolledBackTo ?? 'none'}; wanted ${report.from ?? 'none'}`;
  }
  if (!rollback.quarantined) return `${what} left it out of quarantine`;
  return report.failure;
}
