// What a schema says of a value that it refuses, in the words of all other refusals: what it is, what was wanted. Given
// to each parse of what people write, never set for the whole library: an embedding program has schemas too. Pure.
import type { z } from 'zod';

const SHOWN_CHARACTERS_MAX = 60;
const SIZE_OF: Readonly<Record<string, string>> = { string: 'characters', array: 'elements', object: 'keys' };
const NAME_OF: Readonly<Record<string, string>> = {
  string: 'a text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'an object',
  record: 'an object', array: 'an array', null: 'null',
};

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (value === undefined) return 'missing';
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

function bounded(issue: z.core.$ZodRawIssue, bound: unknown, word: string): string {
  const { input, origin = '' } = issue as { input?: unknown; origin?: string };
  const unit = SIZE_OF[origin];
  if (unit === undefined) return `it is ${shown(input)}; wanted ${word} ${String(bound)}`;
  const { length = 0 } = input as { length?: number };
  return `it has ${length} ${unit}; wanted ${word} ${String(bound)}`;
}

// Undefined leaves the text to the schema library.
function issueText(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = NAME_OF[issue.expected] ?? issue.expected;
      return `it is ${shown(issue.input)}; wanted ${wanted}`;
    }
    case 'too_small':
      return bounded(issue, issue.minimum, issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return bounded(issue, issue.maximum, issue.inclusive === false ? 'less than' : 'at most');
    case 'invalid_value':
      return `it is ${shown(issue.input)}; wanted ${issue.values.map((value) => String(value)).join(', ')}`;
    case 'unrecognized_keys':
      return `${issue.keys.map((key) => `"${key}"`).join(', ')} ${issue.keys.length === 1 ? 'is' : 'are'} unknown here`;
    default:
      return undefined;
  }
}

/** For `schema.parse(value, IN_OUR_WORDS)`. */
export const IN_OUR_WORDS = { error: issueText };

/**
 * All that was found wrong, each with its place; `whole` names what was parsed, `within` where that stands, and `hint`
 * adds to an issue what else is known of it.
 */
export function issuesText(
  { issues }: z.ZodError, whole: string, within: readonly string[] = [],
  hint: (issue: z.core.$ZodIssue) => string = () => '',
): string {
  return issues.map((issue) =>
    `${[...within, ...issue.path].join('.') || whole}: ${issue.message}${hint(issue)}`).join('; ');
}
