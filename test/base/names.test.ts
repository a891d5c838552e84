// The order of names, as people count.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNaturalOrder } from '../../src/base/names.ts';

const ORDERS: readonly (readonly string[])[] = [
  ['1', '2', '9', '10', '11', '100', '1000000000000000000000'],
  ['v1', 'v2', 'v10'], ['1', '1.1', '1.2', '1.10', '2'],
  ['1.0.0-alpha.2', '1.0.0-alpha.10', '1.0.0-rc.1', '1.0.0', '1.0.0.1', '1.0.1'],
  ['v1.9.0', 'v1.10.0-rc1', 'v1.10.0', 'v2.0.0-beta', 'v2.0.0'],
  ['2024-01-05', '2024-01-10', '2024-02-01', '2024-10-01'], ['2024', '2024-1', '2024-1-hotfix', '2024-2'],
  ['001', '01', '1', '2'], ['a', 'a1', 'a1b', 'a2', 'a10', 'b'], ['1-a', '1-b', '1a', '2'],
  ['_', 'a'], ['A', 'B', 'a', 'b'], ['', '0', '1'],
];

test('names stand in natural order, however they were given', () => {
  for (const wanted of ORDERS) {
    const given = [[...wanted].reverse(), wanted.toSorted(), [...wanted.slice(2), ...wanted.slice(0, 2)]];
    for (const list of given) assert.deepEqual(inNaturalOrder(list, (name) => name), wanted);
  }
});

test('the order is that of the named part, and the list that was given stays as it is', () => {
  const list = [{ version: '10' }, { version: '9' }];
  assert.deepEqual(inNaturalOrder(list, ({ version }) => version), [{ version: '9' }, { version: '10' }]);
  assert.deepEqual(list, [{ version: '10' }, { version: '9' }]);
});
