// Spans that outlive a process and the host's start.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { leftMs, type Moment, momentOf } from '../../src/base/moment.ts';

const HOUR = 3_600_000;
const since: Moment = { wallMs: 1_000 * HOUR, monotonicUs: 5e9, boot: 'a' };
const later = (ms: number, more: Partial<Moment> = {}): Moment =>
  ({ wallMs: since.wallMs + ms, monotonicUs: since.monotonicUs + ms * 1e3, boot: 'a', ...more });

describe('leftMs', () => {
  test('counts on the monotonic clock, wherever the date is set', () => {
    assert.equal(leftMs(since, 2 * HOUR, later(HOUR)), HOUR);
    assert.equal(leftMs(since, 2 * HOUR, later(HOUR, { wallMs: 0 })), HOUR);
    assert.equal(leftMs(since, 2 * HOUR, later(HOUR, { wallMs: since.wallMs + 90 * HOUR })), HOUR);
    assert.equal(leftMs(since, 2 * HOUR, later(3 * HOUR, { wallMs: since.wallMs })), 0);
  });

  test('counts by the date after a start of the host, and a date before the beginning leaves nothing', () => {
    assert.equal(leftMs(since, 2 * HOUR, later(HOUR, { boot: 'b', monotonicUs: 1 })), HOUR);
    assert.equal(leftMs(since, 2 * HOUR, later(3 * HOUR, { boot: 'b', monotonicUs: 1 })), 0);
    assert.equal(leftMs(since, 2 * HOUR, { wallMs: 0, monotonicUs: 1, boot: 'b' }), 0);
    assert.equal(leftMs({ ...since, boot: '' }, 2 * HOUR, later(HOUR, { boot: '', monotonicUs: 9e15 })), HOUR);
  });

  test('of two moments of one host one boot is told', () => {
    const [one, two] = [momentOf(systemClock), momentOf(systemClock)];
    assert.equal(one.boot, two.boot);
    assert.ok(leftMs(one, HOUR, two) <= HOUR && leftMs(one, HOUR, two) > 0);
  });
});
