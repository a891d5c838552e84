// How a recorded line that is not as documented is refused: with what stands there, shortened, and what was wanted.
// Pure. The number of the line and the name of the file are added where lines are read, so that a field can be read
// without knowing where it came from.

const SHOWN_CHARACTERS = 60;

/**
 * Its message says what is wrong with a line; whatever else is thrown is a fault of ours and no line's.
 */
export class Wrong extends Error {}

/** A value as a part of such a message. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** A whole number, 0 or more. */
export const isWholeCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** A name; throws Wrong with its key for what is none. */
export function textOf(value: unknown, key: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Wrong(`"${key}" is ${shown(value)}; wanted a name`);
}
