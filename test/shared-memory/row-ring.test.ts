// Row rings: whole rows of any size come back as they were written, what is overwritten is counted and never read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { RowReader, RowWriter, rowRingBytes, rowRingOffset, setRowPause } from '../../src/shared-memory/row-ring.ts';
import type { RowRingSize } from '../../src/shared-memory/row-ring.ts';
import { numberOf, writeNumbered } from './checked-row.ts';
import { randomOf } from './seeded.ts';

const SIZE: RowRingSize = { rows: 8, dataBytes: 2_048 };

function ring(size = SIZE): { memory: SharedArrayBuffer; writer: RowWriter; reader: RowReader } {
  const memory = new SharedArrayBuffer(rowRingBytes(size));
  return { memory, writer: new RowWriter(memory, 0, size), reader: new RowReader(memory, 0, size) };
}

function read(reader: RowReader, limit?: number): number[] {
  const numbers: number[] = [];
  reader.drain((row) => numbers.push(numberOf(row)), limit);
  return numbers;
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const nothing = new Uint8Array(0);
const about = { generation: 1, outcome: 0, row: 0, latencyUs: 0, input: 0, atUs: 0, source: 0 };

describe('RowWriter and RowReader', () => {
  test('rows of changing length come back whole and in order, across the end of the data', () => {
    const { writer, reader } = ring();
    for (let number = 0; number < 500; number += 1) {
      assert.ok(writeNumbered(writer, number));
      assert.deepEqual(read(reader), [number]);
    }
    assert.equal(reader.lapped, 0);
  });

  test('a drain stops at its limit and goes on there; a rewound one reads all that is left again', () => {
    const { writer, reader } = ring();
    for (const number of range(0, 6)) writeNumbered(writer, number);
    assert.deepEqual([read(reader, 4), read(reader)], [[0, 1, 2, 3], [4, 5]]);
    assert.deepEqual(read(reader.rewind()), range(0, 6));
    for (const number of range(6, 11)) writeNumbered(writer, number);
    assert.deepEqual(read(reader.rewind()), range(3, 11));
  });

  test('a lapped reader gets the newest rows and counts exactly the others', () => {
    const { writer, reader } = ring();
    for (const number of range(0, 20)) writeNumbered(writer, number);
    assert.deepEqual(read(reader), range(12, 20));
    assert.equal(reader.lapped, 12);
  });

  test('few large rows push out older ones before their entries do', () => {
    const { writer, reader } = ring();
    const large = new Uint8Array(248).fill(7);
    for (let number = 0; number < 8; number += 1) {
      assert.ok(writer.write({ ...about, generation: number }, [number], 0, 1, large));
    }
    writer.write({ ...about, generation: 8 }, [8], 0, 1, large);
    const seen: number[] = [];
    reader.drain((row) => {
      assert.equal(row.outputs[0], row.generation);
      assert.ok(row.inputs.every((byte) => byte === 7));
      seen.push(row.generation);
    });
    assert.deepEqual(seen, range(1, 9));
  });

  test('a row that takes more than an eighth of the data is refused and counted', () => {
    const { writer, reader } = ring();
    assert.equal(writer.write(about, [], 0, 0, new Uint8Array(256)), true);
    assert.equal(writer.write(about, [], 0, 0, new Uint8Array(257)), false);
    assert.equal(writer.write(about, new Float64Array(33), 0, 33, nothing), false);
    assert.equal(reader.skipped, 2);
    assert.equal(reader.drain(() => undefined), 1);
  });

  test('NaN and infinities are numbers of a row like all others', () => {
    const { writer, reader } = ring();
    writer.write(about, [NaN, Infinity, -Infinity], 0, 3, nothing);
    reader.drain(({ outputs }) => assert.deepEqual([...outputs], [NaN, Infinity, -Infinity]));
  });

  test('the counters wrap around the Int32 range without a gap', () => {
    const { memory } = ring();
    const words = new Int32Array(memory);
    words[0] = words[16] = 0x7fffffff - 2;
    words[1] = 0x7fffffff - 5;
    const writer = new RowWriter(memory, 0, SIZE);
    const reader = new RowReader(memory, 0, SIZE);
    reader.drain(() => undefined);
    for (const number of range(0, 6)) writeNumbered(writer, number);
    assert.deepEqual(read(reader), range(0, 6));
  });

  test('a new writer goes on after its dead predecessor', () => {
    const { memory, writer, reader } = ring();
    for (const number of range(0, 3)) writeNumbered(writer, number);
    const successor = new RowWriter(memory, 0, SIZE);
    for (const number of range(3, 6)) writeNumbered(successor, number);
    assert.deepEqual(read(reader), range(0, 6));
  });

  test('rows are wanted when the owner says so, ring by ring', () => {
    const memory = new SharedArrayBuffer(2 * rowRingBytes(SIZE));
    const writers = [0, 1].map((index) => new RowWriter(memory, rowRingOffset(index, SIZE), SIZE));
    assert.deepEqual(writers.map(({ pauseUs }) => pauseUs), [0, 0]);
    setRowPause(memory, rowRingOffset(1, SIZE), 20_000);
    assert.deepEqual(writers.map(({ pauseUs }) => pauseUs), [0, 20_000]);
    setRowPause(memory, rowRingOffset(1, SIZE), 0);
    assert.deepEqual(writers.map(({ pauseUs }) => pauseUs), [0, 0]);
  });

  test('rowRingBytes refuses sizes that are no powers of two', () => {
    for (const size of [{ rows: 3, dataBytes: 64 }, { rows: 4, dataBytes: 100 }, { rows: 4, dataBytes: 2 ** 40 }]) {
      assert.throws(() => rowRingBytes(size), /powers of two/);
    }
  });

  test('whatever the order of writing and reading, read plus lapped is what was written', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomOf(seed);
      const { writer, reader } = ring({ rows: 16, dataBytes: 512 });
      let written = 0;
      let seen = 0;
      let last = -1;
      for (let step = 0; step < 300; step += 1) {
        if (random() < 0.7) {
          for (let more = random() * 20; more > 0; more -= 1) if (writeNumbered(writer, written)) written += 1;
          continue;
        }
        for (const number of read(reader, 1 + Math.floor(random() * 8))) {
          assert.ok(number > last && number < written);
          last = number;
          seen += 1;
        }
      }
      seen += read(reader).length;
      assert.equal(seen + reader.lapped, written, `seed ${seed}`);
    }
  });

  test('with the writer in another thread no row is torn, doubled or out of order, however far it runs ahead', async () => {
    for (const [rows, dataBytes] of [[4, 1_024], [1_024, 4_096], [256, 65_536]] as const) {
      const size = { rows, dataBytes };
      const memory = new SharedArrayBuffer(rowRingBytes(size));
      const total = 200_000;
      const worker = new Worker(fileURLToPath(new URL('./row-writer.js', import.meta.url)), {
        workerData: { memory, size, total },
      });
      const ended = new Promise<number>((resolve) => worker.once('exit', resolve));
      const state = { isOver: false };
      void ended.then(() => (state.isOver = true));
      const reader = new RowReader(memory, 0, size);
      let seen = 0;
      let last = -1;
      for (;;) {
        const wasOver = state.isOver;
        const found = reader.drain((row) => {
          const number = numberOf(row);
          assert.ok(number > last, `row ${number} came after ${last}`);
          last = number;
          seen += 1;
        });
        if (wasOver && found === 0) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await ended, 0);
      assert.equal(last, total - 1);
      assert.ok(seen + reader.lapped === total);
    }
  });
});
