// Another Unix user on a data directory: every verb says that it is not his, and whose it is, whether an engine runs
// there or not. Needs root, which alone can run programs as somebody else.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import { lastgood, MAIN, type VerbResult } from '../support/binary.ts';
import { housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Of nobody, on every system; who it is to be called stands in /etc/passwd. */
const OTHER_UID = 65_534;
const SPARE = ['demo', 'prepare', 'help'];
const AT_ONCE = 4;

/** What each verb is asked with; those that take no data directory are SPARE. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  serve: ['--listen', '127.0.0.1:0', '--no-supervisor'], register: ['m', housingFile('2')], promote: ['m', '1'],
  rollback: ['m'], status: [], history: ['m'], explain: [], confirm: ['m'], observe: ['m', '--for', '1h'], pin: ['m'],
  unpin: ['m'], quarantine: ['m', '1'], release: ['m', '1'], remove: ['m', '1'], baseline: ['m', '--capture'],
  drain: [], tune: ['m'], doctor: [], open: [], send: ['m', housingFile('2')],
};

async function asOther(args: readonly string[]): Promise<VerbResult> {
  const child = spawn(process.execPath, [MAIN, ...args], { uid: OTHER_UID, gid: OTHER_UID, cwd: '/' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const [code] = await once(child, 'close') as [number | null];
  return { code, stdout, stderr };
}

async function isAble(): Promise<boolean> {
  return process.getuid?.() === 0 && (await asOther(['--version']).catch(() => null))?.code === 0;
}

const able = await isAble();
const skip = able ? false : 'only root can run the verbs as another user, who has to reach the executable';

describe('a data directory of another user', { skip }, () => {
  const above = temporaryDirectory();
  const dataDir = join(above, 'data');

  before(() => chmodSync(above, 0o755));

  async function refused(verbs: readonly string[]): Promise<void> {
    const asked = verbs.map((verb) => [verb, VERBS[verb]!] as const);
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next = asked.shift(); next !== undefined; next = asked.shift()) {
        const [verb, args] = next;
        const { code, stdout, stderr } = await asOther([verb, ...args, '--data', dataDir]);
        const what = `${verb}: ${stderr}${stdout}`;
        assert.match(stderr, /permission denied to \S+; run as root/, what);
        assert.deepEqual([code, stdout], [1, ''], what);
      }
    }));
  }

  test('has all verbs that take one tried', async () => {
    const { stdout } = await lastgood(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, verb]) => verb!);
    assert.ok(listed.length > 15);
    assert.deepEqual(listed.filter((verb) => !(verb in VERBS) && !SPARE.includes(verb) && verb !== 'backtest'), []);
  });

  test('is refused to every verb, with and without an engine', async () => {
    const engine = await createEngine({ dataDir });
    try {
      assert.equal(statSync(dataDir).mode & 0o777, 0o700);
      await engine.register('m', housingFile('1'), { version: '1' });
      await refused(Object.keys(VERBS));
      // A container's volume may be opened wide by somebody else, what lies in it is not.
      chmodSync(dataDir, 0o755);
      await refused(['status']);
    } finally {
      await engine.close();
    }
    chmodSync(dataDir, 0o700);
    await refused(['status', 'serve', 'doctor']);
  });
});
