// Spans that outlive a process and the host's start, and a date that is set to whatever somebody likes meanwhile.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { leftMs, type Moment, momentOf, type Now, nowOf, passedMs, recordedMoment } from '../../src/base/moment.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const since: Moment = { wallMs: Date.UTC(2026, 5, 1), monotonicUs: 5e9, boot: 'a' };

/** The present after `ms`, in a process that began right then or `sinceFirstMs` ago, when the date was `firstMs`. */
const later = (ms: number, more: Partial<Moment> = {}, sinceFirstMs = 0, firstMs?: number): Now => {
  const moment = { wallMs: since.wallMs + ms, monotonicUs: since.monotonicUs + ms * 1e3, boot: 'a', ...more };
  const first = {
    wallMs: firstMs ?? moment.wallMs - sinceFirstMs, monotonicUs: moment.monotonicUs - sinceFirstMs * 1e3,
  };
  return { ...moment, first };
};

describe('passedMs', () => {
  test('counts on the monotonic clock, wherever the date is set', () => {
    for (const wallMs of [0, since.wallMs - YEAR, since.wallMs, since.wallMs + YEAR, 8e15]) {
      assert.equal(passedMs(since, later(HOUR, { wallMs })), HOUR);
    }
    assert.equal(passedMs(since, later(-HOUR)), null, 'a clock that ran backwards tells nothing');
  });

  test('counts by the date after a start of the host, as it was when the process began, and by no later one', () => {
    const other = { boot: 'b', monotonicUs: 9e9 };
    assert.equal(passedMs(since, later(3 * HOUR, other)), 3 * HOUR);
    for (const wallMs of [0, since.wallMs - YEAR, since.wallMs + YEAR]) {
      const now = later(0, { ...other, wallMs }, HOUR, since.wallMs + 2 * HOUR);
      assert.equal(passedMs(since, now), 3 * HOUR, 'two hours until the process began, and one since');
    }
  });

  test('tells nothing by dates that cannot be: before the span began, or before there was a lastgood', () => {
    const other = { boot: 'b', monotonicUs: 1 };
    assert.equal(passedMs(since, later(-1, other)), null);
    assert.equal(passedMs({ ...since, wallMs: 60_000 }, later(HOUR, other)), null, 'the date had not been set yet');
    assert.equal(passedMs({ ...since, boot: '' }, later(HOUR, { boot: '', monotonicUs: 9e15 })), HOUR);
  });
});

describe('leftMs', () => {
  test('is what is left of a span, and nothing where neither clock can tell', () => {
    assert.equal(leftMs(since, 2 * HOUR, later(HOUR)), HOUR);
    assert.equal(leftMs(since, 2 * HOUR, later(3 * HOUR, { wallMs: since.wallMs })), 0);
    assert.equal(leftMs(since, 2 * HOUR, later(0, { wallMs: 0, monotonicUs: 1, boot: 'b' })), 0);
  });
});

describe('recordedMoment', () => {
  test('takes a moment for what it stands beside only when it is of the same date', () => {
    assert.equal(recordedMoment(since.wallMs, since), since);
    const left = recordedMoment(since.wallMs + 1, since);
    assert.equal(passedMs(left, later(HOUR)), HOUR - 1, 'an early build wrote another date and left the moment');
    assert.equal(passedMs(recordedMoment(since.wallMs, undefined), later(HOUR)), HOUR);
  });
});

describe('the clock of a process', () => {
  test('tells one boot, and remembers its first look', () => {
    const [one, two] = [momentOf(systemClock), nowOf(systemClock)];
    assert.equal(one.boot, two.boot);
    assert.ok(leftMs(one, HOUR, two) <= HOUR && leftMs(one, HOUR, two) > 0);
    const clock = { wallMs: () => 1, monotonicUs: () => 2 };
    const { first } = nowOf(clock);
    clock.wallMs = () => 5;
    clock.monotonicUs = () => 6;
    const now = nowOf(clock);
    assert.deepEqual([first, now.first, now.wallMs, now.monotonicUs],
      [{ wallMs: 1, monotonicUs: 2 }, { wallMs: 1, monotonicUs: 2 }, 5, 6]);
  });
});
