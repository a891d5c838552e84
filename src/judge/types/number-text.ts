// Numbers in sentences that people read. Pure.

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
export function countText(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : noun.replace(/(?= of )|$/, 's')}`;
}
