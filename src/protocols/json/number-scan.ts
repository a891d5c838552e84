// Reads JSON numbers straight from bytes into typed arrays. Pure; any thread.
// Invariants: what is stored equals Number(text), or Math.fround(Number(text)) for a Float32Array, bit for bit, and an
// integer is stored only from a text that is just this integer. A token of at most 15 to 16 digits times a power of ten
// up to 22 is one exact operation on doubles. Longer ones are bounded from both sides for float32; whatever the bounds
// leave open is read by Number or JSON.parse. A missing value, null, is NaN.
import type { BigArray, NumericArray } from '../../domain/datatype.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
const UPPER_I = 0x49;
const UPPER_N = 0x4e;
const LOWER_N = 0x6e;
/** Letters begin here; numbers have none at their beginning. */
const LETTERS = 0x41;

/** One more digit keeps the mantissa below 2^53, where every integer is a double. */
const MANTISSA_LIMIT = 900_719_925_474_099;
/** The largest power of ten that is a double. */
const EXACT_EXPONENT_MAX = 22;
const POWERS_OF_TEN = Float64Array.from({ length: EXACT_EXPONENT_MAX + 1 }, (_, power) => Number(`1e${power}`));
/** Exponents beyond this are zero or infinite whatever the mantissa of a sane length is; Number decides. */
const EXPONENT_DIGITS_LIMIT = 100_000;
/** After so many tokens that need Number, the rest of the array goes through JSON.parse in one call. */
const SLOW_TOKENS_MAX = 2;

interface ScanOptions {
  /** Accepts the bare tokens NaN, Infinity and -Infinity, which are no JSON. */
  readonly nonFinite?: boolean;
}

/** How the numbers of an array are stored and checked. */
export type NumberMode = 'single' | 'double' | 'integer';

export class FloatScanner {
  readonly #nonFinite: boolean;
  bytes: Uint8Array = new Uint8Array(0);
  /** Next byte to read. */
  at = 0;
  /** Where reading failed, or -1. */
  failedAt = -1;
  #slowTokens = 0;
  #text: Buffer | null = null;

  constructor(options: ScanOptions = {}) {
    this.#nonFinite = options.nonFinite ?? false;
  }

  /** Starts over at the first byte of `bytes`. */
  reset(bytes: Uint8Array): this {
    this.bytes = bytes;
    this.at = 0;
    this.failedAt = -1;
    this.#text = null;
    return this;
  }

  /** Skips white space and returns the byte that follows it, or -1 at the end. */
  space(): number {
    const { bytes } = this;
    while (this.at < bytes.length) {
      const byte = bytes[this.at]!;
      if (byte > 0x20) return byte;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.at += 1;
    }
    return -1;
  }

  /** The bytes from `from` to `to` as text; for tokens, which are ASCII. */
  text(from: number, to: number): string {
    this.#text ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    return this.#text.toString('latin1', from, to);
  }

  /**
   * Tokens so far that no exact operation on doubles reads. Another one is an integer only if its text is one: a double
   * is, when the digits behind the point are too many.
   */
  get slowTokens(): number {
    return this.#slowTokens;
  }

  /**
   * Reads one number token, or null as NaN. With `single` only its float32 rounding is exact. On bad syntax returns NaN
   * and sets `failedAt`.
   */
  number(single: boolean): number {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let byte = at < bytes.length ? bytes[at]! : 0;
    const isNegative = byte === MINUS;
    if (isNegative) byte = bytes[++at] ?? 0;
    let mantissa = 0;
    let exponent = 0;
    let isCut = false;
    let digit = byte - ZERO;
    if (digit === 0) {
      byte = bytes[++at] ?? 0;
    } else if (digit > 0 && digit <= 9) {
      do {
        if (mantissa < MANTISSA_LIMIT) {
          mantissa = mantissa * 10 + digit;
        } else {
          isCut = true;
          exponent += 1;
        }
        byte = bytes[++at] ?? 0;
        digit = byte - ZERO;
      } while (digit >= 0 && digit <= 9);
    } else {
      return this.#bareWord(start, at, isNegative);
    }
    if (byte === DOT) {
      byte = bytes[++at] ?? 0;
      digit = byte - ZERO;
      if (!(digit >= 0 && digit <= 9)) return this.#fail(at);
      do {
        if (mantissa < MANTISSA_LIMIT) {
          mantissa = mantissa * 10 + digit;
          exponent -= 1;
        } else {
          isCut = true;
        }
        byte = bytes[++at] ?? 0;
        digit = byte - ZERO;
      } while (digit >= 0 && digit <= 9);
    }
    this.at = at;
    if (byte === LOWER_E || byte === UPPER_E) {
      exponent += this.#exponent();
      if (this.failedAt >= 0) return NaN;
    }
    const size = this.#scale(mantissa, exponent, isCut, single, start);
    return isNegative ? -size : size;
  }

  // The magnitude of the token; Number reads what no exact operation does.
  #scale(mantissa: number, exponent: number, isCut: boolean, single: boolean, start: number): number {
    if (exponent === 0 && !isCut) return mantissa;
    if (exponent >= -EXACT_EXPONENT_MAX && exponent <= EXACT_EXPONENT_MAX) {
      const low = scaled(mantissa, exponent);
      if (!isCut) return low;
      // The digits that were cut lie between mantissa and mantissa + 1. Rounding keeps the order, so when both ends
      // have the same float32, the number between them has it too.
      if (single && Math.fround(low) === Math.fround(scaled(mantissa + 1, exponent))) return low;
    }
    this.#slowTokens += 1;
    return Math.abs(Number(this.text(start, this.at)));
  }

  // At `e` or `E`: returns the exponent.
  #exponent(): number {
    const { bytes } = this;
    let at = this.at + 1;
    let byte = bytes[at] ?? 0;
    const isNegative = byte === MINUS;
    if (isNegative || byte === PLUS) byte = bytes[++at] ?? 0;
    let digit = byte - ZERO;
    if (!(digit >= 0 && digit <= 9)) return this.#fail(at);
    let exponent = 0;
    do {
      if (exponent < EXPONENT_DIGITS_LIMIT) exponent = exponent * 10 + digit;
      digit = (bytes[++at] ?? 0) - ZERO;
    } while (digit >= 0 && digit <= 9);
    this.at = at;
    return isNegative ? -exponent : exponent;
  }

  #bareWord(start: number, at: number, isNegative: boolean): number {
    const byte = this.bytes[at];
    if (this.#nonFinite && (byte === UPPER_I || (byte === UPPER_N && !isNegative))) {
      const word = byte === UPPER_I ? 'Infinity' : 'NaN';
      if (this.#passes(at, word)) return isNegative ? -Infinity : Number(word);
    }
    if (byte === LOWER_N && !isNegative && this.#passes(at, 'null')) return NaN;
    return this.#fail(at > start && !isNegative ? start : at);
  }

  #passes(at: number, word: string): boolean {
    if (this.text(at, at + word.length) !== word) return false;
    this.at = at + word.length;
    return true;
  }

  #fail(at: number): number {
    this.failedAt = at;
    return NaN;
  }

  /**
   * Reads numbers up to and with the closing bracket (the opening one has been read) and returns how many, or -1 with
   * `failedAt` set: bad syntax, more than `limit` numbers, or one that the array cannot hold (a number that becomes an
   * infinity; among integers a fraction, one that is too large or missing, or a text that may be no integer).
   */
  numbers(target: NumericArray, offset: number, limit: number, mode: NumberMode): number {
    const single = mode === 'single';
    this.#slowTokens = 0;
    let count = 0;
    if (this.space() === CLOSE_BRACKET) {
      this.at += 1;
      return 0;
    }
    for (;;) {
      const start = this.at;
      const value = this.number(single);
      if (this.failedAt >= 0) return -1;
      if (count >= limit || !this.#store(target, offset + count, value, mode, start)) return this.#refuse(start);
      count += 1;
      // Seldom is there space, so it is looked for here and skipped elsewhere; behind the end nothing is greater.
      let byte = this.bytes[this.at]!;
      if (!(byte > 0x20)) byte = this.space();
      this.at += 1;
      if (byte === CLOSE_BRACKET) return count;
      if (byte !== COMMA) return this.#refuse(this.at - 1);
      if (!(this.bytes[this.at]! > 0x20)) this.space();
      if (this.#slowTokens > SLOW_TOKENS_MAX && !this.#nonFinite) {
        return this.#parseRest(target, offset, limit, count);
      }
    }
  }

  // `start` is where the token begins: what is not finite is right only where a word says so.
  #store(target: NumericArray, index: number, value: number, mode: NumberMode, start: number): boolean {
    target[index] = value;
    const stored = target[index];
    if (mode === 'integer') return stored === value && this.#slowTokens === 0;
    return stored - stored === 0 || this.bytes[this.bytes[start] === MINUS ? start + 1 : start]! >= LETTERS;
  }

  #refuse(at: number): number {
    this.failedAt = at;
    return -1;
  }

  // Number() costs a call into the runtime per token; JSON.parse reads a whole array for a few of them.
  // Integers never come here: the first slow token is refused.
  #parseRest(target: NumericArray, offset: number, limit: number, count: number): number {
    const start = this.at;
    const close = this.bytes.indexOf(CLOSE_BRACKET, start);
    if (close < 0) return this.#refuse(this.bytes.length);
    let rest: unknown[];
    try {
      rest = JSON.parse(`[${this.text(start, close + 1)}`) as unknown[];
    } catch {
      return this.#refuse(start);
    }
    if (rest.length === 0 || count + rest.length > limit) return this.#refuse(start);
    for (const value of rest) {
      const isNull = value === null;
      if (!isNull && !Number.isFinite(value)) return this.#refuse(start);
      const at = offset + count;
      target[at] = isNull ? NaN : (value as number);
      if (!isNull && !Number.isFinite(target[at])) return this.#refuse(start);
      count += 1;
    }
    this.at = close + 1;
    return count;
  }

  /** Like `numbers`, for 64-bit integers: plain digits are exact at any size. */
  bigIntegers(target: BigArray, offset: number, limit: number): number {
    let count = 0;
    if (this.space() === CLOSE_BRACKET) {
      this.at += 1;
      return 0;
    }
    for (;;) {
      const start = this.at;
      this.#slowTokens = 0;
      const value = this.number(false);
      if (this.failedAt >= 0) return -1;
      const integer = this.#slowTokens === 0 && Number.isSafeInteger(value)
        ? BigInt(value) : digitsOf(this.text(start, this.at));
      if (count >= limit || integer === null) return this.#refuse(start);
      target[offset + count] = integer;
      if (target[offset + count] !== integer) return this.#refuse(start);
      count += 1;
      const byte = this.space();
      this.at += 1;
      if (byte === CLOSE_BRACKET) return count;
      if (byte !== COMMA) return this.#refuse(this.at - 1);
      this.space();
    }
  }
}

function scaled(mantissa: number, exponent: number): number {
  return exponent < 0 ? mantissa / POWERS_OF_TEN[-exponent]! : mantissa * POWERS_OF_TEN[exponent]!;
}

// Another text may be an integer too; whoever reads what a scanner refuses finds out.
const digitsOf = (token: string): bigint | null => (/^-?\d+$/.test(token) ? BigInt(token) : null);
