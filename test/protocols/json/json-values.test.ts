import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { JSON_DEPTH_MAX, readCutArray, readJson, readJsonObject } from '../../../src/protocols/json/json-values.ts';
import { WrittenNumber } from '../../../src/protocols/json/value.ts';
import type { CutArray, JsonObject } from '../../../src/protocols/json/value.ts';
import { randomOf } from '../../shared-memory/seeded.ts';

const read = (text: string, tokens = false): unknown => readJson(Buffer.from(text), { tokens });

suite('readJson', () => {
  test('gives what JSON.parse gives', () => {
    for (const text of [
      '1', '-0', '0.5', '1e3', '-1.5E-3', '"a"', '""', 'null', 'true', 'false', '[]', '{}', ' [ 1 , 2 ] ',
      '{"a":{"b":[{}]},"c":"\\u00e9\\n\\"\\\\"}',
      '[[[]]]', '"ü€😀"', '{"a":1,"b":2}', '{"__proto__":{"x":1}}', '5e-324', '1e18',
      '1.0000000000000000000000', '100000000000000000000000e-20', '0.1000000000000000055511151231257827',
      '1.7976931348623157e308', '\t\r\n 9007199254740991',
    ]) assert.deepEqual(read(text), JSON.parse(text), text);
  });

  test('keeps integers beyond 2^53, and the text of numbers of which a double says something else', () => {
    for (const text of ['1e999', '-1e999', '1'.repeat(400), '1.00000000000000000001', '9007199254740991.4', '1e-400']) {
      assert.deepEqual(read(text), new WrittenNumber(text, Number(text)), text);
    }
    assert.deepEqual(read('[9007199254740993,-9223372036854775808,18446744073709551615,1e20]'),
      [9007199254740993n, -9223372036854775808n, 18446744073709551615n, 1e20]);
  });

  test('reads the tokens of other writers only when told to, and says what to write instead', () => {
    assert.deepEqual(read('[NaN,Infinity,-Infinity]', true), [NaN, Infinity, -Infinity]);
    for (const token of ['NaN', 'Infinity', '-Infinity']) {
      const refused = { code: 'INVALID_JSON', message: /is no JSON; a missing number is null/ };
      assert.throws(() => read(`[${token}]`), refused, token);
    }
  });

  test('refuses an object that names a member twice, however it is written, and a byte order mark', () => {
    for (const text of ['{"a":1,"a":2}', '[{"b":{"a":1,"\\u0061":1}}]', '{"__proto__":1,"__proto__":2}']) {
      assert.throws(() => read(text), { code: 'INVALID_JSON', message: /an object has "(a|__proto__)" twice/ }, text);
    }
    assert.throws(() => read('\ufeff{}'), { code: 'INVALID_JSON', message: /begins with a byte order mark/ });
  });

  test('cuts the named array out of the objects of an array, and reads it later where it stands', () => {
    const input = '{"d\\u0061ta":[9007199254740993,["]",{"x":[]}]],"n":{"data":[2]}}';
    const text = Buffer.from(`{"data":[1],"inputs":[${input}]}`);
    const { data, inputs } = readJsonObject(text, { cut: 'data' });
    assert.deepEqual(data, [1]);
    const [first] = inputs as readonly JsonObject[];
    assert.deepEqual(first!['n'], { data: [2] });
    assert.deepEqual(readCutArray(text, first!['data'] as CutArray), [9007199254740993n, [']', { x: [] }]]);
    for (const broken of ['{"i":[{"data":[1}]}', '{"i":[{"data":["]', `{"i":[{"data":${'['.repeat(200)}`]) {
      assert.throws(() => readJsonObject(Buffer.from(broken), { cut: 'data' }), { code: 'INVALID_JSON' }, broken);
    }
  });

  test('refuses what is no JSON, says where, and refuses numbers that nothing can hold', () => {
    for (const text of [
      '', ' ', '[', '[1', '[1,', '[1,]', '[,1]', '{', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{a:1}', "'a'", '"a',
      '"\\x"',
      '"\n"', '01', '1.', '.5', '+1', '-', '1e', 'nan', 'NaN', 'undefined', 'True', '1 2', '[1 2]', '{}{}',
      '-NaN',
      '[1}', '{"a":1]', '\u00a01', '--1', '0x1', '1_000',
    ]) {
      assert.throws(() => read(text), (error) => isLastgoodError(error) && error.code === 'INVALID_JSON', text);
    }
    assert.throws(() => readJson(Buffer.of(0x22, 0xff, 0x22)), /UTF-8/);
    assert.throws(() => read('[1, x]'), /"x" stands at byte 4 where a value was wanted/);
  });

  test('bounds the nesting without a stack overflow', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.deepEqual(read(nested(JSON_DEPTH_MAX)), JSON.parse(nested(JSON_DEPTH_MAX)));
    for (const text of [nested(JSON_DEPTH_MAX + 2), nested(1_000_000), '{"a":'.repeat(1_000_000)]) {
      assert.throws(() => read(text), /nested more than 100 deep/);
    }
  });

  test('agrees with JSON.parse about damaged documents', () => {
    const random = randomOf(77);
    const good = '{"instances":[[1.5,-2e3,0],{"b64":"YQ=="},"t\\u0041",true,null,[]],"signature_name":"x"}';
    for (let count = 0; count < 5_000; count += 1) {
      const bytes = Buffer.from(good);
      for (let changes = 0; changes < 1 + random() * 3; changes += 1) {
        bytes[Math.floor(random() * bytes.length)] = 0x20 + Math.floor(random() * 0x5f);
      }
      const text = bytes.toString();
      if (/("\w*"):.*\1:/.test(text)) continue;
      let wanted: unknown;
      try {
        wanted = JSON.parse(text);
      } catch {
        assert.throws(() => read(text), { code: 'INVALID_JSON' }, text);
        continue;
      }
      // Only a number that became too large is another value.
      if (!/e[^"]*\d{3}/.test(text)) assert.deepEqual(read(text), wanted, text);
    }
  });
});
