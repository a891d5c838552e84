// Whether one more version fits into memory, from what its trial measured.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasRoom, roomFor } from '../../../src/rollout/deployment/room.ts';

const MIB = 1024 ** 2;
const trial = {
  residentBytes: 150 * MIB,
  memory: {
    modelBytes: 140 * MIB, open: [], dimensions: [],
    rows: [{ size: 1, elements: 1, bytes: 0 }, { size: 64, elements: 64, bytes: 3 * MIB }],
  },
};
const version = { version: '2', artifactBytes: 128 * MIB, trial };
const process = { workers: 4, usedBytes: 300 * MIB, limitBytes: 800 * MIB };

test('roomFor counts the weights once for each worker, and not at all where they map one file', () => {
  const plain = roomFor(version, { ...process, isPrepared: false });
  assert.equal(plain.bytes, 4 * (140 + 3 + 12) * MIB);
  assert.equal(hasRoom(plain), false);
  const prepared = roomFor(version, { ...process, isPrepared: true });
  assert.equal(prepared.bytes, 4 * (12 + 3 + 12) * MIB);
  assert.equal(hasRoom(prepared), true);
  assert.equal(hasRoom(roomFor(version, { ...process, limitBytes: null, isPrepared: false })), null);
});

test('roomFor takes what the trial\'s process grew by where its runs were not measured', () => {
  const unmeasured = { ...version, trial: { residentBytes: 150 * MIB } };
  assert.equal(roomFor(unmeasured, { ...process, workers: 1, isPrepared: false }).bytes, (150 + 12) * MIB);
});
