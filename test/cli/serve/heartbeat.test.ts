import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Heartbeat } from '../../../src/cli/serve/heartbeat.ts';

const STALLED_MS = 2_000;

/** Looks at the given times, an array of [ms, isStopped?]; returns when it was found still. */
function stillAt(heartbeat: Heartbeat, fromMs: number, toMs: number, isStopped = false): number | null {
  for (let ms = fromMs; ms <= toMs; ms += heartbeat.lookMs) if (heartbeat.isStill(ms, isStopped)) return ms;
  return null;
}

describe('Heartbeat', () => {
  test('finds an engine that says nothing for the time, not one that beats, and none that never beat', () => {
    const heartbeat = new Heartbeat(STALLED_MS);
    assert.equal(stillAt(heartbeat, 0, 60_000), null);
    for (let ms = 60_000; ms < 90_000; ms += 1_000) {
      heartbeat.beat();
      assert.equal(stillAt(heartbeat, ms, ms + 750), null);
    }
    assert.equal(stillAt(heartbeat, 90_000, 100_000), 90_750);
  });

  test('leaves one alone that was stopped by hand, and gives it the whole time after that', () => {
    const heartbeat = new Heartbeat(STALLED_MS);
    heartbeat.beat();
    assert.equal(stillAt(heartbeat, 0, 1_500), null);
    assert.equal(stillAt(heartbeat, 1_750, 600_000, true), null);
    assert.equal(stillAt(heartbeat, 600_250, 601_750), null);
    assert.equal(stillAt(heartbeat, 602_000, 610_000), 602_000);
  });

  test('counts no time in which the watcher did not run itself: a suspended host, a clock that jumps', () => {
    const heartbeat = new Heartbeat(STALLED_MS);
    heartbeat.beat();
    assert.equal(heartbeat.isStill(0, false), false);
    assert.equal(heartbeat.isStill(8 * 3_600_000, false), false);
    heartbeat.beat();
    assert.equal(heartbeat.isStill(16 * 3_600_000, false), false);
  });

  test('never finds anything with 0', () => {
    const heartbeat = new Heartbeat(0);
    heartbeat.beat();
    assert.equal(stillAt(heartbeat, 0, 3_600_000), null);
  });
});
