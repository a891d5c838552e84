// The script of the demo as data, and the runner that plays it. Main thread. The runner promotes and confirms as an
// operator would; it never rolls back: that has to come from the monitor, within a deadline.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import type { CheckResult, HealthReport } from '../../judge/types/messages.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import type { Ledger } from './ledger.ts';
import type { Act, ActReport, RollbackSeen } from './outcome.ts';
import { countsText, nameOf } from './screen.ts';
import type { Screen } from './screen.ts';

export const DEMO_MODEL = 'housing';

export const ACTS: readonly Act[] = [
  {
    kind: 'first',
    version: '1',
    story: 'A plain linear model goes live.',
  },
  {
    kind: 'better',
    version: '2',
    story: 'A small neural network that should be closer to the truth replaces it, while the requests go on.',
  },
  {
    kind: 'failing',
    version: 'dollars',
    story: 'The export of the same network answers in dollars instead of 100,000 dollars. It loads, it is fast, its ' +
      'answers are well-formed numbers.',
    trigger: 'mean_drift',
  },
  {
    kind: 'failing',
    version: 'slow',
    story: 'The answers are right, but every run does needless arithmetic.',
    trigger: 'p95_latency',
  },
  {
    kind: 'failing',
    version: 'fragile',
    story: 'The export lost a clamp: on some rows it looks beyond the end of a table, and the run fails. No client ' +
      'sees that: version 2 stands by, loaded, and answers in its stead.',
    trigger: 'error_rate',
  },
];

/** Requests that the monitor must have judged before a version is called good. */
const JUDGED_REQUESTS_MIN = 1_000;
const HEALTHY_DEADLINE_MS = 20_000;
const ROLLBACK_DEADLINE_MS = 20_000;
/** The load process reports several times a second. */
const LEDGER_DEADLINE_MS = 5_000;
const POLL_MS = 20;
/** The share of an act in which the story is read before anything happens. */
const READING_SHARE = 0.25;

/** A promote or a rollback as the engine reported it. */
export interface Activated {
  readonly generation: number;
  readonly atUs: number;
  /** Since the demo began. */
  readonly atMs: number;
  /** The decision behind a rollback; null for a promote. */
  readonly decision: DecisionRecord | null;
}

interface Stage {
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly screen: Screen;
  readonly secondsPerAct: number;
  /** Every generation that began so far; the demo writes it from the engine's events. */
  readonly activations: readonly Activated[];
  /** Called once, when the first version is active. */
  readonly startLoad: () => void;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/** Plays the acts one after the other; ends early after one that failed. */
export async function playActs(stage: Stage, acts: readonly Act[] = ACTS): Promise<ActReport[]> {
  const reports: ActReport[] = [];
  for (const [index, act] of acts.entries()) {
    const beginMs = stage.nowMs();
    stage.screen.blank();
    stage.screen.event(`Act ${index + 1} of ${acts.length}: version ${act.version}. ${act.story}`, 'strong');
    const report = await playAct(stage, act);
    reports.push(report);
    if (report.failure !== null) {
      stage.screen.event(`The demo ends here: ${report.failure}`, 'bad');
      break;
    }
    await rest(stage, beginMs + stage.secondsPerAct * 1_000 - stage.nowMs());
  }
  return reports;
}

async function playAct(stage: Stage, act: Act): Promise<ActReport> {
  const { engine, ledger, screen, secondsPerAct } = stage;
  if (act.kind !== 'first') await rest(stage, secondsPerAct * 1_000 * READING_SHARE);
  const { from, generation } = await engine.promote(DEMO_MODEL, act.version, { reason: 'demo' });
  stage.signal.throwIfAborted();
  const promoted = stage.activations.find((one) => one.generation === generation);
  if (promoted === undefined) throw new Error(`find generation ${generation}: the engine reported no promote`);
  const during = from === null ? '' : `, promoted under load; version ${from} answered until then`;
  screen.event(`Version ${act.version} is active (generation ${generation})${during}`, 'step', promoted.atMs);
  if (act.kind === 'first') stage.startLoad();
  const report: ActReport = {
    kind: act.kind, version: act.version, from, generation, promotedAtMs: Math.round(promoted.atMs),
    checks: [], confirmed: false, rollback: null, meanwhile: null, failure: null,
  };
  if (act.kind === 'failing') return { ...report, ...(await seeRollback(stage, act, promoted)) };
  const findings = await seeHealth(stage, act, generation);
  if (act.kind === 'first' || findings.failure !== null) return { ...report, ...findings };
  compare(ledger, screen, act.version, from);
  await rest(stage, secondsPerAct * 1_000 * READING_SHARE);
  await engine.confirm(DEMO_MODEL);
  screen.event(`Version ${act.version} is confirmed: from now on it is the one to go back to`, 'good');
  return { ...report, ...findings, confirmed: true };
}

// What comes in is the same for all versions, and says nothing of any.
const isWell = ({ check, verdict }: CheckResult): boolean =>
  verdict === 'pass' || CHECKS[check].cause === 'input';

// The monitor's own words about a version that has to be healthy.
async function seeHealth(stage: Stage, act: Act, generation: number): Promise<Pick<ActReport, 'checks' | 'failure'>> {
  const { engine, screen } = stage;
  const judged = (): HealthReport | null => {
    const { health } = engine.models.served(DEMO_MODEL);
    if (health === null || health.generation !== generation) return null;
    if (health.totals.requests < JUDGED_REQUESTS_MIN) return null;
    return health.checks.every(isWell) ? health : null;
  };
  const lost = (): Activated | undefined => stage.activations.find((one) => one.generation > generation);
  await waitFor(stage, HEALTHY_DEADLINE_MS, () => judged() !== null || lost() !== undefined);
  const taken = lost();
  if (taken !== undefined) {
    const why = taken.decision?.reason ?? 'another version was promoted';
    return { checks: [], failure: `version ${act.version} was taken back: ${why}` };
  }
  const health = judged();
  if (health === null) {
    const missing = engine.models.served(DEMO_MODEL).health?.checks.filter((check) => !isWell(check)) ?? [];
    const said = missing.map(({ text }) => text).join('; ') || 'the monitor judged too few requests';
    const failure = `version ${act.version} was not healthy within ${HEALTHY_DEADLINE_MS / 1_000} s: ${said}`;
    return { checks: [], failure };
  }
  const checks = health.checks.map(({ text }) => text);
  screen.event(`The monitor has judged ${health.totals.requests} requests and finds nothing wrong:`, 'good');
  for (const text of checks) screen.detail(`- ${text}`);
  return { checks, failure: null };
}

function compare(ledger: Ledger, screen: Screen, version: string, from: string | null): void {
  const now = ledger.typicalDeviation(version);
  const before = from === null ? null : ledger.typicalDeviation(from);
  if (now === null || before === null) return;
  screen.detail(
    `- on this traffic its prices are typically off by ${dollars(now)}, those of ${nameOf(from ?? '')} by ` +
      dollars(before),
  );
}

const dollars = (deviation: number): string => `$${Math.round(deviation * 100_000).toLocaleString('en-US')}`;

// Waits for the monitor; nothing here tells it to act.
async function seeRollback(
  stage: Stage,
  act: Act,
  promoted: Activated,
): Promise<Pick<ActReport, 'rollback' | 'meanwhile' | 'failure'>> {
  const { ledger, screen } = stage;
  const found = (): Activated | undefined =>
    stage.activations.find(({ decision }) => decision?.generation === promoted.generation);
  await waitFor(stage, ROLLBACK_DEADLINE_MS, () => found() !== undefined);
  const back = found();
  if (back === undefined) {
    return { rollback: null, meanwhile: null, failure: `no rollback within ${ROLLBACK_DEADLINE_MS / 1_000} s` };
  }
  const rollback = rollbackSeen(stage, promoted, back);
  const seconds = (rollback.afterMs / 1_000).toFixed(2);
  screen.event(`The monitor (${rollback.trigger}): ${rollback.reason}`, 'bad', back.atMs);
  const target = nameOf(rollback.rolledBackTo ?? '');
  screen.event(
    `Back on ${target} (generation ${rollback.generation}), by itself, ${seconds} s after ` +
      `the promote${rollback.quarantined ? `; version ${act.version} is in quarantine` : ''}`, 'good', back.atMs,
  );
  // What was answered before the rollback has arrived in the ledger when something newer has.
  await waitFor(stage, LEDGER_DEADLINE_MS, () => ledger.newestUs > back.atUs);
  const meanwhile = ledger.counts(promoted.atUs, back.atUs);
  screen.detail(`- answers between the two: ${countsText(meanwhile)}`);
  return { rollback, meanwhile, failure: null };
}

function rollbackSeen({ engine }: Stage, promoted: Activated, back: Activated): RollbackSeen {
  const { decision } = back;
  if (decision === null) throw new Error('read a rollback: it has no decision; this is a bug');
  // The registry is asked who it was: the event in memory would say whatever this process likes.
  const event = engine.context.registry.history(DEMO_MODEL).find((one) => one.decision === decision.id);
  return {
    trigger: decision.trigger,
    by: event?.by ?? 'nobody',
    reason: decision.reason,
    rolledBackTo: decision.rolledBackTo,
    generation: back.generation,
    quarantined: engine.context.registry.version(DEMO_MODEL, decision.version).health === 'unhealthy',
    decision: decision.id,
    afterMs: Math.round((back.atUs - promoted.atUs) / 1_000),
  };
}

async function rest({ signal }: Stage, ms: number): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal });
}

async function waitFor({ signal, nowMs }: Stage, deadlineMs: number, condition: () => boolean): Promise<void> {
  const endMs = nowMs() + deadlineMs;
  while (!condition() && nowMs() < endMs) await sleep(POLL_MS, undefined, { signal });
}
