// The windows' sums against a list of all samples.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotWindows, SLOTS_PER_WINDOW, WINDOW_FACTORS } from '../../../src/judge/window/slot-windows.ts';
import { seededRandom } from '../fixtures.ts';

const WINDOW_MS = 1_200;
const SLOT_US = (WINDOW_MS * 1_000) / SLOTS_PER_WINDOW;
/** Slots of the clock in one slot of each window: those of the longer windows are coarser. */
const SLOT_LENGTHS = [1, 1, 12, 12, 180, 180, 180];

/** The samples whose slot of this length is among the newest that the window holds. */
function held(samples: readonly number[], nowSlot: number, window: number): number {
  const length = SLOT_LENGTHS[window]!;
  const slots = (WINDOW_FACTORS[window]! * SLOTS_PER_WINDOW) / length;
  const oldest = Math.floor(nowSlot / length) - slots + 1;
  return samples.filter((slot) => Math.floor(slot / length) >= oldest).length;
}

const sumOf = (rows: readonly Float64Array[]): number => rows.reduce((sum, row) => sum + row[0]!, 0);

test('every window holds exactly the samples of its newest slots, through rolls of all rings and gaps', () => {
  const random = seededRandom(5);
  const windows = new SlotWindows(1, WINDOW_MS);
  const samples: number[] = [];
  let slot = 100_000;
  for (let step = 0; step < 6_000; step += 1) {
    slot += random() < 0.0005 ? Math.floor(random() * 30_000) : Math.floor(random() * 12);
    windows.advance(slot * SLOT_US);
    windows.open[0]! += 1;
    samples.push(slot);
    if (step % 7 !== 0) continue;
    WINDOW_FACTORS.forEach((_, window) => {
      const wanted = held(samples, slot, window);
      assert.equal(windows.total(window, 0), wanted, `window ${window} at step ${step}`);
      assert.equal(sumOf(windows.slots(window)), wanted, `slots of window ${window} at step ${step}`);
    });
  }
});

test('what lies before a window holds nothing of its newest two spans, and the day still has some of it', () => {
  const windows = new SlotWindows(1, WINDOW_MS);
  const recent = (window: number): number => 2 * WINDOW_FACTORS[window]! * SLOTS_PER_WINDOW;
  for (let window = 0; window < WINDOW_FACTORS.length; window += 1) {
    const day = WINDOW_FACTORS.at(-1)! * SLOTS_PER_WINDOW;
    for (let slot = 0; slot <= 2 * day; slot += 1) {
      windows.advance((window * 2 * day + slot) * SLOT_US);
      // Only what is recent is counted, so it must not turn up.
      if (slot > 2 * day - recent(window)) windows.open[0]! += 1;
    }
    for (const rows of windows.slotsBefore(window)) assert.equal(sumOf(rows), 0, `window ${window}`);
  }
  assert.ok(windows.slotsBefore(0).at(-1)!.length > 90);
  assert.deepEqual(windows.slotsWithin(4).map((rows) => rows.length), [60, 60, 16]);
});
