// The verbs that only look: status, history, explain, open. They change nothing, whoever calls them how often.
import { plainly } from '../../base/plain-text.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { EngineStatus } from '../../admin/answers.ts';
import type { EventRecord } from '../../domain/records.ts';
import { ask } from '../connect.ts';
import { decisionText } from '../views/explain-view.ts';
import { outlookText } from '../views/outlook-view.ts';
import { print, printJson, printResult, table, timeText } from '../views/output.ts';
import type { Style } from '../views/output.ts';
import { modelText, statusText } from '../views/status-view.ts';
import { openCommand } from './open.ts';
import { positiveInteger, verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

const WATCH_MS = 1_000;
const HISTORY_LIMIT = 50;
const HASH_DIGITS = 12;
/** Cursor home, and everything behind it erased: redrawing without the flicker of a cleared screen. */
const HOME = '\u001b[H';
const ERASE_BELOW = '\u001b[J';
const ERASE_LINE = '\u001b[K';

export function inspectVerbs(): Command[] {
  return [statusCommand(), historyCommand(), explainCommand(), openCommand()];
}

interface StatusFlags extends CommonFlags {
  readonly watch?: boolean;
}

function statusCommand(): Command {
  return verb({
    name: 'status',
    summary: 'what answers now, and how well',
    purpose:
      'Shows every model with its active and last good version, its phase, and what the judge measures: the p95 ' +
      'latency, the share of failed requests, and how far the mean prediction is from the baseline, in standard ' +
      'deviations (sd). With a model: its versions, checks and latest decisions too.',
    examples: [
      ['lastgood status', 'all models'],
      ['lastgood status digits', 'one model, with its versions'],
      ['lastgood status --watch', 'redrawn each second, until Ctrl-C'],
      ['lastgood status --json', 'everything, for scripts'],
    ],
  })
    .argument('[model]', 'name of the model (default: all)')
    .option('--watch', 'look again each second; with --json one document per line')
    .action(async (model: string | undefined, flags: StatusFlags) => {
      const look = (): Promise<EngineStatus> =>
        ask({ ...flags, json: flags.json === true || flags.watch === true }, 'status', { model });
      const view = (status: EngineStatus): string =>
        model === undefined ? statusText(status, Date.now()) : modelText(status, Date.now());
      if (flags.watch === true) await watch(flags, look, view);
      else printResult(flags, await look(), view);
    });
}

async function watch(
  flags: CommonFlags, look: () => Promise<EngineStatus>, view: (status: EngineStatus) => string,
): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  let isFirst = true;
  while (!stop.signal.aborted) {
    const status = await look();
    if (flags.json === true) printJson(status);
    else if (process.stdout.isTTY) redraw(view(plainly(status)), isFirst);
    else print(view(plainly(status)), '');
    isFirst = false;
    await sleep(WATCH_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

function redraw(text: string, isFirst: boolean): void {
  const lines = text.split('\n').map((line) => `${line}${ERASE_LINE}`);
  const start = isFirst ? `${HOME}${ERASE_BELOW}` : HOME;
  process.stdout.write(`${start}${lines.join('\n')}\n${ERASE_BELOW}`);
}

interface HistoryFlags extends CommonFlags {
  readonly limit: number;
}

const EVENT_STYLES: Readonly<Partial<Record<EventRecord['kind'], Style>>> = {
  promote: 'green', confirm: 'green', recovered: 'green', rollback: 'red', quarantine: 'red', no_rollback_target: 'red',
  load_failed: 'red', stacking: 'red', restored_failing: 'red',
};

function historyCommand(): Command {
  return verb({
    name: 'history',
    summary: 'what happened to a model, and by whose hand',
    purpose:
      'Lists the events of a model, the newest first: registrations, promotes, rollbacks, quarantines, pins. A ' +
      'rollback names its decision, which lastgood explain tells all about.',
    examples: [
      ['lastgood history digits', 'the latest 50 events'],
      ['lastgood history digits --limit 5', 'the latest five'],
      ['lastgood history digits --json', 'as one JSON array'],
    ],
  })
    .argument('<model>', 'name of the model')
    .option('--limit <n>', 'how many events', positiveInteger, HISTORY_LIMIT)
    .action(async (model: string, flags: HistoryFlags) => {
      printResult(flags, await ask(flags, 'history', { model, limit: flags.limit }), historyText);
    });
}

function historyText(events: readonly EventRecord[]): string {
  return table(['WHEN', 'EVENT', 'FROM', 'TO', 'GEN', 'BY', 'WHY'], events.map((one, index) => {
    const style = EVENT_STYLES[one.kind];
    // A registration's reason is the file's hash; twelve digits tell files apart.
    const reason = one.kind === 'register' ? `sha256 ${one.reason.slice(0, HASH_DIGITS)}` : one.reason;
    const decision = one.decision === null ? '' : `(${one.decision})`;
    const why = [reason, decision, lastGoodChange(one, events[index + 1])].filter((text) => text !== '');
    return [
      timeText(one.atMs),
      { text: one.kind, ...(style && { style }) },
      one.from ?? '-',
      one.to ?? '-',
      String(one.generation),
      one.by,
      why.join(' '),
    ];
  }));
}

// Which version was to be gone back to from then on, where the event has changed that.
function lastGoodChange({ lastGood }: EventRecord, before: EventRecord | undefined): string {
  const textOf = (one: EventRecord['lastGood']): string => (one ? `${one.version} (${one.trust})` : 'none');
  const isNews = lastGood !== undefined && textOf(lastGood) !== textOf(before?.lastGood);
  return isNews ? `[last good: ${textOf(lastGood)}]` : '';
}

interface ExplainFlags extends CommonFlags {
  readonly now?: string;
}

function explainCommand(): Command {
  return verb({
    name: 'explain',
    summary: 'why a version was rolled back, or why not',
    purpose:
      'Explains a decision of the judge or of an operator: the trigger, every check with value, limit and samples, ' +
      'what was done, and what was not wrong. The checks are run again on the stored window. Without an id, the ' +
      'newest one.',
    examples: [
      ['lastgood explain', 'the newest decision'],
      ['lastgood explain digits-g7-m8x1c0', 'this one, as named by history and status'],
      ['lastgood explain --now digits', 'what would be done about this model now, and what it waits for'],
      ['lastgood explain --json', 'with the whole evidence'],
    ],
  })
    .argument('[decision]', "the decision's id (default: the newest)")
    .option('--now <model>', 'instead of a decision: what would be done now; needs the engine')
    .action(async (id: string | undefined, flags: ExplainFlags) => {
      if (flags.now !== undefined) {
        if (id !== undefined) throw new InvalidArgumentError('Wanted a decision or --now MODEL, not both');
        printResult(flags, await ask(flags, 'outlook', { model: flags.now }), outlookText);
        return;
      }
      const decision = await ask(flags, 'explain', { decision: id });
      printResult(flags, decision, (one) => decisionText(one, Date.now(), one.saved));
    });
}
