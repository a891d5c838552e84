// What a model's rollout makes of the monitor's reports: it ends probations, orders rollbacks, and writes down why it
// did not. Main thread. Invariant: a report about another generation than the active one changes nothing.
import type { Clock } from '../base/clock.ts';
import { momentOf, nowOf, passedMs, recordedMoment } from '../base/moment.ts';
import { type ErrorCode, isLastgoodError, reasonOf } from '../base/errors.ts';
import { conclude, isFailure, remaining, withFindings } from '../judge/verdict/findings.ts';
import type { Conclusion, Finding, UncertainCause } from '../judge/verdict/findings.ts';
import { oneSourceOf } from '../judge/verdict/sources.ts';
import type { PairsEvidence } from '../judge/pairs/pair-schema.ts';
import type { Disagrees } from '../judge/pairs/pair-verdict.ts';
import type { HealthReport, Verdict } from '../judge/types/messages.ts';
import type { ModelOptions } from '../options/options.ts';
import { activeMs, type Suppression } from '../registry/rules.ts';
import type { DecisionRecord, ModelRecord } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { ActiveState } from './active.ts';
import {
  decisionOf, isProbationOver, isStopOver, pairsDecision, suppressionBy, suppressionOf,
} from './decisions.ts';
import type { RolloutEvent } from './events.ts';
import type { RollbackDone, RollbackRequest, Rollbacks } from './rollbacks.ts';

/** A finding is asked for again after this part of the short window. */
const FRESH_PART = 1 / 6;
/** One that waits for more pairs is asked for again at the next look. */
const OPEN_PART = 1 / 2;
/** What a person may have said while the machine was on its way back. */
const SAID_MEANWHILE: Readonly<Partial<Record<ErrorCode, Suppression>>> = { PINNED: 'pinned', JUDGE_PAUSED: 'observe' };
const ACT: Conclusion = { kind: 'act' };
const WARN = { action: 'warn', suppressedBy: null, rolledBackTo: null } as const;

/** Who is to answer for what. */
type Accused = Pick<Verdict, 'reason' | 'version' | 'generation'>;
/** Writes down what became of it. */
type Decide = (result: Pick<DecisionRecord, 'action' | 'suppressedBy' | 'rolledBackTo'>) => DecisionRecord;

// The version is not to blame, or it is not known yet whether it is.
const isOpen = (conclusion: Conclusion): boolean => conclusion.kind === 'look'
  ? isFailure(conclusion.cause)
  : conclusion.kind === 'leave' && ['inputs', 'one_source', 'pairs'].includes(conclusion.blames);

export interface VerdictHandlerPorts {
  readonly model: string;
  readonly options: ModelOptions;
  readonly registry: Registry;
  readonly clock: Clock;
  /** Finds out whether a cause lies with the version. */
  readonly attribute: (cause: UncertainCause, verdict: Verdict) => Promise<Finding>;
  readonly emit: (event: RolloutEvent) => void;
}

/** The rollout as a verdict sees it, and what a verdict may have done to it. */
interface RolloutAccess {
  readonly state: ActiveState;
  readonly rollbacks: Rollbacks;
  /** Resolves with null when there is nothing to go back to. */
  rollBack(request: RollbackRequest): Promise<RollbackDone | null>;
  /** Another version may have become the one to go back to. */
  settle(): void;
}

export class VerdictHandler {
  readonly #ports: VerdictHandlerPorts;
  readonly #rollout: RolloutAccess;
  /** What was told about the active generation and need not be told again. */
  readonly #told = new Set<string>();
  /** What was found out about the active generation, by cause. */
  readonly #findings = new Map<UncertainCause, { readonly finding: Finding; readonly atUs: number }>();
  #generation: number | null = null;
  /** What had been found out about the generation before, for a verdict about it that comes late. */
  #before: { readonly generation: number | null; readonly findings: readonly Finding[] } | null = null;
  /** When the active generation last failed a check, in monotonic microseconds. */
  #violatedUs = -Infinity;
  /** Since when this process has seen it answer. */
  #begunUs = 0;
  /** A phase is being written; health that comes in meanwhile is left. */
  #isWriting = false;

  constructor(ports: VerdictHandlerPorts, rollout: RolloutAccess) {
    this.#ports = ports;
    this.#rollout = rollout;
  }

  /** Forgets what was told about the generation before. */
  beginGeneration(): void {
    const findings = [...this.#findings.values()].map(({ finding }) => finding);
    this.#before = { generation: this.#generation, findings };
    this.#generation = this.#rollout.state.generation;
    this.#told.clear();
    this.#findings.clear();
    this.#violatedUs = -Infinity;
    this.#begunUs = this.#ports.clock.monotonicUs();
  }

  /** Acts on a failing verdict, or writes down why not; one at a time. One about another generation is too late. */
  async actOn(verdict: Verdict): Promise<void> {
    const { model, registry, options, clock } = this.#ports;
    const { state, rollbacks } = this.#rollout;
    const isTooLate = (): boolean => state.rollbacks > 0 || verdict.generation !== state.generation;
    if (verdict.generation !== state.generation) await this.#promotedOver(verdict);
    if (isTooLate() || state.phase === 'no_rollback_target') return;
    // The registry does not know the generation that failed: nothing can be decided upon it yet.
    if (rollbacks.isUnsaved && (!(await rollbacks.saveUnsaved()) || isTooLate())) return;
    const now = nowOf(clock);
    const at = momentOf(clock);
    const decide: Decide = (result) => decisionOf(verdict, at, result);
    if (verdict.effect === 'warn') {
      await this.#storeOnce(decide(WARN));
      return;
    }
    const findings = this.#freshFindings();
    const conclusion = this.#needsFindings ? conclude(verdict, findings) : ACT;
    const isOfOne = conclusion.kind === 'act' && this.#isOfOneSource(verdict, findings);
    // Nobody is marked as failing, or stopped, for what the last good version fails as well, or for what one client
    // alone is failed at: that is found out first.
    const suppressedBy = isOpen(conclusion) || isOfOne
      ? null : suppressionOf(registry.model(model), options.judge, now);
    if (suppressedBy === 'restored_failing') await this.#stop(verdict);
    if (suppressedBy !== null) {
      await this.#suppress(suppressedBy, decide);
      return;
    }
    const told = withFindings(verdict, findings);
    const decideTold: Decide = (result) => decisionOf(told, at, result);
    if (conclusion.kind === 'look') await this.#lookInto(conclusion.cause, verdict);
    else if (conclusion.kind === 'act') {
      await (isOfOne ? this.#suppress('one_source', decideTold) : this.#rollBack(told, decideTold));
    } else if (conclusion.blames === 'twin') await this.#noTarget(told, decideTold);
    else await this.#suppress(suppressionBy(conclusion.blames), decideTold);
  }

  // Of checks that are not about who was hit nothing is known.
  #isOfOneSource({ failing, evidence }: Verdict, findings: readonly Finding[]): boolean {
    const checks = remaining(failing, findings).map(({ check }) => check);
    return this.#ports.options.judge.mode !== 'compat' && oneSourceOf(evidence, checks) !== null;
  }

  // compat acts on its checks and asks nothing.
  get #needsFindings(): boolean {
    const { mode, attribution } = this.#ports.options.judge;
    return mode !== 'compat' && attribution === 'on';
  }

  #freshFindings(): Finding[] {
    const { clock, options: { judge } } = this.#ports;
    const ageUs = ({ blames }: Finding): number => blames === 'pairs'
      ? judge.lookMs * 1e3 * OPEN_PART : judge.windowMs * 1e3 * FRESH_PART;
    const nowUs = clock.monotonicUs();
    return [...this.#findings.values()].filter(({ finding, atUs }) => nowUs - atUs <= ageUs(finding))
      .map(({ finding }) => finding);
  }

  // Beside the traffic; then the same verdict is gone through again.
  async #lookInto(cause: UncertainCause, verdict: Verdict): Promise<void> {
    const { attribute, clock } = this.#ports;
    const finding = await attribute(cause, verdict);
    if (verdict.generation !== this.#rollout.state.generation) {
      // What was found before counts more than what was found while another version came in between.
      const known = this.#foundOut(verdict);
      await this.#promotedOver(verdict, known.some((one) => one.cause === cause) ? known : [finding]);
      return;
    }
    this.#findings.set(cause, { finding, atUs: clock.monotonicUs() });
    await this.actOn(verdict);
  }

  // A version that failed while another was put in its place must not become the one to go back to.
  async #promotedOver(verdict: Verdict, findings = this.#foundOut(verdict)): Promise<void> {
    const { model, registry, clock } = this.#ports;
    // What was rolled back is not known to the registry yet.
    if (this.#rollout.rollbacks.isUnsaved) return;
    const { version, generation, effect } = verdict;
    const isStillGood = (): boolean => {
      const one = registry.hasVersion(model, version) ? registry.version(model, version) : null;
      return one?.lastGeneration === generation && one.health !== 'unhealthy' && !one.failed;
    };
    if (effect === 'warn' || !isStillGood()) return;
    const conclusion = this.#needsFindings ? conclude(verdict, findings) : ACT;
    // A failure that nobody could look into any more speaks against the version.
    const isUnasked = (conclusion.kind === 'look' && isFailure(conclusion.cause)) ||
      (conclusion.kind === 'leave' && conclusion.blames === 'pairs' && isFailure(verdict.cause));
    if (conclusion.kind !== 'act' && !isUnasked) return;
    const result = { action: 'suppressed', suppressedBy: 'promoted_over', rolledBackTo: null } as const;
    const decision = decisionOf(withFindings(verdict, findings), momentOf(clock), result);
    const isStored = await registry.commit(() => {
      // It may have been put in place again, or been dealt with, by a change before this one.
      const isDue = isStillGood();
      if (isDue) registry.storeDecision(decision);
      return isDue;
    });
    if (!isStored) return;
    this.#rollout.settle();
    this.#ports.emit({ kind: 'decision', decision });
  }

  #foundOut({ generation }: Verdict): readonly Finding[] {
    return this.#before?.generation === generation ? this.#before.findings : [];
  }

  async #rollBack(accused: Accused, decide: Decide): Promise<void> {
    const { reason, generation } = accused;
    const done = await this.#rollout.rollBack({
      by: 'monitor', reason, expectedGeneration: generation,
      decide: (target) => decide({ action: 'rollback', suppressedBy: null, rolledBackTo: target }),
    }).catch(async (error: unknown) => {
      // An operator or another process was faster: theirs is the one rollback.
      if (isLastgoodError(error) && error.code === 'GENERATION_CONFLICT') return undefined;
      const said = isLastgoodError(error) ? SAID_MEANWHILE[error.code] : undefined;
      if (said === undefined) throw error;
      await this.#suppress(said, decide);
      return undefined;
    });
    // While candidates were loading, somebody may have put another version in place.
    if (done !== null || generation !== this.#rollout.state.generation) return;
    await this.#noTarget(accused, decide);
  }

  #suppress(suppressedBy: Suppression, decide: Decide): Promise<void> {
    return this.#storeOnce(decide({ action: 'suppressed', suppressedBy, rolledBackTo: null }));
  }

  // What the machine restored fails too: it acts no more in this generation, and says so once.
  async #stop({ reason, version: from, generation }: Accused): Promise<void> {
    const { model, registry, emit } = this.#ports;
    const { state } = this.#rollout;
    if (state.phase === 'restored_failing') return;
    await registry.commit(() => registry.recordEvent(
      model, { kind: 'restored_failing', by: 'monitor', reason, from, to: null, decision: null },
      { stoppedGeneration: generation }));
    if (generation !== state.generation) return;
    state.apply({ kind: 'restored_failed' });
    emit({ kind: 'problem', model, what: 'the restored version fails too, nothing more is rolled back', reason });
  }

  async #noTarget({ reason, version: from }: Accused, decide: Decide): Promise<void> {
    const { model, registry } = this.#ports;
    this.#rollout.state.apply({ kind: 'target_missing' });
    await registry.commit(() => registry.recordEvent(
      model, { kind: 'no_rollback_target', by: 'monitor', reason, from, to: null, decision: null }));
    await this.#storeOnce(decide({ action: 'no_target', suppressedBy: null, rolledBackTo: null }));
  }

  /** Ends the probation when its time and its requests have passed without a violation. */
  async onHealth(report: HealthReport): Promise<void> {
    const { model, registry, options, clock } = this.#ports;
    const { state } = this.#rollout;
    if (report.generation !== state.generation) return;
    if (report.violations.length > 0) this.#violatedUs = clock.monotonicUs();
    if (this.#isWriting) return;
    const record = (): ModelRecord => registry.model(model);
    if (state.phase === 'restored_failing' && report.violations.length === 0) {
      if (!isStopOver(record(), options.judge, nowOf(clock))) return;
      await this.#recovered(report, false);
    } else if (state.phase === 'steady' && this.#hasFailed(report) && this.#hasBeenQuiet(report)) {
      await this.#recovered(report, true);
    }
    if (state.phase !== 'probation') return;
    const servedMs = activeMs(record(), nowOf(clock)) ?? this.#watchedMs;
    if (!isProbationOver(record(), report, options.judge, servedMs)) return;
    if (this.#hasFailed(report) && !this.#hasBeenQuiet(report)) return;
    const write = (): unknown => registry.endProbation({ model, generation: report.generation });
    const then = (): void => state.apply({ kind: 'proven' });
    await this.#write(report, 'the end of the probation could not be written', write, then);
  }

  /** For how long this process has seen the active generation answer; counts where nobody knows since when it does. */
  get #watchedMs(): number {
    return (this.#ports.clock.monotonicUs() - this.#begunUs) / 1e3;
  }

  #hasFailed({ version }: HealthReport): boolean {
    return !!this.#ports.registry.version(this.#ports.model, version).failed;
  }

  // A version that failed and stayed has failed nothing for as long as a new one is on probation.
  #hasBeenQuiet({ version }: HealthReport): boolean {
    const { model, registry, options: { judge }, clock } = this.#ports;
    const { failed } = registry.version(model, version);
    const failedMs = failed ? passedMs(recordedMoment(failed.atMs, failed.at), nowOf(clock)) : Infinity;
    const quietMs = (clock.monotonicUs() - this.#violatedUs) / 1e3;
    return Math.min(quietMs, failedMs ?? this.#watchedMs) >= judge.probationMs;
  }

  #recovered(report: HealthReport, isProven: boolean): Promise<void> {
    const { model, registry } = this.#ports;
    const { state, rollbacks } = this.#rollout;
    const change = { model, generation: report.generation, reason: 'no check fails any more', isProven };
    return this.#write(report, 'the recovery could not be written', () => registry.recover(change), () => {
      // Should it fail again, that is news.
      this.#told.clear();
      state.apply({ kind: 'recovered', standing: rollbacks.standing });
    });
  }

  // What is not written is tried again at the next report.
  async #write({ generation }: HealthReport, what: string, write: () => unknown, then: () => void): Promise<void> {
    const { model, registry, emit } = this.#ports;
    this.#isWriting = true;
    try {
      await registry.commit(write);
      if (generation === this.#rollout.state.generation) then();
    } catch (error) {
      if (this.#isNews(what)) emit({ kind: 'problem', model, what, reason: reasonOf(error) });
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * Rolls back from a version that answers more questions otherwise than is expected of it, or writes down why not.
   * What nobody announced is told, once a generation, and so is what follows from the validation rows alone while the
   * inputs may have moved away from them.
   */
  async onPairs({ over, oneSource, text: reason }: Disagrees, seen: Omit<PairsEvidence, 'format'>): Promise<void> {
    const { model, registry, clock, options: { judge } } = this.#ports;
    const { state, rollbacks } = this.#rollout;
    const { generation } = state;
    if (generation === null || rollbacks.isUnsaved || state.rollbacks > 0) return;
    const about = { model, generation, at: momentOf(clock) };
    const decide: Decide = (result) => pairsDecision(about, seen, reason, result);
    const counts = over === 'declared' || (over === 'validation' && seen.inputDrift === 'pass');
    if (!counts || judge.mode === 'compat') {
      await this.#storeOnce(decide(WARN));
      return;
    }
    if (state.phase === 'no_rollback_target') return;
    const accused = { reason, version: seen.pairs.version, generation };
    // Nobody is stopped for what one client alone has asked.
    const suppressedBy = oneSource === null ? suppressionOf(registry.model(model), judge, nowOf(clock)) : null;
    if (suppressedBy === 'restored_failing') await this.#stop(accused);
    if (oneSource !== null) await this.#suppress('one_source', decide);
    else if (suppressedBy === null) await this.#rollBack(accused, decide);
    else await this.#suppress(suppressedBy, decide);
  }

  async #storeOnce(decision: DecisionRecord): Promise<void> {
    const { registry } = this.#ports;
    if (!this.#isNews(`${decision.trigger} ${decision.action} ${decision.suppressedBy ?? ''}`)) return;
    await registry.commit(() => registry.storeDecision(decision));
    this.#rollout.settle();
    this.#ports.emit({ kind: 'decision', decision });
  }

  #isNews(what: string): boolean {
    const isNew = !this.#told.has(what);
    this.#told.add(what);
    return isNew;
  }
}
