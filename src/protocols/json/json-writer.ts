// Writes JSON into one re-used buffer without a string or an object per number. Pure; owned by one thread.
// Invariant: a float32 is written as a decimal that reads back to the same float32, a double as its shortest text;
// NaN and the infinities, which JSON cannot express, become null.

const ZERO = 0x30;
const DOT = 0x2e;
const MINUS = 0x2d;
const LOWER_E = 0x65;

const BYTES_MIN = 4_096;
/** A larger buffer is let go after its document. */
const BYTES_KEPT_MAX = 1_048_576;
/** The longest number: 17 digits, sign, point, exponent. */
const NUMBER_BYTES_MAX = 32;
/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;

/** Up to this many bytes a loop copies faster than set() is called. */
const LOOP_BYTES_MAX = 64;

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
/** Below this an integer is handled as 32 bits. */
const SMALL_INTEGER_LIMIT = 1_000_000_000;
const SMALL_DIGITS_MAX = 9;
/** Integers below this are written digit by digit. */
const PLAIN_INTEGER_LIMIT = 1e15;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** Below this numbers are written with an exponent, as JavaScript does. */
const FIXED_POINT_MIN = 1e-6;
/** Down to here nine digits are an integer divided by an exact power of ten. */
const SCALED_MIN = 1e-13;
/** Any float32 is told from its neighbours by nine digits. */
const SINGLE_DIGITS_MAX = 9;

/** Thrown when an answer outgrows its limit. */
export class JsonTooLarge extends Error {
  override readonly name = 'JsonTooLarge';
}

export class JsonWriter {
  readonly #bytesMax: number;
  #buffer = Buffer.allocUnsafeSlow(BYTES_MIN);
  #length = 0;

  /** No document may take more than `bytesMax`; beyond it the writing methods throw JsonTooLarge. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Starts a new document; the bytes of the last one may be overwritten from here on. */
  clear(): this {
    this.#length = 0;
    if (this.#buffer.length > BYTES_KEPT_MAX) this.#buffer = Buffer.allocUnsafeSlow(BYTES_MIN);
    return this;
  }

  /** The document so far, valid until `clear`. */
  get bytes(): Uint8Array {
    // Made directly: subarray() of a Buffer costs several times as much, and this runs for every answer.
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    if (needed > this.#bytesMax + NUMBER_BYTES_MAX) throw new JsonTooLarge('write an answer: it is too large');
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  /** Writes one ASCII character, by code. */
  byte(code: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = code;
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array): void {
    const count = bytes.length;
    this.#reserve(count);
    const buffer = this.#buffer;
    const start = this.#length;
    if (count > LOOP_BYTES_MAX) buffer.set(bytes, start);
    else for (let at = 0; at < count; at += 1) buffer[start + at] = bytes[at]!;
    this.#length = start + count;
  }

  /** Writes text as it is, in UTF-8. */
  text(text: string): void {
    this.#reserve(text.length * BYTES_PER_UNIT_MAX);
    this.#length += this.#buffer.write(text, this.#length);
  }

  /** Writes a JSON string. */
  string(text: string): void {
    this.text(JSON.stringify(text));
  }

  /** Writes a number of thousandths as a decimal with three digits after the point; negative ones become 0.000. */
  thousandths(count: number): void {
    const whole = Math.max(0, Math.round(count));
    this.#reserve(NUMBER_BYTES_MAX);
    this.#digits(Math.floor(whole / 1000), 1);
    this.#buffer[this.#length++] = DOT;
    this.#digits(whole % 1000, 3);
  }

  /** Writes a float64 or an integer below 2^53. */
  double(value: number): void {
    this.#reserve(NUMBER_BYTES_MAX);
    // Plain digits beyond 2^53 are an integer of 64 bits.
    if (!this.#special(value)) this.#ascii(Math.abs(value) > MAX_SAFE ? value.toExponential() : String(value));
  }

  /** Writes a float32 with as few digits as tell it from its neighbours. */
  single(value: number): void {
    this.#reserve(NUMBER_BYTES_MAX);
    if (this.#special(value)) return;
    const size = Math.abs(value);
    if (value < 0) this.#buffer[this.#length++] = MINUS;
    if (size < SCALED_MIN || size >= PLAIN_INTEGER_LIMIT || !this.#scaledSingle(size)) this.#ascii(singleText(size));
  }

  // Writes what is no number as null, and plain integers; returns false for everything else.
  #special(value: number): boolean {
    if (value - value !== 0) {
      this.#ascii('null');
      return true;
    }
    const size = Math.abs(value);
    if (size >= PLAIN_INTEGER_LIMIT || size !== Math.floor(size)) return false;
    if (value < 0 || (value === 0 && 1 / value < 0)) this.#buffer[this.#length++] = MINUS;
    this.#digits(size, 1);
    return true;
  }

  // Looks for the fewest decimals d such that round(size * 10^d) / 10^d has the same float32. That quotient of two
  // exact doubles is what Number makes of the written text, so the check is the reading back itself.
  #scaledSingle(size: number): boolean {
    let exponent = 0;
    while (size >= POWERS_OF_TEN[exponent + 1]!) exponent += 1;
    while (exponent <= 0 && size * POWERS_OF_TEN[-exponent]! < 1) exponent -= 1;
    const decimalsMax = SINGLE_DIGITS_MAX - 1 - exponent;
    // From one less, for sizes just below a power of ten that round up to it.
    for (let decimals = Math.max(1, -exponent - 1); decimals <= decimalsMax; decimals += 1) {
      const power = POWERS_OF_TEN[decimals]!;
      const digits = Math.round(size * power);
      if (Math.fround(digits / power) !== size) continue;
      if (size < FIXED_POINT_MIN) {
        this.#withExponent(digits, decimals);
      } else {
        const whole = Math.floor(digits / power);
        this.#digits(whole, 1);
        this.#buffer[this.#length++] = DOT;
        this.#digits(digits - whole * power, decimals);
      }
      return true;
    }
    return false;
  }

  // digits = 12345, decimals = 12 -> 1.2345e-8
  #withExponent(digits: number, decimals: number): void {
    const buffer = this.#buffer;
    const start = this.#length;
    this.#digits(digits, 1);
    const count = this.#length - start;
    if (count > 1) {
      buffer.copyWithin(start + 2, start + 1, this.#length);
      buffer[start + 1] = DOT;
      this.#length += 1;
    }
    buffer[this.#length++] = LOWER_E;
    buffer[this.#length++] = MINUS;
    this.#digits(decimals - count + 1, 1);
  }

  // An integer below 2^53 with at least `countMin` digits.
  #digits(value: number, countMin: number): void {
    const buffer = this.#buffer;
    let count = countMin;
    if (value < SMALL_INTEGER_LIMIT) {
      this.#smallDigits(value | 0, countMin);
      return;
    }
    while (count < POWERS_OF_TEN.length && value >= POWERS_OF_TEN[count]!) count += 1;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at -= 1) {
      const tenth = Math.floor(rest / 10);
      buffer[at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.#length += count;
  }

  // The same below SMALL_INTEGER_LIMIT, where the machine divides integers.
  #smallDigits(value: number, countMin: number): void {
    const buffer = this.#buffer;
    let count = 1;
    for (let limit = 10; count < SMALL_DIGITS_MAX && value >= limit; limit *= 10) count += 1;
    if (count < countMin) count = countMin;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at -= 1) {
      const tenth = (rest / 10) | 0;
      buffer[at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.#length += count;
  }

  #ascii(text: string): void {
    const buffer = this.#buffer;
    for (let index = 0; index < text.length; index += 1) buffer[this.#length++] = text.charCodeAt(index);
  }
}

function singleText(size: number): string {
  for (let digits = 7; digits <= SINGLE_DIGITS_MAX; digits += 1) {
    const text = String(Number(size.toPrecision(digits)));
    if (Math.fround(Number(text)) === size) return text;
  }
  return String(size);
}
