// One model of a recording: its generations are judged by the engine's own judge on the recorded clock, and what would
// have been decided is told at every change of a verdict. Time goes on in looks, as in the monitor.
//
// The recording goes on with the version that served, whatever would have been decided. So a version that would have
// been rolled back is judged on, and told to be suppressed ("rolled_back") until a promote line brings the next one;
// cooldown and interval then count from the rollback that would have been.
import { recordedNow } from '../base/moment.ts';
import type { Finding } from '../judge/verdict/findings.ts';
import type { CheckResult } from '../judge/types/messages.ts';
import type { JudgePhase } from '../judge/types/check-kinds.ts';
import { GenerationState } from '../judge/monitor/generation.ts';
import type { GenerationJudge, JudgedLook } from '../judge/checks/generation-judge.ts';
import { checkVerdict } from '../judge/checks/table.ts';
import type { CheckEvidence } from '../judge/checks/check.ts';
import { referenceOf } from '../judge/baseline/reference.ts';
import { failingOf, triggerOf } from '../judge/verdict/verdict.ts';
import { PAIRS_FORMAT } from '../judge/pairs/pair-schema.ts';
import type { JudgeOptions } from '../options/judge-options.ts';
import { emptyModel } from '../registry/rules.ts';
import type { Baseline, ModelRecord, OutputKind } from '../domain/records.ts';
import { suppressionBy, suppressionOf } from '../rollout/decisions.ts';
import type { BacktestDecision } from './decision.ts';
import { evidenceOf, isDrift } from './decision.ts';
import { PairedReplay } from './paired-replay.ts';
import type { GapLine, PromoteLine, RepeatLine, SampleLine, TwinAnswer } from './record-line.ts';
import { quietUntil } from './quiet-time.ts';
import { RecentRows } from './recent-rows.ts';
import { RecordedSamples } from './recorded-sample.ts';
import { baselineOfLine, kindOfRows } from './recorded-version.ts';
import type { Standby } from './standby.ts';

/** How long the clock goes on after the last line, in short windows: two looks may be needed to decide. */
const AFTER_WINDOWS = 1 / 4;
/** Who is to blame for a drift is asked again after so many short windows. */
const ASKED_AGAIN_WINDOWS = 5;
/** Versions whose baselines are kept, the newest: the one before is asked as a twin, seldom an earlier one. */
const BASELINES_MAX = 16;
/** p95 latencies are for people; they are read anew after so much. */
const P95_SAMPLES = 500;
const P95_MS = 10_000;

/** What was told of a check last, and why nothing was done, so far. */
interface Told {
  readonly verdict: CheckResult['verdict'];
  readonly action: BacktestDecision['action'];
  readonly reasons: readonly string[];
}
interface Generation {
  readonly state: GenerationState;
  readonly judge: GenerationJudge;
  readonly version: string;
  readonly sinceMs: number;
  readonly baseline: Baseline | null;
  kind: OutputKind | null;
  /** Outputs of one row of the promote line, and of the samples; -1 until one is known. */
  readonly baselineWidth: number;
  width: number;
  nextLookMs: number;
  rolledBack: boolean;
  p95Ms: number | null;
  p95AtMs: number;
  p95Samples: number;
  /** What its promote line says of it; null without one. */
  readonly promoted: PromoteLine | null;
  /** Its pairs, once the version before was asked the same; requests that were asked again before that wait. */
  paired: PairedReplay | null;
  repeats: RepeatLine[];
  /** What pairs disagree about has been told. */
  readonly disagreed: Set<BacktestDecision['action']>;
  /** Who was last found to be to blame for a drift, and when. */
  found: { readonly finding: Finding; readonly atMs: number } | null;
  readonly told: Map<string, Told>;
}

export class ModelReplay {
  readonly #model: string;
  readonly #options: JudgeOptions;
  readonly #emit: (decision: BacktestDecision) => void;
  readonly #samples = new RecordedSamples();
  readonly #seen = new Set<string>();
  readonly #recent = new RecentRows();
  /** Of the versions that were promoted: one may be asked as a twin later. */
  readonly #baselines = new Map<string, Baseline | null>();
  #lastGood: string | null = null;
  #standby: Standby | { readonly unavailable: string } | null = null;
  #record: ModelRecord;
  #generation: Generation | null = null;
  #nowMs = -Infinity;
  #lastSampleMs = -Infinity;
  #late = 0;
  #counted = 0;
  #missing = 0;

  constructor(model: string, options: JudgeOptions, emit: (decision: BacktestDecision) => void) {
    this.#model = model;
    this.#options = options;
    this.#emit = emit;
    this.#record = emptyModel(model, 0);
  }

  /** The newest time of the model's lines. */
  get nowMs(): number {
    return this.#nowMs;
  }
  /** The version that would be gone back to; null while there is none. */
  get lastGood(): string | null {
    return this.#lastGood;
  }
  /** What answers for it when a drift is to be attributed; null where no version can be run again. */
  set standby(standby: Standby | { readonly unavailable: string } | null) {
    this.#standby = standby;
  }

  /** Samples that were judged, those of versions that were not active (any more), and those that were not written. */
  get counts(): { readonly judged: number; readonly late: number; readonly missing: number } {
    return { judged: this.#counted, late: this.#late, missing: this.#missing };
  }

  /** Switches to the version of a promote line; throws INVALID_BASELINE. */
  promote(line: PromoteLine, atMs: number): void {
    this.#lookUntil(atMs);
    if (line.continued === true && this.#generation?.version === line.version) return;
    this.#begin(line.version, atMs, baselineOfLine(line), line);
  }

  /** Takes in a sample; throws an Error that says what does not fit. */
  sample(line: SampleLine, atMs: number): void {
    if (this.#generation?.version !== line.version) {
      if (this.#seen.has(line.version)) {
        this.#lookUntil(atMs);
        this.#late += 1;
        return;
      }
      // A recording may begin in the middle, or be made by hand without promote lines.
      this.#lookUntil(atMs);
      this.#begin(line.version, atMs, null, null);
    }
    this.#lookUntil(atMs);
    const generation = this.#generation!;
    const { outputs, ok } = line;
    if (ok && outputs.length > 0) this.#checkOutputs(generation, outputs);
    this.#lastSampleMs = atMs;
    this.#counted += 1;
    const { state, kind, baseline } = generation;
    const atUs = atMs * 1_000;
    state.latency.advance(atUs);
    const sample = this.#samples.fill(
      line, { kind: kind ?? 'scalar', width: baseline?.width ?? 1 }, state.generation, atUs);
    if (this.#standby !== null) this.#recent.add(line, sample.input);
    state.add(sample);
    if (line.twin !== undefined) this.#pair(generation, line.twin, { ...sample, outputs });
  }

  /** Lets the time pass in which nothing was written. */
  gap({ samples }: GapLine, atMs: number): void {
    this.#lookUntil(atMs);
    this.#missing += samples;
  }

  /** Takes in requests that were asked again; of versions that are not active nobody wants to know. */
  repeat(line: RepeatLine, atMs: number): void {
    this.#lookUntil(atMs);
    const generation = this.#generation;
    if (generation?.version !== line.version) return;
    if (generation.paired === null) generation.repeats.push(line);
    else generation.paired.repeat(line);
  }

  #pair(generation: Generation, twin: TwinAnswer, row: Parameters<PairedReplay['add']>[0]): void {
    const { version, width, baseline, promoted, state } = generation;
    const kind = generation.kind ?? 'scalar';
    if (twin.version === version) {
      throw new Error(`"twin" is of version "${version}", whose line it is; wanted the version before`);
    }
    if (twin.ok && width >= 0 && kind !== 'sequence' && twin.outputs.length !== width) {
      throw new Error(`"twin" has ${twin.outputs.length} outputs; wanted ${width}, as the version itself`);
    }
    if (generation.paired?.twin !== twin.version) {
      const other = this.#baselines.get(twin.version) ?? null;
      generation.paired = new PairedReplay({
        generation: state.generation, version, twin: twin.version, kind, width: baseline?.width ?? 1, promoted,
        own: referenceOf(baseline), other: referenceOf(other), windowMs: this.#options.windowMs,
      });
    }
    for (const repeated of generation.repeats.splice(0)) generation.paired.repeat(repeated);
    generation.paired.add(row, twin.ok ? twin.outputs : null);
  }

  /** Lets the clock go on for as long as what was recorded may still decide something. */
  end(): void {
    if (this.#generation !== null) this.#lookUntil(this.#nowMs + this.#options.windowMs * AFTER_WINDOWS);
  }

  #begin(version: string, atMs: number, baseline: Baseline | null, line: PromoteLine | null): void {
    this.#seen.add(version);
    // What was gone back to is the one that cooldown and interval bind.
    const isRestored = this.#generation?.rolledBack === true && version === this.#lastGood;
    if (this.#generation?.rolledBack === false) this.#lastGood = this.#generation.version;
    this.#recent.clear();
    const generation = this.#record.generation + 1;
    this.#record = {
      ...this.#record, generation, activeVersion: version, activatedAtMs: atMs, probationEndedAtMs: null,
      ...(isRestored && { restoredGeneration: generation }),
    };
    const state = new GenerationState(generation);
    this.#baselines.delete(version);
    this.#baselines.set(version, baseline);
    if (this.#baselines.size > BASELINES_MAX) this.#baselines.delete(this.#baselines.keys().next().value!);
    this.#generation = {
      promoted: line, paired: null, repeats: [], disagreed: new Set(),
      state, version, baseline, judge: state.judgeBy(this.#options, baseline), sinceMs: atMs,
      kind: line?.kind ?? baseline?.kind ?? null, baselineWidth: line?.baseline[0]?.length ?? -1, width: -1,
      nextLookMs: atMs + this.#options.lookMs, rolledBack: false,
      p95Ms: null, p95AtMs: -Infinity, p95Samples: 0, found: null, told: new Map(),
    };
  }

  #checkOutputs(generation: Generation, outputs: readonly number[]): void {
    if (generation.width === outputs.length || generation.kind === 'sequence') return;
    generation.kind ??= kindOfRows([outputs]);
    const { width, baselineWidth, version } = generation;
    const wanted = baselineWidth >= 0 ? baselineWidth : width;
    if (wanted >= 0 && wanted !== outputs.length) {
      const as = baselineWidth >= 0 ? `the "baseline" of the promote line of version "${version}"` : 'the lines before';
      throw new Error(`"outputs" has ${outputs.length} numbers; wanted ${wanted}, as in ${as}`);
    }
    generation.width = outputs.length;
  }

  // Makes every look that is due until `untilMs`; while no sample comes, only those at which a window may have changed.
  #lookUntil(untilMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    const generation = this.#generation;
    if (generation === null) return;
    const { lookMs } = this.#options;
    while (generation.nextLookMs <= untilMs) {
      const nowMs = generation.nextLookMs;
      this.#look(generation, nowMs);
      generation.nextLookMs += lookMs;
      // The next look at which something may be different, on the grid of looks and not after the next sample's.
      const quietMs = quietUntil(nowMs, nowMs - this.#lastSampleMs, this.#options);
      const skipMs = Math.min(quietMs, untilMs) - generation.nextLookMs;
      if (skipMs > 0) generation.nextLookMs += Math.floor(skipMs / lookMs) * lookMs;
    }
  }

  #look(generation: Generation, nowMs: number): void {
    const phase = this.#record.probationEndedAtMs === null ? 'probation' as const : 'steady' as const;
    const look = generation.judge.look(nowMs * 1_000, phase, this.#p95Of(generation, nowMs));
    this.#tellDisagreement(generation, phase, nowMs);
    if (this.#isQuiet(generation, look)) {
      this.#endProbation(generation, nowMs);
      return;
    }
    const trigger = triggerOf(look.checks);
    // The trigger first: the rollback is for it, and all others come too late for one of their own.
    const inOrder = [...look.checks].sort((a, b) => Number(b.check === trigger) - Number(a.check === trigger));
    for (const check of trigger === null ? look.checks : inOrder) {
      this.#tell(generation, look, check, { nowMs, phase });
    }
    if (look.checks.every(({ verdict, effect }) => verdict !== 'fail' || effect !== 'rollback')) {
      this.#endProbation(generation, nowMs);
    }
  }

  // Nothing fails and nothing has changed: told without a sentence, because most looks are like that.
  #isQuiet({ told }: Generation, { evidence }: JudgedLook): boolean {
    const { inputs } = evidence;
    return Array.isArray(inputs) && (inputs as readonly CheckEvidence[]).every((input) => {
      const verdict = checkVerdict(input);
      return verdict !== 'fail' && verdict === (told.get(input.check)?.verdict ?? 'inconclusive');
    });
  }

  #p95Of(generation: Generation, nowMs: number): number | null {
    const { state } = generation;
    if (state.samples - generation.p95Samples >= P95_SAMPLES || nowMs - generation.p95AtMs >= P95_MS) {
      state.latency.advance(nowMs * 1_000);
      generation.p95Ms = state.latency.quantilesMs()?.p95 ?? null;
      generation.p95AtMs = nowMs;
      generation.p95Samples = state.samples;
    }
    return generation.p95Ms;
  }

  #endProbation({ state, sinceMs }: Generation, nowMs: number): void {
    if (this.#record.probationEndedAtMs !== null) return;
    const { probationMs, probationSamples } = this.#options;
    const { requests, clientFaults, nonFiniteInputs } = state.totals(0);
    if (nowMs - sinceMs < probationMs || requests - clientFaults - nonFiniteInputs < probationSamples) return;
    this.#record = { ...this.#record, probationEndedAtMs: nowMs };
  }

  // Tells a check's verdict when it, or what is done about it, has changed.
  #tell(
    generation: Generation, look: JudgedLook, check: CheckResult,
    { nowMs, phase }: { readonly nowMs: number; readonly phase: JudgePhase },
  ): void {
    const told = generation.told.get(check.check) ?? { verdict: 'inconclusive', action: 'none', reasons: [] };
    const isNewFail = told.verdict !== check.verdict && check.verdict === 'fail';
    const { action, suppressedBy, finding } = this.#actionOn(generation, look, check, { nowMs, isNewFail });
    // What pairs say while they come in is told once each.
    const isNewReason = generation.paired !== null && suppressedBy !== null && !told.reasons.includes(suppressedBy);
    const isNews = told.verdict !== check.verdict || (told.action === 'suppressed' && action === 'rollback') ||
      (isNewReason && suppressedBy !== 'rolled_back');
    if (!isNews) return;
    const reasons = isNewReason ? [...told.reasons, suppressedBy] : told.reasons;
    generation.told.set(check.check, { verdict: check.verdict, action, reasons });
    const asked = finding ?? (isDrift(check.check) ? 'unavailable' as const : null);
    this.#emit({
      t: nowMs, model: this.#model, version: generation.version, check: check.check, verdict: check.verdict, action,
      evidence: evidenceOf(look, check, {
        generation: generation.state.generation, phase, kind: generation.kind, suppressedBy,
        attribution: check.verdict === 'fail' ? asked : null,
        rows: generation.baseline?.rows ?? null, sinceMs: generation.sinceMs, nowMs, totals: generation.state.totals(0),
      }),
    });
    if (action === 'rollback') this.#rolledBack(generation, nowMs);
  }

  #rolledBack(generation: Generation, nowMs: number): void {
    generation.rolledBack = true;
    this.#record = {
      ...this.#record, lastAutomaticRollbackAtMs: nowMs, lastAutomaticRollback: recordedNow(nowMs),
    };
  }

  // Why the machine would keep still by its own rules; null when it may act.
  #heldBy(generation: Generation, nowMs: number): string | null {
    if (generation.rolledBack) return 'rolled_back';
    return suppressionOf(this.#record, this.#options, recordedNow(nowMs));
  }

  #actionOn(
    generation: Generation, look: JudgedLook, check: CheckResult,
    { nowMs, isNewFail }: { readonly nowMs: number; readonly isNewFail: boolean },
  ): { action: BacktestDecision['action']; suppressedBy: string | null; finding: Finding | null } {
    if (check.verdict !== 'fail') return { action: 'none', suppressedBy: null, finding: null };
    const ask = (): Finding | null => this.#ask(generation, look, check, nowMs);
    if (check.effect === 'warn') return { action: 'warn', suppressedBy: null, finding: isNewFail ? ask() : null };
    let suppressedBy = this.#heldBy(generation, nowMs);
    const isPaired = generation.paired !== null && suppressedBy !== 'rolled_back';
    const finding = suppressedBy === null || isNewFail || isPaired ? ask() : null;
    const blames = finding?.blames ?? 'version';
    // Inputs and open questions come before what a person or a rule says; what nobody can tell is no reason to keep
    // quiet here without pairs: a limit that is tried shall show what it finds.
    if (isPaired && (blames === 'inputs' || blames === 'one_source' || blames === 'pairs')) {
      suppressedBy = suppressionBy(blames);
    } else if (blames === 'twin') suppressedBy ??= 'no_rollback_target';
    else if (blames === 'data' || (isPaired && blames !== 'version')) suppressedBy ??= suppressionBy(blames);
    return { action: suppressedBy === null ? 'rollback' : 'suppressed', suppressedBy, finding };
  }

  // By pairs where the version before was asked the same, else, of a drift, by what it answers now.
  #ask(generation: Generation, look: JudgedLook, check: CheckResult, nowMs: number): Finding | null {
    const { paired } = generation;
    if (paired !== null && this.#asksPairs) return paired.find(check, failingOf(look.checks), look, nowMs * 1e3);
    return isDrift(check.check) ? this.#attribute(generation, nowMs) : null;
  }

  // compat acts on its checks and asks nothing.
  get #asksPairs(): boolean {
    return this.#options.mode !== 'compat' && this.#options.attribution === 'on';
  }

  // The two answer more differently than was expected, or than nobody announced: that is told, and may be acted on.
  // Whether the inputs are those of the validation is not recorded: they are taken for such.
  #tellDisagreement(generation: Generation, phase: JudgePhase, nowMs: number): void {
    const { paired, disagreed, version, state } = generation;
    const standing = paired?.standing;
    const disagrees = standing?.verdict.disagrees ?? null;
    if (standing === undefined || disagrees === null) return;
    const counts = disagrees.over !== null && this.#options.mode !== 'compat';
    const suppressedBy = counts ? this.#heldBy(generation, nowMs) : null;
    const action = !counts ? 'warn' as const : suppressedBy === null ? 'rollback' as const : 'suppressed' as const;
    if (disagreed.has(action) || suppressedBy === 'rolled_back') return;
    disagreed.add(action);
    this.#emit({
      t: nowMs, model: this.#model, version, check: 'pairs', verdict: 'fail', action,
      evidence: {
        text: disagrees.text, phase, generation: state.generation, ...(suppressedBy === null ? {} : { suppressedBy }),
        format: PAIRS_FORMAT, pairs: standing.facts, inputDrift: null,
      },
    });
    if (action === 'rollback') this.#rolledBack(generation, nowMs);
  }

  // Asks the last good version, now and then while a drift goes on; null when nothing can be asked.
  #attribute(generation: Generation, nowMs: number): Finding | null {
    const { mode, attribution, windowMs } = this.#options;
    if (this.#standby === null || this.#recent.isEmpty || mode === 'compat' || attribution === 'off') return null;
    if (generation.found === null || nowMs - generation.found.atMs >= windowMs * ASKED_AGAIN_WINDOWS) {
      const { version, baseline, kind } = generation;
      const finding = this.#recent.attribute({ version, baseline, kind: kind ?? 'scalar' }, this.#standby);
      generation.found = { finding, atMs: nowMs };
    }
    return generation.found.finding;
  }
}
