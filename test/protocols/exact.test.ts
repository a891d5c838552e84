// Any value in any datatype, read by each protocol that has JSON, is what exact arithmetic says, or is refused; alone
// and among others, by whichever path of the decoder.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { TensorData } from '../../src/domain/datatype.ts';
import { halfToNumber } from '../../src/domain/half.ts';
import type { Datatype, Signature } from '../../src/domain/records.ts';
import { RowBatch } from '../../src/domain/row-batch.ts';
import { rowLayout } from '../../src/domain/row-layout.ts';
import { RequestDecoder } from '../../src/protocols/oip/request.ts';
import { PredictDecoder } from '../../src/protocols/predict/request.ts';
import { decodeTfsRequest } from '../../src/protocols/tfs/request.ts';
import { meaningOf } from './exact-reference.ts';
import type { Meaning } from './exact-reference.ts';

const DATATYPES: readonly Datatype[] = [
  'BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64', 'FP16', 'FP32', 'FP64', 'BYTES',
];
const signatureOf = (datatype: Datatype): Signature => ({
  inputs: [{ name: 'x', datatype, shape: [-1, 2] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
});

type Read = (datatype: Datatype, first: string, second: string) => TensorData;

const byPredict = (body: (first: string, second: string) => string): Read => (datatype, first, second) => {
  const batch = new RowBatch(rowLayout(signatureOf(datatype), 64));
  assert.ok(new PredictDecoder(batch).decode(Buffer.from(body(first, second)), false));
  return batch.inputs[0]!.data;
};
const byOip = (data: (first: string, second: string) => string): Read => (datatype, first, second) => {
  const json = Buffer.from(`{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,2],${data(first, second)}}]}`);
  return new RequestDecoder(signatureOf(datatype)).decode(json, json.length).inputs[0]!.data;
};
const byTfs = (body: (first: string, second: string) => string): Read => (datatype, first, second) =>
  decodeTfsRequest(Buffer.from(body(first, second)), signatureOf(datatype)).inputs[0]!.data;

const WAYS: Readonly<Record<string, Read>> = {
  'features': byPredict((a, b) => `{"features":[${a},${b}]}`),
  'features that are nested': byPredict((a, b) => `{"features":[[${a},${b}]]}`),
  'features beside what the scanner passes on': byPredict((a, b) => `{"o":{},"features":[${a} , ${b}]}`),
  'features under an escaped key': byPredict((a, b) => `{"f\\u0065atures":[${a},${b}]}`),
  'named features': byPredict((a, b) => `{"features":{"x":[${a},${b}]}}`),
  'instances': byPredict((a, b) => `{"instances":[[${a},${b}]]}`),
  'OIP': byOip((a, b) => `"data":[${a},${b}]`),
  'OIP that is nested': byOip((a, b) => `"data":[[${a},${b}]]`),
  'OIP under an escaped key': byOip((a, b) => `"d\\u0061ta":[${a},${b}]`),
  'TFS rows': byTfs((a, b) => `{"instances":[[${a},${b}]]}`),
  'TFS columns': byTfs((a, b) => `{"inputs":{"x":[[${a},${b}]]}}`),
};

function got(read: Read, datatype: Datatype, first: string, second: string): Meaning {
  try {
    const stored = read(datatype, first, second)[0]!;
    if (datatype === 'BOOL') return { value: stored === 1 };
    return { value: datatype === 'FP16' ? halfToNumber(stored as number) : stored };
  } catch (error) {
    if (isLastgoodError(error) && error.status === 400) return 'refused';
    throw error;
  }
}

// Integers are numbers or bigints, as their arrays have them.
const isSame = (left: Meaning, right: Meaning): boolean => {
  if (left === 'refused' || right === 'refused') return left === right;
  const [one, other] = [left.value, right.value];
  return typeof one === 'bigint' || typeof other === 'bigint' ? BigInt(one) === BigInt(other) : Object.is(one, other);
};

const digit = fc.constantFrom('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
const digits = (length: number) => fc.string({ unit: digit, minLength: 1, maxLength: length });
const number = fc.tuple(
  fc.constantFrom('', '-'), fc.oneof(fc.constant('0'), digits(22).map((text) => `1${text}`)),
  fc.oneof(fc.constant(''), digits(25).map((text) => `.${text}`)),
  fc.oneof(fc.constant(''), fc.integer({ min: -45, max: 45 }).map((power) => `e${power}`)),
).map((parts) => parts.join(''));
const edge = fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String);
const power = fc.tuple(fc.integer({ min: 0, max: 64 }), fc.constantFrom(-1n, 0n, 1n), fc.constantFrom(1n, -1n))
  .map(([bits, more, sign]) => String(sign * (2n ** BigInt(bits) + more)));
const float = fc.double({ noNaN: true, noDefaultInfinity: true })
  .map((one) => (Object.is(one, -0) ? '-0' : String(one)));
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((one) => JSON.stringify(one)),
  fc.constantFrom('"a\\u0000b"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '""', '"\\u00e9"'),
);
const word = fc.constantFrom(
  'null', 'true', 'false', 'NaN', 'Infinity', '-Infinity', '1e39', '1e400', '-1e400', '70000', '65519.99', '65520',
  '1e-400', '-0', '0.0', '1.0', '1.5', '01', '+1', '.5', '1.', '-', '[]', '{}', '', '1 2', '9007199254740993.0',
  '3.4028235677973366e38', '3.4028235677973365e38', '1.00000000000000000001', '9007199254740991.4', '5e-324',
);
const value = fc.oneof(number, edge, power, float, text, word);

suite('A value', () => {
  for (const [way, read] of Object.entries(WAYS)) {
    test(`as ${way} is exactly what was written, or refused`, () => {
      const tokens = !/features|instances/.test(way);
      const others = fc.constantFrom('plain', 'long', ...(tokens ? ['NaN'] : []));
      fc.assert(fc.property(fc.constantFrom(...DATATYPES), value, others, (datatype, first, other) => {
        const wanted = way.startsWith('OIP') && datatype === 'FP16' ? 'refused' : meaningOf(datatype, first, tokens);
        const plain = datatype === 'BYTES' ? '"z"' : datatype === 'BOOL' ? 'true' : '1';
        // One of many digits, or one that is no JSON, sends the decoder another way.
        const odd = other === 'long' ? '0.12345678901234567890123' : other === 'NaN' ? 'NaN' : plain;
        const second = datatype.startsWith('FP') ? odd : plain;
        const found = got(read, datatype, first, second);
        assert.ok(isSame(found, wanted), `${datatype} ${first}: ${JSON.stringify(String(Object.values(found)[0]))}`);
      }), { numRuns: 3_000, seed: 17 });
    });
  }
});
