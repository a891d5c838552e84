// Builds what the checks of the answers' distribution are decided from, out of an observer. Monitor thread; called at
// looks.
import type { CheckName } from '../../options/check-names.ts';
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { CheckEffect } from '../types/check-kinds.ts';
import type { Columns } from '../baseline/columns.ts';
import { ANSWER } from '../baseline/columns.ts';
import type { ColumnGroup, Dispersion, KnownDispersion } from '../window/dispersion.ts';
import { dispersionOf } from '../window/dispersion.ts';
import type { WindowTest } from './drift-check.ts';
import {
  confidenceTest, meanTest, mixTest, projectionTest, repeatTest, shapeTestOf, spreadTest,
} from './drift-check.ts';
import type { DriftEvidence, DriftWindow, EvidenceOf } from './evidence.ts';
import type { LookContext } from './rate-looks.ts';
import { twoLooksMsOf } from './rate-looks.ts';
import type { Reference } from '../baseline/reference.ts';
import type { SlotWindows } from '../window/slot-windows.ts';
import { WINDOW_FACTORS } from '../window/slot-windows.ts';
import { unjudgedOf } from './unjudged.ts';

/** Fewer different inputs than this say nothing about a distribution, however often they are asked. */
export const INPUTS_MIN = 20;

/** One window's totals of the answers. */
export interface AnswersWindow {
  readonly windowMs: number;
  readonly samples: number;
  /** The most that the samples can be worth: all of them, or as many as there were different inputs. */
  readonly effectiveMax: number;
  /** What they are worth, cautiously and as far as is proven; walks through the slots, so only breaches ask. */
  readonly worth: () => { readonly effective: number; readonly proven: number };
  /** Whether anybody asked. */
  readonly wasNear: () => boolean;
  readonly total: (column: number) => number;
  readonly totals: (columns: Columns) => number[];
}

/** The windows that hold answers; a longer one that holds nothing more is left out. */
export function answersWindows(
  { observer, options }: LookContext, reference: Reference, known: KnownDispersion,
): AnswersWindow[] {
  const { values, entropies, classes, projections: directions } = reference.layout;
  const groups = [
    ...[values, entropies, ...directions].map((columns) => ({ ...columns, isOrdered: true })),
    { ...classes, isOrdered: false },
  ];
  const inputs = observer.diversity.distinct();
  return observer.answers === null ? [] : heldWindows(observer.answers, groups, { options, inputs, known });
}

/** The windows that hold anything, with what each is worth by how alike its slots are. */
export function heldWindows(
  windows: SlotWindows, groups: readonly ColumnGroup[],
  { options, inputs, known }: {
    readonly options: JudgeOptions; readonly inputs: number; readonly known: KnownDispersion;
  },
): AnswersWindow[] {
  const found: AnswersWindow[] = [];
  const about = { isNear: false };
  const dispersion = (window: number): Dispersion => {
    about.isNear = true;
    return known.of(windows.slot, window, () => dispersionOf({
      own: windows.slotsWithin(window),
      before: windows.slotsBefore(window),
    }, groups));
  };
  WINDOW_FACTORS.forEach((factor, window) => {
    // The first column of any windows counts what came in.
    const samples = windows.total(window, ANSWER.values);
    if (samples === (found.at(-1)?.samples ?? 0)) return;
    found.push({
      windowMs: options.windowMs * factor,
      samples,
      effectiveMax: Math.min(samples, inputs),
      wasNear: () => about.isNear,
      worth: () => {
        const { possible, proven } = dispersion(window);
        return { effective: Math.min(samples / possible, inputs), proven: Math.min(samples / proven, inputs) };
      },
      total: (column) => windows.total(window, column),
      totals: ({ from, length }) => windows.totals(window, from, length),
    });
  });
  return found;
}

/** All that the drift checks of one look share. */
export interface DriftLook extends LookContext {
  /** Null without a baseline. */
  readonly reference: Reference | null;
  readonly windows: readonly AnswersWindow[];
  /** Of the rows of inputs that were kept. */
  readonly inputWindows: readonly AnswersWindow[];
}

interface DriftBase {
  readonly effect: CheckEffect;
  readonly samplesMin: number;
  readonly inputs: number | null;
  readonly inputsMin: number;
  readonly chance: number;
  readonly twoLooksMs: number;
  readonly unjudged: string | null;
  readonly rows: number;
}

function baseOf(
  { observer, options, reference }: DriftLook, effect: CheckEffect, samplesMin: number, check: CheckName,
): DriftBase {
  const unjudged = unjudgedOf(check, reference);
  return { ...heldBase({ observer, options }, effect, samplesMin), unjudged, rows: reference?.rows ?? 0 };
}

/** What any check of a distribution goes by, whatever it is compared with. */
export function heldBase(
  { observer, options }: Pick<DriftLook, 'observer' | 'options'>, effect: CheckEffect, samplesMin: number,
): Omit<DriftBase, 'unjudged' | 'rows'> {
  const inputs = observer.diversity.distinct();
  return {
    effect, samplesMin,
    inputs: Number.isFinite(inputs) ? inputs : null,
    inputsMin: INPUTS_MIN,
    chance: options.chance,
    twoLooksMs: twoLooksMsOf(options),
  };
}

/** Builds the windows of one check, each with the look that began its breach. */
export function looked<E extends DriftEvidence>(
  look: DriftLook, evidence: E, test: WindowTest<DriftWindow<E>>, windowOf: (window: AnswersWindow) => object,
): E {
  if (evidence.unjudged !== null) return evidence;
  const windows = look.windows.map((window) => {
    const { windowMs, samples, effectiveMax } = window;
    let now = { windowMs, samples, effective: effectiveMax, ...windowOf(window) } as DriftWindow<E>;
    let isBreach = samples >= evidence.samplesMin && test.isBreach(now);
    if (isBreach) {
      // Fewer samples explain more, so what was no breach with all of them is none with fewer.
      now = { ...now, ...window.worth() };
      isBreach = test.isBreach(now);
    }
    const first = look.streaks.note(evidence.check, windowMs, isBreach, now, look.nowUs);
    return { now, firstLook: first === null ? null : { agoMs: first.agoMs, window: first.first } };
  });
  return { ...evidence, windows };
}

export function meanDrift(look: DriftLook, effect: CheckEffect): EvidenceOf<'mean_drift'> {
  const { mean = 0, standardDeviation = 0 } = look.reference ?? {};
  const { samplesMin } = look.options.checks.mean_drift;
  const evidence: EvidenceOf<'mean_drift'> = {
    check: 'mean_drift', ...baseOf(look, effect, samplesMin, 'mean_drift'), limit: look.options.driftSigmaLimit,
    baseline: { mean, standardDeviation }, windows: [],
  };
  return looked(look, evidence, meanTest(evidence), ({ total, samples }) =>
    ({ sigmas: total(ANSWER.meanSum) / samples }));
}

export function classMix(look: DriftLook, effect: CheckEffect): EvidenceOf<'class_mix'> {
  const { samplesMin, limit } = look.options.checks.class_mix;
  const classes = look.reference?.classes ?? null;
  const evidence: EvidenceOf<'class_mix'> = {
    check: 'class_mix', ...baseOf(look, effect, samplesMin, 'class_mix'), limit,
    names: [...(classes?.names ?? [])], baseline: [...(classes?.counts ?? [])], windows: [],
  };
  return looked(look, evidence, mixTest(evidence), ({ totals }) =>
    ({ counts: totals(look.reference!.layout.classes) }));
}

export function shape(look: DriftLook, effect: CheckEffect): EvidenceOf<'shape'> {
  const { samplesMin, psi } = look.options.checks.shape;
  const { edges = [], counts = [] } = look.reference?.bins ?? {};
  const evidence: EvidenceOf<'shape'> = {
    check: 'shape', ...baseOf(look, effect, samplesMin, 'shape'), psi,
    baseline: { edges: [...edges], counts: [...counts] }, windows: [],
  };
  return looked(look, evidence, shapeTestOf(evidence), ({ totals }) =>
    ({ counts: totals(look.reference!.layout.values) }));
}

export function spread(look: DriftLook, effect: CheckEffect): EvidenceOf<'spread'> {
  const { samplesMin, low, high } = look.options.checks.spread;
  const { standardDeviation = 0, kurtosis = 3 } = look.reference?.spread ?? {};
  const scale = look.reference?.standardDeviation ?? 0;
  const evidence: EvidenceOf<'spread'> = {
    check: 'spread', ...baseOf(look, effect, samplesMin, 'spread'), low, high,
    baseline: { standardDeviation, kurtosis }, windows: [],
  };
  return looked(look, evidence, spreadTest(evidence), ({ total, samples }) => {
    const squares = total(ANSWER.spreadSquares) - total(ANSWER.spreadSum) ** 2 / samples;
    return { standardDeviation: Math.sqrt(Math.max(0, squares) / Math.max(1, samples - 1)) * scale };
  });
}

export function confidence(look: DriftLook, effect: CheckEffect): EvidenceOf<'confidence'> {
  const { samplesMin, shift } = look.options.checks.confidence;
  const entropy = look.reference?.entropy ?? null;
  const { mean = 0, standardDeviation = 0 } = entropy ?? {};
  const evidence: EvidenceOf<'confidence'> = {
    check: 'confidence', ...baseOf(look, effect, samplesMin, 'confidence'), shift, psi: look.options.checks.shape.psi,
    baseline: {
      mean, standardDeviation, edges: [...(entropy?.bins.edges ?? [])], counts: [...(entropy?.bins.counts ?? [])],
    },
    windows: [],
  };
  return looked(look, evidence, confidenceTest(evidence), ({ total, totals }) => ({
    mean: total(ANSWER.entropySum) / Math.max(1, total(ANSWER.entropies)),
    counts: totals(look.reference!.layout.entropies),
  }));
}

export function projections(look: DriftLook, effect: CheckEffect): EvidenceOf<'projections'> {
  const { samplesMin, psi } = look.options.checks.projections;
  const directions = look.reference?.projections ?? [];
  const evidence: EvidenceOf<'projections'> = {
    check: 'projections', ...baseOf(look, effect, samplesMin, 'projections'), psi,
    baseline: directions.map(({ edges, counts }) => ({ edges: [...edges], counts: [...counts] })), windows: [],
  };
  return looked(look, evidence, projectionTest(evidence), ({ totals }) =>
    ({ counts: look.reference!.layout.projections.map(totals) }));
}

export function repeats(look: DriftLook, effect: CheckEffect): EvidenceOf<'repeats'> {
  const { samplesMin, limit } = look.options.checks.repeats;
  const { samples, hits } = look.observer.frequent.most(samplesMin);
  const evidence: EvidenceOf<'repeats'> = {
    check: 'repeats', ...baseOf(look, effect, samplesMin, 'repeats'), limit, atomShare: look.reference?.atomShare ?? 0,
    windows: [],
  };
  const windowMs = look.options.windowMs * 5;
  // The block in which answers are compared is none of the windows, but as dependent as the one of its length.
  const alike = look.windows.find((window) => window.windowMs >= windowMs) ?? look.windows.at(-1);
  const block: AnswersWindow = {
    windowMs, samples, effectiveMax: samples, total: () => 0, totals: () => [],
    wasNear: () => false,
    worth: () => {
      if (alike === undefined) return { effective: samples, proven: samples };
      const { effective, proven } = alike.worth();
      const part = (of: number): number => Math.min(1, of / alike.samples) * samples;
      return { effective: part(effective), proven: part(proven) };
    },
  };
  const blocks = samples === 0 ? [] : [block];
  return looked({ ...look, windows: blocks }, evidence, repeatTest(evidence), () => ({ hits }));
}
