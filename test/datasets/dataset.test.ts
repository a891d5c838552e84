// Validation data as a model's inputs: by column names or in their order, missing values, texts, and where a file is
// wrong, by line and field.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readCsv } from '../../src/datasets/csv.ts';
import { readDataset } from '../../src/datasets/dataset.ts';
import type { FileRow } from '../../src/datasets/rows.ts';
import type { Signature, TensorSignature } from '../../src/domain/records.ts';
import { seededRandom } from '../judge/fixtures.ts';
import { smallModel } from '../support/small-models.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { npy, zip } from './arrays.ts';

const input = (name: string, datatype: TensorSignature['datatype'], shape: number[]): TensorSignature =>
  ({ name, datatype, shape });
const model = (...inputs: TensorSignature[]): Signature => ({ inputs, outputs: [] });
const VISIT = model(input('city', 'BYTES', [-1, 1]), input('age', 'FP32', [-1, 1]));
const FLOWER = model(input('X', 'FP32', [-1, 4]));
const folder = temporaryDirectory();

function rowsOf(
  name: string, content: string | Uint8Array, of: Signature, dropped: string[] = [],
): Readonly<Record<string, FileRow>>[] {
  const path = join(folder, name);
  writeFileSync(path, content);
  const { rows, row } = readDataset(path, of, dropped);
  return Array.from({ length: rows }, (_, at) => row(at));
}

describe('a .csv file', () => {
  test('goes to inputs by name, with texts, quotes and missing numbers', () => {
    const text = '\ufeffage;"city";note\r\n40;"Oslo; ""N""";x\r\n;Rome;y\n';
    const [first, second] = rowsOf('visit.csv', text, VISIT, ['note']);
    assert.deepEqual(first, { city: { values: ['Oslo; "N"'], shape: [1] }, age: { values: [40], shape: [1] } });
    assert.deepEqual(second!['age']!.values, [NaN]);
  });

  test('goes to the only input in its order, or by its elements, also with other columns dropped', () => {
    const named = rowsOf('a.csv', 'a,b,c,d,species\n1,2,3,4,0\n', FLOWER, ['species']);
    assert.deepEqual(named, [{ X: { values: [1, 2, 3, 4], shape: [4] } }]);
    const places = rowsOf('b.csv', 'X[3],X[0],X[2],X[1]\n4,1,3,2\n', FLOWER);
    assert.deepEqual(places, named);
  });

  test('holds whole numbers as they are, and true and false', () => {
    const of = model(input('id', 'INT64', [-1, 1]), input('ok', 'BOOL', [-1]));
    assert.deepEqual(rowsOf('c.csv', 'ok,id\nTrue,9007199254740993\n0,-3\n', of), [
      { id: { values: ['9007199254740993'], shape: [1] }, ok: { values: [1], shape: [] } },
      { id: { values: [-3], shape: [1] }, ok: { values: [0], shape: [] } },
    ]);
  });

  test('is refused by line and field, and by column', () => {
    const refused: [string, Signature, string[], RegExp][] = [
      ['city,age\nRome,40\n"a\nb",old\n', VISIT, [], /^line 3, field 2 \("age"\) holds "old"; wanted a number, or/],
      ['city,age\nRome\n', VISIT, [], /^line 2: it has 1 fields; wanted 2 as in the header/],
      ['city,age\n"Rome,40\n', VISIT, [], /^line 2, field 1: its quote is never closed/],
      ['city,age\nRo"me,40\n', VISIT, [], /^line 2, field 1: a quote stands within an unquoted field/],
      ['city,age\n"Rome" ,40\n', VISIT, [], /^line 2, field 1: something follows the closing quote/],
      ['city,city\n', VISIT, [], /^line 1, field 2: the column "city" is there twice/],
      ['city,age\n', VISIT, [], /^it has no rows below its header/], ['', VISIT, [], /^it is empty/],
      ['city,age,label\nRome,40,1\n', VISIT, [], /its columns "label" are no inputs .* or --drop COLUMN/],
      ['city\nRome\n', VISIT, [], /input "age" has 1 values a row, of which the file has 0/],
      ['a,b,c\n1,2,3\n', FLOWER, [], /it has 3 columns and input "X" 4 values a row/],
      ['city,age\nRome,4\n', VISIT, ['aeg'], /no column "aeg" to drop; it has "city", "age"/],
    ];
    for (const [text, of, dropped, reason] of refused) {
      assert.throws(() => rowsOf('r.csv', text, of, dropped), { message: reason });
    }
  });

  test('of any bytes is read or refused with an Error', () => {
    const random = seededRandom(3);
    const parts = ['"', ',', '\n', '\r', ';', 'a', '""', '\t', '"x"', '1', '\ufeff'];
    let read = 0;
    for (let round = 0; round < 5_000; round += 1) {
      const tail = Array.from({ length: random() * 12 }, () => parts[Math.floor(random() * parts.length)]);
      const text = `a,b\n${tail.join('')}`;
      try {
        for (const { fields } of readCsv(text, 100).rows) assert.equal(fields.length, 2);
        read += 1;
      } catch (error) {
        assert.match((error as Error).message, /^(line \d+|it )/);
      }
    }
    assert.ok(read > 20, `${read} were read`);
  });
});

describe('other files', () => {
  test('of NumPy and of JSON give the same rows', () => {
    const { rows, row } = readDataset(smallModel('iris.npy'), FLOWER, []);
    assert.equal(rows, 150);
    const list = Array.from({ length: rows }, (_, at) => row(at)['X']!.values);
    assert.deepEqual(rowsOf('list.json', JSON.stringify(list), FLOWER)[7], row(7));
    assert.deepEqual(rowsOf('rows.json', JSON.stringify({ rows: list, columns: ['a'] }), FLOWER)[7], row(7));
    assert.deepEqual(readDataset(smallModel('iris.npz'), FLOWER, []).row(7), row(7));
    const inputs = { X: { shape: [150, 4], data: list } };
    assert.deepEqual(rowsOf('inputs.json', JSON.stringify({ inputs }), FLOWER)[7], row(7));
    const visit = readDataset(smallModel('visit.npz'), VISIT, []);
    assert.deepEqual(visit.row(2), { city: { values: ['Zürich'], shape: [1] }, age: { values: [2], shape: [1] } });
  });

  test('are refused by what they have and what the model wants', () => {
    const floats = (shape: number[]): Buffer =>
      npy('<f4', shape, Buffer.alloc(4 * shape.reduce((product, size) => product * size, 1)));
    const refused: [string, string | Uint8Array, Signature, RegExp][] = [
      ['a.npz', zip({ 'x.npy': floats([2, 4]) }), FLOWER, /has "x", which is no input; the model has "X" \(--drop x\)/],
      ['b.npz', zip({ 'city.npy': floats([2, 1]) }), VISIT, /has no input "age"; it has city/],
      ['c.npz', zip({ 'city.npy': floats([2, 1]), 'age.npy': floats([3, 1]) }), VISIT, /"age" has 3 rows and "city" 2/],
      ['d.npy', floats([2, 3]), FLOWER, /a row of input "X" has the shape \[3\]; wanted \[4\]/],
      ['e.npy', floats([2, 3]), VISIT, /the model has 2 inputs; a \.npy file holds one/],
      ['f.npy', floats([0, 4]), FLOWER, /it has 0 rows/],
      ['g.txt', 'x', FLOWER, /ends in none of \.csv, \.json, \.npy, \.npz/],
      ['h.json', '{"rows": 2}', FLOWER, /no list of rows, and has no "inputs"/],
      ['i.json', '{"inputs": {"X": 3}}', FLOWER, /input "X" is no object with a "shape" and "data"/],
      ['j.json', '[[1, 2, 3]]', FLOWER, /has 3 values in row 0/],
    ];
    for (const [name, content, of, reason] of refused) {
      assert.throws(() => rowsOf(name, content, of), { message: reason });
    }
  });
});
