// The handle of a child process: what is said in both directions, and every way in which a child ends.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { decodeError, type FailedTask, isLastgoodError } from '../../src/base/errors.ts';
import { answerParent, ManagedChild, tellParent } from '../../src/base/managed-child.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const LIMIT_MS = 60_000;
const HANDLE = pathToFileURL(join(packageRoot(), 'dist', 'src', 'base', 'managed-child.js')).href;

function started(body: string) {
  const entry = join(temporaryDirectory(), 'child.mjs');
  writeFileSync(entry, `import { ${tellParent.name}, ${answerParent.name} } from '${HANDLE}';\n${body}`);
  const reports: unknown[] = [];
  const child = new ManagedChild<string, unknown>({
    entry, stderr: 'keep', onReport: (report) => reports.push(report),
  });
  return { child, reports };
}

const WORD = 'const [word] = await new Promise((go) => process.once("message", (...args) => go(args)));';

describe('ManagedChild', () => {
  test('has every report before it says how the child ended', async () => {
    const { child, reports } = started(
      `${WORD} await tellParent([word]); await tellParent([2]); process.disconnect();`);
    child.post('a');
    assert.deepEqual(await child.endWithin(LIMIT_MS), { how: 'code 0', isOverdue: false });
    assert.deepEqual(reports, [['a'], [2]]);
    child.post('to nobody');
    child.kill();
  });

  test('gets the answer of a child of one task, or the error that it failed with, and the child ends', async () => {
    const errors = pathToFileURL(join(packageRoot(), 'dist', 'src', 'base', 'errors.js')).href;
    const of = (word: string) => {
      const begun = started(`import { lastgoodError } from '${errors}';
        answerParent((word) => {
          if (word === 'wrong') throw lastgoodError('INVALID_OPTION', { reason: 'it is wrong' });
          return { word };
        });`);
      begun.child.post(word);
      return begun;
    };
    const { child, reports } = of('right');
    assert.deepEqual(await child.endWithin(LIMIT_MS), { how: 'code 0', isOverdue: false });
    assert.deepEqual(reports, [{ word: 'right' }]);
    const { child: other, reports: failures } = of('wrong');
    assert.deepEqual(await other.endWithin(LIMIT_MS), { how: 'code 0', isOverdue: false });
    const [failure, ...more] = failures as FailedTask[];
    const error = decodeError(failure!.error);
    assert.ok(isLastgoodError(error));
    assert.deepEqual([failure!.kind, error.code, error.details, more],
      ['failed', 'INVALID_OPTION', { reason: 'it is wrong' }, []]);
  });

  test('says with which code a child ended, and what it wrote last', async () => {
    const { child, reports } = started('process.stderr.write("first\\nlast\\n", () => process.exit(3));');
    child.post('a');
    assert.deepEqual([await child.ended, child.lastWords, reports], ['code 3', 'last', []]);
  });

  test('kills a child that does not end within its limit, or at once', async () => {
    const { child } = started(`${WORD} process.on('SIGTERM', () => undefined);`);
    assert.deepEqual(await child.endWithin(1), { how: 'SIGKILL', isOverdue: true });
    const { child: other } = started(WORD);
    other.kill();
    assert.equal(await other.ended, 'SIGKILL');
  });
});
