// The file of a recording: its limit, its rotation, its head, and what is there already.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { RecordFile } from '../../src/record/record-file.ts';
import { allowWrites, namedPipe, refuseWrites, withoutPrlimit } from '../support/disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const open = (bytesMax: number, filesMax: number, path = join(temporaryDirectory(), 's.ndjson')) =>
  ({ path, file: new RecordFile({ path, bytesMax, filesMax, head: () => 'head\n' }) });
const read = (path: string): string => readFileSync(path, 'utf8');

suite('RecordFile', () => {
  test('rotates at its limit, keeps so many files, and begins each with its head', () => {
    const { path, file } = open(20, 3);
    for (const name of ['a', 'b', 'c', 'd', 'e']) file.write(`${name.repeat(9)}\n`);
    file.write(`${'f'.repeat(9)}\n`);
    file.close();
    assert.deepEqual([path, `${path}.1`, `${path}.2`].map((one) => read(one).split('\n').map((line) => line[0] ?? '')),
      [['h', 'f', ''], ['h', 'e', ''], ['h', 'd', '']]);
    assert.equal(existsSync(`${path}.3`), false);
  });

  test('never writes over a recording that is there, and lets nobody else read', () => {
    const path = join(temporaryDirectory(), 's.ndjson');
    writeFileSync(path, 'old\n');
    const { file } = open(100, 2, path);
    file.write('new\n');
    file.close();
    assert.deepEqual([read(path), read(`${path}.1`)], ['new\n', 'old\n']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test('throws what a disk says that takes nothing more', { skip: withoutPrlimit }, () => {
    const { file } = open(100, 1);
    refuseWrites(process.pid);
    try {
      assert.throws(() => file.write('x\n'), { code: 'EFBIG' });
    } finally {
      allowWrites(process.pid);
    }
  });

  test('opens nothing but a regular file, and leaves what is in its place', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'kept'), '');
    assert.throws(() => open(100, 2, directory), /it is a directory; wanted a regular file/);
    assert.ok(existsSync(join(directory, 'kept')));
    assert.throws(() => open(100, 2, '/dev/full'), /it is a device; wanted a regular file/);
    assert.throws(() => open(100, 2, namedPipe()), /it is a named pipe; wanted a regular file/);
  });
});
