// Decoding of /predict bodies: what is accepted is what JSON.parse accepts, and what is stored is what it says.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { Datatype } from '../../../src/domain/records.ts';
import { PredictDecoder } from '../../../src/protocols/predict/request.ts';
import type { RequestLimits } from '../../../src/protocols/predict/request.ts';
import { RowBatch } from '../../../src/domain/row-batch.ts';
import { rowLayout } from '../../../src/domain/row-layout.ts';
import { Random } from '../random.ts';

type InputText = readonly [name: string, datatype: Datatype, shape: readonly number[]];

interface Bench {
  readonly batch: RowBatch;
  readonly decoder: PredictDecoder;
}

const decoderFor = (...inputs: InputText[]): Bench => decoderOf(inputs);

function decoderOf(inputs: readonly InputText[], limits?: RequestLimits): Bench {
  const signature = { inputs: inputs.map(([name, datatype, shape]) => ({ name, datatype, shape })), outputs: [] };
  const batch = new RowBatch(rowLayout(signature, 64));
  return { batch, decoder: new PredictDecoder(batch, limits) };
}

/** Decodes into an empty batch and returns the stored elements of each input. */
function decode(text: string | Uint8Array, ...inputs: InputText[]): unknown[][] {
  const { batch, decoder } = decoderFor(...inputs);
  assert.equal(decoder.decode(Buffer.from(text), false), true);
  return batch.inputs.map(({ data, elements }) =>
    Array.from(data as ArrayLike<unknown>).slice(0, batch.rows * elements));
}

function codeOf(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    assert.ok(isLastgoodError(error), String(error));
    return error;
  }
  throw new Error('nothing was thrown');
}

const THREE: InputText = ['x', 'FP32', [-1, 3]];

suite('PredictDecoder', () => {
  test('reads features and instances, with any spacing and order of keys', () => {
    assert.deepEqual(decode('{"features":[1,2.5,-3e0]}', THREE), [[1, 2.5, -3]]);
    assert.deepEqual(decode(' {\n"model" : "m" , "features" : [ 1 , 2 ,3 ] , "n" : 4}\n', THREE), [[1, 2, 3]]);
    assert.deepEqual(decode('{"instances":[[1,2,3],[4,5,6]]}', THREE), [[1, 2, 3, 4, 5, 6]]);
    assert.deepEqual(decode('{"other":{"deep":[null]},"features":[1,2,3]}', THREE), [[1, 2, 3]]);
    assert.deepEqual(decode('{"\\u0066eatures":[1,2,3]}', THREE), [[1, 2, 3]]);
  });

  test('tells a single row from instances', () => {
    const { decoder } = decoderFor(THREE);
    decoder.decode(Buffer.from('{"features":[1,2,3]}'), false);
    assert.deepEqual([decoder.isSingle, decoder.rows], [true, 1]);
    decoder.decode(Buffer.from('{"instances":[[1,2,3]]}'), false);
    assert.deepEqual([decoder.isSingle, decoder.rows], [false, 1]);
  });

  test('stores every integer type exactly and refuses fractions and what does not fit', () => {
    const row = (datatype: Datatype): InputText => ['x', datatype, [-1, 2]];
    assert.deepEqual(decode('{"features":[1.0,-128]}', row('INT8')), [[1, -128]]);
    assert.deepEqual(decode('{"features":[65535,1e2]}', row('UINT16')), [[65535, 100]]);
    assert.deepEqual(
      decode('{"features":[9223372036854775807,-9007199254740993]}', row('INT64')),
      [[9223372036854775807n, -9007199254740993n]]);
    assert.deepEqual(decode('{"features":[18446744073709551615,0]}', row('UINT64')), [[18446744073709551615n, 0n]]);
    for (const [datatype, value] of [
      ['INT8', '128'], ['INT8', '1.5'], ['UINT8', '-1'], ['UINT32', '4294967296'], ['INT32', 'true'], ['INT64', '1.5'],
      ['INT64', '9223372036854775808'], ['UINT64', '-1'], ['INT16', '"1"'], ['FP32', '1e39'], ['FP64', '1e999'],
      ['INT32', 'null'], ['INT64', 'null'], ['BYTES', 'null'], ['BOOL', 'null'], ['INT8', '0.99999999999999999999'],
      ['INT32', '1e-400'], ['UINT64', '9007199254740991.4'], ['FP32', '"1"'], ['FP32', 'true'],
      ['BYTES', '1'], ['BOOL', '2'], ['BOOL', '"true"'],
    ] as const) {
      const first = datatype === 'BYTES' ? '""' : '1';
      const { code, message } = codeOf(() => decode(`{"features":[${first},${value}]}`, row(datatype)));
      assert.equal(code, 'ROW_VALUE', `${datatype} ${value}`);
      assert.match(message, /^read input "x": value 1 is .*; wanted /);
    }
  });

  test('takes booleans and texts where the model wants them', () => {
    assert.deepEqual(decode('{"features":[true,false,1,0]}', ['x', 'BOOL', [-1, 4]]), [[1, 0, 1, 0]]);
    assert.deepEqual(decode('{"features":["a","\\u00e9\\n"]}', ['x', 'BYTES', [-1, 2]]), [['a', 'é\n']]);
    assert.deepEqual(decode('{"instances":["a","b"]}', ['x', 'BYTES', [-1]]), [['a', 'b']]);
  });

  test('takes nested arrays of the row shape, flat ones, and bare numbers for rows of one', () => {
    const image: InputText = ['x', 'FP32', [-1, 2, 3]];
    assert.deepEqual(decode('{"features":[[1,2,3],[4,5,6]]}', image), [[1, 2, 3, 4, 5, 6]]);
    assert.deepEqual(decode('{"features":[1,2,3,4,5,6]}', image), [[1, 2, 3, 4, 5, 6]]);
    assert.deepEqual(decode('{"features":[[1,2,3]]}', THREE), [[1, 2, 3]]);
    assert.deepEqual(decode('{"instances":[1,2]}', ['x', 'FP32', [-1, 1]]), [[1, 2]]);
    for (const wrong of ['[[1,2],[3,4],[5,6]]', '[[1,2,3],[4,5]]', '[[1,2,3],4,5,6]', '[[[[[1,2,3],[4,5,6]]]]]']) {
      assert.equal(codeOf(() => decode(`{"features":${wrong}}`, image)).code, 'INVALID_REQUEST', wrong);
    }
  });

  test('takes objects by input name, in any order, and says which input is missing or unknown', () => {
    const two: InputText[] = [['a', 'FP32', [-1, 2]], ['b', 'INT64', [-1, 1]]];
    const wanted = [[1, 2], [9007199254740993n]];
    assert.deepEqual(decode('{"features":{"a":[1,2],"b":[9007199254740993]}}', ...two), wanted);
    assert.deepEqual(decode('{"features":{"b":[3],"a":[1,2]}}', ...two), [[1, 2], [3n]]);
    assert.deepEqual(
      decode('{"instances":[{"a":[1,2],"b":[3]},{"b":[4],"a":[5,6]}]}', ...two), [[1, 2, 5, 6], [3n, 4n]]);
    assert.match(codeOf(() => decode('{"features":{"a":[1,2]}}', ...two)).message, /input "b" is missing/);
    assert.match(codeOf(() => decode('{"features":{"a":[1,2],"b":[3],"c":[]}}', ...two)).message, /no input "c"/);
    assert.match(codeOf(() => decode('{"features":[1,2]}', ...two)).message, /the model has 2 inputs/);
  });

  test('settles an open dimension by the number of values and asks for a new batch when it changes', () => {
    const { batch, decoder } = decoderFor(['x', 'FP32', [-1, -1, 2]]);
    assert.equal(decoder.decode(Buffer.from('{"features":[1,2,3,4]}'), false), true);
    assert.deepEqual(batch.inputs[0]!.shape, [2, 2]);
    assert.equal(decoder.decode(Buffer.from('{"features":[[5,6],[7,8]]}'), false), true);
    assert.equal(decoder.decode(Buffer.from('{"features":[1,2]}'), false), false);
    assert.equal(decoder.decode(Buffer.from('{"features":[[1,2]]}'), false), false);
    assert.equal(batch.rows, 2);
    assert.deepEqual([...(batch.inputs[0]!.data as Float32Array).subarray(0, 8)], [1, 2, 3, 4, 5, 6, 7, 8]);
    batch.clear();
    assert.equal(decoder.decode(Buffer.from('{"features":[1,2]}'), false), true);
    assert.deepEqual(batch.inputs[0]!.shape, [1, 2]);
    for (const body of ['{"features":[1,2,3]}', '{"instances":[[1,2],[1,2,3,4]]}']) {
      assert.equal(codeOf(() => decode(body, ['x', 'FP32', [-1, -1, 2]])).code, 'ROW_LENGTH');
    }
    assert.match(codeOf(() => decode('{"features":[1,2]}', ['x', 'FP32', [-1, -1, -1]])).message, /wanted nested/);
    assert.deepEqual(decode('{"features":[[1,2]]}', ['x', 'FP32', [-1, -1, -1]]), [[1, 2]]);
  });

  test('names length, index and value of what is wrong, and leaves the batch as it was', () => {
    const { batch, decoder } = decoderFor(THREE);
    decoder.decode(Buffer.from('{"features":[1,2,3]}'), false);
    assert.equal(codeOf(() => decoder.decode(Buffer.from('{"features":[1,2]}'), false)).message,
      'read input "x": the row has 2 values; wanted 3');
    assert.equal(codeOf(() => decoder.decode(Buffer.from('{"instances":[[1,2,3],[1,"two",3]]}'), false)).message,
      'read input "x": value 1 is "two"; wanted a number that FP32 can hold, or null');
    assert.equal(batch.rows, 1);
    assert.deepEqual([...(batch.inputs[0]!.data as Float32Array).subarray(0, 3)], [1, 2, 3]);
  });

  test('refuses bodies that are no JSON object with one of the two keys', () => {
    const deep = `{"features":${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}}`;
    for (const [body, code] of [
      ['', 'INVALID_JSON'], ['[1,2,3]', 'INVALID_JSON'], ['null', 'INVALID_JSON'],
      ['{"features":[1,2,3]', 'INVALID_JSON'], ['{"features":[1,2,3]}}', 'INVALID_JSON'],
      ['{"features":[1,2,NaN]}', 'INVALID_JSON'], [deep, 'INVALID_JSON'],
      ['{"features":[1,2,3],}', 'INVALID_JSON'], ['{"features":[9,9,9],"features":[1,2,3]}', 'INVALID_JSON'],
      ['{"a":1,"features":[1,2,3],"a":1}', 'INVALID_JSON'], ['{"features":[1,2,3],"b":{"a":1,"a":1}}', 'INVALID_JSON'],
      ['\ufeff{"features":[1,2,3]}', 'INVALID_JSON'],
      ['{}', 'INVALID_REQUEST'], ['{"features":[1,2,3],"instances":[]}', 'INVALID_REQUEST'],
      ['{"instances":[]}', 'INVALID_REQUEST'], ['{"instances":{}}', 'INVALID_REQUEST'],
      ['{"features":3}', 'ROW_LENGTH'],
      ['{"__proto__":{"features":[1,2,3]}}', 'INVALID_REQUEST'],
    ] as const) {
      assert.equal(codeOf(() => decode(body, THREE)).code, code, body.slice(0, 60));
    }
    const invalidUtf8 = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('","features":[1,2,3]}')]);
    assert.equal(codeOf(() => decode(invalidUtf8, THREE)).code, 'INVALID_JSON');
  });

  test('keeps the id of a frame as it was written, also when the frame is refused', () => {
    const { decoder } = decoderFor(THREE);
    for (const [frame, id] of [
      ['{"id":"a-1","features":[1,2,3]}', '"a-1"'], ['{"features":[1,2,3],"id":1.50}', '1.50'],
      ['{"id":12345678901234567890,"features":[1,2,3]}', '12345678901234567890'],
      ['{"id":"\\u00e9","features":[1,2,3]}', '"\\u00e9"'], ['{"features":[1,2,3]}', null],
    ] as const) {
      decoder.decode(Buffer.from(frame), true);
      assert.equal(decoder.id, id, frame);
    }
    codeOf(() => decoder.decode(Buffer.from('{"id":7,"features":[1]}'), true));
    assert.equal(decoder.id, '7');
    const wrongId = Buffer.from('{"id":{},"features":[1,2,3]}');
    assert.match(codeOf(() => decoder.decode(wrongId, true)).message, /"id" is an object/);
    assert.equal(decoder.id, null);
  });

  test('accepts what JSON.parse accepts and nothing else, on 40,000 damaged bodies', () => {
    const random = new Random(11);
    const seeds = [
      '{"features":[1,2.5,-3e2]}', '{"instances":[[0.1,0.2,0.3],[4,5,6]]}', '{"id":"x","model":"m","features":[1,2,3]}',
      ' { "features" : [ 0.1234567890123456789, 1e-5 , -0 ] , "a" : "b" } ', '{"features":[[1,2,3]],"x":[{"y":null}]}',
    ];
    const alphabet = Buffer.from('{}[]",:0123456789.eE+-\\ \nftnul\u00e9x');
    for (let count = 0; count < 40_000; count += 1) {
      let bytes = Buffer.from(random.pick(seeds));
      for (let edits = 1 + random.below(2); edits > 0; edits -= 1) {
        const at = random.below(bytes.length);
        const byte = Buffer.of(alphabet[random.below(alphabet.length)]!);
        const put = random.below(3) > 0 ? byte : Buffer.alloc(0);
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + random.below(2))]);
      }
      checkAgainstJsonParse(bytes);
    }
  });

  test('refuses a request of more rows than one may have, on both of its ways, and leaves the batch as it was', () => {
    const { batch, decoder } = decoderOf([THREE], { model: 'm', rowsMax: 2 });
    const rows = (count: number, more = ''): Buffer =>
      Buffer.from(`{"instances":[${Array<string>(count).fill('[1,2,3]').join()}]${more}}`);
    assert.equal(decoder.decode(rows(2), false), true);
    for (const [body, isFrame] of [
      [rows(3), false], [rows(3, ',"other":{}'), false], [rows(9), false], [rows(3, ',"id":7'), true],
    ] as const) {
      const { code, message } = codeOf(() => decoder.decode(body, isFrame));
      assert.equal(code, 'ROWS_TOO_MANY');
      assert.match(message, /model "m".*wanted at most 2 in one request/);
      assert.equal(batch.rows, 2);
      assert.equal(decoder.id, isFrame ? '7' : null);
    }
    assert.equal(decoder.decode(rows(2), false), true);
    assert.equal(batch.rows, 4);
  });
});

function checkAgainstJsonParse(bytes: Buffer): void {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    value = undefined;
  }
  const wanted = rowsIn(value);
  const { batch, decoder } = decoderFor(THREE);
  try {
    decoder.decode(bytes, false);
  } catch (error) {
    assert.ok(isLastgoodError(error) && error.status === 400, String(error));
    assert.equal(wanted, null, `${bytes.toString()}: ${error.message}`);
    return;
  }
  const stored = Array.from(batch.inputs[0]!.data as Float32Array).slice(0, batch.rows * 3);
  assert.deepEqual(stored, wanted, bytes.toString());
}

// What a body means by the documented rules: rows of three finite numbers, or null.
function rowsIn(value: unknown): number[] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { features, instances } = value as { features?: unknown; instances?: unknown };
  if ((features === undefined) === (instances === undefined)) return null;
  const rows = features === undefined ? instances : [features];
  if (!Array.isArray(rows) || rows.length === 0) return null;
  const numbers: number[] = [];
  for (let row of rows as unknown[]) {
    for (let depth = 0; depth < 2 && Array.isArray(row) && row.length === 1 && Array.isArray(row[0]); depth += 1) {
      row = (row as unknown[])[0];
    }
    if (!Array.isArray(row) || row.length !== 3) return null;
    for (const element of row as unknown[]) {
      if (typeof element !== 'number' || !Number.isFinite(Math.fround(element))) return null;
      numbers.push(Math.fround(element));
    }
  }
  return numbers;
}
