// A disk that stays full for hours: every refused write must leave the process as it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withoutPrlimit } from '../support/disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const WRITER = fileURLToPath(new URL('./refused-writer.js', import.meta.url));

test('thousands of writes that the disk refuses do not end the process', { skip: withoutPrlimit }, () => {
  const { stdout, stderr, signal } = spawnSync(process.execPath, [WRITER, temporaryDirectory()], { encoding: 'utf8' });
  // What LMDB prints each time that it corrupts its heap; the process may live for a while.
  assert.doesNotMatch(stderr, /Write error/);
  assert.deepEqual([stdout, signal], ['1000 of 1001', null], stderr.slice(-500));
});
