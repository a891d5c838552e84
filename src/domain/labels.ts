// Labels as numbers, so that a sample, a kept row and a baseline hold a label as they hold any answer: a number is
// itself, a text stands for a whole number that follows from it alone. Shared by the workers, which write samples, and
// the judge, which counts labels. Pure. Numbers beyond 2^53 are read as the nearest one that a double holds.

const HASH_FACTOR = 0x01000193;
const SEED = 0x811c9dc5 | 0;
const OTHER_SEED = 0x2f6e2b1 | 0;
/** Of 52 bits a double holds every value. */
const HIGH_BITS = 0xf_ffff;
const LOW_RANGE = 2 ** 32;

/** The number of a text label: FNV-1a with two seeds, 52 bits of it. Allocates nothing. */
export function labelNumber(text: string): number {
  let low = SEED;
  let high = OTHER_SEED;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, HASH_FACTOR);
    high = Math.imul(high ^ unit, HASH_FACTOR);
  }
  // FNV's low bits mix best at the end: what comes last moves the high ones too.
  high ^= high >>> 15;
  return (high & HIGH_BITS) * LOW_RANGE + (low >>> 0);
}

/** What a label is called that no baseline knows: a number by itself, a text by the number it stands for. */
export const unknownLabel = (value: number, isText: boolean): string => (isText ? `text #${value}` : String(value));
