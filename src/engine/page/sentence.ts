// The first thing that somebody reads at night: one sentence of how a model stands, and whether it is over. Pure: from
// what status, outlook and the newest decision say.
import type { ModelStatus } from '../../admin/answers.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import { countText, durationText } from '../../judge/types/amount-text.ts';
import { numberText } from '../../judge/types/number-text.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import type { Outlook } from '../../rollout/outlook.ts';
import type { Fact, ModelLine, PageSnapshot, Tone } from '../../page/snapshot.ts';

const HOUR_MS = 3_600_000;
/** A rollback is what the page speaks of for so long, if nothing else is wrong. */
const ROLLBACK_TOLD_MS = 24 * HOUR_MS;

type Headline = PageSnapshot['headline'];

/** What set a decision off, in the fewest words. */
function shortTrigger({ trigger, reason }: DecisionRecord): string {
  if (trigger === 'operator') return reason === '' ? 'by an operator' : `by an operator (${reason})`;
  if (trigger === 'pairs') return 'other answers to the same questions';
  return trigger === 'engine' ? reason : CHECKS[trigger].title;
}

// The decision that the active generation began with; null when it began otherwise, or long ago.
function rollbackHere({ model, recentDecisions }: ModelStatus, nowMs: number): DecisionRecord | null {
  const last = recentDecisions.find(({ action }) => action === 'rollback');
  if (last === undefined || last.rolledBackTo !== model.activeVersion) return null;
  return last.generation < model.generation && nowMs - last.atMs < ROLLBACK_TOLD_MS &&
    model.activatedAtMs <= last.atMs + HOUR_MS ? last : null;
}

/** The sentence, its word and its tone. */
export function headlineOf(status: ModelStatus, nowMs: number): Headline {
  const { model: { model: name, activeVersion }, phase, health } = status;
  const { pause } = status;
  const watches = pause === null ? '' : ` The judge only watches until ${clockText(pause.untilMs)}.`;
  const say = (tone: Tone, word: string, sentence: string): Headline =>
    ({ tone, word, sentence: `${sentence}${watches}` });
  if (activeVersion === null) return say('idle', 'nothing serves', `${name} serves no version.`);
  const served = `${name} serves version ${activeVersion}`;
  const failing = (health?.checks ?? []).filter(({ verdict, effect }) => verdict === 'fail' && effect === 'rollback')
    .map(({ check }) => CHECKS[check].title).join(', ');
  if (!status.saved) {
    return say('bad', 'not saved', `${served} again, but the disk refuses to write that down.`);
  }
  if (phase === 'no_rollback_target') {
    return say('bad', 'fails', `${name} version ${activeVersion} fails, and there is nothing to go back to` +
      (failing === '' ? '.' : `: ${failing}.`));
  }
  if (phase === 'restored_failing') {
    return say('bad', 'fails',
      `${name} version ${activeVersion} was restored and fails too; nothing more is rolled back.`);
  }
  if (status.stuckWorkers > 0) return say('bad', 'hangs', `${served}, and ${status.stuckWorkers} of its workers hang.`);
  if (failing !== '') return say('bad', 'fails', `${name} version ${activeVersion} fails: ${failing}.`);
  const back = rollbackHere(status, nowMs);
  if (back !== null) {
    return say('back', 'rolled back', `${served} again; version ${back.version} was rolled back ` +
      `${durationText(nowMs - back.atMs)} ago: ${shortTrigger(back)}.`);
  }
  if (phase === 'loading' || health === null) return say('watch', 'starting', `${served}; nothing is judged yet.`);
  const over = health.checks.filter(({ heldBack }) => heldBack !== undefined).map(({ check }) => CHECKS[check].title);
  const wrong = over.length === 0 ? 'nothing is wrong'
    : `${over.join(', ')} ${over.length === 1 ? 'is' : 'are'} over the limit`;
  if (phase === 'probation') {
    return say('watch', 'on probation', `${served}, on probation for ` +
      `${durationText(nowMs - status.model.activatedAtMs)}; ${wrong} so far.`);
  }
  return say(over.length === 0 ? 'good' : 'watch', over.length === 0 ? 'healthy' : 'watched', `${served}; ${wrong}.`);
}

/** A model in the list of all of them. */
export function modelLine(status: ModelStatus, nowMs: number): ModelLine {
  const { tone, word } = headlineOf(status, nowMs);
  return { model: status.model.model, tone, word };
}

const HOLDS: Readonly<Record<string, string>> = {
  observe: 'somebody who has it watch only', pinned: 'a pin', cooldown: 'the rollback a moment ago',
  restored_failing: 'the rollback that restored this version, so that it does not go to and fro',
};

const WOULD: Readonly<Record<Outlook['would'], readonly [Tone, (to: string) => string]>> = {
  'nothing': ['good', () => 'armed: if a check fails, it acts by itself'],
  'not judged': ['idle', () => 'nothing: nothing is judged'],
  'tell': ['watch', () => 'it tells, and does nothing: what fails is set to warn'],
  'one source': ['watch', () => 'nothing: one client alone is hit'],
  'hold': ['watch', () => 'nothing: it is held still'],
  'no target': ['bad', () => 'nothing: there is nothing to go back to'],
  'ask first': ['bad', (to) => `it asks version ${to} the same questions, and goes back if that does better`],
  'roll back': ['bad', (to) => `it goes back to version ${to} at once`],
};

/** Is it over? Health now, how long since, and whether the machine will act again. */
export function overFacts(status: ModelStatus, outlook: Outlook | null, nowMs: number): Fact[] {
  const { model, health } = status;
  const facts: Fact[] = [];
  const wrong = health?.violations ?? [];
  const warned = health?.warnings.length ?? 0;
  facts.push({
    label: 'Now', tone: wrong.length > 0 ? 'bad' : warned > 0 ? 'watch' : health === null ? 'idle' : 'good',
    text: wrong.length > 0 ? wrong.join('; ')
      : health === null ? 'nothing is judged yet'
      : `nothing fails in ${countText(health.totals.requests)} requests` +
        (warned > 0 ? `; ${warned} ${warned === 1 ? 'warning' : 'warnings'}` : ''),
  });
  if (model.activeVersion !== null) {
    facts.push({
      label: 'Since', tone: 'idle',
      text: `generation ${model.generation}, ${durationText(nowMs - model.activatedAtMs)} ago`,
    });
  }
  if (outlook === null) return facts;
  const [tone, text] = WOULD[outlook.would];
  facts.push({ label: 'Next', tone, text: text(outlook.target?.version ?? '') });
  facts.push({
    label: 'Held still by', tone: outlook.holds.length > 0 ? 'watch' : 'good',
    text: outlook.holds.length === 0 ? 'nothing' : outlook.holds.map(({ by, untilMs }) => {
      const until = untilMs === null ? 'until somebody changes it'
        : `until ${clockText(untilMs)}, ${durationText(untilMs - nowMs)} more`;
      return `${HOLDS[by] ?? by}, ${until}`;
    }).join('; '),
  });
  if (outlook.probation !== null) {
    facts.push({ label: 'Probation', tone: 'watch', text: probationText(outlook.probation) });
  }
  return facts;
}

function probationText({ requests, ms }: NonNullable<Outlook['probation']>): string {
  const wants = [
    ...(ms > 0 ? [`${durationText(ms)} more`] : []),
    ...(requests > 0 ? [`${countText(requests)} more requests`] : []),
  ];
  return wants.length === 0 ? 'ends at the next look without a violation' : `wants ${wants.join(' and ')}`;
}

/** The time of day of this host. */
export function clockText(atMs: number): string {
  const at = new Date(atMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** A number of a table: three digits are enough. */
export const msText = (us: number | undefined): number | null =>
  us === undefined || us === 0 ? null : Number(numberText(us / 1_000));
