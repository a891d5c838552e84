// What a model's rollout makes of the monitor's reports: it ends probations, orders rollbacks, and writes down why it
// did not. Main thread. Invariant: a report about another generation than the active one changes nothing.
import type { Clock } from '../clock.ts';
import { isLastgoodError, reasonOf } from '../errors.ts';
import { conclude, withFindings } from '../judge/findings.ts';
import type { Conclusion, Finding, UncertainCause } from '../judge/findings.ts';
import type { HealthReport, Verdict } from '../judge/messages.ts';
import type { ModelOptions } from '../options.ts';
import type { DecisionRecord } from '../registry/records.ts';
import type { Registry } from '../registry/registry.ts';
import { decisionOf, isProbationOver, isStopOver, suppressionBy, suppressionOf } from './decisions.ts';
import type { Suppression } from './decisions.ts';
import type { Phase, RolloutEvent } from './outcome.ts';
import type { RollbackRequest, Rollbacks } from './rollback.ts';

/** A finding is asked for again after this part of the short window. */
const FRESH_PART = 1 / 6;
const ACT: Conclusion = { kind: 'act' };

export interface MonitorReportsPorts {
  readonly model: string;
  readonly options: ModelOptions;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rollbacks: Rollbacks;
  /** The generation that answers; null while none does. */
  readonly generation: () => number | null;
  readonly phase: () => Phase;
  readonly moveTo: (phase: Phase) => void;
  /** Moves to the phase that the registry knows. */
  readonly enterPhase: () => void;
  /** Finds out whether a cause lies with the version. */
  readonly find: (cause: UncertainCause, version: string) => Promise<Finding>;
  /** Resolves with null when there is nothing to go back to. */
  readonly rollBack: (request: RollbackRequest) => Promise<DecisionRecord | null>;
  readonly emit: (event: RolloutEvent) => void;
}

export class MonitorReports {
  readonly #ports: MonitorReportsPorts;
  /** What was told about the active generation and need not be told again. */
  readonly #told = new Set<string>();
  /** What was found out about the active generation, by cause. */
  readonly #findings = new Map<UncertainCause, { readonly finding: Finding; readonly atUs: number }>();
  #looking = false;

  constructor(ports: MonitorReportsPorts) {
    this.#ports = ports;
  }

  /** Forgets what was told about the generation before. */
  beginGeneration(): void {
    this.#told.clear();
    this.#findings.clear();
  }

  /** Acts on a failing verdict, or writes down why not. */
  async onVerdict(verdict: Verdict): Promise<void> {
    const { model, registry, options, clock, rollbacks, generation, phase } = this.#ports;
    if (this.#looking || rollbacks.isRunning || verdict.generation !== generation()) return;
    if (phase() === 'no_rollback_target') return;
    // The registry does not know the generation that failed: nothing can be decided upon it yet.
    if (!rollbacks.saveUnsaved()) return;
    const nowMs = clock.wallMs();
    if (verdict.effect === 'warn') {
      this.#storeOnce(decisionOf(verdict, nowMs, { action: 'warn', suppressedBy: null, rolledBackTo: null }));
      return;
    }
    const suppressedBy = suppressionOf(registry.model(model), options.judge, nowMs);
    if (suppressedBy === 'restored_failing') this.#stop(verdict);
    if (suppressedBy !== null) {
      this.#suppress(verdict, suppressedBy);
      return;
    }
    const findings = this.#freshFindings();
    const conclusion = this.#needsFindings ? conclude(verdict, findings) : ACT;
    const told = withFindings(verdict, findings);
    if (conclusion.kind === 'look') await this.#lookInto(conclusion.cause, verdict);
    else if (conclusion.kind === 'leave') this.#suppress(told, suppressionBy(conclusion.blames));
    else await this.#rollBack(told);
  }

  // compat acts on its checks and asks nothing.
  get #needsFindings(): boolean {
    const { mode, attribution } = this.#ports.options.judge;
    return mode !== 'compat' && attribution === 'on';
  }

  #freshFindings(): Finding[] {
    const { clock, options: { judge } } = this.#ports;
    const sinceUs = clock.monotonicUs() - judge.windowMs * 1e3 * FRESH_PART;
    return [...this.#findings.values()].filter(({ atUs }) => atUs >= sinceUs).map(({ finding }) => finding);
  }

  // Beside the traffic; then the same verdict is gone through again. Verdicts that come in meanwhile are left.
  async #lookInto(cause: UncertainCause, verdict: Verdict): Promise<void> {
    const { find, clock } = this.#ports;
    this.#looking = true;
    try {
      const finding = await find(cause, verdict.version);
      if (verdict.generation !== this.#ports.generation()) return;
      this.#findings.set(cause, { finding, atUs: clock.monotonicUs() });
    } finally {
      this.#looking = false;
    }
    await this.onVerdict(verdict);
  }

  async #rollBack(verdict: Verdict): Promise<void> {
    const { clock, generation } = this.#ports;
    const nowMs = clock.wallMs();
    const decision = await this.#ports.rollBack({
      by: 'monitor',
      reason: verdict.reason,
      expectedGeneration: verdict.generation,
      decide: (target) =>
        decisionOf(verdict, nowMs, { action: 'rollback', suppressedBy: null, rolledBackTo: target }),
    }).catch((error: unknown) => {
      // An operator or another process was faster: theirs is the one rollback.
      if (isLastgoodError(error) && error.code === 'GENERATION_CONFLICT') return undefined;
      if (!isLastgoodError(error) || error.code !== 'PINNED') throw error;
      this.#suppress(verdict, 'pinned');
      return undefined;
    });
    // While candidates were loading, somebody may have put another version in place.
    if (decision !== null || verdict.generation !== generation()) return;
    this.#noTarget(verdict, nowMs);
  }

  #suppress(verdict: Verdict, suppressedBy: Suppression): void {
    const nowMs = this.#ports.clock.wallMs();
    this.#storeOnce(decisionOf(verdict, nowMs, { action: 'suppressed', suppressedBy, rolledBackTo: null }));
  }

  // What the machine restored fails too: it acts no more in this generation, and says so once.
  #stop({ reason, version: from, generation }: Verdict): void {
    const { model, registry, phase, moveTo, emit } = this.#ports;
    if (phase() === 'restored_failing') return;
    registry.recordEvent(
      model, { kind: 'restored_failing', by: 'monitor', reason, from, to: null, decision: null },
      { stoppedGeneration: generation });
    moveTo('restored_failing');
    emit({ kind: 'problem', model, what: 'the restored version fails too, nothing more is rolled back', reason });
  }

  #noTarget(verdict: Verdict, nowMs: number): void {
    const { model, registry, moveTo } = this.#ports;
    const { reason, version: from } = verdict;
    moveTo('no_rollback_target');
    registry.recordEvent(model, { kind: 'no_rollback_target', by: 'monitor', reason, from, to: null, decision: null });
    this.#storeOnce(decisionOf(verdict, nowMs, { action: 'no_target', suppressedBy: null, rolledBackTo: null }));
  }

  /** Ends the probation when its time and its requests have passed without a violation. */
  onHealth(report: HealthReport): void {
    const { model, registry, options, clock, generation, phase, moveTo, emit } = this.#ports;
    if (report.generation !== generation()) return;
    if (phase() === 'restored_failing') this.#recover(report);
    if (phase() !== 'probation') return;
    if (!isProbationOver(registry.model(model), report, options.judge, clock.wallMs())) return;
    try {
      registry.endProbation({ model, generation: report.generation });
      moveTo('steady');
    } catch (error) {
      // Tried again at the next report.
      const what = 'the end of the probation could not be written';
      if (this.#isNews(what)) emit({ kind: 'problem', model, what, reason: reasonOf(error) });
    }
  }

  #recover({ version: from, violations }: HealthReport): void {
    const { model, registry, options, clock, enterPhase } = this.#ports;
    if (violations.length > 0 || !isStopOver(registry.model(model), options.judge, clock.wallMs())) return;
    registry.recordEvent(
      model, { kind: 'recovered', by: 'monitor', reason: 'no check fails any more', from, to: from, decision: null },
      { stoppedGeneration: 0 });
    enterPhase();
  }

  #storeOnce(decision: DecisionRecord): void {
    if (!this.#isNews(`${decision.trigger} ${decision.action} ${decision.suppressedBy ?? ''}`)) return;
    this.#ports.registry.storeDecision(decision);
    this.#ports.emit({ kind: 'decision', decision });
  }

  #isNews(what: string): boolean {
    const isNew = !this.#told.has(what);
    this.#told.add(what);
    return isNew;
  }
}
