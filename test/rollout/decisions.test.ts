// The pure rules around a verdict: what binds the machine, and what a rollback means when another was just made.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveOptions } from '../../src/options/options.ts';
import { emptyModel } from '../../src/registry/rules.ts';
import type { DecisionRecord, ModelRecord } from '../../src/domain/records.ts';
import { type Now, recordedNow } from '../../src/base/moment.ts';
import { justRolledBack, suppressionOf } from '../../src/rollout/decisions.ts';

const decision: DecisionRecord = {
  id: 'm-g2-a', model: 'm', version: '2', generation: 2, atMs: 10_000, trigger: 'error_rate', action: 'rollback',
  suppressedBy: null, rolledBackTo: '1', reason: 'test', evidence: {}, at: recordedNow(10_000),
};
/** The present when `ms` have passed on the monotonic clock, whatever the date says. */
const at = (ms: number, wallMs = ms): Now => ({ ...recordedNow(ms), wallMs });
const DATES = [0, 1e12, 8e15];

describe('justRolledBack', () => {
  test('finds the rollback into the active generation for a minute, whoever made it', () => {
    for (const trigger of ['error_rate', 'operator', 'engine'] as const) {
      const made = { ...decision, trigger };
      assert.deepEqual(justRolledBack([made], 3, at(10_000)), { ...made, newGeneration: 3 });
      assert.deepEqual(justRolledBack([made], 3, at(70_000)), { ...made, newGeneration: 3 });
      assert.equal(justRolledBack([made], 3, at(70_001)), null);
    }
  });

  test('finds it behind what was decided about the restored version since', () => {
    const since = { ...decision, generation: 3, action: 'suppressed' as const, suppressedBy: 'cooldown', atMs: 11_000 };
    assert.equal(justRolledBack([since, decision], 3, at(12_000))?.id, decision.id);
  });

  test('whoever names the generation that is to go gets the rollback that took it, however old, and no other', () => {
    assert.equal(justRolledBack([decision], 3, at(1e9), 2)?.id, decision.id);
    assert.equal(justRolledBack([decision], 3, at(10_001), 3), null);
    assert.equal(justRolledBack([decision], 3, at(10_001), 1), null);
  });

  test('finds nothing in what was not done, before another promote, or where no clock tells how old it is', () => {
    assert.equal(justRolledBack([], 3, at(10_001)), null);
    assert.equal(justRolledBack([{ ...decision, action: 'suppressed', suppressedBy: 'pinned' }], 3, at(10_001)), null);
    assert.equal(justRolledBack([decision], 4, at(10_001)), null);
    assert.equal(justRolledBack([decision], 3, at(9_999)), null);
    for (const wallMs of DATES) {
      assert.equal(justRolledBack([decision], 3, at(70_000, wallMs))?.id, decision.id);
      assert.equal(justRolledBack([decision], 3, at(70_001, wallMs)), null);
    }
  });
});

describe('suppressionOf', () => {
  const { judge } = resolveOptions({ judge: { cooldownMs: 120_000, rollbackIntervalMs: 600_000 } });
  const rolledBack: ModelRecord = {
    ...emptyModel('m', 0), activeVersion: '1', generation: 3, lastAutomaticRollbackAtMs: 1e6, restoredGeneration: 3,
    lastAutomaticRollback: recordedNow(1e6),
  };
  const heldAt = (record: ModelRecord, afterMs: number, wallMs?: number): string | null =>
    suppressionOf(record, judge, at(1e6 + afterMs, wallMs));

  test('binds the generation that the machine restored, by the cooldown first and then by the interval', () => {
    const after = [0, 119_999, 120_000, 599_999, 600_000].map((ms) => heldAt(rolledBack, ms));
    assert.deepEqual(after, ['cooldown', 'cooldown', 'restored_failing', 'restored_failing', null]);
  });

  test('binds for as long, wherever the date is set meanwhile', () => {
    for (const wallMs of DATES) {
      const after = [119_999, 120_000, 599_999, 600_000].map((ms) => heldAt(rolledBack, ms, wallMs));
      assert.deepEqual(after, ['cooldown', 'restored_failing', 'restored_failing', null], String(wallMs));
    }
  });

  test('binds no generation that began since, from its first millisecond', () => {
    const promoted = { ...rolledBack, activeVersion: '3', generation: 4 };
    for (const ms of [0, 1, 119_999, 120_000, 599_999]) assert.equal(heldAt(promoted, ms), null, String(ms));
    assert.equal(heldAt({ ...promoted, pin: { by: 'x', reason: '', atMs: 0 } }, 1), 'pinned', 'a pin binds all');
  });

  test('counts no rollback of the future', () => assert.equal(heldAt(rolledBack, -1), null));
});
