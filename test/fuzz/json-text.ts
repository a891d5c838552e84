// Writes values as JSON in all the ways that mean the same: white space, forms of numbers, order of members.
import type { Random } from '../protocols/random.ts';

const SPACES = ['', '', '', ' ', '\n', '\t', '\r\n  '];

export const space = (random: Random): string => random.pick(SPACES);

/** Elements between brackets. */
export function arrayText(elements: readonly string[], random: Random): string {
  return `[${space(random)}${elements.join(`${space(random)},${space(random)}`)}${space(random)}]`;
}

/** Members in any order. */
export function objectText(members: readonly (readonly [key: string, value: string])[], random: Random): string {
  const shuffled = members.map((member) => ({ member, at: random.bits() })).sort((a, b) => a.at - b.at);
  const texts = shuffled.map(({ member: [key, value] }) =>
    `${JSON.stringify(key)}${space(random)}:${space(random)}${value}`);
  return `{${space(random)}${texts.join(`${space(random)},${space(random)}`)}${space(random)}}`;
}

/** A finite float32 in one of its spellings. */
export function singleText(random: Random): string {
  const value = random.below(3) === 0 ? random.below(2_000) / 8 - 100 : random.single();
  switch (random.below(4)) {
    case 0: return value.toExponential(random.below(21));
    case 1: return value.toPrecision(1 + random.below(30));
    case 2: return Math.abs(value) < 1e20 ? value.toFixed(random.below(30)) : String(value);
    default: return String(value);
  }
}

/** A whole number that 64 bits hold. */
export function integerText(random: Random): string {
  const value = BigInt.asIntN(64, (BigInt(random.bits()) << 32n) | BigInt(random.bits()));
  return String(value >> BigInt(random.below(63)));
}
