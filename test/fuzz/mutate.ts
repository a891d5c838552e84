// Breaks a message in ways that parsers trip over, by a seed: bytes, pieces of JSON, numbers, lengths, parts of itself
// and of others.
import type { Random } from '../protocols/random.ts';

const PIECES = [
  '"', '[', ']', '{', '}', ',', ':', '\\', '-', '+', '.', 'e', 'E', '0', '9', ' ', '\n', '\t', '\r', '\f', '\u0000',
  'null', 'true', 'false', 'NaN', 'Infinity', '-Infinity', 'undefined', '"data":[', '"data"', '"id":', '"__proto__":',
  '"constructor":', '"features":', '"instances":', '"inputs":', '"shape":[', '"parameters":{', '\\u0000', '\\ud800',
  '\\u00', '[[[[[[[[', ']]]]', '{"a":', '/*', '//', '\'', '\u00e9', '\u2028', '\ud83d\ude00', '\ufeff',
];
const NUMBERS = [
  '-0', '0', '1e400', '-1e400', '1e-400', '5e-324', '1.7976931348623157e308', '3.4028235677973366e38',
  '3.4028234663852886e38', '1.401298464324817e-45', '7.006492321624085e-46', '16777217', '9007199254740993',
  '9223372036854775807', '9223372036854775808', '-9223372036854775808', '18446744073709551615', '18446744073709551616',
  '01', '1.', '.5', '1e', '1e+', '--1', '0x10', '1_000', '2147483648', '4294967296', '-1', '1e3', '1.0', '1.5',
  '0.1', '123456789012345678901234567890', '1e0000000000000000001', '1E5', '-1e-7',
];
const NUMBER = /-?\d+(?:\.\d+)?(?:e[-+]?\d+)?/gi;
const EDITS_MAX = 4;

type Edit = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const splice = (bytes: Buffer, from: number, count: number, put: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + count)]);

const EDITS: readonly Edit[] = [
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 0, Buffer.from(random.pick(PIECES))),
  (bytes, random) => {
    const piece = Buffer.from(random.pick(PIECES));
    return splice(bytes, random.below(bytes.length + 1), 1 + random.below(4), piece);
  },
  // Lengths of texts, and other numbers among raw bytes, which stand last.
  (bytes, random) => {
    const at = Math.max(0, bytes.length - 1 - random.below(28));
    return splice(bytes, at, 1, Buffer.of(random.pick([0, 1, 2, 3, 4, 5, 7, 8, 0x7f, 0x80, 0xff])));
  },
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 1, Buffer.of(random.below(256))),
  (bytes, random) => {
    const flipped = Buffer.from(bytes);
    const at = random.below(bytes.length + 1);
    if (at < flipped.length) flipped[at] = flipped[at]! ^ (1 << random.below(8));
    return flipped;
  },
  (bytes, random) => splice(bytes, random.below(bytes.length + 1), 1 + random.below(30), Buffer.alloc(0)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(8)),
  (bytes, random) => {
    const from = random.below(bytes.length + 1);
    const part = bytes.subarray(from, from + 1 + random.below(40));
    return splice(bytes, random.below(bytes.length + 1), 0, part);
  },
  (bytes, random, other) => {
    const from = random.below(other.length + 1);
    const part = other.subarray(from, from + 1 + random.below(60));
    return splice(bytes, random.below(bytes.length + 1), random.below(20), part);
  },
  (bytes, random) => {
    const numbers = [...bytes.toString('latin1').matchAll(NUMBER)];
    if (numbers.length === 0) return bytes;
    const found = random.pick(numbers);
    const put = random.below(6) === 0 ? random.digits(1 + random.below(400)) : random.pick(NUMBERS);
    return splice(bytes, found.index, found[0].length, Buffer.from(put));
  },
  (bytes, random) => Buffer.concat([bytes, Buffer.from(random.pick(PIECES).repeat(1 + random.below(200)))]),
];

/** A message made of `bytes` and a part of `other`. */
export function mutate(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let changed = Buffer.from(bytes);
  for (let edits = 1 + random.below(EDITS_MAX); edits > 0; edits -= 1) {
    changed = Buffer.from(random.pick(EDITS)(changed, random, Buffer.from(other)));
  }
  return changed;
}

/** Bytes without any meaning. */
export function noise(random: Random): Uint8Array {
  return Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
}
