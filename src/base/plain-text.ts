// Text from outside, as a terminal may show it: names, reasons and messages that a client, a file or a model has chosen
// must neither move the cursor nor hide or colour anything. JSON has them as they are. Pure.

/**
 * What a terminal obeys instead of showing it: control characters, of which the escape begins a command, and marks
 * without a width of their own, which change the direction of what follows or hide a difference between two names.
 */
const OBEYED = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** The text as one line; what a terminal would obey stands as \u{1b}. */
export const plainText = (text: string): string =>
  text.replace(/\s*[\r\n]+\s*/g, ' ').trim().replace(OBEYED, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`);

/** The same of every text in a value of arrays and plain objects, the names of members included. */
export function plainly<T>(value: T): T {
  return plainOf(value) as T;
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value);
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [plainText(name), plainOf(one)]));
}
