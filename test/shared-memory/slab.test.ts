// Slabs: what one thread writes is what another reads, nothing overlaps, and what does not fit is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { ANSWER_OVERFLOWED, EntryStatus, OWN_MEMORY, Slab, slabTotalBytes } from '../../src/shared-memory/slab.ts';
import { createSlab, createSlabArena, viewSlabArena } from '../../src/shared-memory/slab-arena.ts';
import { randomOf } from './seeded.ts';

const SIZE = { entriesMax: 4, requestBytes: 256, answerBytes: 128 };
const HEADER_BYTES = 64;
const ENTRY_BYTES = 64;
const bytesOf = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

describe('Slab', () => {
  test('slabTotalBytes rounds both areas up, so that every slab of an arena is aligned to 64 bytes', () => {
    assert.equal(slabTotalBytes(SIZE), HEADER_BYTES + 4 * ENTRY_BYTES + 256 + 128);
    for (const [requestBytes, answerBytes] of [[1, 1], [63, 65], [64, 64], [1_000, 7]] as const) {
      const total = slabTotalBytes({ entriesMax: 3, requestBytes, answerBytes });
      assert.equal(total % 64, 0);
      const { slabs } = createSlabArena(3, { entriesMax: 3, requestBytes, answerBytes });
      assert.deepEqual(slabs.map(({ bytes }) => bytes.byteOffset), [0, total, 2 * total]);
      assert.ok(slabs.every((slab) => slab.requestBytesFree >= requestBytes));
    }
  });

  test('every field is read back from a second view of the same memory, and none changes another', () => {
    const { memory, slabs } = createSlabArena(2, SIZE);
    const other = viewSlabArena(memory, 2)[1]!;
    const slab = slabs[1]!;
    const first = slab.append(EntryKind.predictJson, bytesOf(5, 0x11), 1.5, 2.25, 3);
    const second = slab.append(EntryKind.socketJson, bytesOf(9, 0x22), 1e15 + 0.5, Infinity, 0, 0xfffffff1);
    slab.stamp(0xfffffffe, 7, 123.75);
    slab.setAnswerHeaderBytes(second, 6);
    slab.setRows(second, 12);
    slab.setOutcome(second, 3);
    assert.deepEqual([first, second, other.entryCount, other.entriesMax, other.index], [0, 1, 2, 4, 1]);
    assert.deepEqual([other.generation, other.deploymentId, other.cutUs], [0xfffffffe, 7, 123.75]);
    const read = (entry: number): unknown[] => [
      other.kind(entry), other.status(entry), other.receivedUs(entry), other.deadlineUs(entry),
      other.headerBytes(entry), other.answerHeaderBytes(entry), other.rows(entry), other.outcome(entry),
      other.source(entry), [...other.request(entry)],
    ];
    assert.deepEqual(
      read(0), [EntryKind.predictJson, EntryStatus.pending, 1.5, 2.25, 3, 0, 0, 0, 0, [...bytesOf(5, 0x11)]]);
    assert.deepEqual(
      read(1), [
        EntryKind.socketJson, EntryStatus.pending, 1e15 + 0.5, Infinity, 0, 6, 12, 3, 0xfffffff1, [...bytesOf(9, 0x22)],
      ]);
    assert.equal(slabs[0]!.entryCount, 0);
  });

  test('append refuses the entry after the last and the byte after the last, and then changes nothing', () => {
    const [slab] = createSlabArena(1, SIZE).slabs as [Slab];
    assert.equal(slab.append(EntryKind.predictJson, bytesOf(257, 1), 0, 0), -1);
    assert.equal(slab.append(EntryKind.predictJson, bytesOf(256, 1), 0, 0), 0);
    assert.equal(slab.requestBytesFree, 0);
    assert.equal(slab.append(EntryKind.predictJson, bytesOf(1, 2), 0, 0), -1);
    assert.equal(slab.append(EntryKind.predictJson, bytesOf(0, 2), 0, 0), 1, 'an empty body needs no byte');
    assert.deepEqual([slab.entryCount, ...slab.request(0)], [2, ...bytesOf(256, 1)]);
    slab.clear();
    for (let entry = 0; entry < 4; entry += 1) {
      assert.equal(slab.append(EntryKind.predictJson, bytesOf(1, 1), 0, 0), entry);
    }
    assert.equal(slab.append(EntryKind.predictJson, bytesOf(1, 1), 0, 0), -1);
    assert.equal(slab.entryCount, 4);
  });

  test('setAnswer reports what does not fit as overflowed, keeps its status, and still takes smaller answers', () => {
    const [slab] = createSlabArena(1, SIZE).slabs as [Slab];
    for (let entry = 0; entry < 3; entry += 1) slab.append(EntryKind.predictJson, bytesOf(8, entry), 0, 0);
    assert.equal(slab.setAnswer(2, 200, bytesOf(100, 0x44)), true);
    assert.equal(slab.setAnswer(0, 400, bytesOf(25, 0x55)), false);
    assert.equal(slab.setAnswer(1, 500, bytesOf(24, 0x66)), true);
    assert.deepEqual([0, 1, 2].map((entry) => slab.status(entry)), [400, 500, 200]);
    assert.equal(slab.answer(0), undefined);
    assert.equal(ANSWER_OVERFLOWED, -1);
    assert.deepEqual([...slab.answer(1)!, ...slab.answer(2)!], [...bytesOf(24, 0x66), ...bytesOf(100, 0x44)]);
    for (const entry of [0, 1, 2]) assert.deepEqual(slab.request(entry), bytesOf(8, entry));
  });

  test('clear lets a used slab take a full batch again without anything of the one before', () => {
    const [slab] = createSlabArena(1, SIZE).slabs as [Slab];
    const random = randomOf(1);
    for (let round = 0; round < 500; round += 1) {
      slab.clear();
      assert.deepEqual([slab.entryCount, slab.requestBytesFree], [0, 256]);
      const bodies: Uint8Array[] = [];
      for (;;) {
        const body = bytesOf(Math.floor(random() * 90), bodies.length + 1);
        if (slab.append(EntryKind.predictJson, body, round, round) < 0) break;
        bodies.push(body);
      }
      for (const [entry, body] of bodies.entries()) {
        assert.deepEqual(
          [
            slab.status(entry), slab.answer(entry)?.length, slab.rows(entry), slab.outcome(entry),
            slab.answerHeaderBytes(entry),
          ],
          [EntryStatus.pending, 0, 0, 0, 0]);
        slab.setRows(entry, 9);
        slab.setOutcome(entry, 2);
        slab.setAnswerHeaderBytes(entry, 1);
        slab.setAnswer(entry, 200, bytesOf(30, 0x70 + entry));
        assert.deepEqual(slab.request(entry), body);
      }
      for (const entry of bodies.keys()) assert.deepEqual(slab.answer(entry), bytesOf(30, 0x70 + entry));
    }
  });

  test('neighbours in an arena never write into each other, even when both are full', () => {
    const { slabs } = createSlabArena(3, SIZE);
    for (const [index, slab] of slabs.entries()) {
      for (let entry = 0; entry < 4; entry += 1) slab.append(EntryKind.predictJson, bytesOf(64, index), index, index);
      for (let entry = 0; entry < 4; entry += 1) assert.ok(slab.setAnswer(entry, 200, bytesOf(32, 0x80 + index)));
      slab.stamp(index, index, index);
    }
    for (const [index, slab] of slabs.entries()) {
      assert.deepEqual([slab.generation, slab.deploymentId, slab.cutUs], [index, index, index]);
      for (let entry = 0; entry < 4; entry += 1) {
        assert.deepEqual(slab.request(entry), bytesOf(64, index));
        assert.deepEqual(slab.answer(entry), bytesOf(32, 0x80 + index));
      }
    }
  });

  test('createSlab holds one body of any size and its answer, in memory of its own', () => {
    for (const bodyBytes of [1, 100, 70_001]) {
      const slab = createSlab({ entriesMax: 1, requestBytes: bodyBytes, answerBytes: bodyBytes });
      const worker = new Slab(slab.memory);
      assert.equal(slab.index, OWN_MEMORY);
      assert.equal(slab.append(EntryKind.predictJson, bytesOf(bodyBytes, 3), 0, 0), 0);
      assert.equal(slab.append(EntryKind.predictJson, bytesOf(0, 3), 0, 0), -1);
      assert.deepEqual(worker.request(0), bytesOf(bodyBytes, 3));
      assert.ok(worker.setAnswer(0, 200, bytesOf(bodyBytes, 4)));
      assert.deepEqual(slab.answer(0), bytesOf(bodyBytes, 4));
    }
  });
});
