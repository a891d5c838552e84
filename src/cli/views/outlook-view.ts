// What would be done about a model now, in words for a tired reader: first what would happen, then why. Pure, but for
// the colours of the terminal.
import { CHECKS } from '../../judge/checks/table.ts';
import { numberText } from '../../judge/types/number-text.ts';
import type { Hold } from '../../rollout/decisions.ts';
import type { Outlook, OutlookAction } from '../../rollout/outlook.ts';
import { countText, durationText, facts, paint, timeText } from './output.ts';
import type { Style } from './output.ts';
import { verdictCell } from './status-view.ts';

const HOUR_MS = 3_600_000;

const ACTIONS: Readonly<Record<OutlookAction, { readonly style: Style; readonly text: (to: string) => string }>> = {
  'nothing': { style: 'green', text: () => 'Nothing. No check fails.' },
  'not judged': { style: 'yellow', text: () => 'Nothing. Nothing is judged: no version answers, or samples are off.' },
  'tell': { style: 'yellow', text: () => 'It would be told, and nothing done: what fails is set to warn.' },
  'hold': { style: 'yellow', text: () => 'It would be written down, and nothing done: the machine is held still.' },
  'one source': {
    style: 'yellow', text: () => 'It would be written down, and nothing done: one client alone is hit.',
  },
  'no target': { style: 'red', text: () => 'Nothing can be done: a check fails, and there is nothing to go back to.' },
  'ask first': {
    style: 'red',
    text: (to) => `Version ${to} would be asked the same questions. If it does better, it would answer again.`,
  },
  'roll back': { style: 'red', text: (to) => `It would go back to version ${to} at once.` },
};

/** The whole answer of `explain --now`. */
export function outlookText(outlook: Outlook): string {
  const { model, version, generation, phase, checks, target, noTargetBecause, holds, would } = outlook;
  const { style, text } = ACTIONS[would];
  const answers = version === null ? 'no version answers' : `version ${version}`;
  const pairs: [string, string][] = [
    ['model', `${paint('bold', model)}, ${answers}, generation ${generation}, ${phase}`],
    ['would be done now', paint(style, text(target?.version ?? ''))],
    ...checks.map((check, index): [string, string] => {
      const cell = verdictCell(check);
      const told = check.verdict === 'fail' && check.effect === 'warn' ? ' (only told)' : '';
      const verdict = `${paint(cell.style, cell.text)}${told}`;
      return [index === 0 ? 'checks' : '', `${verdict} ${CHECKS[check.check].title}: ${check.text}`];
    }),
    ...(outlook.oneSource === null ? [] : [['one source', outlook.oneSource] as [string, string]]),
    ['on the same questions', pairsText(outlook)],
    ['would go back to', target === null
      ? noTargetText(noTargetBecause)
      : `version ${target.version} (${target.trust}), ${target.isLoaded ? 'loaded and warm' : 'to be loaded first'}`],
    ['held still by',
      holds.length === 0 ? 'nothing: it may act' : holds.map((hold) => holdText(hold, outlook)).join('; ')],
  ];
  if (outlook.probation !== null) pairs.push(['probation', probationText(outlook.probation)]);
  return facts(pairs);
}

function pairsText({ pairs }: Outlook): string {
  if (pairs === null) return 'nobody is asked: no version before is loaded, or pairs are off';
  const { verdict, toClear, hoursToClear, perHour } = pairs;
  const about = verdict.text;
  if (verdict.failed === 'worse') return `${about}; it fails more often than the version before`;
  if (verdict.nonFinite === 'worse') return `${about}; more of its answers are not finite`;
  if (toClear.failed === null || toClear.nonFinite === null) return `${about}; undecided`;
  const left = Math.max(toClear.failed, toClear.nonFinite);
  if (left === 0) return `${about}; shown to fail no more often than the version before`;
  const when = hoursToClear === null
    ? 'none come in now' : `about ${durationText(hoursToClear * HOUR_MS)} at ${numberText(perHour)} an hour`;
  return `${about}; undecided: ${countText(left)} more without a difference would clear it, ${when}`;
}

function noTargetText(because: Outlook['noTargetBecause']): string {
  if (because.length === 0) return 'nothing: there is no other version';
  return `nothing: ${because.map(({ version, reason }) => `version ${version} ${reason}`).join('; ')}`;
}

const WHY: Readonly<Partial<Record<Hold['by'], (outlook: Outlook) => string>>> = {
  observe: ({ model }) => `somebody who has it watch only (lastgood observe ${model} --off, or judge.mode)`,
  pinned: ({ model }) => `a pin (lastgood unpin ${model})`,
  cooldown: () => 'the rollback a moment ago, which restored this version',
  restored_failing: () => 'the rollback that restored this version, so that it does not go to and fro',
};

function holdText({ by, untilMs }: Hold, outlook: Outlook): string {
  const until = untilMs === null ? 'until somebody changes it'
    : `until ${timeText(untilMs)}, for ${durationText(untilMs - outlook.atMs)} more`;
  return `${WHY[by]?.(outlook) ?? by}, ${until}`;
}

function probationText({ requests, ms }: NonNullable<Outlook['probation']>): string {
  const parts = [
    ...(ms > 0 ? [`${durationText(ms)} more`] : []),
    ...(requests > 0 ? [`${countText(requests)} more requests`] : []),
  ];
  return parts.length === 0 ? 'ends at the next look without a violation' : `wants ${parts.join(' and ')}`;
}
