// Requests of the Open Inference Protocol, from bytes to typed arrays and back, and what is refused.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { Datatype, Signature } from '../../../src/domain/records.ts';
import { OipEncoder } from '../../../src/protocols/oip/answer.ts';
import { binaryBytes } from '../../../src/protocols/oip/binary.ts';
import { RequestDecoder } from '../../../src/protocols/oip/request.ts';
import type { TensorRequest } from '../../../src/protocols/tensor-request.ts';
import { hasBoundless, hasNonFinite } from '../../../src/domain/datatype.ts';
import type { TensorData } from '../../../src/domain/datatype.ts';

const one = (datatype: Datatype, shape: readonly number[] = [-1]): Signature => ({
  inputs: [{ name: 'x', datatype, shape }], outputs: [{ name: 'y', datatype: 'FP32', shape }],
});

function decode(signature: Signature, json: string, tail: Uint8Array = new Uint8Array(0)): TensorRequest {
  const header = Buffer.from(json);
  return new RequestDecoder(signature).decode(Buffer.concat([header, tail]), header.length);
}

const input = (datatype: string, shape: string, data: string): string =>
  `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}]}`;

const dataOf = (signature: Signature, json: string, tail?: Uint8Array): TensorData =>
  decode(signature, json, tail).inputs[0]!.data;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isLastgoodError(error) ? error.code : String(error);
  }
  return 'accepted';
}

suite('RequestDecoder', () => {
  test('keeps 64-bit integers exact, whatever their size', () => {
    const big = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', '-1'];
    assert.deepEqual(dataOf(one('INT64'), input('INT64', '[5]', `[${big.join()}]`)), BigInt64Array.from(big, BigInt));
    const unsigned = ['18446744073709551615', '9007199254740993'];
    assert.deepEqual(
      dataOf(one('UINT64'), input('UINT64', '[2]', `[${unsigned.join()}]`)), BigUint64Array.from(unsigned, BigInt));
    for (const bad of ['9223372036854775808', '-9223372036854775809', '1.5', '"1"', 'true', 'null', '1e400']) {
      assert.equal(codeOf(() => dataOf(one('INT64'), input('INT64', '[1]', `[${bad}]`))), 'INVALID_REQUEST', bad);
    }
  });

  test('takes data that is flat or nested as the shape is, in any order of members', () => {
    const wanted = Float32Array.of(1, 2, 3, 4);
    for (const data of [
      '[1,2,3,4]', '[[1,2],[3,4]]', ' [ [ 1 , 2 ] , [ 3 , 4 ] ] ', '[[[[1,2],[3,4]]]]',
    ]) {
      assert.deepEqual(dataOf(one('FP32', [-1, -1]), input('FP32', '[2,2]', data)), wanted, data);
    }
    const cube = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    assert.deepEqual(
      dataOf(one('INT32', [-1, -1, -1]), input('INT32', '[2,2,2]', '[[[1,2],[3,4]],[[5,6],[7,8]]]')), cube);
    const json = '{"outputs":[],"inputs":[{"data":[1,2,3,4],"shape":[4],"datatype":"FP32","name":"x"}],"id":"a"}';
    assert.deepEqual(dataOf(one('FP32'), json), wanted);
    assert.equal(decode(one('FP32'), json).id, '"a"');
  });

  test('refuses data that is nested otherwise, whichever path reads it', () => {
    const message = /"x" has (nested arrays that are not of its shape|fewer values)/;
    const refused = { code: 'INVALID_REQUEST', message };
    for (const data of [
      '[[1],[2,3,4]]', '[[1,2,3],[4,5,6,7,8]]', '[[1,2,3,4],[5,6,7]]', '[[1,2],[3,4],[5,6],[7,8]]',
      '[[1,2,3,4,5,6,7,8]]',
      '[[[1,2],[3,4]],[[5,6],[7,8]]]', '[[1,2,3,4],5,6,7,8]', '[[[1,2,3,4]],[[5,6,7,8]]]',
      '[[[1,2,3,4],[5,6,7,8]],[]]', '[[1,2,3,4],[5,6,7,8],[]]',
    ]) {
      for (const datatype of ['FP32', 'INT64'] as const) {
        assert.throws(() => dataOf(one(datatype, [-1, -1]), input(datatype, '[2,4]', data)), refused, data);
      }
      const truths = data.replaceAll(/\d/g, 'true');
      assert.throws(() => dataOf(one('BOOL', [-1, -1]), input('BOOL', '[2,4]', truths)), refused, truths);
    }
    assert.throws(() => dataOf(one('FP32', [-1, -1]), input('FP32', '[2,2]', '[1,[2,3],4,5]')),
      { code: 'INVALID_REQUEST', message: /value 1 of input "x" is an array/ });
  });

  test('takes the tokens NaN and Infinity for floating-point numbers only', () => {
    assert.deepEqual(
      dataOf(one('FP32'), input('FP32', '[4]', '[NaN, Infinity, -Infinity, 1.5]')),
      Float32Array.of(NaN, Infinity, -Infinity, 1.5));
    assert.equal(codeOf(() => dataOf(one('INT32'), input('INT32', '[1]', '[NaN]'))), 'INVALID_REQUEST');
    assert.equal(codeOf(() => dataOf(one('FP32'), input('FP32', '[2]', '[NaN,1e39]'))), 'INVALID_REQUEST');
    assert.equal(codeOf(() => dataOf(one('FP32'), input('FP32', '[1]', '[1e39]'))), 'INVALID_REQUEST');
  });

  test('takes scalars, empty dimensions, booleans and texts with any character', () => {
    assert.deepEqual(dataOf(one('FP32', []), input('FP32', '[]', '[4.5]')), Float32Array.of(4.5));
    assert.deepEqual(dataOf(one('FP32', [-1, 10]), input('FP32', '[0,10]', '[]')), new Float32Array(0));
    assert.deepEqual(dataOf(one('FP32', [-1, -1]), input('FP32', '[2,0]', '[[],[]]')), new Float32Array(0));
    assert.deepEqual(dataOf(one('BOOL'), input('BOOL', '[4]', '[true,false,1,0]')), Uint8Array.of(1, 0, 1, 0));
    const texts = ['', 'größe', '],"data":[1', '\u0001\\"'];
    assert.deepEqual(dataOf(one('BYTES'), input('BYTES', '[4]', JSON.stringify(texts))), texts);
  });

  test('accepts whole numbers written as floats for integers, and refuses what does not fit', () => {
    assert.deepEqual(dataOf(one('UINT8'), input('UINT8', '[2]', '[1.0, 255]')), Uint8Array.of(1, 255));
    for (const [datatype, value] of [
      ['UINT8', '256'], ['UINT8', '-1'], ['INT8', '1.5'], ['UINT32', 'true'], ['INT32', '"a"'], ['BYTES', '1'],
      ['BOOL', '2'], ['FP16', '1'],
    ] as const) {
      assert.equal(codeOf(() => dataOf(one(datatype), input(datatype, '[1]', `[${value}]`))), 'INVALID_REQUEST', value);
    }
  });

  test('reads raw bytes of every datatype behind the JSON, and takes a missing size from the shape', () => {
    const arrays: readonly (readonly [Datatype, TensorData])[] = [
      ['BOOL', Uint8Array.of(1, 0)], ['UINT8', Uint8Array.of(1, 255)], ['UINT16', Uint16Array.of(1, 65_535)],
      ['UINT32', Uint32Array.of(1, 2 ** 32 - 1)], ['UINT64', BigUint64Array.of(1n, 2n ** 64n - 1n)],
      ['INT8', Int8Array.of(-1, 127)], ['INT16', Int16Array.of(-1, 32_767)], ['INT32', Int32Array.of(-1, 2 ** 31 - 1)],
      ['INT64', BigInt64Array.of(-1n, 2n ** 63n - 1n)], ['FP16', Uint16Array.of(0x3c00, 0x7e00)],
      ['FP32', Float32Array.of(NaN, -0)], ['FP64', Float64Array.of(Infinity, 5e-324)], ['BYTES', ['', 'größe']],
    ];
    for (const [datatype, data] of arrays) {
      const tail = binaryBytes(data);
      const sized = `"parameters":{"binary_data_size":${tail.length}}`;
      const json = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[2],${sized}}]}`;
      assert.deepEqual(dataOf(one(datatype), json, tail), data, datatype);
      const unsized = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[2]}]}`;
      if (datatype === 'BYTES') assert.equal(codeOf(() => dataOf(one(datatype), unsized, tail)), 'INVALID_REQUEST');
      else assert.deepEqual(dataOf(one(datatype), unsized, tail), data, datatype);
    }
  });

  test('refuses texts that are no UTF-8: the runtime could not give them back', () => {
    const json = '{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]}';
    assert.equal(codeOf(() => dataOf(one('BYTES'), json, Uint8Array.of(2, 0, 0, 0, 0xff, 0xfe))), 'INVALID_REQUEST');
  });

  test('reads a raw binary request as one row of the only input', () => {
    const raw = (signature: Signature, body: Uint8Array): TensorRequest =>
      new RequestDecoder(signature).decode(body, 0);
    const bytes = binaryBytes(Float32Array.of(1, 2, 3));
    assert.deepEqual(raw(one('FP32', [-1, -1]), bytes).inputs, [{ data: Float32Array.of(1, 2, 3), shape: [1, 3] }]);
    assert.deepEqual(raw(one('FP32', [-1]), bytes).inputs[0]!.shape, [3]);
    assert.deepEqual(raw(one('FP32', [3]), bytes).outputs, [{ index: 0, isBinary: true }]);
    assert.deepEqual(raw(one('BYTES', [1]), Buffer.from('427')).inputs, [{ data: ['427'], shape: [1] }]);
    for (const shape of [[-1, -1, -1], [2], []]) {
      assert.equal(codeOf(() => raw(one('FP32', shape), bytes)), 'INVALID_REQUEST', String(shape));
    }
    assert.equal(codeOf(() => raw(one('BYTES', [-1, -1]), bytes)), 'INVALID_REQUEST');
  });

  test('refuses what it could not honour', () => {
    const good = '"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]';
    for (const more of [
      '"parameters":{"triton_x":1}', '"parameters":{"timeout":-1}', '"parameters":{"timeout":"1"}', '"parameters":[]',
      '"parameters":{"binary_data_output":1}', '"parameters":{"a":{}}', '"outputs":{}', '"outputs":[{"name":"z"}]',
      '"outputs":[{"name":"y"},{"name":"y"}]', '"outputs":[{"name":"y","parameters":{"classification":3}}]',
      '"outputs":[{"name":"y","parameters":{"shared_memory_region":"r"}}]', '"id":{}', '"outputs":[1]',
    ]) {
      assert.equal(codeOf(() => decode(one('FP32'), `{${good},${more}}`)), 'INVALID_REQUEST', more);
    }
    assert.equal(codeOf(() => decode(one('FP32'), `{${good}}`, new Uint8Array(1))), 'INVALID_REQUEST');
    const more = '"model_name":"m","parameters":{"priority":1,"a":"b"}';
    assert.equal(codeOf(() => decode(one('FP32'), `{${good},${more}}`)), 'accepted');
    assert.equal(codeOf(() => decode({ inputs: [], outputs: [] }, '{}')), 'accepted');
  });

  test('gives the timeout in microseconds and how each output is wanted', () => {
    const outputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32' as const, shape: [1] }));
    const signature: Signature = { ...one('FP32'), outputs };
    const good = '"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]';
    const request = decode(signature, `{${good},"parameters":{"timeout":1500,"binary_data_output":true},
      "outputs":[{"name":"b"},{"name":"a","parameters":{"binary_data":false}}]}`);
    assert.equal(request.timeoutUs, 1500);
    assert.deepEqual(request.outputs, [{ index: 1, isBinary: true }, { index: 0, isBinary: false }]);
  });
});

suite('OipEncoder', () => {
  const encode = (
    nonFinite: 'token' | 'null' | 'error', data: TensorData, datatype: Datatype, isBinary = false,
  ): { text: string; tail: Buffer } => {
    const signature = { inputs: [], outputs: [{ name: 'a "b"', datatype, shape: [-1] }] };
    const encoder = new OipEncoder({ model: 'm', version: '1', signature, nonFinite, answerBytesMax: 1e6 }, false);
    const request = { id: '"i"', outputs: [{ index: 0, isBinary }] };
    const { bytes, headerBytes } = encoder.encode(request, [{ data, shape: [data.length] }]);
    const split = headerBytes === 0 ? bytes.length : headerBytes;
    return { text: Buffer.from(bytes.subarray(0, split)).toString(), tail: Buffer.from(bytes.subarray(split)) };
  };

  test('writes the answer as the protocol names it', () => {
    assert.equal(
      encode('token', Float32Array.of(0.1, -0, 3), 'FP32').text,
      '{"model_name":"m","model_version":"1","id":"i","outputs":' +
      '[{"name":"a \\"b\\"","datatype":"FP32","shape":[3],"data":[0.1,-0,3]}]}');
    assert.match(encode('token', BigInt64Array.of(-(2n ** 63n)), 'INT64').text, /"data":\[-9223372036854775808\]/);
    assert.match(encode('token', Uint8Array.of(1, 0), 'BOOL').text, /"data":\[true,false\]/);
    const { text, tail } = encode('token', ['ab', 'ö'], 'BYTES', true);
    assert.match(text, /"shape":\[2\],"parameters":\{"binary_data_size":12\}\}\]\}$/);
    assert.deepEqual([...tail], [2, 0, 0, 0, 0x61, 0x62, 2, 0, 0, 0, 0xc3, 0xb6]);
  });

  test('writes what JSON has no number for as it is told to', () => {
    const data = Float64Array.of(NaN, -Infinity);
    assert.match(encode('token', data, 'FP64').text, /"data":\[NaN,-Infinity\]/);
    assert.match(encode('null', data, 'FP64').text, /"data":\[null,null\]/);
    assert.equal(codeOf(() => encode('error', data, 'FP64')), 'NON_FINITE_ANSWER');
    assert.equal(encode('error', data, 'FP64', true).tail.length, 16);
  });

  test('hasNonFinite sees NaN and infinities of each floating-point type', () => {
    assert.ok(hasNonFinite('FP16', Uint16Array.of(0, 0xfc00)));
    assert.ok(!hasNonFinite('FP16', Uint16Array.of(0xfbff)));
    assert.ok(hasNonFinite('FP32', Float32Array.of(1, NaN)));
    assert.ok(!hasNonFinite('INT32', Int32Array.of(-1)));
  });

  test('hasBoundless sees them too, and numbers whose square no float32 holds', () => {
    assert.ok(hasBoundless('FP32', Float32Array.of(1, NaN)));
    assert.ok(hasBoundless('FP64', Float64Array.of(-Infinity)));
    assert.ok(hasBoundless('FP32', Float32Array.of(0, -1.9e19)));
    assert.ok(hasBoundless('FP64', Float64Array.of(1e300)));
    assert.ok(!hasBoundless('FP32', Float32Array.of(1.8e19, -1.8e19, 0)));
    assert.ok(!hasBoundless('FP32', Float32Array.of(1.9e19, 1, NaN), 1, 2), 'only the elements that are named');
    assert.ok(!hasBoundless('FP16', Uint16Array.of(0xfbff)) && hasBoundless('FP16', Uint16Array.of(0xfc00)));
    assert.ok(!hasBoundless('INT64', BigInt64Array.of(2n ** 62n)));
  });
});
