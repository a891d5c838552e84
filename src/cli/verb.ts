// What every verb's command has in common: --data, --json, the examples below its help, and how it is wrong to use it.
import { Command, InvalidArgumentError } from 'commander';
import type { Arguments, Verb } from '../admin/commands.ts';
import { parseSpan } from '../base/span.ts';

/** The flags of every verb, as commander hands them over. */
export interface CommonFlags {
  readonly data?: string;
  readonly json?: boolean;
}

/** Those of one verb of the engine: named as its arguments are. */
export type VerbFlags<V extends Verb> = CommonFlags & Partial<Arguments<V>>;

/** What to type, and what it does. */
type Example = readonly [command: string, effect: string];

interface VerbText {
  readonly name: string;
  /** One line in the list of verbs. */
  readonly summary: string;
  /** A paragraph above the verb's own help. */
  readonly purpose: string;
  readonly examples: readonly Example[];
}

/** Starts a verb's command; arguments, own options and the action are added by the caller, `finish` comes last. */
export function verb({ name, summary, purpose, examples }: VerbText): Command {
  const width = Math.max(...examples.map(([command]) => command.length));
  const lines = examples.map(([command, effect]) => `  $ ${command.padEnd(width)}   ${effect}`);
  return new Command(name)
    .summary(summary)
    .description(purpose)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Adds the options of every verb, below the verb's own. */
export function finish(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory (environment: LASTGOOD_DATA; default: ./data)')
    .option('--json', 'print one JSON document on stdout, for scripts; also for errors');
}

/** Parses a whole number of at least 1 for commander. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Wanted a whole number of at least 1');
  }
  return value;
}

/** Parses a span of time for commander, as 90s or 1h30m, into milliseconds. */
export function span(text: string): number {
  const spanMs = parseSpan(text);
  if (spanMs === null || spanMs === 0) throw new InvalidArgumentError('Wanted a span such as 90s, 30m, 2h or 1d');
  return spanMs;
}
