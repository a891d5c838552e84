// Half-precision numbers as bits: exact one way, rounded to nearest even the other way.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { halfToNumber, numberToHalf } from '../../src/domain/half.ts';

suite('half', () => {
  test('numberToHalf gives back all 65,536 patterns but for the payload of NaN', () => {
    for (let bits = 0; bits < 0x1_0000; bits += 1) {
      const value = halfToNumber(bits);
      if (Number.isNaN(value)) assert.equal(numberToHalf(value), 0x7e00);
      else assert.equal(numberToHalf(value), bits, String(value));
    }
  });

  test('halfToNumber knows the landmarks of the format', () => {
    const landmarks = [
      [0x3c00, 1], [0xc000, -2], [0x7bff, 65_504], [0x0001, 2 ** -24], [0x0400, 2 ** -14], [0x7c00, Infinity],
    ];
    for (const [bits, value] of landmarks) assert.equal(halfToNumber(bits!), value);
    assert.ok(Object.is(halfToNumber(0x8000), -0));
  });

  test('numberToHalf rounds to nearest, ties to even, and overflows at 65,520', () => {
    for (let bits = 0; bits < 0x7bff; bits += 1) {
      const low = halfToNumber(bits);
      const high = halfToNumber(bits + 1);
      const middle = (low + high) / 2;
      assert.equal(numberToHalf(middle), bits % 2 === 0 ? bits : bits + 1);
      assert.equal(numberToHalf(middle - (high - low) / 64), bits);
      assert.equal(numberToHalf(middle + (high - low) / 64), bits + 1);
    }
    assert.equal(numberToHalf(65_519.99), 0x7bff);
    assert.equal(numberToHalf(65_520), 0x7c00);
    assert.equal(numberToHalf(-1e9), 0xfc00);
  });
});
