// What models and versions may be called, and in which order people want them. Names become URL segments, metric labels
// and arguments on a command line, so the alphabet is the one that needs no escaping in any of them.
import { lastgoodError } from './errors.ts';

const NAME_LENGTH_MAX = 64;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Tells whether `name` may name a model or a version. */
function isValidName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && NAME.test(name);
}

/** Returns `name`; throws INVALID_NAME. `what` reads like "the model name". */
export function checkName(what: string, name: string): string {
  if (!isValidName(name)) {
    // An endless wrong name must not become an endless message.
    const got = name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}...` : name;
    throw lastgoodError('INVALID_NAME', { what, got });
  }
  return name;
}

/** Numbers below this many digits are told apart by their size; names have no more. */
const DIGITS_WIDTH = 2;
const BEFORE_RELEASE = '\u0001';
const END = '\u0002';

/**
 * The list as people count: version 2 before 10, 1.9.0 before 1.10.0, and 1.10.0-rc.1 before 1.10.0. `nameOf` gives the
 * text that each is sorted by.
 */
export function inNaturalOrder<T>(list: readonly T[], nameOf: (one: T) => string): T[] {
  const keyed = list.map((one) => {
    const name = nameOf(one);
    return { one, name, key: naturalKey(name) };
  });
  // Names that count as the same, 1 and 01, need an order of their own.
  keyed.sort((a, b) => order(a.key, b.key) || order(a.name, b.name));
  return keyed.map(({ one }) => one);
}

// Texts that are in natural order when they are compared character by character: each number has its length before it.
function naturalKey(name: string): string {
  const parts = name.replace(/(\d+\.\d+[\d.]*)-/, `$1${BEFORE_RELEASE}`);
  return `${parts.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '');
    return `${String(number.length).padStart(DIGITS_WIDTH, '0')}${number}`;
  })}${END}`;
}

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
