// Which numbers of the inputs are watched, and that they are read back as they were asked.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Datatype, Signature } from '../../src/domain/records.ts';
import { numberToHalf } from '../../src/domain/half.ts';
import { InputColumnReader, chosenColumns, flatIndexOf, inputColumnsOf } from '../../src/domain/input-columns.ts';
import { RowInputsEncoder } from '../../src/domain/row-codec.ts';
import type { TensorData } from '../../src/domain/datatype.ts';

const signatureOf = (...inputs: [string, Datatype, number[]][]): Signature => ({
  inputs: inputs.map(([name, datatype, shape]) => ({ name, datatype, shape })), outputs: [],
});
const names = (signature: Signature, inputColumns?: string): string[] =>
  inputColumnsOf({ signature, ...(inputColumns === undefined ? {} : { declared: { inputColumns } }) })
    .map(({ name }) => name);

describe('inputColumnsOf', () => {
  const mixed = signatureOf(['age', 'INT64', [-1, 1]], ['text', 'BYTES', [-1]], ['f', 'FP32', [-1, 2, 2]]);

  test('takes every number of a fixed size, and calls a single one like its input', () => {
    assert.deepEqual(names(mixed), ['age', 'f[0]', 'f[1]', 'f[2]', 'f[3]']);
    assert.deepEqual(names(signatureOf(['x', 'FP32', [-1, -1]])), []);
    assert.deepEqual(names(signatureOf(['x', 'FP32', [-1]])), ['x']);
  });

  test('spreads 32 columns evenly over more', () => {
    const image = names(signatureOf(['x', 'FP32', [-1, 64]]));
    assert.deepEqual([image.length, image[0], image[1], image[31]], [32, 'x[0]', 'x[2]', 'x[62]']);
    assert.equal(new Set(names(signatureOf(['x', 'FP32', [-1, 33]]))).size, 32);
  });

  test('takes those that were declared, each once and in that order', () => {
    assert.deepEqual(names(mixed, 'f[1-2], age,f[2]'), ['f[1]', 'f[2]', 'age']);
    assert.deepEqual(names(signatureOf(['x', 'FP32', [-1, -1]]), 'x[0-1]'), ['x[0]', 'x[1]']);
    assert.deepEqual(names(signatureOf(['a[0]', 'FP32', [-1, 1]]), 'a[0]'), ['a[0]'], 'an input of that very name');
  });

  test('refuses what the model has not, what is no number, and more than can be watched', () => {
    const refused: [string, RegExp][] = [
      ['height', /no input "height"; it has "age", "text", "f"$/], ['text', /of BYTES/], ['f[4]', /counted from 0/],
      ['f[2-1]', /no part of a row of input "f", which has 4 values/], ['', /no input ""/],
      ['f[x]', /no input "f\[x\]"/],
    ];
    for (const [list, message] of refused) {
      assert.throws(() => chosenColumns(mixed, list), { code: 'INVALID_COLUMNS', message }, list);
    }
    const wide = signatureOf(['x', 'FP32', [-1, 40]], ['open', 'FP32', [-1, -1]]);
    assert.throws(() => chosenColumns(wide, 'x'), { message: /more columns than can be watched; wanted at most 32/ });
    assert.throws(() => chosenColumns(wide, 'open'), { message: /any number of values; wanted .* open\[0-7\]/ });
    assert.throws(() => chosenColumns(wide, 'open[0-999999999]'), { message: /at most 32/ });
  });

  test('knows where a column lies among all numbers, unless something of open size comes before', () => {
    const signature = signatureOf(['a', 'FP32', [-1, 2]], ['b', 'INT8', [-1]]);
    assert.deepEqual(inputColumnsOf({ signature }).map((column) => flatIndexOf(signature, column)), [0, 1, 2]);
    assert.equal(flatIndexOf(mixed, chosenColumns(mixed, 'f[0]')[0]!), -1);
  });
});

describe('InputColumnReader', () => {
  test('reads every element type as the row was asked', () => {
    const kinds: [Datatype, TensorData, number][] = [
      ['FP32', Float32Array.of(1, 2.5), 2.5], ['FP64', Float64Array.of(1, 1e300), 1e300],
      ['FP16', Uint16Array.of(0, numberToHalf(-2)), -2], ['INT8', Int8Array.of(0, -7), -7],
      ['INT16', Int16Array.of(0, -300), -300], ['INT32', Int32Array.of(0, -70_000), -70_000],
      ['INT64', BigInt64Array.of(0n, -5n), -5], ['UINT8', Uint8Array.of(0, 200), 200],
      ['UINT16', Uint16Array.of(0, 60_000), 60_000], ['UINT32', Uint32Array.of(0, 4e9), 4e9],
      ['UINT64', BigUint64Array.of(0n, 9n), 9], ['BOOL', Uint8Array.of(0, 1), 1],
    ];
    for (const [datatype, data, wanted] of kinds) {
      const signature = signatureOf(['t', 'BYTES', [-1]], ['x', datatype, [-1, 2]]);
      const reader = new InputColumnReader(signature, chosenColumns(signature, 'x[1]'));
      const bytes = new RowInputsEncoder().encode(
        [{ data: ['grüße'], shape: [], elements: 1 }, { data, shape: [2], elements: 2 }], 0);
      assert.ok(reader.read(bytes), datatype);
      assert.deepEqual([...reader.values], [wanted], datatype);
    }
  });

  test('gives no number for what a row of open size has not, and refuses bytes of another signature', () => {
    const signature = signatureOf(['x', 'FP32', [-1, -1]]);
    const reader = new InputColumnReader(signature, chosenColumns(signature, 'x[0-2]'));
    const bytes = new RowInputsEncoder().encode([{ data: Float32Array.of(3, 4), shape: [2], elements: 2 }], 0);
    assert.ok(reader.read(bytes));
    assert.deepEqual([...reader.values], [3, 4, NaN]);
    for (let end = 0; end < bytes.length; end += 1) assert.equal(reader.read(bytes.subarray(0, end)), false);
    assert.equal(reader.read(Uint8Array.of(...bytes, 0)), false);
    assert.equal(reader.read(new Uint8Array(64).fill(255)), false);
  });
});
