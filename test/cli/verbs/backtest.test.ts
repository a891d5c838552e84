// lastgood backtest through the real binary: its output for scripts and for people, its limits, its refusals.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { DAMAGES, recording } from '../../backtest/recordings.ts';
import { lastgood } from '../../support/binary.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const folder = temporaryDirectory();
const fileOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const bad = fileOf('bad.ndjson', recording({ bad: DAMAGES['constant 0.9']! }).join('\n'));
const slow = fileOf('slow.ndjson', recording({ latencyMs: () => 50 }).join('\n'));

interface Told {
  readonly t: number;
  readonly check: string;
  readonly verdict: string;
  readonly action: string;
  readonly evidence: object;
}
const told = (stdout: string): Told[] =>
  stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Told);

suite('lastgood backtest', () => {
  test('prints one JSON document a decision, and nothing but those', async () => {
    const { code, stdout, stderr } = await lastgood(['backtest', bad, '--json', '--mode', 'default']);
    assert.deepEqual([code, stderr], [0, '']);
    const decisions = told(stdout);
    assert.deepEqual(decisions.filter(({ action }) => action === 'rollback').map(({ check }) => check),
      ['constant_output']);
    assert.deepEqual(Object.keys(decisions[0]!), ['t', 'model', 'version', 'check', 'verdict', 'action', 'evidence']);
  });

  test('prints a line a decision and a summary for people', async () => {
    const { code, stdout } = await lastgood(['backtest', bad]);
    assert.equal(code, 0);
    assert.match(stdout, /^2023-11-14T22:1\S+Z {2}m 2 +constant_output +fail +rollback/m);
    assert.match(stdout, /^1,200 samples of 1 model judged$/m);
  });

  test('limits come from flags and from the config file, per model', async () => {
    const failing = async (...args: string[]): Promise<string[]> => {
      const { code, stdout } = await lastgood(['backtest', slow, '--json', '--mode', 'compat', ...args]);
      assert.equal(code, 0);
      return told(stdout).filter(({ verdict }) => verdict === 'fail').map(({ check }) => check);
    };
    const config = fileOf('config.json', JSON.stringify({ models: { m: { judge: { p95LimitMs: 20 } } } }));
    assert.deepEqual(await failing(), []);
    assert.deepEqual(await failing('--p95-limit-ms', '20'), ['p95_latency']);
    assert.deepEqual(await failing('--config', config), ['p95_latency']);
  });

  test('passes over a byte order mark before the first line', async () => {
    const { code, stdout } = await lastgood(['backtest', fileOf('mark.ndjson', `\ufeff${recording({}).join('\n')}`)]);
    assert.equal(code, 0);
    assert.match(stdout, /^1,200 samples of 1 model judged$/m);
  });

  test('refuses files that are not there or not such files with one line, and unknown modes as wrong usage', async () => {
    const broken = fileOf('broken.ndjson', `${recording({ after: 3 }).join('\n')}\n{"t":1`);
    const refused = async (...args: string[]): Promise<[number | null, string]> => {
      const { code, stderr } = await lastgood(['backtest', ...args]);
      assert.equal(stderr.trim().split('\n').length, 1);
      return [code, stderr];
    };
    const [code, text] = await refused(broken);
    assert.equal(code, 1);
    assert.match(text, /read samples ".*broken\.ndjson", line 606: it is no JSON/);
    assert.equal((await refused(join(folder, 'missing')))[0], 1);
    assert.equal((await refused(folder))[0], 1);
    assert.equal((await refused(bad, '--mode', 'strict'))[0], 2);
  });
});
