import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveOptions } from '../../src/options/options.ts';
import { changedSettings, settingsPrint } from '../../src/options/settings-print.ts';

const printOf = (raw: Record<string, unknown>): ReturnType<typeof settingsPrint> =>
  settingsPrint(resolveOptions({ dataDir: '/somewhere', ...raw }));

test('the same settings have the same prints, wherever the data lie', () => {
  assert.deepEqual(changedSettings(printOf({ workers: 2 }), printOf({ workers: 2, dataDir: '/elsewhere' })), []);
});

test('what changed is named: of the engine, of the judge, of one model, and what is set no more', () => {
  const before = printOf({ workers: 1, batchDelayUs: 100, host: '127.0.0.1' });
  const now = printOf({ workers: 2, judge: { p95LimitMs: 77 }, models: { digits: { workers: 3 } }, host: '127.0.0.1' });
  assert.deepEqual(changedSettings(before, now),
    ['batchDelayUs', 'judge.p95LimitMs', 'models.digits.workers', 'workers']);
});

test('nothing is kept of a secret', () => {
  const [one, other] = ['a token of the tests', 'another token, longer'].map((adminToken) => printOf({ adminToken }));
  assert.deepEqual(one, other);
  assert.ok(Object.keys(one!).length > 20);
});
