// Numbers in sentences that people read, and the parts of such sentences that many checks say. Pure.
import type { HeldBack } from './messages.ts';

const DIGITS_MIN = 3;
const DIGITS_MAX = 17;

/** Writes `value` with three significant digits, and with more where fewer would make it look equal to `other`. */
export function numberText(value: number, other = NaN): string {
  for (let digits = DIGITS_MIN; digits < DIGITS_MAX; digits += 1) {
    const rounded = Number(value.toPrecision(digits));
    if (value === other || rounded !== other) return String(rounded);
  }
  return String(value);
}

/** Writes a share as a percentage, told apart from the share `other`. */
export function percentText(share: number, other = NaN): string {
  return `${numberText(share * 100, other * 100)} %`;
}

/** Writes "1 request", "2 requests", "2 rows of inputs". */
export function countedText(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/(?= of )|$/, 's')}`;
}

/** Below this a probability may have come out as nothing. */
const CHANCE_SHOWN_MIN = 1e-300;

/** Writes a probability with the digits it deserves. */
export function chanceText(chance: number): string {
  if (chance < CHANCE_SHOWN_MIN) return `below ${CHANCE_SHOWN_MIN}`;
  return chance >= 0.01 ? percentText(chance) : chance.toExponential(0);
}

/** Writes a window's length. */
export function windowText(windowMs: number): string {
  return windowMs % 3_600_000 === 0 ? `${windowMs / 3_600_000} h` : `${windowMs / 1_000} s`;
}

const WITHHELD_TEXTS: Readonly<Record<HeldBack, string>> = {
  looks: ', not for long enough yet (1 of 2 looks)',
  chance: ', which chance explains',
  burst: ', but only in one burst so far',
  one_input: ', but only for one input so far',
};

/** Continues a sentence about a value over its limit with why that is no failure. */
export const withheldText = (heldBack: HeldBack | null): string =>
  (heldBack === null ? '' : WITHHELD_TEXTS[heldBack]);
