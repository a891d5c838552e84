// Which files an archive holds, as the tar programs write them; and every archive that is refused, with the reason.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isTar, readTar } from '../../src/artifacts/tar.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { END, pax, tarEntry, tarOf } from './tar.ts';
import type { Entry } from './tar.ts';

/** The contents of every file in the archive. */
function read(archive: Uint8Array): Record<string, string> {
  const path = join(temporaryDirectory(), 'a.tar');
  writeFileSync(path, archive);
  const file = openSync(path, 'r');
  try {
    return Object.fromEntries([...readTar(file, archive.length)].map(([name, { from, bytes }]) =>
      [name, Buffer.from(archive.subarray(from, from + bytes)).toString()]));
  } finally {
    closeSync(file);
  }
}
const refuses = (archive: Uint8Array, pattern: RegExp): void =>
  assert.throws(() => read(archive), (error: Error) => pattern.test(error.message));
const long = `${'folder/'.repeat(30)}weights.bin`;

suite('readTar', () => {
  test('finds regular files by name, whatever program wrote them', () => {
    const folder = temporaryDirectory();
    const content = { 'model.onnx': 'm'.repeat(700), 'sub/a.bin': 'a', [long]: 'far down', empty: '' };
    for (const [name, text] of Object.entries(content)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    for (const format of ['ustar', 'gnu', 'pax']) {
      // The name is too long for ustar in one part, and not for its two.
      const archive = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', folder, '.'], { maxBuffer: 1e7 });
      assert.ok(isTar(archive));
      assert.deepEqual(read(archive), content, format);
    }
  });

  test('takes the names and sizes of pax and GNU headers, and sizes in binary', () => {
    assert.deepEqual(read(tarOf([pax({ path: 'ä/b', mtime: '1.5' }), { name: 'a', content: 'x' }])), { 'ä/b': 'x' });
    assert.deepEqual(read(tarOf([
      { name: '././@LongLink', type: 'L', content: `${long}\0`, magic: 'ustar  \0' },
      { name: long.slice(0, 99), content: 'x', magic: 'ustar  \0' },
    ])), { [long]: 'x' });
    assert.deepEqual(read(tarOf([pax({ size: '3' }), { name: 'a', content: 'abc', size: 0 }])), { a: 'abc' });
    assert.deepEqual(read(tarOf([{ name: 'a', content: 'abc', isBinarySize: true }])), { a: 'abc' });
    assert.deepEqual(read(tarOf([{ name: 'b', prefix: 'a', content: 'x' }, { name: 'c', type: '5' }])), { 'a/b': 'x' });
    assert.deepEqual(read(tarOf([pax({ comment: 'x' }, 'g'), { name: 'a', content: 'x', type: '\0' }])), { a: 'x' });
    assert.deepEqual(read(END), {});
  });

  test('refuses what leaves the folder, what stands twice, and what is no regular file', () => {
    const cases: readonly (readonly [Entry | readonly Entry[], RegExp])[] = [
      [{ name: '../a' }, /"\.\.\/a": that leads out of its folder/], [{ name: 'a/../../b' }, /leads out/],
      [{ name: '/etc/passwd' }, /absolute path/], [[pax({ path: '/etc/passwd' }), { name: 'a' }], /absolute path/],
      [{ name: 'a\\b' }, /no name of a file may have/], [{ name: 'a\u001b[2J' }, /"a\\u001b\[2J": that has char/],
      [{ name: '*/_ORT_MEM_ADDR_/*' }, /no name of a file may have/],
      [[{ name: 'a' }, { name: './a' }], /holds the file "a" twice/],
      [{ name: 'a', type: '1' }, /is a hard link/], [{ name: 'a', type: '2' }, /is a symbolic link/],
      [{ name: 'a', type: '3' }, /is a device/], [{ name: 'a', type: '6' }, /is a named pipe/],
      [{ name: 'a', type: 'S' }, /is a sparse file/], [{ name: 'a', type: 'V' }, /of the unknown type "V"/],
      [[pax({ 'GNU.sparse.major': '1' }), { name: 'a' }], /a sparse file/],
      [[pax({ path: 'b' }, 'g'), { name: 'a' }], /global header names/],
    ];
    for (const [entries, pattern] of cases) refuses(tarOf([entries].flat()), pattern);
    const folder = temporaryDirectory();
    symlinkSync('/etc/passwd', join(folder, 'link'));
    refuses(execFileSync('tar', ['-cf', '-', '-C', folder, '.']), /"\.\/link" is a symbolic link/);
  });

  test('refuses an archive that was cut off wherever it was, that is damaged, or that goes on', () => {
    const whole = tarOf([{ name: 'a', content: 'x'.repeat(600) }, { name: 'b', content: 'y' }]);
    for (let bytes = 1; bytes < whole.length - END.length; bytes += 101) {
      assert.throws(() => read(whole.subarray(0, bytes)), /cut off/, `${bytes} bytes`);
    }
    refuses(whole.subarray(0, whole.length - END.length), /cut off: it ends before its end mark/);
    for (let at = 0; at < 500; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      assert.throws(() => read(damaged), /is damaged/, `byte ${at}`);
    }
    refuses(Buffer.concat([whole, tarEntry({ name: 'c' })]), /goes on after its end/);
    refuses(tarOf([{ name: 'a', size: 8 ** 10 }]), /cut off in the middle/);
    refuses(tarOf([{ name: 'a', size: 2 ** 60, isBinarySize: true }]), /cut off in the middle/);
    refuses(tarOf([{ name: 'x', type: 'x', content: '5 path=a\n' }, { name: 'a' }]), /header of one of its files/);
    refuses(tarOf([{ name: 'x', type: 'x', content: 'x'.repeat(70_000) }, { name: 'a' }]), /has 70000 bytes/);
    refuses(tarOf([pax({ size: '-1' }), { name: 'a' }]), /size that is no number/);
    refuses(tarOf(Array.from({ length: 10_001 }, (_, at) => ({ name: String(at) }))), /more than 10000 entries/);
  });

  test('says of a model that it is none', () => {
    assert.ok(!isTar(readFileSync(new URL('../../../models/housing/1.onnx', import.meta.url))));
    assert.ok(!isTar(new Uint8Array(10)));
  });
});
