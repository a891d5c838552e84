// The writes of a change that is staged, laid over what is stored.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareKeys, StagedWrites } from '../../../src/registry/store/staging.ts';

describe('StagedWrites', () => {
  test('lays its writes over what is stored, in the order of the keys', () => {
    const writes = new StagedWrites();
    writes.set(['event', 'm', 2], undefined);
    writes.set(['event', 'm', 10], 'new');
    writes.set(['event', 'm', 3], 'changed');
    writes.set(['event', 'n', 1], 'of another');
    const stored = [1, 2, 3].map((sequence) => ({ key: ['event', 'm', sequence], value: 'stored' }));
    const values = (reverse: boolean): unknown => writes
      .laidOver(reverse ? [...stored].reverse() : stored, ['event', 'm'], reverse)
      .map(({ key, value }) => `${String(key.at(-1))} ${String(value)}`);
    assert.deepEqual(values(false), ['1 stored', '3 changed', '10 new']);
    assert.deepEqual(values(true), ['10 new', '3 changed', '1 stored']);
    assert.deepEqual([writes.find(['event', 'm', 2])?.value, writes.find(['event', 'm', 1])], [undefined, undefined]);
  });

  test('keys are in order as LMDB has them', () => {
    const keys = [['a'], ['a', 2], ['a', 10], ['a', 'b'], ['a', 'b', 1], ['b']];
    assert.deepEqual([...keys].reverse().sort(compareKeys), keys);
  });
});
