// What is known from the request before: recalled only where reading it anew gives the same.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { Signature } from '../../../src/domain/records.ts';
import { CUT_NESTING_MAX } from '../../../src/protocols/json/json-values.ts';
import { RequestMemory } from '../../../src/protocols/oip/memory.ts';
import { planRequest } from '../../../src/protocols/oip/plan.ts';
import { RequestDecoder } from '../../../src/protocols/oip/request.ts';
import { readRequestJson } from '../../../src/protocols/oip/scan.ts';

const SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }, { name: 'n', datatype: 'INT64', shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
};

const x = (data: string, shape = '[2,2]'): string =>
  `{"name":"x","datatype":"FP32","shape":${shape},"data":${data}}`;
const n = (data: string): string => `{"name":"n","shape":[1],"datatype":"INT64","data":${data}}`;
const body = (...inputs: string[]): Buffer => Buffer.from(`{"inputs":[${inputs.join(', ')}],"outputs":[{"name":"y"}]}`);
const GOOD = body(x('[1,2,3,4]'), n('[5]'));

function memoryOf(json: Uint8Array): RequestMemory {
  const memory = new RequestMemory();
  memory.remember(json, planRequest(readRequestJson(json), SIGNATURE));
  return memory;
}

function outcome(decoder: RequestDecoder, bytes: Uint8Array, headerBytes: number): unknown {
  try {
    return decoder.decode(bytes, headerBytes);
  } catch (error) {
    return isLastgoodError(error) ? `${error.code}: ${error.message}` : error;
  }
}

const TOO_DEEP = CUT_NESTING_MAX + 1;
const OTHERS: readonly (readonly [why: string, json: Buffer])[] = [
  ['one value too few', body(x('[1,2,3]'), n('[5]'))],
  ['one value too many', body(x('[1,2,3,4,5]'), n('[5]'))],
  ['another shape', body(x('[1,2]', '[1,2]'), n('[5]'))],
  ['another order', body(n('[5]'), x('[1,2,3,4]'))],
  ['another name of the same length', Buffer.from(GOOD.toString().replace('"x"', '"z"'))],
  ['another output', Buffer.from(GOOD.toString().replace('"y"', '"z"'))],
  ['an input too many', body(x('[1,2,3,4]'), n('[5]'), n('[6]'))],
  ['an input too few', body(x('[1,2,3,4]'))],
  ['a text for a number', body(x('[1,"2",3,4]'), n('[5]'))],
  ['a token that is no JSON', body(x('[1,NaN,3,4]'), n('[5]'))],
  ['a number that is too large', body(x('[1,1e39,3,4]'), n('[5]'))],
  ['a fraction for an integer', body(x('[1,2,3,4]'), n('[5.5]'))],
  ['nested too deep', body(x('['.repeat(TOO_DEEP) + '1,2,3,4' + ']'.repeat(TOO_DEEP)), n('[5]'))],
  ['an array that is not closed', Buffer.from(GOOD.toString().replace('4]', '4'))],
  ['more behind the end', Buffer.from(`${GOOD.toString()} x`)],
  ['cut off', GOOD.subarray(0, GOOD.length - 1)],
  ['nothing', Buffer.alloc(0)],
];

suite('RequestMemory', () => {
  test('recalls a request that differs only in its elements, however they are written', () => {
    const memory = memoryOf(GOOD);
    for (const [first, second, wanted, number] of [
      ['[1,2,3,4]', '[5]', [1, 2, 3, 4], 5n], ['[-1.5e3, 0,0.25 ,7]', '[ -9223372036854775808 ]', [-1500, 0, 0.25, 7],
        -9223372036854775808n],
      ['[[1,2],[3,4]]', '[[[5]]]', [1, 2, 3, 4], 5n],
    ] as const) {
      const recalled = memory.recall(body(x(first), n(second)));
      assert.deepEqual(recalled?.arrays, [Float32Array.from(wanted), BigInt64Array.of(number)]);
      assert.deepEqual(recalled.plan, planRequest(readRequestJson(GOOD), SIGNATURE));
    }
  });

  test('recalls no other request', () => {
    const memory = memoryOf(GOOD);
    for (const [why, json] of OTHERS) assert.equal(memory.recall(json), null, why);
  });

  test('remembers no request with an id, no texts, and none that is too long', () => {
    const withId = Buffer.from(GOOD.toString().replace('{"inputs"', '{"id":"7","inputs"'));
    assert.equal(memoryOf(withId).recall(withId), null);
    const long = Buffer.from(`${GOOD.toString()}${' '.repeat(5_000)}`);
    assert.equal(memoryOf(long).recall(long), null);
    const many = body(x(`[${'1,'.repeat(9_999)}1]`, '[5000,2]'), n('[5]'));
    assert.ok(memoryOf(many).recall(many), 'elements do not count');
  });

  test('a decoder that knows the request before says what one says that knows none', () => {
    const experienced = new RequestDecoder(SIGNATURE);
    const binary = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},' +
      '{"name":"n","datatype":"INT64","shape":[1],"data":[3]}]}';
    const tail = Buffer.from(Float32Array.of(1.5, -2).buffer);
    const cases = [GOOD, ...OTHERS.map(([, json]) => json)].map((json): [Buffer, number] => [json, json.length]);
    for (const bytes of [tail, tail.subarray(1), Buffer.concat([tail, tail])]) {
      cases.push([Buffer.concat([Buffer.from(binary), bytes]), binary.length]);
    }
    for (const [before, beforeBytes] of cases) {
      for (const [bytes, headerBytes] of cases) {
        outcome(experienced, before, beforeBytes);
        const wanted = outcome(new RequestDecoder(SIGNATURE), bytes, headerBytes);
        assert.deepEqual(outcome(experienced, bytes, headerBytes), wanted, bytes.toString());
      }
    }
  });

  test('keeps nothing of the memory that the request lay in', () => {
    const placed = Buffer.from(GOOD);
    const memory = memoryOf(placed);
    placed.fill(0);
    assert.ok(memory.recall(GOOD));
  });
});
