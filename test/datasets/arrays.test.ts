// The readers of .npy and .npz: what NumPy writes is read, what is damaged or of another kind is refused with a reason,
// whatever bytes come.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readNpy } from '../../src/datasets/npy.ts';
import { readNpz } from '../../src/datasets/npz.ts';
import { seededRandom } from '../judge/fixtures.ts';
import { smallModel } from '../support/small-models.ts';
import { npy, zip } from './arrays.ts';

const BYTES_MAX = 1 << 20;

describe('readNpy', () => {
  test('reads what NumPy wrote', () => {
    const { datatype, shape, data } = readNpy(readFileSync(smallModel('iris.npy')));
    assert.deepEqual([datatype, shape, data.length], ['FP32', [150, 4], 600]);
    assert.deepEqual([...data.slice(0, 4)].map((value) => Number(value).toFixed(1)), ['5.1', '3.5', '1.4', '0.2']);
  });

  test('reads every element type that an input may have', () => {
    const numbers: [string, string, Buffer, unknown[]][] = [
      ['|b1', 'BOOL', Buffer.from([1, 0]), [1, 0]], ['|i1', 'INT8', Buffer.from([255, 1]), [-1, 1]],
      ['<u2', 'UINT16', Buffer.from([1, 2, 255, 255]), [513, 65535]],
      ['<i8', 'INT64', Buffer.from([255, 255, 255, 255, 255, 255, 255, 127]), [2n ** 63n - 1n]],
      ['<f2', 'FP16', Buffer.from([0, 60]), [0x3c00]],
      ['<f8', 'FP64', Buffer.from(Float64Array.of(0.1).buffer), [0.1]],
      ['<U2', 'BYTES', Buffer.from(Uint32Array.of(0x1f600, 0, 0x61, 0x62).buffer), ['😀', 'ab']],
      ['|S2', 'BYTES', Buffer.from('a\0éé').subarray(0, 4), ['a', 'é']],
    ];
    for (const [descr, datatype, bytes, wanted] of numbers) {
      const found = readNpy(npy(descr, [wanted.length], bytes));
      assert.deepEqual([found.datatype, [...found.data]], [datatype, wanted], descr);
    }
    assert.deepEqual(readNpy(npy('<f4', [], Buffer.from(Float32Array.of(2).buffer))).shape, []);
  });

  test('refuses what it would have to guess at', () => {
    const one = Buffer.alloc(4);
    const refused: [Uint8Array, RegExp][] = [
      [npy('>f4', [1], one), /elements are >f4; wanted one of/], [npy('|O', [1], one), /elements are \|O/],
      [npy('<f4', [1], one, 'True'), /Fortran order; wanted C order/],
      [npy('<f4', [2], one), /4 bytes of elements; wanted 8/],
      [npy('<f4', [1], Buffer.alloc(5)), /5 bytes of elements; wanted 4/],
      [npy('<f4', [2 ** 30, 2 ** 30], one), /larger than any file/],
      [npy('<f4', Array<number>(17).fill(1), one), /17 dimensions; wanted at most 16/],
      [npy('<U1', [1], Buffer.from(Uint32Array.of(0x110000).buffer)), /no character/],
      [Buffer.from('PK'), /does not begin as a \.npy file does/],
      [npy('<f4', [1], one).subarray(0, 40), /header is cut off/],
    ];
    for (const [bytes, reason] of refused) assert.throws(() => readNpy(bytes), reason);
  });
});

describe('readNpz', () => {
  test('reads what NumPy wrote, stored and deflated', () => {
    const visit = readNpz(readFileSync(smallModel('visit.npz')), BYTES_MAX);
    assert.deepEqual([...visit.keys()], ['city', 'age']);
    assert.deepEqual(visit.get('city')!.data.slice(0, 3), ['Rome', 'Oslo', 'Zürich']);
    const iris = readNpz(readFileSync(smallModel('iris.npz')), BYTES_MAX);
    assert.deepEqual(iris.get('X'), readNpy(readFileSync(smallModel('iris.npy'))));
  });

  test('refuses what is damaged, too large, or no archive of arrays', () => {
    const array = npy('<f4', [1], Buffer.alloc(4));
    const damaged = Buffer.from(zip({ 'x.npy': array }));
    damaged[damaged.indexOf(array) + array.length - 1]! ^= 1;
    const refused: [Uint8Array, RegExp][] = [
      [damaged, /array "x": its checksum is wrong/], [zip({ 'x.txt': array }), /it is no \.npy file/],
      [zip({ 'x.npy': Buffer.alloc(BYTES_MAX + 1) }), /1048577 bytes; wanted at most 1048576/],
      [zip({ 'x.npy': array }).subarray(0, 60), /end of a zip archive is missing/],
      [zip({ 'x.npy': array }, { method: 12 }), /packed by method 12/],
      [zip({ 'x.npy': array }, { unpacked: array.length - 1 }), /bytes; wanted/],
    ];
    for (const [bytes, reason] of refused) assert.throws(() => readNpz(bytes, BYTES_MAX), reason);
  });

  test('takes no more memory than is announced from a small archive that unpacks to a large one', () => {
    const bomb = zip({ 'x.npy': Buffer.alloc(BYTES_MAX * 32) }, { unpacked: 1_000, deflate: true });
    assert.throws(() => readNpz(bomb, BYTES_MAX), /array "x"/);
  });
});

test('damaged arrays and archives are read or refused with an Error, and nothing else happens', () => {
  const random = seededRandom(11);
  const sources = [
    [readFileSync(smallModel('iris.npy')), readNpy], [readFileSync(smallModel('visit.npz')), readNpz],
    [readFileSync(smallModel('iris.npz')), readNpz],
  ] as const;
  let refusals = 0;
  for (let round = 0; round < 3_000; round += 1) {
    const [bytes, read] = sources[round % sources.length]!;
    const copy = Buffer.from(bytes.subarray(0, random() < 0.2 ? Math.floor(random() * bytes.length) : bytes.length));
    for (let flips = 0; flips < 1 + random() * 4 && copy.length > 0; flips += 1) {
      // Mostly where the structure is: at both ends.
      const reach = random() < 0.5 ? Math.min(160, copy.length) : copy.length;
      const at = Math.floor(random() * reach);
      copy[random() < 0.5 ? at : copy.length - 1 - at] = Math.floor(random() * 256);
    }
    try {
      read(copy, BYTES_MAX);
    } catch (error) {
      assert.ok(error instanceof Error && error.message.length > 0);
      assert.doesNotMatch(error.message, /undefined|is not a function|Cannot read/);
      refusals += 1;
    }
  }
  assert.ok(refusals > 1_000, `${refusals} of 3,000`);
});
