// Reads a JSON document whose numbers must not lose anything: integers beyond 2^53 become bigints, and the tokens NaN,
// Infinity and -Infinity, which TensorFlow Serving and Python write, are numbers. Pure; any thread.
// Invariant: what JSON.parse accepts is accepted with the same meaning, but for those integers, for numbers that no
// double can hold, which are refused, and for nesting beyond the limit.
import { isUtf8 } from 'node:buffer';
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';

export type JsonValue =
  | null | boolean | number | bigint | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** No tensor is nested this deep. */
export const JSON_DEPTH_MAX = 100;

const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;
const WORDS = new Map<string, JsonValue>([
  ['null', null], ['true', true], ['false', false], ['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity],
]);
/** Longer words are cut in errors. */
const WORD_CHARACTERS_SHOWN = 40;

/** Returns the value in `bytes`; throws INVALID_JSON. */
export function readJson(bytes: Uint8Array): JsonValue {
  if (!isUtf8(bytes)) throw invalid('it is no valid UTF-8');
  return new JsonReader(bytes).document();
}

class JsonReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  document(): JsonValue {
    const value = this.#value(0);
    if (this.#next() >= 0) throw this.#unexpected('the end');
    return value;
  }

  // The next byte that is no white space, or -1 at the end; it is not taken.
  #next(): number {
    while (SPACE.has(this.#bytes[this.#at]!)) this.#at += 1;
    return this.#bytes[this.#at] ?? -1;
  }

  #value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) throw invalid(`it is nested more than ${JSON_DEPTH_MAX} deep`);
    switch (this.#next()) {
      case OPEN_BRACKET:
        return this.#array(depth);
      case OPEN_BRACE:
        return this.#object(depth);
      case QUOTE:
        return this.#string();
      default:
        return this.#word();
    }
  }

  #array(depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#next() === CLOSE_BRACKET) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(this.#value(depth + 1));
      const byte = this.#next();
      if (byte !== COMMA && byte !== CLOSE_BRACKET) throw this.#unexpected('"," or "]"');
      this.#at += 1;
      if (byte === CLOSE_BRACKET) return items;
    }
  }

  #object(depth: number): Readonly<Record<string, JsonValue>> {
    const members: [string, JsonValue][] = [];
    this.#at += 1;
    if (this.#next() === CLOSE_BRACE) {
      this.#at += 1;
      return {};
    }
    for (;;) {
      if (this.#next() !== QUOTE) throw this.#unexpected('a name');
      const name = this.#string();
      if (this.#next() !== COLON) throw this.#unexpected('":"');
      this.#at += 1;
      members.push([name, this.#value(depth + 1)]);
      const byte = this.#next();
      if (byte !== COMMA && byte !== CLOSE_BRACE) throw this.#unexpected('"," or "}"');
      this.#at += 1;
      // Own members all of them, "__proto__" too.
      if (byte === CLOSE_BRACE) return Object.fromEntries(members);
    }
  }

  #string(): string {
    const start = this.#at;
    let at = start + 1;
    while (at < this.#bytes.length && this.#bytes[at] !== QUOTE) at += this.#bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= this.#bytes.length) throw invalid('a text does not end');
    this.#at = at + 1;
    try {
      return JSON.parse(this.#bytes.toString('utf8', start, this.#at)) as string;
    } catch {
      throw invalid(`the text at byte ${start} has a character or an escape that JSON does not allow`);
    }
  }

  // A number or one of the words.
  #word(): JsonValue {
    const start = this.#at;
    while (isWordByte(this.#bytes[this.#at] ?? -1)) this.#at += 1;
    const word = this.#bytes.toString('latin1', start, this.#at);
    const known = WORDS.get(word);
    if (known !== undefined) return known;
    if (!NUMBER.test(word)) {
      this.#at = start;
      throw this.#unexpected('a value');
    }
    const value = Number(word);
    if (!Number.isFinite(value)) throw invalid(`${word.slice(0, WORD_CHARACTERS_SHOWN)} is more than a number holds`);
    return INTEGER.test(word) && !Number.isSafeInteger(value) ? BigInt(word) : value;
  }

  #unexpected(wanted: string): LastgoodError {
    const at = this.#at;
    if (at >= this.#bytes.length) return invalid(`it ends where ${wanted} was wanted`);
    const found = this.#bytes.toString('utf8', at, at + WORD_CHARACTERS_SHOWN).split(/[\s,\]}]/)[0] ?? '';
    return invalid(`${JSON.stringify(found)} stands at byte ${at} where ${wanted} was wanted`);
  }
}

// Letters, digits and what numbers are written with.
function isWordByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2d || byte === 0x2b || byte === 0x2e;
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_JSON', { reason });
