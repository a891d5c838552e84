// Too few open files: a start or a registration that would fail half-way is refused in words.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { MAIN } from '../support/binary.ts';
import { freeOpenFiles, limitOpenFiles, withoutPrlimit } from '../support/disk.ts';
import { housingBodies, housingFile } from '../support/housing.ts';
import { http } from '../support/http.ts';
import { actor, serveHousing } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Enough for Node to read the program, which opens many files at once. */
const START_MAX = 130;
/** For a few connections, and not for a trial. */
const FEW = 12;
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

  test('refuse a registration in words, while the engine answers, and it is taken when there are more', {
    skip: withoutPrlimit,
  }, async () => {
    const { server, admin } = await serveHousing(['1'], ['--no-supervisor']);
    after(() => server.process.kill('SIGKILL'));
    const registered = { model: 'housing', version: '2', file: housingFile('2') };
    limitOpenFiles(server.pid, FEW);
    await assert.rejects(admin.register(registered, actor), (error) =>
      isLastgoodError(error) && error.code === 'FILES_EXHAUSTED' && /raise ulimit -n/.test(error.message));
    assert.equal((await http(server.port, '/predict', { body: housingBodies[0]! })).status, 200);
    freeOpenFiles(server.pid);
    assert.equal((await admin.register(registered, actor)).version.version, '2');
    assert.equal(await server.stop(), 0);
  });
});
