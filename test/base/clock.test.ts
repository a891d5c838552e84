// The clock that threads share: how far a thread's own time is from the host's.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { originUs } from '../../src/base/clock.ts';

suite('the offset between a thread\'s clock and the host\'s', () => {
  test('is right although the thread was held up between most of its readings', () => {
    // Every reading takes a microsecond; the thread loses 5 ms within each but the tenth.
    const realUs = 1_000_000;
    let nowUs = 0;
    let reading = 0;
    const offset = originUs(() => {
      nowUs += 1;
      return nowUs + realUs;
    }, () => {
      reading += 1;
      nowUs += reading === 10 ? 1 : 5_000;
      return nowUs;
    });
    assert.ok(Math.abs(offset - realUs) <= 1, String(offset));
  });

  test('is right when the thread was held up before its own reading and never after it', () => {
    let nowUs = 0;
    const offset = originUs(() => {
      nowUs += 3;
      return nowUs;
    }, () => nowUs);
    assert.equal(offset, 1.5);
  });
});
