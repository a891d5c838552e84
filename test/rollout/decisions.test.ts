// What an operator's rollback means when the machine has just made one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecisionRecord } from '../../src/registry/records.ts';
import { justRolledBack } from '../../src/rollout/decisions.ts';

const decision: DecisionRecord = {
  id: 'm-g2-a', model: 'm', version: '2', generation: 2, atMs: 10_000, trigger: 'error_rate', action: 'rollback',
  suppressedBy: null, rolledBackTo: '1', reason: 'test', evidence: {},
};

test('justRolledBack finds the machine\'s rollback into the active generation for three seconds', () => {
  assert.deepEqual(justRolledBack(decision, 3, 13_000), { ...decision, newGeneration: 3 });
  assert.equal(justRolledBack(decision, 3, 13_001), null);
});

test('justRolledBack finds nothing in what an operator did, in what was not done, or before another promote', () => {
  assert.equal(justRolledBack(undefined, 3, 10_001), null);
  assert.equal(justRolledBack({ ...decision, trigger: 'operator' }, 3, 10_001), null);
  assert.equal(justRolledBack({ ...decision, action: 'suppressed', suppressedBy: 'pinned' }, 2, 10_001), null);
  assert.equal(justRolledBack(decision, 4, 10_001), null);
});
