// How many rows a request may have when nobody says: what the trial's speed allows.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ROWS_LIMIT } from '../../../src/options/options.ts';
import { requestRowsMax } from '../../../src/rollout/deployment/rows-limit.ts';

const options = { deadlineMs: 30_000, hungMs: 60_000 };

suite('requestRowsMax', () => {
  test('is what runs at the speed of the trial within half of the deadline', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 3, rowMs: 2 } }), 7_500);
    assert.equal(requestRowsMax({ ...options, deadlineMs: 10_000 }, { trial: { runMs: 3, rowMs: 2 } }), 2_500);
  });

  test('lets no run last until it counts as hung', () => {
    assert.equal(requestRowsMax({ ...options, hungMs: 600 }, { trial: { runMs: 3, rowMs: 2 } }), 150);
  });

  test('takes the speed of a single row when the trial measured no other', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 3 } }), 5_000);
    assert.equal(requestRowsMax(options, { trial: { runMs: 3, rowMs: 0 } }), 5_000);
  });

  test('takes the speed of a single row for a model whose rows share no run', () => {
    const version = { trial: { runMs: 3, rowMs: 0.1 }, stacking: { mode: 'none' } } as const;
    assert.equal(requestRowsMax(options, version), 5_000);
  });

  test('is a fixed number when the trial could measure nothing', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 0, rowMs: 0 } }), 65_536);
  });

  test('is never less than one row, nor more than can be set', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 1e6, rowMs: 1e6 } }), 1);
    assert.equal(requestRowsMax(options, { trial: { runMs: 0.001, rowMs: 1e-6 } }), ROWS_LIMIT);
  });

  test('is what the operator says, whatever the speed', () => {
    assert.equal(requestRowsMax({ ...options, rowsMax: 12 }, { trial: { runMs: 1e6, rowMs: 1e6 } }), 12);
  });
});
