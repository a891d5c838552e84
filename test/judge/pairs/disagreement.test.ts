import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cosineOf } from '../../../src/judge/pairs/disagreement.ts';

suite('cosineOf', () => {
  test('of equal directions is 1, of opposite ones -1, and of other lengths nothing', () => {
    assert.equal(cosineOf([1, 2], [2, 4]), 1);
    assert.equal(cosineOf([1, 0], [-3, 0]), -1);
    assert.equal(cosineOf([1, 0], [0, 5]), 0);
    assert.equal(cosineOf([0, 0], [0, 0]), 1);
    assert.equal(cosineOf([0, 0], [0, 1]), 0);
    assert.equal(cosineOf([1], [1, 2]), null);
    assert.equal(cosineOf([NaN], [1]), null);
  });
});
