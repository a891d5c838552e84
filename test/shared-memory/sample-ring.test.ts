// Sample rings: what is written is read, what is overwritten is counted, and no record is ever half of two.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  Outcome, RECORD_BYTES, SampleKind, SampleReader, SampleWriter, emptySample, sampleRingBytes, sampleRingOffset,
} from '../../src/shared-memory/sample-ring.ts';
import { UNKNOWN_SOURCE } from '../../src/shared-memory/source-ids.ts';
import { Track } from '../../src/shared-memory/slab.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { checkedSample, isWhole } from './checked-sample.ts';
import { randomOf } from './seeded.ts';

const CAPACITY = 8;

function ring(capacity = CAPACITY): { memory: SharedArrayBuffer; writer: SampleWriter; reader: SampleReader } {
  const memory = new SharedArrayBuffer(sampleRingBytes(capacity));
  return {
    memory, writer: new SampleWriter(memory, 0, capacity), reader: new SampleReader(memory, 0, capacity),
  };
}

/** Writes records number `from` to `from + count - 1` and publishes them together. */
function write(writer: SampleWriter, from: number, count: number): void {
  writer.begin(count);
  for (let index = from; index < from + count; index += 1) writer.write(checkedSample(index));
  writer.publish();
}

/** The numbers of the records that a drain finds; fails on a record that is not whole. */
function read(reader: SampleReader, limit?: number): number[] {
  const numbers: number[] = [];
  const visited = reader.drain((sample) => {
    assert.ok(isWhole(sample), 'a record is part of two');
    numbers.push(sample.rows);
  }, limit);
  assert.equal(visited, numbers.length);
  return numbers;
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe('SampleWriter and SampleReader', () => {
  test('every field comes back as it was written', () => {
    const { writer, reader } = ring();
    const full: Sample = {
      generation: 0xfffffff0, kind: SampleKind.row, outcome: Outcome.deadline, rows: 2, batchRows: 64, latencyUs: 1_234,
      queueUs: 17, runUs: 999, classIndex: 7, atUs: 1e15 + 0.25, value: -1.5e-300, entropy: 0.5, hash: 0x7bcdef01,
      input: -5, track: Track.named, isRunFirst: true, direction: -1, projection: NaN,
      source: UNKNOWN_SOURCE,
    };
    const vector: Sample = { ...full, classIndex: -1, entropy: NaN, isRunFirst: false, direction: 7, projection: -0.5 };
    writer.begin(3);
    writer.write(full);
    writer.write(vector);
    writer.write(emptySample());
    assert.equal(reader.drain(() => assert.fail('nothing is published yet')), 0);
    writer.publish();
    const samples: Sample[] = [];
    reader.drain((sample) => samples.push({ ...sample }));
    assert.deepEqual(samples, [full, vector, emptySample()]);
    assert.equal(reader.lapped, 0);
  });

  test('write clamps times that no Int32 holds and never wraps one into a small number', () => {
    const { writer, reader } = ring();
    const max = 2 ** 31 - 1;
    for (const [given, kept] of [[-5, 0], [NaN, 0], [2 ** 31, max], [Infinity, max], [1.9, 1]] as const) {
      writer.begin(1);
      writer.write({ ...emptySample(), latencyUs: given, queueUs: given, runUs: given });
      writer.publish();
      reader.drain(({ latencyUs, queueUs, runUs }) =>
        assert.deepEqual([latencyUs, queueUs, runUs], [kept, kept, kept]));
    }
  });

  test('write refuses a record that begin did not announce', () => {
    const { writer } = ring();
    assert.throws(() => writer.write(emptySample()), /announced fewer/);
    writer.begin(1);
    writer.write(emptySample());
    assert.throws(() => writer.write(emptySample()), /announced fewer/);
  });

  test('drain hands out at most its limit and goes on where it stopped', () => {
    const { writer, reader } = ring();
    write(writer, 0, 7);
    assert.deepEqual([read(reader, 3), read(reader, 3), read(reader, 3)], [[0, 1, 2], [3, 4, 5], [6]]);
  });

  test('a reader that starts late or falls behind gets the newest records and counts exactly the others', () => {
    const { memory, writer } = ring();
    for (let index = 0; index < 100; index += 1) write(writer, index, 1);
    const late = new SampleReader(memory, 0, CAPACITY);
    assert.deepEqual(read(late), range(92, 100));
    assert.equal(late.lapped, 92);
    write(writer, 100, 3);
    assert.deepEqual(read(late), [100, 101, 102]);
    write(writer, 103, 5);
    write(writer, 108, 5);
    assert.deepEqual(read(late), range(105, 113));
    assert.equal(late.lapped, 94);
  });

  test('records that are announced but not yet written count as lapped, not as read', () => {
    const { writer, reader } = ring();
    write(writer, 0, 8);
    writer.begin(3);
    writer.write(checkedSample(8));
    assert.deepEqual(read(reader), range(3, 8));
    assert.equal(reader.lapped, 3);
    writer.write(checkedSample(9));
    writer.write(checkedSample(10));
    writer.publish();
    assert.deepEqual(read(reader), [8, 9, 10]);
  });

  test('whatever the order of writing and reading, read plus lapped is what was published', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomOf(seed);
      const { writer, reader } = ring();
      let published = 0;
      let last = -1;
      let seen = 0;
      for (let step = 0; step < 200; step += 1) {
        const count = Math.floor(random() * 2.2 * CAPACITY);
        if (random() < 0.5) {
          write(writer, published, count);
          published += count;
        } else {
          for (const number of read(reader, 1 + Math.floor(random() * CAPACITY))) {
            assert.ok(number > last && number < published);
            last = number;
            seen += 1;
          }
        }
      }
      seen += read(reader).length;
      assert.equal(seen + reader.lapped, published, `seed ${seed}`);
    }
  });

  test('the positions wrap around the Int32 range without a gap', () => {
    const { memory } = ring();
    const words = new Int32Array(memory);
    // Both counters stand just below the wrap, as after two thousand million samples.
    const almost = 0x7fffffff - 2;
    words[0] = almost;
    words[16] = almost;
    const writer = new SampleWriter(memory, 0, CAPACITY);
    const reader = new SampleReader(memory, 0, CAPACITY);
    assert.equal(reader.drain(() => undefined), CAPACITY);
    const lapped = reader.lapped;
    write(writer, 0, 6);
    assert.deepEqual(read(reader), range(0, 6));
    assert.equal(reader.lapped, lapped);
  });

  test('a new writer goes on after what its dead predecessor published, and what that one spoilt is never read', () => {
    const { memory, writer, reader } = ring();
    write(writer, 0, 8);
    writer.begin(4);
    writer.write(checkedSample(100));
    writer.write(checkedSample(101));
    const successor = new SampleWriter(memory, 0, CAPACITY);
    write(successor, 8, 1);
    assert.deepEqual(read(reader), range(4, 9));
    assert.equal(reader.lapped, 4);
    write(successor, 9, 4);
    assert.deepEqual(read(reader), range(9, 13));
  });

  test('sampleRingBytes refuses every capacity that is no power of two', () => {
    for (const capacity of [0, 1, 3, 6, 100, -8, 2.5, NaN]) {
      assert.throws(() => sampleRingBytes(capacity), /power of two/, String(capacity));
    }
    assert.equal(sampleRingBytes(16), 128 + 16 * RECORD_BYTES);
    assert.equal(sampleRingOffset(3, 16) % 64, 0);
  });

  test('rings of one memory lie side by side and never touch', () => {
    const memory = new SharedArrayBuffer(3 * sampleRingBytes(CAPACITY));
    const rings = [0, 1, 2].map((index) => sampleRingOffset(index, CAPACITY));
    const writers = rings.map((offset) => new SampleWriter(memory, offset, CAPACITY));
    const readers = rings.map((offset) => new SampleReader(memory, offset, CAPACITY));
    for (const [index, writer] of writers.entries()) write(writer, index * 1_000, CAPACITY);
    const wanted = [0, 1_000, 2_000].map((from) => range(from, from + CAPACITY));
    assert.deepEqual(readers.map((reader) => read(reader)), wanted);
  });

  test('with the writer in another thread no record is torn, doubled or out of order, however far it runs ahead', async () => {
    for (const capacity of [2, 64, 1_024]) {
      const memory = new SharedArrayBuffer(sampleRingBytes(capacity));
      const total = 400_000;
      const worker = new Worker(fileURLToPath(new URL('./ring-writer.js', import.meta.url)), {
        workerData: { memory, capacity, total },
      });
      const ended = new Promise<number>((resolve) => worker.once('exit', resolve));
      const state = { isOver: false };
      void ended.then(() => (state.isOver = true));
      const reader = new SampleReader(memory, 0, capacity);
      let seen = 0;
      let last = -1;
      for (;;) {
        const wasOver = state.isOver;
        const found = reader.drain((sample) => {
          assert.ok(isWhole(sample), `record ${sample.rows} after ${last} is torn`);
          assert.ok(sample.rows > last, `record ${sample.rows} came after ${last}`);
          last = sample.rows;
          seen += 1;
        });
        if (wasOver && found === 0) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(await ended, 0);
      assert.equal(last, total - 1);
      assert.equal(seen + reader.lapped, total);
    }
  });
});
