// Too few open files: a start that would fail half-way is refused in words.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { MAIN } from '../support/binary.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Enough for Node to read the program, which opens many files at once. */
const START_MAX = 130;
const limited = (files: number): string[] => ['sh', '-c', `ulimit -n ${files} && exec "$0" "$@"`];

describe('too few open files', () => {
  test('refuse a start, before anything is loaded', () => {
    const [shell = '', ...args] = limited(START_MAX);
    const { status, stderr } = spawnSync(shell, [
      ...args, process.execPath, MAIN, 'serve', '--data', temporaryDirectory(), '--listen', '127.0.0.1:0',
      '--no-supervisor',
    ], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(status, 1);
    assert.match(stderr, /start the engine: this process has \d+ files open and may have 130; .*ulimit -n/);
  });
});
