// What a terminal would obey is shown and not obeyed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainly, plainText } from '../../src/base/plain-text.ts';

const ESCAPE = String.fromCharCode(0x1b);

test('a text from elsewhere is one line without anything that a terminal obeys, and other signs stay', () => {
  for (const [text, wanted] of [
    [' a\n  b\r\nc\n', 'a b c'], [`${ESCAPE}[31mred${ESCAPE}[0m`, '\\u{1b}[31mred\\u{1b}[0m'],
    ['\u0000\u0007\t\u007f\u009b2J', '\\u{0}\\u{7}\\u{9}\\u{7f}\\u{9b}2J'],
    ['\u202egnp.exe\u2066x\u200bx\ufeffx', '\\u{202e}gnp.exe\\u{2066}x\\u{200b}x\\u{feff}x'],
    ['größe 日本 \u{1f600} "\\" ', 'größe 日本 \u{1f600} "\\"'], ['', ''],
  ] as const) assert.equal(plainText(text), wanted);
});

test('so is every text in a value, and nothing else of it changes', () => {
  const bytes = Uint8Array.of(1);
  const value = { [`a${ESCAPE}`]: [`b${ESCAPE}`, 1, null, true, { c: `${ESCAPE}d` }], e: bytes, f: 1n, g: undefined };
  const list = ['b\\u{1b}', 1, null, true, { c: '\\u{1b}d' }];
  assert.deepEqual(plainly(value), { 'a\\u{1b}': list, e: bytes, f: 1n, g: undefined });
  assert.equal(value[`a${ESCAPE}`] instanceof Array, true, 'the value itself stays as it is');
});
