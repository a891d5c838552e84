// Arrays of numbers as the scanner reads them, against JSON.parse, Math.fround and BigInt.
import assert from 'node:assert/strict';
import { FloatScanner } from '../../src/protocols/json/number-scan.ts';
import type { NumberMode } from '../../src/protocols/json/number-scan.ts';
import type { Random } from '../protocols/random.ts';
import { arrayText, integerText, singleText } from './json-text.ts';
import { decodeInPlace, parsed } from './target.ts';
import type { FuzzTarget } from './target.ts';

const COUNT_MAX = 64;
const ARRAYS = { single: Float32Array, double: Float64Array, integer: Int32Array } as const;
const MODES = Object.keys(ARRAYS) as NumberMode[];
const INTEGERS = /^\s*\[\s*(-?(0|[1-9]\d*)\s*(,\s*-?(0|[1-9]\d*)\s*)*)?\]$/;

/** The numbers of the array in the bytes and where it ended, or null when the scanner refused it. */
function scan(bytes: Uint8Array, mode: NumberMode): { readonly values: number[]; readonly end: number } | null {
  const scanner = new FloatScanner().reset(bytes);
  if (scanner.space() !== 0x5b) return null;
  scanner.at += 1;
  const target = new ARRAYS[mode](COUNT_MAX + 1).fill(77);
  const count = scanner.numbers(target, 0, COUNT_MAX, mode);
  assert.ok(count <= COUNT_MAX && target[COUNT_MAX] === 77, 'a value beyond the limit was written');
  assert.ok(scanner.at <= bytes.length + 1, 'the scanner stands behind the end');
  return count < 0 ? null : { values: [...target.subarray(0, count)], end: scanner.at };
}

function checkNumbers(bytes: Uint8Array, mode: NumberMode): void {
  const result = decodeInPlace(bytes, (placed) => scan(placed, mode))?.value ?? null;
  if (result === null) {
    const value = parsed(bytes);
    const isPlain = Array.isArray(value) && value.length <= COUNT_MAX && value.every((one) => fits(one, mode));
    // Of an integer that is not written as one, JSON.parse does not know whether it is one.
    const isSure = mode !== 'integer' || !/[.eE]/.test(Buffer.from(bytes).toString('latin1'));
    assert.ok(!isPlain || !isSure, 'good numbers were refused');
    return;
  }
  const value = parsed(bytes.subarray(0, result.end)) as (number | null)[];
  assert.ok(Array.isArray(value), 'what is no JSON was taken');
  // A missing one.
  const numbers = value.map((one) => one ?? NaN);
  const stored = numbers.map((one) => (mode === 'single' ? Math.fround(one) : mode === 'integer' ? one + 0 : one));
  assert.equal(stored.length, result.values.length);
  stored.forEach((one, at) => {
    assert.ok(Object.is(one === 0 && mode === 'integer' ? 0 : one, result.values[at]), `value ${at}`);
  });
}

function fits(value: unknown, mode: NumberMode): boolean {
  if (typeof value !== 'number') return false;
  return mode === 'integer' ? (value | 0) === value : Number.isFinite(mode === 'single' ? Math.fround(value) : value);
}

function checkIntegers(bytes: Uint8Array): void {
  const result = decodeInPlace(bytes, (placed) => {
    const scanner = new FloatScanner().reset(placed);
    if (scanner.space() !== 0x5b) return null;
    scanner.at += 1;
    const target = new BigInt64Array(COUNT_MAX + 1).fill(77n);
    const count = scanner.bigIntegers(target, 0, COUNT_MAX);
    assert.ok(target[COUNT_MAX] === 77n, 'a value beyond the limit was written');
    return count < 0 ? null : { values: [...target.subarray(0, count)], end: scanner.at };
  })?.value;
  if (result === null || result === undefined) return;
  const text = Buffer.from(bytes).toString('latin1', 0, result.end);
  assert.ok(Array.isArray(parsed(bytes.subarray(0, result.end))), 'what is no JSON was taken');
  if (!INTEGERS.test(text)) return;
  assert.deepEqual(result.values, [...text.matchAll(/-?\d+/g)].map(([digits]) => BigInt(digits)));
}

export const numbersTarget: FuzzTarget = {
  name: 'float-scan',
  good: (random: Random) => {
    const number = (): string => (random.below(8) === 0 ? integerText : singleText)(random);
    const texts = Array.from({ length: random.below(12) }, number);
    const bytes = Buffer.from(arrayText(texts, random));
    for (const mode of MODES) checkNumbers(bytes, mode);
    checkIntegers(bytes);
    return bytes;
  },
  check: (bytes) => {
    for (const mode of MODES) checkNumbers(bytes, mode);
    checkIntegers(bytes);
  },
};
