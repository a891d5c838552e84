// Curves of memory: what fits, what a run takes, and how both go on beyond what was measured.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { bytesAt, mostWithin, type MemoryPoint } from '../../src/domain/run-memory.ts';

const MIB = 1024 ** 2;
const curve = (bytesOf: (size: number) => number, most: number): MemoryPoint[] =>
  Array.from({ length: Math.log2(most) + 1 }, (_, at) =>
    ({ size: 2 ** at, elements: 2 ** at * 8, bytes: bytesOf(2 ** at) * MIB }));
const byRow = curve((size) => size, 64);
const byPair = curve((size) => (size / 256) ** 2, 2_048);

suite('mostWithin', () => {
  test('finds the size between two measurements by the power that they grow with', () => {
    assert.equal(mostWithin(byRow, 24 * MIB, 'size'), 24);
    assert.equal(mostWithin(byPair, 9 * MIB, 'size'), 768);
    assert.equal(mostWithin(byPair, 9 * MIB, 'elements'), 768 * 8);
  });

  test('goes on beyond the last measurement as the last ones grew', () => {
    assert.equal(mostWithin(byRow, 640 * MIB, 'size'), 640);
    assert.equal(mostWithin(byPair, 256 * MIB, 'size'), 4_096);
  });

  test('takes what has not grown yet for the square, until a number for each pair would have been seen', () => {
    assert.equal(mostWithin(curve(() => 0, 64), 128 * MIB, 'size'), 512);
    assert.equal(mostWithin(curve(() => 0, 1_024), 128 * MIB, 'size'), 65_536);
  });

  test('allows one where even that is too much, and anything where nothing was measured', () => {
    assert.equal(mostWithin(curve(() => 9, 4), 8 * MIB, 'size'), 1);
    assert.equal(mostWithin([], MIB, 'size'), Infinity);
  });

  test('does not fall behind a step of the arena', () => {
    const steps = [16, 16, 40, 40].map((bytes, at): MemoryPoint =>
      ({ size: 2 ** at, elements: 2 ** at, bytes: bytes * MIB }));
    assert.ok(mostWithin(steps, 80 * MIB, 'size') >= 16);
  });
});

test('bytesAt lies between two measurements, with some to spare, and beyond the last one goes on as they do', () => {
  assert.equal(bytesAt(byRow, 32, 'size'), 32 * MIB);
  assert.equal(bytesAt(byRow, 40, 'size'), 50 * MIB);
  assert.equal(bytesAt(byRow, 63, 'size'), 64 * MIB);
  assert.equal(bytesAt(byRow, 128, 'size'), 128 * MIB);
  assert.equal(bytesAt(byPair, 4_096 * 8, 'elements'), 256 * MIB);
  assert.equal(bytesAt([], 5, 'size'), 0);
});
