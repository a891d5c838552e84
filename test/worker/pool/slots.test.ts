// Worker slots: one owner each, kept until the owner is gone.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SlotState, WorkerSlots } from '../../../src/worker/pool/slots.ts';

suite('WorkerSlots', () => {
  test('claim gives each thread one slot and the same one again', () => {
    const slots = new WorkerSlots(new SharedArrayBuffer(8));
    assert.equal(slots.claim(10), 0);
    assert.equal(slots.claim(11), 1);
    assert.equal(slots.claim(10), 0);
    assert.equal(slots.claim(12), -1);
    assert.equal(slots.countOf(SlotState.claimed), 2);
  });

  test('sweep frees the slots of threads that are gone, and only those', () => {
    const slots = new WorkerSlots(new SharedArrayBuffer(12));
    for (const thread of [1, 2, 3]) slots.set(slots.claim(thread), thread, SlotState.ready);
    assert.equal(slots.sweep(new Set([1, 3])), 1);
    const { ready, free } = SlotState;
    assert.deepEqual([0, 1, 2].map((slot) => slots.stateOf(slot)), [ready, free, ready]);
    assert.equal(slots.claim(4), 1);
    assert.equal(slots.ownerOf(1), 4);
  });

  test('hold waits for the condition and gives up at the deadline', async () => {
    const slots = new WorkerSlots(new SharedArrayBuffer(4));
    const isReady = (): boolean => slots.countOf(SlotState.ready) === 1;
    const held = slots.hold(isReady, Infinity, () => 0);
    slots.set(0, 9, SlotState.ready);
    assert.equal(await held, true);
    assert.equal(await slots.hold(() => false, 5, () => 5), false);
  });
});
