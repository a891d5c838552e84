// The in-flight record: what a process wrote before it was killed is what another one reads from the same file.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EntryKind } from '../../src/protocols/protocol.ts';
import {
  adoptInFlightFile, createInFlightFile, InFlightFile, InFlightSlot,
} from '../../src/shared-memory/in-flight.ts';
import { createSlab } from '../../src/shared-memory/slab-arena.ts';
import { EntryStatus, type Slab } from '../../src/shared-memory/slab.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SIZE = { entriesMax: 4, requestBytes: 4_096, answerBytes: 64 };
const IDENTITY = { model: 'm', version: '7' };
const bodyOf = (fill: number, length = 5): Uint8Array => new Uint8Array(length).fill(fill);

function file(): InFlightFile {
  const fd = createInFlightFile();
  assert.ok(fd !== null, 'this host has shared memory');
  return new InFlightFile(fd);
}

function batch(...bodies: Uint8Array[]): Slab {
  const requestBytes = bodies.reduce((sum, { length }) => sum + length + 8, 0);
  const slab = createSlab({ ...SIZE, requestBytes });
  for (const body of bodies) slab.append(EntryKind.predictJson, body, 1, 2, 3);
  slab.stamp(9, 1, 5);
  slab.beginRun();
  return slab;
}

describe('the in-flight record', () => {
  test('holds the requests that somebody waits for between the beginning and the end of a batch', () => {
    const record = file();
    const place = record.take(2)!;
    const [first, second] = [0, 1].map((worker) => new InFlightSlot(place, worker, IDENTITY)) as [
      InFlightSlot, InFlightSlot];
    assert.deepEqual(record.running(), []);
    const slab = batch(bodyOf(1), bodyOf(2, 700), bodyOf(3));
    slab.setStatus(0, EntryStatus.cancelled);
    first.begin(slab);
    second.begin(batch(bodyOf(4)));
    const requests = [bodyOf(2, 700), bodyOf(3)].map((body) =>
      ({ kind: EntryKind.predictJson, headerBytes: 3, body }));
    const [one, two] = record.running();
    assert.deepEqual(one, { ...IDENTITY, generation: 9, requests });
    assert.deepEqual(two?.requests?.map(({ body }) => body), [bodyOf(4)]);
    first.end();
    assert.equal(record.running().length, 1);
    first.begin(slab);
    const other = batch(bodyOf(5));
    other.stamp(9, 1, 6);
    record.forget(other);
    assert.equal(record.running().length, 2);
    record.forget(slab);
    assert.deepEqual(record.running(), [], 'both were cut at the same time for the same deployment');
    first.begin(slab);
    record.clear();
    assert.deepEqual(record.running(), []);
    closeSync(record.fd);
  });

  test('says of a batch that is too large for it only whose it is', () => {
    const record = file();
    new InFlightSlot(record.take(1)!, 0, IDENTITY).begin(batch(bodyOf(1, 2 * 1_024 * 1_024)));
    assert.deepEqual(record.running(), [{ ...IDENTITY, generation: 9, requests: null }]);
    closeSync(record.fd);
  });

  test('gives places that do not overlap, as many as there are, and again when they are given back', () => {
    const record = file();
    const taken = Array.from({ length: 64 }, () => record.take(4));
    assert.deepEqual(taken.map((place) => place?.base), Array.from({ length: 64 }, (_, at) => at * 4));
    assert.equal(record.take(1), null);
    record.give(taken[5]!, 4);
    assert.deepEqual([record.take(4)?.base, record.take(1)], [20, null]);
    closeSync(record.fd);
  });

  test('keeps a text and how the last process ended', () => {
    const record = file();
    assert.deepEqual([record.text, record.lastEnd], ['', undefined]);
    record.text = '[{"a":"ü"}]';
    record.noteEnd(11);
    assert.deepEqual([record.text, record.lastEnd], ['[{"a":"ü"}]', 11]);
    record.noteEnd(null);
    record.text = 'x'.repeat(100_000);
    assert.deepEqual([record.text, record.lastEnd], ['[{"a":"ü"}]', null], 'a text that does not fit is not written');
    closeSync(record.fd);
  });

  test('outlives the process that wrote it, by SIGKILL in the middle of its batches, and has no name', async () => {
    const record = file();
    assert.deepEqual(readdirSync('/dev/shm').filter((name) => name.startsWith('lastgood-')), []);
    for (let round = 0; round < 5; round += 1) {
      const writer = spawn(process.execPath, [join(import.meta.dirname, 'in-flight-writer.js')], {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc', record.fd],
      });
      await once(writer.stdout!, 'data');
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      const [left] = record.running();
      const bodies = left?.requests?.map(({ body }) => body) ?? [];
      assert.ok(bodies.length <= 2);
      for (const body of bodies) assert.deepEqual(body, bodyOf(body[0]!, 900), 'no request is torn');
      record.clear();
    }
    closeSync(record.fd);
  });

  test('is not taken over from what is no such file, and is closed in the processes that are started', () => {
    const other = openSync(join(temporaryDirectory(), 'other'), 'wx+');
    assert.equal(adoptInFlightFile(other), null);
    closeSync(other);
    const child = spawnSync(process.execPath, ['-e', 'console.log(fs.readdirSync("/proc/self/fd").map((fd) => {' +
      'try { return fs.readlinkSync(`/proc/self/fd/${fd}`) } catch { return "" } }).join(" "))']);
    assert.doesNotMatch(String(child.stdout), /lastgood-/);
  });
});
