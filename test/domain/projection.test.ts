import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRECTIONS, projectionOf, Projector } from '../../src/domain/projection.ts';

test('projectionOf has mean 0 and variance 1 over the axes of a space, whichever the direction', () => {
  const size = 4_096;
  const axis = new Float32Array(size);
  for (let direction = 0; direction < DIRECTIONS; direction += 1) {
    let sum = 0;
    for (let at = 0; at < size; at += 8) {
      axis.fill(0);
      axis[at] = -3;
      const projection = projectionOf(direction, axis, 0, size);
      assert.equal(Math.abs(projection), 1);
      sum += projection;
    }
    assert.ok(Math.abs(sum) < 4.5 * Math.sqrt(size / 8), `direction ${direction}: ${sum}`);
  }
});

test('projectionOf does not depend on the length of a vector, and directions differ', () => {
  const row = [1, -2, 3, 0.5, 4];
  const all = Array.from({ length: DIRECTIONS }, (_, direction) => projectionOf(direction, row, 0, row.length));
  const doubled = row.map((value) => value * 2);
  all.forEach((value, direction) =>
    assert.ok(Math.abs(projectionOf(direction, doubled, 0, row.length) - value) < 1e-12));
  assert.ok(new Set(all).size > 3);
  assert.equal(projectionOf(2, [9, ...row], 1, row.length), all[2], 'a row is read from its offset');
});

test('projectionOf is not a number for zeros and for elements that are not finite', () => {
  for (const row of [[0, 0], [1, NaN], [1, Infinity], []]) assert.ok(Number.isNaN(projectionOf(0, row, 0, row.length)));
});

test('Projector takes every direction in turn, also at one place of batches of eight', () => {
  const projector = new Projector();
  const seen = Array.from({ length: 8 }, () => new Array<number>(DIRECTIONS).fill(0));
  const into = { direction: -1, projection: NaN };
  for (let turn = 0; turn < 8 * 8 * 100; turn += 1) {
    projector.project([1, 2], 0, 2, into);
    seen[turn % 8]![into.direction]! += 1;
  }
  for (const place of seen) for (const count of place) assert.ok(Math.abs(count - 100) <= 5, String(place));
});
