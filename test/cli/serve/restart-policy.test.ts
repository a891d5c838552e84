import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESTARTS_MAX, RESTART_WINDOW_MS, RestartPolicy } from '../../../src/cli/serve/restart-policy.ts';
import type { Death } from '../../../src/cli/serve/restart-policy.ts';

const crash: Death = {
  code: null, signal: 'SIGSEGV', isReady: true, isFirst: false, isExplained: false, livedMs: 1_000, atMs: 0,
};

describe('RestartPolicy', () => {
  test('starts again at once after a crash, with growing pauses after the next, and forgets them in a quiet minute', () => {
    const policy = new RestartPolicy();
    const pauses = [1, 2, 3, 4].map((count) => policy.next({ ...crash, atMs: count * 1_000 }));
    assert.deepEqual(pauses, [0, 200, 400, 800]);
    assert.equal(policy.next({ ...crash, atMs: 70_000, livedMs: 60_000 }), 0);
  });

  test('gives up after ten restarts in ten minutes, and not when they are spread wider', () => {
    const policy = new RestartPolicy();
    const quick = Array.from({ length: RESTARTS_MAX }, (_, at) => policy.next({ ...crash, atMs: at * 1_000 }));
    assert.ok(quick.every((pauseMs) => pauseMs !== null && pauseMs <= 5_000));
    assert.equal(policy.next({ ...crash, atMs: 20_000 }), null);
    const patient = new RestartPolicy();
    for (let at = 0; at < 100; at += 1) {
      assert.notEqual(patient.next({ ...crash, atMs: at * (RESTART_WINDOW_MS / RESTARTS_MAX) }), null);
    }
  });

  test('does not repeat a first start that failed with an exit code, but one that a signal ended', () => {
    const failed: Death = { ...crash, code: 1, signal: null, isReady: false, isFirst: true };
    assert.equal(new RestartPolicy().next(failed), null);
    assert.equal(new RestartPolicy().next({ ...failed, isFirst: false }), 100);
    assert.equal(new RestartPolicy().next({ ...crash, isReady: false, isFirst: true }), 100);
  });

  test('does not count an end that a request explains, however many there are', () => {
    const policy = new RestartPolicy();
    for (let at = 0; at < 100; at += 1) {
      assert.ok(policy.next({ ...crash, isExplained: true, atMs: at * 1_000 })! < 1_000);
    }
    assert.equal(policy.next({ ...crash, atMs: 100_000 }), 0, 'and it is no series for the next');
    const neverUp = new RestartPolicy();
    const ends = Array.from({ length: RESTARTS_MAX + 1 }, (_, at) =>
      neverUp.next({ ...crash, isReady: false, isExplained: true, atMs: at * 1_000 }));
    assert.equal(ends.at(-1), null, 'an engine that never listens is given up');
  });
});
