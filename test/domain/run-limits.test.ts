// The limits of runs and requests as they are shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsView, noLimits } from '../../src/domain/run-limits.ts';

test('limitsView leaves out what has no limit, and the rows that get as many runs as they need', () => {
  const signature = { inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, -1, 3] }], outputs: [] };
  const limits = { ...noLimits(signature, 16), request: { elements: 900, sizes: [[50, 300, Infinity]] } };
  assert.deepEqual(limitsView(limits, { signature, stacking: { mode: 'rows', reason: '' } }), {
    rowsPerRun: 16, elementsPerRun: null, elements: 900, dimensions: [{ input: 'x', dimension: 1, most: 300 }],
  });
  const { rowsPerRun, dimensions } = limitsView(limits, { signature, stacking: { mode: 'none', reason: '' } });
  assert.equal(rowsPerRun, 1);
  assert.deepEqual(dimensions.map(({ dimension, most }) => [dimension, most]), [[0, 50], [1, 300]]);
});
