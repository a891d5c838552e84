// constant_output: does the version give one answer to different questions, for longer than a model with such a
// baseline does by chance?
import type { CheckVerdict } from '../types/messages.ts';
import { countedText } from '../types/number-text.ts';
import type { Check, EvidenceOf } from './check.ts';
import { INPUTS_MIN } from './drift-check.ts';
import { constantEvent, differsBy } from './paired-events.ts';

/** The chance of a run of equal answers that the baseline's most frequent one is allowed to explain. */
const LN_RUN_CHANCE = Math.log(1e-9);
/** A run that would have to be longer than this cannot be told from a model that has one answer. */
const RUN_NEEDED_MAX = 100_000;
/** One more row with the most frequent answer than there was, so that a small baseline promises less. */
const ATOM_ROWS_PRIOR = 1;

/** The part of the questions to which the version gives its one answer and its twin another one. */
const CONSTANT_MARGIN = 0.25;
/** Numbers closer than this part of a baseline deviation are the same answer. */
const NEAR_SIGMAS = 0.05;
type Evidence = EvidenceOf<'constant_output'>;

// The run of equal answers that is too long to be chance for a model with such a baseline.
function runNeeded({ runMin, baseline }: Pick<Evidence, 'runMin' | 'baseline'>): number {
  if (baseline === null) return runMin;
  const { atomShare, rows } = baseline;
  const share = (atomShare * rows + ATOM_ROWS_PRIOR) / (rows + ATOM_ROWS_PRIOR);
  // A share of 1 explains any run, so nothing is long enough.
  const needed = share >= 1 ? Infinity : Math.ceil(LN_RUN_CHANCE / Math.log(share));
  return Math.max(runMin, Math.min(needed, RUN_NEEDED_MAX + 1));
}

const comparedWith = (reference: Evidence['baseline']): Evidence['baseline'] =>
  (reference === null ? null : { atomShare: reference.atomShare, rows: reference.rows });

function verdictOf(evidence: Evidence): CheckVerdict {
  const { run, inputs, inputsMin } = evidence;
  const needed = runNeeded(evidence);
  if (needed > RUN_NEEDED_MAX) return 'inconclusive';
  if (run < needed) return 'pass';
  return inputs !== null && inputs < inputsMin ? 'inconclusive' : 'fail';
}

function textOf(evidence: Evidence, needed: number): string {
  const { run, inputs, inputsKnown } = evidence;
  if (needed > RUN_NEEDED_MAX) {
    return 'constant answers are not judged: nearly all rows of the baseline have the same answer';
  }
  const few = `${countedText(run, 'equal answer')} in a row`;
  const verdict = verdictOf(evidence);
  if (verdict === 'pass') return `${few}, ${needed} would be too many`;
  if (verdict === 'inconclusive') return `${few}, but to few different inputs (about ${inputs ?? 0})`;
  const asked = inputsKnown === false ? ' (the inputs are not known)' : ' although the inputs differ';
  return `${run} answers in a row are equal${asked}; ${needed} are too many`;
}

export const constantOutput: Check<'constant_output'> = {
  name: 'constant_output', title: 'constant answers', layer: 0, cause: 'constant', unit: 'run',
  counts: 'requests', isShort: false,
  samplesMin: () => 0,
  concerns: () => true,
  unjudged: () => null,
  evaluate: ({ observer, options, reference }, effect) => {
    const inputs = observer.diversity.distinct();
    return {
      check: 'constant_output', effect, run: observer.equalAnswers, runMin: options.checks.constant_output.run,
      inputs: Number.isFinite(inputs) ? inputs : null, inputsMin: INPUTS_MIN,
      inputsKnown: observer.equalInputsKnown, baseline: comparedWith(reference),
    };
  },
  verdictOf,
  decide: (evidence) => {
    const { check, run, baseline } = evidence;
    const needed = runNeeded(evidence);
    // Without a baseline nothing says how often a model repeats itself when it is well.
    const effect = baseline === null ? 'warn' : evidence.effect;
    return {
      check, effect, value: run, limit: needed, samples: run, samplesMin: needed, verdict: verdictOf(evidence),
      text: textOf(evidence, needed),
    };
  },
  detectionLimit: ({ options, reference }) => {
    const value = runNeeded({ runMin: options.checks.constant_output.run, baseline: comparedWith(reference) });
    return { value, text: `${value} equal answers in a row to different questions` };
  },
  histograms: () => [],
  pairEvent: (_evidence, own) => constantEvent(
    CONSTANT_MARGIN, own?.kind === 'labels' ? 'isUnusual' : 'isRare', differsBy(NEAR_SIGMAS, own)),
};
