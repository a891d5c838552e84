// The number scanner against Number() on hundreds of thousands of tokens with a fixed seed.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FloatScanner } from '../../../src/protocols/json/number-scan.ts';
import { Random } from '../random.ts';

const scanner = new FloatScanner();
const bitsOf = new BigUint64Array(1);
const doubleOf = new Float64Array(bitsOf.buffer);

function bits(value: number): bigint {
  doubleOf[0] = value;
  return bitsOf[0]!;
}

function assertReadsLikeNumber(token: string): void {
  const wanted = Number(token);
  scanner.reset(Buffer.from(token));
  const double = scanner.number(false);
  assert.equal(scanner.failedAt, -1, token);
  assert.equal(scanner.at, token.length, token);
  assert.equal(bits(double), bits(wanted), `${token} read as ${double}`);
  scanner.reset(Buffer.from(token));
  const single = Math.fround(scanner.number(true));
  assert.equal(bits(single), bits(Math.fround(wanted)), `${token} read as float32 ${single}`);
}

// The exact decimal expansion of the point halfway between two neighbouring float32 numbers, then a digit beyond it.
function halfwaySingles(random: Random): string[] {
  const low = Math.fround(random.double() % 1e6) || 1;
  const words = new Uint32Array(new Float32Array([low]).buffer);
  words[0] = words[0]! + 1;
  const high = new Float32Array(words.buffer)[0]!;
  const middle = (low + high) / 2;
  if (!Number.isFinite(middle) || Math.abs(middle) < 1e-4) return [];
  const exact = middle.toFixed(60).replace(/0+$/, '0');
  return [exact, `${exact}0000000000000000000000001`, exact.replace(/.$/, ''), middle.toPrecision(17)];
}

suite('FloatScanner', () => {
  test('reads the shortest text of random doubles and float32 numbers', () => {
    const random = new Random(1);
    for (let count = 0; count < 60_000; count += 1) {
      assertReadsLikeNumber(String(random.double()));
      assertReadsLikeNumber(String(random.single()));
      assertReadsLikeNumber(String(Math.fround(random.below(1_000_000) / 977)));
    }
  });

  test('reads decimals of 1 to 40 digits with and without an exponent', () => {
    const random = new Random(2);
    for (let count = 0; count < 150_000; count += 1) {
      const whole = random.below(3) === 0 ? '0' : `${1 + random.below(9)}${random.digits(random.below(20))}`;
      const fraction = random.below(3) === 0 ? '' : `.${random.digits(1 + random.below(20))}`;
      const exponent = random.below(2) === 0 ? '' : `${random.pick(['e', 'E', 'e+', 'E-', 'e-'])}${random.below(45)}`;
      assertReadsLikeNumber(`${random.pick(['', '-'])}${whole}${fraction}${exponent}`);
    }
  });

  test('reads texts of 15 to 21 significant digits around one', () => {
    const random = new Random(3);
    for (let count = 0; count < 60_000; count += 1) {
      const value = random.bits() / 0x1_0000_0000 + random.bits() / 2 ** 64;
      assertReadsLikeNumber((value * 10 ** (random.below(8) - 4)).toPrecision(15 + random.below(7)));
    }
  });

  test('reads points halfway between float32 numbers, and just beyond', () => {
    const random = new Random(4);
    for (let count = 0; count < 20_000; count += 1) halfwaySingles(random).forEach(assertReadsLikeNumber);
  });

  test('reads the edges: zeros, subnormals, the largest numbers, long zeros, huge exponents', () => {
    for (const token of [
      '0', '-0', '0.0', '-0.0', '0e5', '-0e-999', '1', '-1', '9007199254740991', '9007199254740992',
      '9007199254740993', '-9007199254740993', '18446744073709551615', '123456789012345678901234567890',
      '5e-324', '4.9406564584124654e-324', '2.4703282292062327e-324', '2.4703282292062328e-324',
      '2.2250738585072011e-308', '2.2250738585072014e-308', '1.7976931348623157e308', '1.7976931348623159e308',
      '1.401298464324817e-45', '7.006492321624085e-46', '7.006492321624086e-46', '1.1754942807573643e-38',
      '3.4028234663852886e38', '3.4028235677973366e38', '3.4028235677973365e38', '1e22', '1e23', '1e-22', '1e-23',
      '8388608.5', '16777217', '16777217.0000000000000000001', '33554434.999999999999999',
      `0.${'0'.repeat(400)}1`, `1${'0'.repeat(400)}`, `1${'0'.repeat(300)}e-300`, `0.${'0'.repeat(300)}1e301`,
      '1e400', '-1e400', '1e-400', '1e99999999999999999999', '1e-99999999999999999999', '0e99999999999999999999',
      '0.1e1', '0.30000000000000004', '179769313486231580793e289',
    ]) {
      assertReadsLikeNumber(token);
    }
  });

  test('refuses what JSON does not call a number, at the byte that is wrong', () => {
    const wrong: readonly (readonly [string, number])[] = [
      ['', 0], ['-', 1], ['+1', 0], ['.5', 0], ['-.5', 1], ['1.', 2], ['1.e5', 2], ['1e', 2], ['1e+', 3], ['1E-x', 3],
      ['NaN', 0], ['Infinity', 0], ['-Infinity', 1], ['x', 0], ['"1"', 0], ['nul', 0], ['-null', 1], ['0.x', 2],
    ];
    for (const [token, position] of wrong) {
      scanner.reset(Buffer.from(token));
      assert.ok(Number.isNaN(scanner.number(false)), token);
      assert.equal(scanner.failedAt, position, token);
    }
  });

  test('accepts NaN and the infinities only when told to', () => {
    const tolerant = new FloatScanner({ nonFinite: true });
    const target = new Float32Array(8);
    assert.equal(tolerant.reset(Buffer.from('NaN, Infinity,-Infinity , 1]')).numbers(target, 0, 8, 'single'), 4);
    assert.deepEqual([...target.subarray(0, 4)], [NaN, Infinity, -Infinity, 1]);
    assert.equal(scanner.reset(Buffer.from('NaN]')).numbers(target, 0, 8, 'single'), -1);
    for (const word of ['-NaN]', 'Infinit]', 'nan]', 'N]']) {
      assert.equal(tolerant.reset(Buffer.from(word)).numbers(target, 0, 8, 'single'), -1, word);
    }
  });

  test('reads null as NaN among floats, also behind many long tokens, and nowhere else', () => {
    const long = '0.12345678901234567';
    for (const [text, wanted] of [
      ['null,1,null]', [NaN, 1, NaN]], [`${long},${long},${long},null]`, [+long, +long, +long, NaN]],
    ] as const) {
      const target = new Float64Array(4);
      assert.equal(scanner.reset(Buffer.from(text)).numbers(target, 0, 4, 'double'), wanted.length);
      assert.deepEqual([...target.subarray(0, wanted.length)], wanted);
    }
    assert.equal(scanner.reset(Buffer.from('1,null]')).numbers(new Int32Array(2), 0, 2, 'integer'), -1);
    assert.equal(scanner.reset(Buffer.from('1,null]')).bigIntegers(new BigInt64Array(2), 0, 2), -1);
  });

  test('takes no finite number for an infinity, and no text for an integer that is none', () => {
    const tolerant = new FloatScanner({ nonFinite: true });
    for (const text of ['NaN,1e39]', 'Infinity,-1e39]', '1e400]', '-1e400]', '3.4028235677973366e38]']) {
      for (const one of [scanner, tolerant]) {
        assert.equal(one.reset(Buffer.from(text)).numbers(new Float32Array(2), 0, 2, 'single'), -1, text);
      }
    }
    for (const text of ['1.00000000000000000001]', '1e-400]', '0.99999999999999999999]', '9007199254740991.4]']) {
      assert.equal(scanner.reset(Buffer.from(text)).numbers(new Float64Array(1), 0, 1, 'integer'), -1, text);
      assert.equal(scanner.reset(Buffer.from(text)).bigIntegers(new BigInt64Array(1), 0, 1), -1, text);
    }
  });

  test('numbers() reads arrays with any white space and many long tokens like JSON.parse', () => {
    const random = new Random(5);
    for (let count = 0; count < 4_000; count += 1) {
      const tokens = Array.from({ length: random.below(20) }, () =>
        random.pick([() => String(random.double()), () => String(random.below(1000) / 8), () => '0.1', () => '-7'])());
      const space = (): string => random.pick(['', '', ' ', '\n', '\t', '\r\n ']);
      const text = `${space()}${tokens.map((token) => `${token}${space()}`).join(`,${space()}`)}]`;
      const target = new Float64Array(24);
      assert.equal(scanner.reset(Buffer.from(`${text}x`)).numbers(target, 2, 20, 'double'), tokens.length, text);
      assert.equal(scanner.at, text.length);
      assert.deepEqual([...target.subarray(2, 2 + tokens.length)], JSON.parse(`[${text}`));
    }
  });

  test('numbers() refuses broken arrays, too many numbers and numbers that the array cannot hold', () => {
    for (const text of ['1,2', '1,,2]', '1 2]', ',1]', '1,]', '[1]]', '1;2]', '"1"]', '1,2,3,4,5]']) {
      assert.equal(scanner.reset(Buffer.from(text)).numbers(new Float64Array(4), 0, 4, 'double'), -1, text);
    }
    const long = '0.12345678901234567';
    for (const text of [`${long},${long},${long},x]`, `${long},${long},${long},]`, `${long},${long},${long},"1"]`]) {
      assert.equal(scanner.reset(Buffer.from(text)).numbers(new Float64Array(9), 0, 9, 'double'), -1, text);
    }
    assert.equal(scanner.reset(Buffer.from('1.5]')).numbers(new Int8Array(1), 0, 1, 'integer'), -1);
    assert.equal(scanner.reset(Buffer.from('128]')).numbers(new Int8Array(1), 0, 1, 'integer'), -1);
    assert.equal(scanner.reset(Buffer.from('-1]')).numbers(new Uint32Array(1), 0, 1, 'integer'), -1);
    assert.equal(scanner.reset(Buffer.from('1e39]')).numbers(new Float32Array(1), 0, 1, 'single'), -1);
  });

  test('bigIntegers() reads plain digits exactly and refuses what does not fit', () => {
    const target = new BigInt64Array(4);
    const text = '9223372036854775807, -9223372036854775808,1.0,9007199254740993]';
    assert.equal(scanner.reset(Buffer.from(text)).bigIntegers(target, 0, 4), 4);
    assert.deepEqual([...target], [9223372036854775807n, -9223372036854775808n, 1n, 9007199254740993n]);
    for (const wrong of ['9223372036854775808]', '1.5]', '1e30]', 'x]', '1,]']) {
      assert.equal(scanner.reset(Buffer.from(wrong)).bigIntegers(target, 0, 4), -1, wrong);
    }
    assert.equal(scanner.reset(Buffer.from('-1]')).bigIntegers(new BigUint64Array(1), 0, 1), -1);
  });
});
