// From the numbers of one check to its result. Pure: the one function that judges live windows, recorded samples and
// stored evidence alike.
import type { CheckResult } from '../types/messages.ts';
import { MEAN_PULL_LIMITS } from '../statistics/distribution.ts';
import { countText, numberText, percentText } from '../types/number-text.ts';
import {
  confidenceTest, decideDrift, meanTest, mixOf, mixTest, projectionShapes, projectionTest, repeatLimit, repeatTest,
  shapeTest, shapeTestOf, spreadTest,
} from './drift-check.ts';
import type { WindowTest } from './drift-check.ts';
import type { CheckEvidence, DriftEvidence, DriftWindow, EvidenceOf } from './evidence.ts';
import { inputsMeasured, inputTest } from './input-drift.ts';
import { chanceText, decideRate, heldBackText, rateText, shareOf, windowText } from './rate-check.ts';
import type { RateOutcome } from './rate-check.ts';

/** A run of failures this many times the limit fails whatever was asked, one and the same question as well. */
const ANY_INPUT_FACTOR = 5;
/** The chance of a run of equal answers that the baseline's most frequent one is allowed to explain. */
const LN_RUN_CHANCE = Math.log(1e-9);
/** A run that would have to be longer than this cannot be told from a model that has one answer. */
const RUN_NEEDED_MAX = 100_000;
const ATOM_ROWS_PRIOR = 1;

/** The verdict of one check, without its sentence. */
export function verdictOf(evidence: CheckEvidence): CheckResult['verdict'] {
  switch (evidence.check) {
    case 'hard_failure':
    case 'non_finite':
      return isRunTooLong(evidence) ? 'fail' : decideRate(evidence.rate).verdict;
    case 'error_rate':
    case 'p95_latency':
      return decideRate(evidence.rate).verdict;
    case 'constant_output':
      return constantVerdict(evidence);
    case 'mean_drift': return decideDrift(evidence, meanTest(evidence)).verdict;
    case 'class_mix': return decideDrift(evidence, mixTest(evidence)).verdict;
    case 'shape': return decideDrift(evidence, shapeTestOf(evidence)).verdict;
    case 'spread': return decideDrift(evidence, spreadTest(evidence)).verdict;
    case 'confidence': return decideDrift(evidence, confidenceTest(evidence)).verdict;
    case 'repeats': return decideDrift(evidence, repeatTest(evidence)).verdict;
    case 'projections': return decideDrift(evidence, projectionTest(evidence)).verdict;
    case 'input_drift': return decideDrift(evidence, inputTest(evidence)).verdict;
  }
}

/** Decides one check. */
export function decide(evidence: CheckEvidence): CheckResult {
  switch (evidence.check) {
    case 'hard_failure':
    case 'non_finite':
      return decideRun(evidence);
    case 'error_rate':
      return decideErrors(evidence);
    case 'p95_latency':
      return decideLatency(evidence);
    case 'constant_output':
      return decideConstant(evidence);
    default:
      return decideAnswers(evidence);
  }
}

function decideRun(evidence: EvidenceOf<'hard_failure' | 'non_finite'>): CheckResult {
  const { check, effect, run, runLimit, rate } = evidence;
  const what = check === 'hard_failure' ? 'failed' : 'were answered with a number that is not finite';
  const outcome = decideRate(rate);
  const base = {
    check, effect, limit: rate.limit, samples: outcome.window?.trials ?? 0, samplesMin: rate.samplesMin,
    value: outcome.window === null ? null : shareOf(outcome.window),
  };
  if (isRunTooLong(evidence)) {
    const text = `${countText(run.length, 'request')} in a row ${what}; the limit is ${runLimit}`;
    return { ...base, verdict: 'fail', text };
  }
  const noun = check === 'hard_failure' ? 'hard failure' : 'the share of non-finite answers';
  return { ...base, verdict: outcome.verdict, ...heldIn(outcome), text: rateText(outcome, rate, what, noun) };
}

const heldIn = ({ heldBack }: RateOutcome): Pick<CheckResult, 'heldBack'> => (heldBack === null ? {} : { heldBack });

const isRunTooLong = ({ run, runLimit }: EvidenceOf<'hard_failure' | 'non_finite'>): boolean =>
  run.inputs >= runLimit || run.length >= runLimit * ANY_INPUT_FACTOR;

function decideErrors({ check, effect, rate }: EvidenceOf<'error_rate'>): CheckResult {
  const outcome = decideRate(rate);
  return {
    check, effect, verdict: outcome.verdict,
    value: outcome.window === null || outcome.verdict === 'inconclusive' ? null : shareOf(outcome.window),
    limit: rate.limit, samples: outcome.window?.trials ?? 0, samplesMin: rate.samplesMin, ...heldIn(outcome),
    text: rateText(outcome, rate, 'failed', 'error rate'),
  };
}

function decideLatency({ check, effect, rate, limitMs, p95Ms }: EvidenceOf<'p95_latency'>): CheckResult {
  const outcome = decideRate(rate);
  const text = rateText(outcome, rate, `took longer than ${limitMs} ms`, 'p95 latency');
  const shown = p95Ms === null || outcome.verdict === 'inconclusive' ? '' : `p95 latency ${numberText(p95Ms)} ms: `;
  return {
    check, effect, verdict: outcome.verdict, value: outcome.verdict === 'inconclusive' ? null : p95Ms, limit: limitMs,
    samples: outcome.window?.trials ?? 0, samplesMin: rate.samplesMin, ...heldIn(outcome), text: shown + text,
  };
}

/** The run of equal answers that is too long to be chance for a model with such a baseline. */
export function runNeeded({ runMin, baseline }: Pick<EvidenceOf<'constant_output'>, 'runMin' | 'baseline'>): number {
  if (baseline === null) return runMin;
  // One more row with this answer than there was, so that a small baseline promises less.
  const { atomShare, rows } = baseline;
  const share = (atomShare * rows + ATOM_ROWS_PRIOR) / (rows + ATOM_ROWS_PRIOR);
  // A share of 1 explains any run, so nothing is long enough.
  const needed = share >= 1 ? Infinity : Math.ceil(LN_RUN_CHANCE / Math.log(share));
  return Math.max(runMin, Math.min(needed, RUN_NEEDED_MAX + 1));
}

function decideConstant(evidence: EvidenceOf<'constant_output'>): CheckResult {
  const { check, run, baseline, inputs, inputsKnown } = evidence;
  const needed = runNeeded(evidence);
  // Without a baseline nothing says how often a model repeats itself when it is well.
  const effect = baseline === null ? 'warn' as const : evidence.effect;
  const base = { check, effect, value: run, limit: needed, samples: run, samplesMin: needed } as const;
  const verdict = constantVerdict(evidence);
  const few = `${countText(run, 'equal answer')} in a row`;
  const text = needed > RUN_NEEDED_MAX
    ? 'constant answers are not judged: nearly all rows of the baseline have the same answer'
    : verdict === 'pass'
      ? `${few}, ${needed} would be too many`
      : verdict === 'inconclusive'
        ? `${few}, but to few different inputs (about ${inputs ?? 0})`
        : `${run} answers in a row are equal${inputsKnown === false ? ' (the inputs are not known)' : ' although ' +
          'the inputs differ'}; ${needed} are too many`;
  return { ...base, verdict, text };
}

function constantVerdict(evidence: EvidenceOf<'constant_output'>): CheckResult['verdict'] {
  const { run, inputs, inputsMin } = evidence;
  const needed = runNeeded(evidence);
  if (needed > RUN_NEEDED_MAX) return 'inconclusive';
  if (run < needed) return 'pass';
  return inputs !== null && inputs < inputsMin ? 'inconclusive' : 'fail';
}

/** What a drift check measured, in its unit, against which limit, and as a sentence that says which side it is on. */
interface Measured {
  readonly value: number;
  readonly limit: number;
  readonly isOver: boolean;
  readonly text: string;
}

function decideAnswers(evidence: DriftEvidence): CheckResult {
  switch (evidence.check) {
    case 'mean_drift': return drift(evidence, meanTest(evidence), meanOf);
    case 'class_mix': return drift(evidence, mixTest(evidence), mixedOf);
    case 'shape': return drift(evidence, shapeTestOf(evidence), shapeOf);
    case 'spread': return drift(evidence, spreadTest(evidence), spreadOf);
    case 'confidence': return drift(evidence, confidenceTest(evidence), confidenceOf);
    case 'repeats': return drift(evidence, repeatTest(evidence), repeatsOf);
    case 'projections': return drift(evidence, projectionTest(evidence), projectionsOf);
    case 'input_drift': return drift(evidence, inputTest(evidence), inputsMeasured);
  }
}

const NOUNS: Readonly<Record<DriftEvidence['check'], string>> = {
  mean_drift: 'mean drift', class_mix: 'class mix', shape: 'the shape of the answers', spread: 'spread',
  confidence: 'confidence', repeats: 'the share of the most frequent answer', projections: 'the shape of the vectors',
  input_drift: 'input drift',
};
/** What a check counts. */
const countedBy = ({ check }: DriftEvidence): string => (check === 'input_drift' ? 'kept row of inputs' : 'prediction');

function drift<E extends DriftEvidence>(
  evidence: E, asked: WindowTest<DriftWindow<E>>, measure: (evidence: E, window: DriftWindow<E>) => Measured,
): CheckResult {
  const { verdict, window } = decideDrift(evidence, asked);
  const { check, effect, samplesMin, unjudged, inputs, inputsMin } = evidence;
  const samples = window?.samples ?? 0;
  const base = { check, effect, verdict, samples, samplesMin };
  if (verdict === 'inconclusive' || window === null) {
    const reason = unjudged !== null
      ? `is not judged: ${unjudged}`
      : samples < samplesMin
        ? `is not judged yet: ${samples} of ${countText(samplesMin, countedBy(evidence))}, ` +
          `${samplesMin - samples} more needed`
        : `is not judged yet: about ${inputs ?? 0} different inputs, wanted at least ${inputsMin}`;
    return { ...base, value: null, limit: limitOf(evidence), text: `${NOUNS[check]} ${reason}` };
  }
  const { value, limit, isOver, text } = measure(evidence, window);
  const counted = `${countText(samples, countedBy(evidence))} in ${windowText(window.windowMs)}`;
  const heldBack = verdict === 'pass' && isOver ? asked.isBreach(window) ? 'looks' : 'chance' : null;
  return {
    ...base, value, limit, ...(heldBack === null ? {} : { heldBack }),
    text: `${text}${heldBackText(heldBack)} (${counted})`,
  };
}

function limitOf(evidence: DriftEvidence): number {
  if (evidence.check === 'spread') return evidence.high;
  if (evidence.check === 'confidence') return evidence.shift;
  if ('psi' in evidence) return evidence.psi;
  return evidence.limit;
}

const side = (isOver: boolean): string => (isOver ? 'over' : 'within');

function meanOf(
  { baseline, limit }: EvidenceOf<'mean_drift'>, { sigmas }: DriftWindow<EvidenceOf<'mean_drift'>>,
): Measured {
  const value = Math.abs(sigmas);
  // Far predictions count as that far, so the mean is known to be at least there.
  const atLeast = value > limit * MEAN_PULL_LIMITS * (1 - 1e-9) ? 'at least ' : '';
  const text = `mean prediction is ${atLeast}${numberText(value, limit)} standard deviations from the baseline's ` +
    `${numberText(baseline.mean)}, ${side(value > limit)} the limit of ${limit}`;
  return { value, limit, isOver: value > limit, text };
}

function mixedOf(
  { baseline, names, limit, chance: chanceMax }: EvidenceOf<'class_mix'>,
  { counts, ...worth }: DriftWindow<EvidenceOf<'class_mix'>>,
): Measured {
  const { difference, chance } = mixOf(baseline, counts, worth, limit);
  const rows = baseline.reduce((sum, count) => sum + count, 0);
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const shares = names.map((name, index) => ({ name, was: baseline[index]! / rows, is: counts[index]! / samples }));
  const most = shares.reduce((a, b) => (Math.abs(b.is - b.was) > Math.abs(a.is - a.was) ? b : a));
  const text = `class ${most.name} has a share of ${percentText(most.is)} where the baseline has ` +
    `${percentText(most.was)}: the change is ${side(difference > limit)} the limit of ${percentText(limit)}` +
    (difference > limit && chance < chanceMax ? `, chance ${chanceText(chance)}` : '');
  return { value: difference, limit, isOver: difference > limit, text };
}

function shapeOf(
  { baseline, psi, chance, rows }: EvidenceOf<'shape'>, { counts, ...worth }: DriftWindow<EvidenceOf<'shape'>>,
): Measured {
  const test = shapeTest(baseline.counts, counts, { psi, chance, worth, rows });
  const text = `answers are distributed differently from the baseline: PSI ${numberText(test.psi, test.limit)} is ` +
    `${side(test.psi > test.limit)} the limit of ${numberText(test.limit)}`;
  const alike = `answers are distributed like the baseline: PSI ${numberText(test.psi, test.limit)} is within the ` +
    `limit of ${numberText(test.limit)}`;
  const isOver = test.psi > test.limit;
  return { value: test.psi, limit: test.limit, isOver, text: isOver ? text : alike };
}

function spreadOf(
  { baseline, low, high }: EvidenceOf<'spread'>, { standardDeviation }: DriftWindow<EvidenceOf<'spread'>>,
): Measured {
  const value = standardDeviation / baseline.standardDeviation;
  const isOver = value < low || value > high;
  const text = `the spread of the answers is ${numberText(value)} times the baseline's, ` +
    `${isOver ? 'outside' : 'within'} ${low} to ${high}`;
  return { value, limit: value < low ? low : high, isOver, text };
}

function confidenceOf(
  evidence: EvidenceOf<'confidence'>, { mean, counts, ...worth }: DriftWindow<EvidenceOf<'confidence'>>,
): Measured {
  const { baseline, shift, psi, chance, rows } = evidence;
  const value = Math.abs(mean - baseline.mean) / baseline.standardDeviation;
  const test = shapeTest(baseline.counts, counts, { psi, chance, worth, rows });
  const text = `mean entropy ${numberText(mean)} is ${numberText(value, shift)} standard deviations from the ` +
    `baseline's ${numberText(baseline.mean)} (limit ${shift}); its PSI is ${numberText(test.psi, test.limit)} ` +
    `(limit ${numberText(test.limit)})`;
  return { value, limit: shift, isOver: value >= shift || test.psi > test.limit, text };
}

function repeatsOf(
  evidence: EvidenceOf<'repeats'>, { hits, samples }: DriftWindow<EvidenceOf<'repeats'>>,
): Measured {
  const limit = repeatLimit(evidence);
  const value = samples === 0 ? 0 : hits / samples;
  const text = `one answer makes up ${percentText(value, limit)} of all, ${side(value > limit)} the limit of ` +
    `${percentText(limit)} (${percentText(evidence.atomShare)} in the baseline)`;
  return { value, limit, isOver: value > limit, text };
}

function projectionsOf(
  evidence: EvidenceOf<'projections'>, window: DriftWindow<EvidenceOf<'projections'>>,
): Measured {
  const shapes = projectionShapes(evidence, window);
  const none = { psi: 0, limit: evidence.psi };
  const worst = shapes.reduce((a, b) => (b.psi - b.limit > a.psi - a.limit ? b : a), shapes[0] ?? none);
  const text = `vectors point elsewhere than the baseline's: PSI ${numberText(worst.psi, worst.limit)} of a ` +
    `projection is ${side(worst.psi > worst.limit)} the limit of ${numberText(worst.limit)}`;
  const alike = `vectors point where the baseline's do: PSI ${numberText(worst.psi, worst.limit)} of the worst ` +
    `projection is within the limit of ${numberText(worst.limit)}`;
  const isOver = worst.psi > worst.limit;
  return { value: worst.psi, limit: worst.limit, isOver, text: isOver ? text : alike };
}
