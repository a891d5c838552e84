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

  test('holds whole lines whatever a disk refuses, and goes on behind them', { skip: withoutPrlimit }, () => {
    const { path, file } = open(100, 3);
    file.write('whole\n');
    refuseWrites(process.pid, 10);
    try {
      assert.throws(() => file.write('not whole\n'), { code: 'EFBIG' });
      assert.equal(read(path), 'whole\n');
    } finally {
      allowWrites(process.pid);
    }
    file.write('again\n');
    assert.equal(read(path), 'whole\nagain\n');
    file.close();
  });

  test('that is refused while it rotates loses none of the files that are kept', { skip: withoutPrlimit }, () => {
    const { path, file } = open(20, 4);
    for (const name of ['a', 'b']) file.write(`${name.repeat(15)}\n`);
    refuseWrites(process.pid);
    try {
      for (let again = 0; again < 5; again += 1) assert.throws(() => file.write(`${'c'.repeat(15)}\n`));
    } finally {
      allowWrites(process.pid);
    }
    file.write('d\n');
    file.close();
    assert.deepEqual([`${path}.2`, `${path}.1`, path].map((one) => read(one).replace(/(.)\1+/g, '$1')),
      ['a\n', 'head\nb\n', 'd\n']);
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
