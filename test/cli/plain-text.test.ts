// Nothing that a file, a client or another operator has written reaches a terminal as anything but text, by any verb
// and in any error; as JSON it is exact.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { DecisionRecord, EventRecord } from '../../src/domain/records.ts';
import { lastgood, lastgoodJson } from '../support/binary.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, model, node } from '../worker/onnx.ts';

const EVIL = '\u001b[2J\u001b]0;owned\u0007\u009b31mred\u202eback';
/** What a terminal may be told is text and the end of a line. */
const OBEYED = /[^\P{Cc}\n]|\p{Cf}/u;

function harmless(what: string, ...texts: readonly string[]): void {
  for (const text of texts) assert.doesNotMatch(text, OBEYED, what);
}

describe('Text from outside', () => {
  const dataDir = temporaryDirectory();
  const data = ['--data', dataDir];
  const file = join(temporaryDirectory(), 'm.onnx');
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await lastgood([...args, ...data]);
    harmless(args.join(' '), stdout, stderr);
    return `${code} ${stdout}${stderr}`;
  };

  before(() => {
    // The names of inputs and outputs are the file's.
    writeFileSync(file, model({
      inputs: [[`in${EVIL}`, Type.FLOAT, ['N', 2]]], outputs: [[`out${EVIL}`, Type.FLOAT, ['N', 2]]],
      nodes: [node('Neg', [`in${EVIL}`], `out${EVIL}`)],
    }));
  });

  test('is shown and not obeyed by every verb, and exact as JSON', async () => {
    const shown = /\\u\{1b\}\[2J\\u\{1b\}\]0;owned\\u\{7\}\\u\{9b\}31mred\\u\{202e\}back/;
    assert.match(await run('register', 'm', file, '--version', '1', '--promote'), shown);
    assert.match(await run('register', 'm', file, '--version', '2'), shown);
    await run('promote', 'm', '2', '--reason', EVIL);
    assert.match(await run('history', 'm'), shown);
    await run('pin', 'm', '--reason', EVIL);
    for (const verb of [['status'], ['status', 'm'], ['doctor']]) await run(...verb);
    await run('unpin', 'm');
    await run('confirm', 'm');
    assert.match(await run('rollback', 'm', '--to', '1', '--reason', EVIL), /^0 /);
    assert.match(await run('explain'), shown);
    await run('quarantine', 'm', '2', '--reason', EVIL);
    assert.match(await run('promote', 'm', '2'), shown);
    assert.match(await run('status', 'm'), shown);
    const events = await lastgoodJson<EventRecord[]>(['history', 'm', ...data]);
    assert.ok(events.some(({ reason }) => reason === EVIL));
    const decision = await lastgoodJson<DecisionRecord>(['explain', ...data]);
    assert.match(decision.reason, new RegExp(EVIL.replaceAll(/[[\]]/g, '\\$&')));
  });

  test('is shown and not obeyed in what is wrong with a command', async () => {
    for (const args of [
      ['register', EVIL, file], ['register', 'm', `/nowhere/${EVIL}`], ['promote', 'm', EVIL], ['status', EVIL],
      ['explain', EVIL], [EVIL], ['status', `--${EVIL}`], ['history', 'm', '--limit', EVIL],
      ['register', 'm', file, '--output', EVIL], ['register', 'm', file, '--input-columns', EVIL],
      ['backtest', `/nowhere/${EVIL}`],
    ]) assert.doesNotMatch(await run(...args), /^0 /, args.join(' '));
  });

  test('is shown and not obeyed in the log that a person reads', () => {
    const log = new URL('../../src/engine/log.js', import.meta.url).href;
    const program = `import { createLog } from ${JSON.stringify(log)};
      const evil = ${JSON.stringify(EVIL)};
      createLog({ level: 'info', pretty: true }).info({ model: evil, more: [{ reason: evil }], [evil]: 1 }, evil);`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program],
      { encoding: 'utf8', timeout: 60_000, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } });
    assert.match(stderr, /owned/);
    harmless('the log', stderr);
  });
});
