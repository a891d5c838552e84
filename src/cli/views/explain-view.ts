// A stored decision as text for a person: why, by which numbers, what was done, and what was not wrong. The checks are
// run again on the stored window, so what is printed is what the evidence says and not only what was written then.
import { CHECKS } from '../../judge/checks/table.ts';
import type { CheckUnit } from '../../judge/types/check-kinds.ts';
import type { CheckName, CheckResult } from '../../judge/types/messages.ts';
import { numberText, percentText } from '../../judge/types/number-text.ts';
import { type PairsEvidence, pairsEvidenceSchema } from '../../judge/pairs/pair-schema.ts';
import { judgePairs } from '../../judge/pairs/pair-verdict.ts';
import { recompute } from '../../judge/verdict/recompute.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import { evidenceSections } from './evidence-view.ts';
import { doneText, triggerText } from '../../rollout/decision-words.ts';
import { durationText, facts, paint, table, timeText } from './output.ts';
import { verdictCell } from './status-view.ts';

const NOTHING = '-';
const NOT_SAVED: [string, string] = ['saved', 'not yet: it is in force, and written when the disk takes it'];

/** Explains one decision; `nowMs` is wall-clock time. */
export function decisionText(decision: DecisionRecord, nowMs: number, isSaved = true): string {
  const { id, model, version, generation, atMs, trigger, reason, evidence } = decision;
  const again = recompute(evidence);
  const paired = pairsEvidenceSchema.safeParse(evidence).data;
  const pairs: [string, string][] = [
    ['decision', paint('bold', id)],
    ['about', `version ${version} of ${model}, generation ${generation}`],
    ['when', `${timeText(atMs)} (${durationText(nowMs - atMs)} ago)`],
    ['trigger', triggerText(decision)],
    ['why', reason === '' ? 'no reason was given' : reason],
    ['done', doneText(decision)],
    ...(isSaved ? [] : [NOT_SAVED]),
  ];
  if (paired !== undefined) {
    const { disagrees, text } = judgePairs(paired.pairs);
    pairs.push(['pairs', text], ...inputsPair(paired));
    pairs.push(recomputedPair(disagrees?.text === reason, disagrees?.text ?? 'nothing to tell'));
    return facts(pairs);
  }
  if (again === null) {
    pairs.push(['evidence', 'none was judged; --json prints what the monitor had last reported']);
    return facts(pairs);
  }
  const passed = again.checks.filter(({ verdict, heldBack }) => verdict === 'pass' && heldBack === undefined)
    .map(({ text }) => text);
  const over = again.checks.filter(({ heldBack }) => heldBack !== undefined).map(({ text }) => text);
  const open = again.checks.filter(({ verdict }) => verdict === 'inconclusive').map(({ text }) => text);
  pairs.push(...listed('not wrong', passed.length > 0 ? passed : ['nothing that could be judged']));
  pairs.push(...listed('over its limit', over), ...listed('not known', open));
  pairs.push(...timePairs(evidence));
  const same = again.verdict === 'fail' && again.trigger === trigger && again.reason === reason;
  pairs.push(recomputedPair(same, again.reason || 'pass'));
  return [facts(pairs), ...evidenceSections(decision, again), checksTable(again.checks)].join('\n\n');
}

// What follows from the validation rows holds for inputs like those.
function inputsPair({ pairs: { expectation }, inputDrift }: PairsEvidence): [string, string][] {
  if (expectation?.source !== 'validation') return [];
  return [['inputs', inputDrift === 'pass'
    ? 'like those of the baseline'
    : inputDrift === 'fail' ? 'not those of the baseline any more' : 'not known to be like those of the baseline']];
}

const recomputedPair = (isSame: boolean, other: string): [string, string] => ['recomputed', isSame
  ? paint('green', 'the stored window gives the same verdict')
  : paint('red', `the stored window gives another verdict: ${other}`)];

// One line each, under one heading.
const listed = (heading: string, texts: readonly string[]): [string, string][] =>
  texts.map((text, index) => [index === 0 ? heading : '', text]);

// How the failure began, as far as the evidence says.
function timePairs(evidence: DecisionRecord['evidence']): [string, string][] {
  const { failingForMs, firstErrorAgoMs } = evidence;
  const pairs: [string, string][] = [];
  if (typeof failingForMs === 'number' && failingForMs > 0) {
    pairs.push(['failing', `for ${durationText(failingForMs)} at that time`]);
  }
  if (typeof firstErrorAgoMs === 'number') pairs.push(['first error', `${durationText(firstErrorAgoMs)} before`]);
  return pairs;
}

function checksTable(checks: readonly CheckResult[]): string {
  return table(['CHECK', 'VERDICT', 'VALUE', 'LIMIT', 'SAMPLES', 'NEEDED'], checks.map((one) => [
    CHECKS[one.check].title,
    verdictCell(one),
    one.value === null ? NOTHING : inUnit(one.check, one.value),
    inUnit(one.check, one.limit),
    String(one.samples),
    String(one.samplesMin),
  ]));
}

const UNIT_TEXTS: Readonly<Record<CheckUnit, (value: number) => string>> = {
  share: (value) => percentText(value),
  ms: (value) => `${numberText(value)} ms`,
  run: (value) => `${numberText(value)} in a row`,
  deviations: (value) => `${numberText(value)} sd`,
  psi: (value) => `PSI ${numberText(value)}`,
  ratio: (value) => `${numberText(value)} times`,
};

/** Writes a check's value or limit in its unit. */
export function inUnit(check: CheckName, value: number): string {
  return UNIT_TEXTS[CHECKS[check].unit](value);
}
