// Files that somebody names: what is opened, what is refused, and that a limit holds whatever a file says of itself.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openForWriting, readRegularFile, RegularFile } from '../../src/base/regular-file.ts';
import { namedPipe } from '../support/disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** What is no regular file, by what it is called. */
async function others(): Promise<{ readonly paths: readonly (readonly [string, string])[]; close: () => void }> {
  const socket = join(temporaryDirectory(), 'socket');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  const link = join(temporaryDirectory(), 'link');
  symlinkSync('/dev/zero', link);
  const paths = [
    [namedPipe(), 'a named pipe'], ['/dev/zero', 'a device'], [temporaryDirectory(), 'a directory'],
    [socket, 'a socket'], [link, 'a device'],
  ] as const;
  return { paths, close: () => void server.close() };
}

suite('RegularFile', () => {
  test('opens nothing else, for reading or for writing, and waits for nothing', async () => {
    const { paths, close } = await others();
    for (const [path, what] of paths) {
      const message = `it is ${what}; wanted a regular file`;
      assert.throws(() => RegularFile.open(path, 100), { message }, path);
      assert.throws(() => openForWriting(path, 0o600), { message }, path);
    }
    close();
  });

  test('reads a file, also behind a link, whole and in pieces', async () => {
    const path = join(temporaryDirectory(), 'file');
    const text = 'zwölf '.repeat(100_000);
    writeFileSync(path, text);
    const link = join(temporaryDirectory(), 'link');
    symlinkSync(path, link);
    assert.equal(readRegularFile(link, 1_000_000), text);
    const file = RegularFile.open(link, 1_000_000);
    const pieces: Buffer[] = [];
    for await (const piece of file.pieces()) pieces.push(piece);
    assert.equal(Buffer.concat(pieces).toString(), text);
    assert.equal(file.bytes, 700_000);
    file.close();
  });

  test('refuses more bytes than its limit, also of a file that grows or that tells no size', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, 'x'.repeat(11));
    assert.throws(() => RegularFile.open(path, 10), { message: 'it has 11 bytes; wanted at most 10' });
    writeFileSync(path, 'x'.repeat(10));
    const file = RegularFile.open(path, 10);
    assert.equal(file.text(), 'x'.repeat(10));
    writeFileSync(path, 'x'.repeat(11));
    assert.throws(() => file.text(), /more than 10 bytes; wanted at most that many/);
    await assert.rejects(async () => {
      for await (const piece of file.pieces()) assert.ok(piece.length > 0);
    }, /more than 10 bytes/);
    file.close();
    assert.equal(statSync('/proc/self/status').size, 0);
    assert.throws(() => readRegularFile('/proc/self/status', 10), /more than 10 bytes/);
  });

  test('openForWriting empties what is there and gives a new file its mode', () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, 'old');
    const file = RegularFile.open(path, 10);
    const fresh = join(temporaryDirectory(), 'fresh');
    for (const one of [path, fresh]) openForWriting(one, 0o600);
    assert.equal(file.text(), '');
    assert.equal(readFileSync(fresh, 'utf8'), '');
    assert.equal(statSync(fresh).mode & 0o777, 0o600);
    file.close();
  });
});
