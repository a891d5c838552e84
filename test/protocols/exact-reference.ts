// What a JSON text means as one element of a datatype, by exact arithmetic: the value that has to come out, or that it
// has to be refused. Written from the rules, not from the product's code: an integer is just this integer, and beyond
// 2^53 only in plain digits; a float is the nearest one, and no finite number becomes an infinity; a text is whole.
import type { Datatype } from '../../src/domain/records.ts';

export type Meaning = { readonly value: number | bigint | string | boolean } | 'refused';

const BITS: Readonly<Partial<Record<Datatype, readonly [bits: number, signed: boolean]>>> = {
  INT8: [8, true], INT16: [16, true], INT32: [32, true], INT64: [64, true],
  UINT8: [8, false], UINT16: [16, false], UINT32: [32, false], UINT64: [64, false],
};
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const TOKENS: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };
/** An exponent beyond this is beyond every datatype, and its power of ten is not worked out. */
const EXPONENT_MAX = 1_000;

/** `tokens`: NaN and the infinities may be written bare. */
export function meaningOf(datatype: Datatype, text: string, tokens: boolean): Meaning {
  if (datatype === 'BYTES') return textMeaning(text);
  if (datatype === 'BOOL') return truthMeaning(text);
  const isFloat = datatype.startsWith('FP');
  if (isFloat && text === 'null') return { value: NaN };
  if (isFloat && tokens && Object.hasOwn(TOKENS, text)) return { value: TOKENS[text]! };
  if (!NUMBER.test(text)) return 'refused';
  return isFloat ? floatMeaning(datatype, text) : integerMeaning(datatype, text);
}

function textMeaning(json: string): Meaning {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'refused';
  }
  // Half a surrogate pair has no UTF-8.
  const isWhole = (text: string): boolean => Buffer.from(text).toString() === text;
  return typeof value === 'string' && !value.includes('\0') && isWhole(value) ? { value } : 'refused';
}

function truthMeaning(text: string): Meaning {
  if (text === 'true' || text === 'false') return { value: text === 'true' };
  const integer = NUMBER.test(text) ? exactInteger(text) : null;
  return integer === 0n || integer === 1n ? { value: integer === 1n } : 'refused';
}

function floatMeaning(datatype: Datatype, text: string): Meaning {
  const double = Number(text);
  const value = datatype === 'FP32' ? Math.fround(double) : datatype === 'FP16' ? nearestHalf(double) : double;
  return Number.isFinite(value) ? { value } : 'refused';
}

function integerMeaning(datatype: Datatype, text: string): Meaning {
  const integer = exactInteger(text);
  if (integer === null) return 'refused';
  const [bits, isSigned] = BITS[datatype]!;
  const fits = (isSigned ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer)) === integer;
  const isSure = /^-?\d+$/.test(text) || Number.isSafeInteger(Number(integer));
  return fits && isSure ? { value: integer } : 'refused';
}

// The integer that the text is, digit by digit; null when it is none or beyond all datatypes.
function exactInteger(text: string): bigint | null {
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = NUMBER.exec(text)!;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return 0n;
  const exponent = Number(exponentText) - fraction.length;
  if (Math.abs(exponent) > EXPONENT_MAX) return null;
  const power = 10n ** BigInt(Math.abs(exponent));
  if (exponent < 0 && digits % power !== 0n) return null;
  const size = exponent < 0 ? digits / power : digits * power;
  return sign === '-' ? -size : size;
}

// By looking for it: the halves on both sides, and of two that are equally near the even one.
function nearestHalf(value: number): number {
  if (value === 0) return value;
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.min(15, Math.floor(Math.log2(size))));
  const step = 2 ** (exponent - 10);
  const below = Math.floor(size / step) * step;
  const rest = size - below;
  const isUp = rest > step / 2 || (rest === step / 2 && (below / step) % 2 === 1);
  const nearest = isUp ? below + step : below;
  return Math.sign(value) * (nearest > 65_504 ? Infinity : nearest);
}
