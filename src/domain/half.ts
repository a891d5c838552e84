// FP16 as its 16 bits in a Uint16Array: Node 20 and 22 have no array of half-precision numbers. Pure; any thread.
// Invariant: bits -> number is exact; number -> bits rounds to nearest, ties to even.

const SIGN_BIT = 0x8000;
const EXPONENT_MASK = 0x1f;
const MANTISSA_BITS = 10;
const MANTISSA_MASK = 0x3ff;
/** The exponent bits of one that is infinite or no number. */
export const HALF_INFINITY_BITS = 0x7c00;
const NAN_BITS = 0x7e00;
/** The smallest normal number is 2^-14; below it numbers are multiples of 2^-24. */
const NORMAL_MIN = 2 ** -14;
const STEP_MIN = 2 ** -24;
/** From here on a number rounds to infinity. */
const OVERFLOW_MIN = 65_520;

/** The number that 16 bits stand for. */
export function halfToNumber(bits: number): number {
  const exponent = (bits >> MANTISSA_BITS) & EXPONENT_MASK;
  const mantissa = bits & MANTISSA_MASK;
  let size: number;
  if (exponent === EXPONENT_MASK) size = mantissa === 0 ? Infinity : NaN;
  else if (exponent === 0) size = mantissa * STEP_MIN;
  else size = (mantissa + 1024) * 2 ** (exponent - 25);
  return (bits & SIGN_BIT) === 0 ? size : -size;
}

/** The 16 bits of the half nearest to `value`. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return NAN_BITS;
  const sign = value < 0 || Object.is(value, -0) ? SIGN_BIT : 0;
  const size = Math.abs(value);
  if (size >= OVERFLOW_MIN) return sign | HALF_INFINITY_BITS;
  if (size < NORMAL_MIN) return sign | roundToEven(size / STEP_MIN);
  let exponent = Math.floor(Math.log2(size));
  // log2 may be off by one next to a power of two.
  if (2 ** exponent > size) exponent -= 1;
  else if (2 ** (exponent + 1) <= size) exponent += 1;
  const mantissa = roundToEven(size / 2 ** (exponent - MANTISSA_BITS));
  // A mantissa that rounds up to 2048 carries into the exponent by itself.
  return sign | (((exponent + 14) << MANTISSA_BITS) + mantissa);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5 || (rest === 0.5 && floor % 2 === 0)) return floor;
  return floor + 1;
}
