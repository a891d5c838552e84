// What all checks of a distribution have in common. Pure, but for the building of evidence, which reads an observer.
// Each asks two things of a window: does the difference exceed its limit, and does it exceed what chance explains at
// the number of independent answers, whether the version answers exactly like its baseline (which is itself a sample)
// or exactly at the limit from it. A window that exceeds chance fails the check when it did so at an earlier look too,
// and when the shortest window that can be judged exceeds its limit as well: what is over by now decides nothing.
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { Reference } from '../baseline/reference.ts';
import { tooFewRows } from '../baseline/reference.ts';
import type { PairEvent } from '../pairs/paired-change.ts';
import type { Worth } from '../statistics/chance.ts';
import { psiLimit } from '../statistics/chance.ts';
import { populationStability } from '../statistics/statistics.ts';
import type { CheckEffect, CheckKind } from '../types/check-kinds.ts';
import type { CheckResult, CheckVerdict } from '../types/messages.ts';
import { countedText, numberText, windowText, withheldText } from '../types/number-text.ts';
import type { AnswersWindow } from '../window/answers-windows.ts';
import type { Check, CheckEvidence, Evaluation, EvidenceOf, ComparedBins } from './check.ts';
import { twoLooksMsOf } from './rate-check.ts';

/** Fewer different inputs than this say nothing about a distribution, however often they are asked. */
export const INPUTS_MIN = 20;

type DriftEvidence = Extract<CheckEvidence, { windows: unknown }>;
type DriftName = DriftEvidence['check'];
export type DriftWindow<C extends DriftName> = EvidenceOf<C>['windows'][number]['now'];

/** One of them, which stands for all where only what they share is read. */
type AnyEvidence = EvidenceOf<'mean_drift'>;
type AnyWindow = DriftWindow<'mean_drift'>;
/** What every drift check is decided from, whatever it compares, and what is known of each of its windows. */
type Shared = Exclude<keyof AnyEvidence, 'limit' | 'baseline'>;
type SharedOfWindow = Exclude<keyof AnyWindow, 'sigmas'>;

/** What one check says of one window. */
interface WindowTest<W> {
  readonly exceedsLimit: (window: W) => boolean;
  readonly exceedsChance: (window: W) => boolean;
}

/** A value in the check's unit, its limit, and a sentence that says on which side of it the value is. */
interface Measured {
  readonly value: number;
  readonly limit: number;
  readonly isOver: boolean;
  readonly text: string;
}

/** Where the samples of a check come from, and what they are compared with. */
interface Source {
  readonly counts: Check['counts'];
  /** One sample, for people. */
  readonly noun: string;
  readonly windows: (evaluation: Evaluation) => readonly AnswersWindow[];
  readonly rows: (reference: Reference | null) => number;
  readonly unjudged: (reference: Reference | null) => string | null;
  /** Why nothing can be decided at this look although something could be, with what comes in; null when it can. */
  readonly missing: (evaluation: Evaluation) => string | null;
}
const ANSWERS: Omit<Source, 'unjudged'> = {
  counts: 'predictions', noun: 'prediction',
  windows: ({ windows }) => windows,
  rows: (reference) => reference?.rows ?? 0,
  missing: () => null,
};

/** What one drift check says of itself. */
interface DriftSpec<C extends DriftName>
  extends CheckKind, Pick<Check<C>, 'name' | 'detectionLimit'>, Partial<Pick<Check<C>, 'concerns'>> {
  /** What is not judged, in the sentence that says so. */
  readonly subject: string;
  readonly source?: Partial<Source>;
  /** What a baseline lacks for it; null when nothing. */
  readonly lacks?: (reference: Reference) => string | null;
  /** Its limits, and what of the baseline it is compared with, as they are stored. */
  readonly limits: (options: JudgeOptions, reference: Reference | null) => Omit<EvidenceOf<C>, Shared>;
  /** The limit that is told while nothing is measured. */
  readonly limitOf: (evidence: EvidenceOf<C>) => number;
  /** Its numbers of a window. */
  readonly numbers: (window: AnswersWindow, reference: Reference) => Omit<DriftWindow<C>, SharedOfWindow>;
  readonly test: (evidence: EvidenceOf<C>) => WindowTest<DriftWindow<C>>;
  readonly measure: (evidence: EvidenceOf<C>, window: DriftWindow<C>) => Measured;
  readonly histograms?: (evidence: EvidenceOf<C>, window: DriftWindow<C>) => readonly ComparedBins[];
  /** What it looks at in pairs, by the window that failed; null for one that never leads to a rollback. */
  readonly pairEvent: ((
    evidence: EvidenceOf<C>, window: DriftWindow<C>, baselines: { readonly own: Reference; readonly twin: Reference },
  ) => PairEvent | null) | null;
}

export function driftCheck<C extends DriftName>(spec: DriftSpec<C>): Check<C> {
  return checkOf(spec as unknown as DriftSpec<'mean_drift'>) as unknown as Check<C>;
}

function checkOf(spec: DriftSpec<'mean_drift'>): Check<'mean_drift'> {
  const { name, title, layer, cause, unit, detectionLimit, concerns = () => true } = spec;
  const source: Source = {
    ...ANSWERS,
    unjudged: (reference) => reference === null
      ? 'the version has no baseline'
      : tooFewRows(reference.rows) ?? spec.lacks?.(reference) ?? null,
    ...spec.source,
  };
  const outcomeOf = (evidence: AnyEvidence): DriftOutcome => decideDrift(evidence, spec.test(evidence));
  return {
    name, title, layer, cause, unit, detectionLimit, concerns,
    counts: source.counts, isShort: false, unjudged: source.unjudged,
    samplesMin: ({ checks }) => checks[name].samplesMin,
    evaluate: (evaluation, effect) => evaluate(spec, source, evaluation, effect),
    verdictOf: (evidence) => outcomeOf(evidence).verdict,
    decide: (evidence) => decide(spec, source, evidence, outcomeOf(evidence)),
    histograms: (evidence) => {
      const { window } = outcomeOf(evidence);
      return window === null ? [] : spec.histograms?.(evidence, window) ?? [];
    },
    pairEvent: spec.pairEvent === null ? null : (evidence, own, twin) => {
      const { window } = outcomeOf(evidence);
      if (window === null || own === null) return null;
      // Without a baseline of its own, or with one of other answers, the twin is read as the new version is.
      return spec.pairEvent!(evidence, window, { own, twin: twin?.kind === own.kind ? twin : own });
    },
  };
}

function evaluate(
  spec: DriftSpec<'mean_drift'>, source: Source, evaluation: Evaluation, effect: CheckEffect,
): AnyEvidence {
  const { observer, options, reference, streaks, nowUs } = evaluation;
  const { samplesMin } = options.checks[spec.name];
  const inputs = observer.diversity.distinct();
  const evidence: AnyEvidence = {
    check: spec.name, effect, samplesMin, inputs: Number.isFinite(inputs) ? inputs : null, inputsMin: INPUTS_MIN,
    chance: options.chance, twoLooksMs: twoLooksMsOf(options), rows: source.rows(reference), windows: [],
    unjudged: source.unjudged(reference) ?? source.missing(evaluation), ...spec.limits(options, reference),
  };
  if (evidence.unjudged !== null || reference === null) return evidence;
  const { exceedsChance } = spec.test(evidence);
  const windows = source.windows(evaluation).map((window) => {
    const { windowMs, samples, effectiveMax } = window;
    let now: AnyWindow = { windowMs, samples, effective: effectiveMax, ...spec.numbers(window, reference) };
    let isBreach = samples >= samplesMin && exceedsChance(now);
    if (isBreach) {
      // The effective sample size only loosens the limit, so it is computed (slow) only for windows over it.
      now = { ...now, ...window.worth() };
      isBreach = exceedsChance(now);
    }
    const first = streaks.note(spec.name, windowMs, isBreach, now, nowUs);
    return { now, firstLook: first === null ? null : { agoMs: first.agoMs, window: first.first } };
  });
  return { ...evidence, windows };
}

function decide(
  spec: DriftSpec<'mean_drift'>, { noun }: Source, evidence: AnyEvidence, { verdict, window }: DriftOutcome,
): CheckResult {
  const { effect, samplesMin } = evidence;
  const samples = window?.samples ?? 0;
  const base = { check: spec.name, effect, verdict, samples, samplesMin };
  if (verdict === 'inconclusive' || window === null) {
    const text = `${spec.subject} ${openText(evidence, samples, noun)}`;
    return { ...base, value: null, limit: spec.limitOf(evidence), text };
  }
  const { value, limit, isOver, text } = spec.measure(evidence, window);
  const counted = `${countedText(samples, noun)} in ${windowText(window.windowMs)}`;
  const heldBack =
    verdict === 'pass' && isOver ? spec.test(evidence).exceedsChance(window) ? 'looks' : 'chance' : null;
  return {
    ...base, value, limit, ...(heldBack === null ? {} : { heldBack }),
    text: `${text}${withheldText(heldBack)} (${counted})`,
  };
}

// Why nothing is decided, as the end of a sentence.
function openText(
  { unjudged, samplesMin, inputs, inputsMin }: AnyEvidence, samples: number, noun: string,
): string {
  if (unjudged !== null) return `is not judged: ${unjudged}`;
  return samples < samplesMin
    ? `is not judged yet: ${samples} of ${countedText(samplesMin, noun)}, ${samplesMin - samples} more needed`
    : `is not judged yet: about ${inputs ?? 0} different inputs, wanted at least ${inputsMin}`;
}

interface DriftOutcome {
  readonly verdict: CheckVerdict;
  /** The window that failed, or else the shortest that holds enough, or else the longest there is. */
  readonly window: AnyWindow | null;
}

/** Decides by all windows, the shortest first. */
function decideDrift(
  { windows, unjudged, inputs, inputsMin, samplesMin, twoLooksMs }: Pick<AnyEvidence, Shared>,
  test: WindowTest<AnyWindow>,
): DriftOutcome {
  const longest = windows.at(-1)?.now ?? null;
  if (unjudged !== null) return { verdict: 'inconclusive', window: longest };
  const judged = windows.filter(({ now }) => now.samples >= samplesMin);
  const shortest = judged[0];
  const tooFewInputs = inputs !== null && inputs < inputsMin;
  if (shortest === undefined || tooFewInputs) return { verdict: 'inconclusive', window: longest };
  const failing = judged.find(({ now, firstLook }) =>
    firstLook !== null && firstLook.agoMs >= twoLooksMs &&
    test.exceedsChance(now) && test.exceedsLimit(shortest.now) && test.exceedsChance(firstLook.window));
  return failing === undefined
    ? { verdict: 'pass', window: shortest.now }
    : { verdict: 'fail', window: failing.now };
}

/** A population stability beside the one that chance allows. */
export interface Shape {
  readonly psi: number;
  readonly limit: number;
}

/** Compares a histogram with the baseline's. */
export function shapeOf(
  baseline: readonly number[], counts: readonly number[],
  about: { readonly psi: number; readonly chance: number; readonly worth: Worth; readonly rows: number },
): Shape {
  const used = baseline.filter((count, bin) => count + counts[bin]! > 0).length;
  return {
    psi: populationStability(baseline, counts), limit: psiLimit(about.psi, about.chance, used, about.worth, about.rows),
  };
}

/** Tests several histograms at once: one that is over is enough. */
export function anyShapeTest<W>(shapesOf: (window: W) => readonly Shape[], psiMax: number): WindowTest<W> {
  return {
    exceedsLimit: (window) => shapesOf(window).some(({ psi }) => psi > psiMax),
    exceedsChance: (window) => shapesOf(window).some(({ psi, limit }) => psi > limit),
  };
}

/** On which side of a limit. */
export const sideOf = (isOver: boolean): string => (isOver ? 'over' : 'within');

/** The names of bins by their edges; one behind the last is of what was no number. */
export function binNames(edges: readonly number[], bins: number): string[] {
  return Array.from({ length: bins }, (_, bin) => {
    const [from, to] = [edges[bin - 1], edges[bin]];
    if (bin > edges.length) return 'no number';
    if (from === undefined) return `below ${numberText(to ?? 0)}`;
    return to === undefined ? `from ${numberText(from)}` : `${numberText(from)} to ${numberText(to)}`;
  });
}

export const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
