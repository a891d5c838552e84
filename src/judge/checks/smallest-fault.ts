// The smallest fault that each check can tell from chance in so many samples. Pure. The same formulas that decide,
// solved for the fault: for independent answers, and of what the version is compared with.
import { SLOW_SHARE } from '../../options/check-names.ts';
import type { CheckName } from '../../options/check-names.ts';
import type { JudgeOptions } from '../../options/judge-options.ts';
import type { Baseline } from '../../registry/records.ts';
import { BinomialLimits } from '../statistics/binomial.ts';
import { countInBins } from '../statistics/bins.ts';
import { populationStability } from '../statistics/statistics.ts';
import { runNeeded } from './decide.ts';
import { meanLimit, psiLimit, varianceLimits } from '../statistics/chance.ts';
import { mixOf, repeatLimit } from './drift-check.ts';
import type { Reference } from '../baseline/reference.ts';
import { numberText, percentText } from '../types/number-text.ts';

/** What faults are told for: the limits, the number of samples, and what they are compared with. */
export interface FaultContext {
  readonly options: JudgeOptions;
  readonly samples: number;
  readonly baseline: Baseline | null;
  readonly reference: Reference | null;
}
/** A fault in the check's unit, and in words; null when so many samples show none. */
export interface Fault {
  readonly value: number | null;
  readonly text: string;
}

const HALVINGS = 24;
const SHIFT_SIGMAS_MAX = 8;
const PROJECTIONS = 8;
const BINS_USUAL = 12;

/** The smallest value from `low` to `high` at which `isSeen` holds, which it does from some value on; null if never. */
function smallestSeen(low: number, high: number, isSeen: (value: number) => boolean): number | null {
  if (!isSeen(high)) return null;
  let [unseen, seen] = [low, high];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (unseen + seen) / 2;
    if (isSeen(middle)) seen = middle;
    else unseen = middle;
  }
  return seen;
}

const nothing = (text: string): Fault => ({ value: null, text });

/** Says what the check sees, of a version that is compared with what the context names. */
export function smallestFault(check: CheckName, context: FaultContext): Fault {
  const { options: { checks, errorRateLimit, p95LimitMs } } = context;
  switch (check) {
    case 'hard_failure': return orRun(checks.hard_failure, context, 'failed');
    case 'non_finite': return orRun(checks.non_finite, context, 'not finite');
    case 'error_rate': return share(errorRateLimit, context, 'failed');
    case 'p95_latency': return share(SLOW_SHARE, context, `slower than ${p95LimitMs} ms`);
    case 'constant_output': return constant(context);
    case 'mean_drift': return mean(context);
    case 'class_mix': return mix(context);
    case 'shape': return shape(context);
    case 'spread': return spread(context);
    case 'confidence': return confidence(context);
    case 'repeats': return repeats(context);
    case 'projections': return projections(context);
    case 'input_drift': return inputs(context);
  }
}

function share(limit: number, { options, samples }: FaultContext, what: string): Fault {
  const hits = new BinomialLimits(limit, options.chance).hitsNeeded(samples);
  return hits > samples
    ? nothing(`nothing: ${samples} requests decide no limit of ${percentText(limit)}`)
    : { value: hits / samples, text: `${percentText(hits / samples)} ${what} (limit ${percentText(limit)})` };
}

function orRun(
  { run, limit }: { readonly run: number; readonly limit: number }, context: FaultContext, what: string,
): Fault {
  const { value, text } = share(limit, context, what);
  return { value, text: value === null ? `${run} in a row ${what}` : `${run} in a row ${what}, or ${text}` };
}

function constant({ options, reference }: FaultContext): Fault {
  const baseline = reference === null ? null : { atomShare: reference.atomShare, rows: reference.rows };
  const needed = runNeeded({ runMin: options.checks.constant_output.run, baseline });
  return { value: needed, text: `${needed} equal answers in a row to different questions` };
}

const rowsOf = ({ reference }: FaultContext): number => reference?.rows ?? Infinity;
const chanceOf = (context: FaultContext): Parameters<typeof meanLimit>[1] =>
  ({ chance: context.options.chance, worth: { effective: context.samples }, rows: rowsOf(context) });

function mean(context: FaultContext): Fault {
  const value = meanLimit(context.options.driftSigmaLimit, chanceOf(context));
  return { value, text: `a mean ${numberText(value)} standard deviations off` };
}

// A class that takes from all others alike, or the most frequent one that gives to them: the harder of the two.
function mix({ options, samples, reference }: FaultContext): Fault {
  const { limit } = options.checks.class_mix;
  const counts = reference?.classes?.counts ?? null;
  if (counts === null) return { value: limit, text: `a class ${percentText(limit)} more or less frequent` };
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const largest = counts.indexOf(Math.max(...counts));
  const isSeen = (moved: number): boolean => {
    const others = 1 - counts[largest]! / rows;
    const now = counts.map((count, index) => {
      const part = index === largest ? -moved : others > 0 ? (moved * count) / rows / others : moved;
      return Math.max(0, (count / rows + part) * samples);
    });
    return moved > limit && mixOf(counts, now, { effective: samples }, limit).chance < options.chance;
  };
  const value = smallestSeen(limit, Math.max(limit, counts[largest]! / rows), isSeen);
  return value === null
    ? nothing(`nothing: ${samples} answers do not show even that class "${reference?.classes?.names[largest]}" is gone`)
    : { value, text: `a class ${percentText(value)} more or less frequent` };
}

function shape(context: FaultContext): Fault {
  const { options, samples, baseline, reference } = context;
  const bins = reference?.bins.counts.length ?? BINS_USUAL;
  const value = psiLimit(options.checks.shape.psi, options.chance, bins, { effective: samples }, rowsOf(context));
  const shift = baseline === null || reference === null ? null : shiftOf(value, samples, baseline, reference);
  const as = shift === null ? '' : `, as when all answers move by ${numberText(shift)} standard deviations`;
  return { value, text: `PSI ${numberText(value)}${as}` };
}

// By how many deviations all answers have to move, upwards or downwards, to be that far from the baseline.
function shiftOf(
  psi: number, samples: number, { values, standardDeviation }: Baseline, { bins: { edges, counts } }: Reference,
): number | null {
  if (!(standardDeviation > 0)) return null;
  const psiAt = (sigmas: number): number => {
    const moved = countInBins(edges, values.map((value) => value + sigmas * standardDeviation));
    return populationStability(counts, moved.map((count) => (count * samples) / values.length));
  };
  return smallestSeen(0, SHIFT_SIGMAS_MAX, (sigmas) => psiAt(sigmas) > psi && psiAt(-sigmas) > psi);
}

function spread(context: FaultContext): Fault {
  const { low, high } = context.options.checks.spread;
  const kurtosis = context.reference?.spread.kurtosis ?? 3;
  const limits = varianceLimits({ low, high, kurtosis }, chanceOf(context));
  const [from, to] = [Math.sqrt(Math.max(0, limits.low)), Math.sqrt(limits.high)];
  const below = from > 0 ? `below ${numberText(from)} or ` : '';
  return { value: to, text: `a spread ${below}above ${numberText(to)} times` };
}

function confidence(context: FaultContext): Fault {
  const value = meanLimit(context.options.checks.confidence.shift, chanceOf(context));
  return { value, text: `a mean entropy ${numberText(value)} standard deviations off` };
}

function repeats({ options, samples, reference }: FaultContext): Fault {
  const { limit: more } = options.checks.repeats;
  const { atomShare = 0, rows = 0 } = reference ?? {};
  const limit = rows === 0 ? more : repeatLimit({ atomShare, rows, limit: more });
  if (limit >= 1) return nothing('nothing: nearly all rows of the baseline have the same answer');
  const hits = new BinomialLimits(limit, options.chance).hitsNeeded(samples);
  return hits > samples
    ? nothing(`nothing: ${samples} answers decide no limit of ${percentText(limit)}`)
    : { value: hits / samples, text: `one answer given ${percentText(hits / samples)} of the time` };
}

function projections({ options, samples, reference }: FaultContext): Fault {
  const totals = (reference?.projections ?? []).map(({ counts }) => counts.reduce((sum, count) => sum + count, 0));
  const rows = Math.min(...totals);
  const { psi } = options.checks.projections;
  const value = psiLimit(psi, options.chance / PROJECTIONS, BINS_USUAL, { effective: samples / PROJECTIONS }, rows);
  return { value, text: `PSI ${numberText(value)} of a projection` };
}

function inputs({ options, samples, reference }: FaultContext): Fault {
  const { rows = Infinity, columns = [] } = reference?.inputs ?? {};
  const bins = Math.max(BINS_USUAL, ...columns.map(({ counts }) => counts.length));
  const { psi } = options.checks.input_drift;
  const value = psiLimit(psi, options.chance / Math.max(1, columns.length), bins, { effective: samples }, rows);
  return { value, text: `PSI ${numberText(value)} of an input column` };
}
