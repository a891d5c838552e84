// Reads a JSON document so that nothing of it changes: integers beyond 2^53 become bigints, a number whose double says
// something else is kept as it was written, and an object that names a member twice is refused, since one of the two
// would be lost. Pure; any thread.
// Invariant: what JSON.parse accepts is accepted with the same meaning, but for those, and nesting beyond the limit.
import { isUtf8 } from 'node:buffer';
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import { textEnd } from './member-scan.ts';
import { FloatScanner } from './number-scan.ts';
import { CutArray, WrittenNumber, describeValue, isJsonObject } from './value.ts';
import type { JsonObject, JsonValue } from './value.ts';

/** No tensor is nested this deep. */
export const JSON_DEPTH_MAX = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const TOKEN = /^(?:NaN|-?Infinity)\b/;
/** Of an object in an array in the top object. */
const CUT_DEPTH = 2;
/** What that leaves for an array that is cut out. */
export const CUT_NESTING_MAX = JSON_DEPTH_MAX - CUT_DEPTH;
/** Longer words are cut in errors. */
const WORD_CHARACTERS_SHOWN = 40;

interface ReadOptions {
  /** The words NaN, Infinity and -Infinity, which Triton, TensorFlow Serving and Python write, are numbers. */
  readonly tokens?: boolean;
  /** An array that is this member of an object in an array in the top object is cut out, and nobody checks it. */
  readonly cut?: string;
}

/** Returns the value in `bytes`; throws INVALID_JSON. */
export function readJson(bytes: Uint8Array, { tokens = false, cut }: ReadOptions = {}): JsonValue {
  if (!isUtf8(bytes)) throw invalid('it is no valid UTF-8');
  return (tokens ? lenient : strict).document(bytes, cut);
}

/** Returns an array that was cut out of `bytes`; throws INVALID_JSON. */
export const readCutArray = (bytes: Uint8Array, array: CutArray): readonly JsonValue[] =>
  lenient.cutArray(bytes, array);

/** Returns the object in `bytes`; throws INVALID_JSON for anything else. */
export function readJsonObject(bytes: Uint8Array, options?: ReadOptions): JsonObject {
  const value = readJson(bytes, options);
  if (isJsonObject(value)) return value;
  throw invalid(`it is ${describeValue(value)}`);
}

class JsonReader {
  readonly #scanner: FloatScanner;
  #bytes: Buffer = Buffer.alloc(0);
  #cut: string | undefined;

  constructor(tokens: boolean) {
    this.#scanner = new FloatScanner({ nonFinite: tokens });
  }

  document(bytes: Uint8Array, cut: string | undefined): JsonValue {
    this.#cut = cut;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#scanner.reset(bytes);
    const value = this.#value(0);
    if (this.#scanner.space() >= 0) throw this.#unexpected('the end');
    return value;
  }

  cutArray(bytes: Uint8Array, { start, end }: CutArray): JsonValue[] {
    this.#cut = undefined;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, end);
    this.#scanner.reset(this.#bytes).at = start;
    const array = this.#array(0);
    if (this.#scanner.at !== end) throw this.#unexpected('the end');
    return array;
  }

  #value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) throw tooDeep();
    switch (this.#scanner.space()) {
      case OPEN_BRACKET:
        return this.#array(depth);
      case OPEN_BRACE:
        return this.#object(depth);
      case QUOTE:
        return this.#string();
      case LOWER_N:
        return this.#word('null', null);
      case LOWER_T:
        return this.#word('true', true);
      case LOWER_F:
        return this.#word('false', false);
      default:
        return this.#number();
    }
  }

  #array(depth: number): JsonValue[] {
    const scanner = this.#scanner;
    const items: JsonValue[] = [];
    scanner.at += 1;
    if (scanner.space() === CLOSE_BRACKET) {
      scanner.at += 1;
      return items;
    }
    for (;;) {
      items.push(this.#value(depth + 1));
      const byte = scanner.space();
      if (byte !== COMMA && byte !== CLOSE_BRACKET) throw this.#unexpected('"," or "]"');
      scanner.at += 1;
      if (byte === CLOSE_BRACKET) return items;
    }
  }

  #object(depth: number): Readonly<Record<string, JsonValue>> {
    const scanner = this.#scanner;
    const members: Record<string, JsonValue> = {};
    scanner.at += 1;
    if (scanner.space() === CLOSE_BRACE) {
      scanner.at += 1;
      return members;
    }
    for (;;) {
      if (scanner.space() !== QUOTE) throw this.#unexpected('a name');
      const name = this.#string();
      if (scanner.space() !== COLON) throw this.#unexpected('":"');
      scanner.at += 1;
      if (Object.hasOwn(members, name)) throw twice(name);
      const isCut = depth === CUT_DEPTH && name === this.#cut && scanner.space() === OPEN_BRACKET;
      const value = isCut ? this.#passArray() : this.#value(depth + 1);
      // A plain assignment would set the object's prototype.
      if (name === '__proto__') Object.defineProperty(members, name, { value, enumerable: true });
      else members[name] = value;
      const byte = scanner.space();
      if (byte !== COMMA && byte !== CLOSE_BRACE) throw this.#unexpected('"," or "}"');
      scanner.at += 1;
      if (byte === CLOSE_BRACE) return members;
    }
  }

  #passArray(): CutArray {
    const bytes = this.#bytes;
    const start = this.#scanner.at;
    let inside = 0;
    for (let at = start; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        at = textEnd(bytes, at) - 1;
      } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
        inside += 1;
        if (inside > CUT_NESTING_MAX) throw tooDeep();
      } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
        inside -= 1;
        if (inside > 0) continue;
        this.#scanner.at = at + 1;
        return new CutArray(start, at + 1);
      }
    }
    throw invalid('it ends inside an array');
  }

  #string(): string {
    const bytes = this.#bytes;
    const start = this.#scanner.at;
    let at = start + 1;
    let isPlain = true;
    for (; at < bytes.length && bytes[at] !== QUOTE; at += 1) {
      const byte = bytes[at]!;
      if (byte !== BACKSLASH && byte >= 0x20) continue;
      isPlain = false;
      if (byte === BACKSLASH) at += 1;
    }
    if (at >= bytes.length) throw invalid('a text does not end');
    this.#scanner.at = at + 1;
    if (isPlain) return bytes.toString('utf8', start + 1, at);
    try {
      return JSON.parse(bytes.toString('utf8', start, at + 1)) as string;
    } catch {
      throw invalid(`the text at byte ${start} has a character or an escape that JSON does not allow`);
    }
  }

  #word<T>(word: string, value: T): T {
    const scanner = this.#scanner;
    if (scanner.text(scanner.at, scanner.at + word.length) !== word) throw this.#unexpected('a value');
    scanner.at += word.length;
    return value;
  }

  #number(): JsonValue {
    const scanner = this.#scanner;
    const start = scanner.at;
    const slowBefore = scanner.slowTokens;
    const value = scanner.number(false);
    if (scanner.failedAt >= 0) {
      scanner.at = start;
      throw this.#unexpected('a value');
    }
    return scanner.slowTokens === slowBefore ? value : numberOf(scanner.text(start, scanner.at), value);
  }

  #unexpected(wanted: string): LastgoodError {
    const { at } = this.#scanner;
    const rest = this.#bytes.subarray(at, at + WORD_CHARACTERS_SHOWN);
    if (rest.length === 0) return invalid(`it ends where ${wanted} was wanted`);
    if (at === 0 && this.#bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) {
      return invalid('it begins with a byte order mark; wanted none');
    }
    const found = rest.toString('utf8').split(/[\s,\]}]/)[0] ?? '';
    const place = `${JSON.stringify(found)} stands at byte ${at} where ${wanted} was wanted`;
    return invalid(TOKEN.test(found) ? `${place}, which is no JSON; a missing number is null` : place);
  }
}

// What no exact operation on doubles has read.
function numberOf(text: string, value: number): JsonValue {
  const [, whole = '', fraction = '', exponent] = NUMBER.exec(text) ?? [];
  if (!Number.isFinite(value)) return new WrittenNumber(text, value);
  if (fraction === '' && exponent === undefined) return Number.isSafeInteger(value) ? value : BigInt(text);
  if (!Number.isInteger(value) || isInteger(whole + fraction, Number(exponent ?? 0) - fraction.length)) return value;
  return new WrittenNumber(text, value);
}

// Whether the digits times a power of ten are an integer.
function isInteger(digits: string, exponent: number): boolean {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  return end === 0 || exponent + digits.length - end >= 0;
}

const strict = new JsonReader(false);
const lenient = new JsonReader(true);

const twice = (name: string): LastgoodError =>
  invalid(`an object has ${JSON.stringify(name.slice(0, WORD_CHARACTERS_SHOWN))} twice; wanted each member once`);

const tooDeep = (): LastgoodError => invalid(`it is nested more than ${JSON_DEPTH_MAX} deep`);
const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_JSON', { reason });
