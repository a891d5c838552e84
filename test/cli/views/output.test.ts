// How numbers, times and tables look to a person.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesText, durationText, table } from '../../../src/cli/views/output.ts';

describe('durationText', () => {
  test('uses at most two units', () => {
    const expected = {
      0: '0 ms', 0.25: '0.25 ms', 999: '999 ms', 1_000: '1 s', 59_999: '59 s', 60_000: '1 min', 184_000: '3 min 4 s',
      3_600_000: '1 h', 7_500_000: '2 h 5 min', 262_800_000: '3 d 1 h',
    };
    for (const [ms, text] of Object.entries(expected)) assert.equal(durationText(Number(ms)), text);
  });

  test('takes a span that a clock set back made negative for nothing', () => {
    assert.equal(durationText(-5_000), '0 ms');
  });
});

describe('bytesText', () => {
  test('uses decimal units', () => {
    const expected = { 0: '0 B', 999: '999 B', 4_060: '4.06 kB', 7_000_000: '7 MB', 12_500_000_000: '12.5 GB' };
    for (const [bytes, text] of Object.entries(expected)) assert.equal(bytesText(Number(bytes)), text);
  });
});

describe('table', () => {
  test('lines up columns by their widest cell and leaves no blanks at the end', () => {
    const text = table(['A', 'LONG', 'C'], [['wider', 'x', ''], ['y', { text: 'zz', style: 'red' }, 'end']]);
    assert.deepEqual(text.split('\n'), ['A      LONG  C', 'wider  x', 'y      zz    end']);
  });
});
