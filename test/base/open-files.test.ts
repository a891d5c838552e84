import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const FILE = new URL('../../src/base/open-files.js', import.meta.url).href;
const LIMIT = 64;

/** What a process of at most 64 open files says that has opened as many as it may but `left`. */
function saidWith(left: number): string {
  const script = `
    const { openSync, readdirSync } = await import('node:fs');
    const { assertOpenFiles } = await import('${FILE}');
    try {
      // The list itself is one of those that are open.
      for (let at = readdirSync('/proc/self/fd').length - 1; at < ${LIMIT - left}; at += 1) openSync('/dev/null');
      assertOpenFiles('do it', 24);
      console.log('done');
    } catch (error) {
      console.log(error.code, error.message);
    }`;
  const args = ['-c', `ulimit -n ${LIMIT} && exec "$0" "$@"`, process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.trim();
}

test('assertOpenFiles refuses by name what would not find as many files as it needs, also when none is left', () => {
  assert.equal(saidWith(32), 'done');
  assert.match(saidWith(16), /^FILES_EXHAUSTED do it: .* may have 64; wanted room for 24 more, raise ulimit -n/);
  assert.match(saidWith(0), /^FILES_EXHAUSTED do it: /);
});
