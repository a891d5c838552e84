import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { JSON_DEPTH_MAX, readJson } from '../../../src/protocols/json/json-values.ts';
import { randomOf } from '../../shared-memory/seeded.ts';

const read = (text: string): unknown => readJson(Buffer.from(text));

suite('readJson', () => {
  test('gives what JSON.parse gives', () => {
    for (const text of [
      '1', '-0', '0.5', '1e3', '-1.5E-3', '"a"', '""', 'null', 'true', 'false', '[]', '{}', ' [ 1 , 2 ] ',
      '{"a":{"b":[{}]},"c":"\\u00e9\\n\\"\\\\"}',
      '[[[]]]', '"ü€😀"', '{"a":1,"a":2}', '{"__proto__":{"x":1}}', '5e-324',
      '1.7976931348623157e308', '\t\r\n 9007199254740991',
    ]) assert.deepEqual(read(text), JSON.parse(text), text);
  });

  test('keeps integers beyond 2^53 and reads the tokens of other writers', () => {
    assert.deepEqual(read('[9007199254740993,-9223372036854775808,18446744073709551615,1e20]'),
      [9007199254740993n, -9223372036854775808n, 18446744073709551615n, 1e20]);
    assert.deepEqual(read('[NaN,Infinity,-Infinity]'), [NaN, Infinity, -Infinity]);
  });

  test('refuses what is no JSON, says where, and refuses numbers that nothing can hold', () => {
    for (const text of [
      '', ' ', '[', '[1', '[1,', '[1,]', '[,1]', '{', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{a:1}', "'a'", '"a',
      '"\\x"',
      '"\n"', '01', '1.', '.5', '+1', '-', '1e', '1e999', '-1e999', 'nan', 'undefined', 'True', '1 2', '[1 2]', '{}{}',
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
      let wanted: unknown;
      try {
        wanted = JSON.parse(text);
      } catch {
        assert.throws(() => read(text), { code: 'INVALID_JSON' }, text);
        continue;
      }
      // Only a number that became too large may be refused.
      if (!/e[^"]*\d{3}/.test(text)) assert.deepEqual(read(text), wanted, text);
    }
  });
});
