// Spans as people write them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSpan, spanText } from '../../src/base/span.ts';

describe('parseSpan', () => {
  test('reads days, hours, minutes and seconds, one or several in their order', () => {
    assert.deepEqual(['2h', '90m', '1d12h', '45s', '1h30m5s', '0s'].map(parseSpan),
      [7_200_000, 5_400_000, 129_600_000, 45_000, 5_405_000, 0]);
  });

  test('takes nothing else', () => {
    for (const text of ['', '2', 'h', '2 h', '-2h', '1.5h', '2h1d', '2H', '12345678h', '2hours']) {
      assert.equal(parseSpan(text), null, text);
    }
  });
});

describe('spanText', () => {
  test('writes what parseSpan reads', () => {
    for (const text of ['2h', '1h30m', '1d12h', '45s', '0s']) assert.equal(spanText(parseSpan(text)!), text);
  });
});
