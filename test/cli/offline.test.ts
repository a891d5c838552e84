// The verbs on a data directory that no engine serves, as an operator types them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { EngineStatus } from '../../src/admin/answers.ts';
import type { EventRecord, VersionRecord } from '../../src/domain/records.ts';
import { lastgood, lastgoodJson, MAIN } from '../support/binary.ts';
import { housingBaseline, housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A baseline file of the demo model with these rows of answers. */
function baselineFile(rows: readonly (readonly number[])[]): string {
  const path = join(temporaryDirectory(), 'some.baseline.json');
  const price = { shape: [rows.length, rows[0]!.length], data: rows };
  const content = { format: 'lastgood.baseline/1', source: 'validation', rows: rows.length, outputs: { price } };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe('lastgood without an engine', () => {
  const dataDir = temporaryDirectory();
  const data = ['--data', dataDir];

  before(async () => {
    const baseline = ['--baseline', housingBaseline('1')];
    const first = await lastgood(['register', 'housing', housingFile('1'), ...baseline, ...data]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /registered version 1 of housing: .* features FP32\[-1,8\] -> price FP32\[-1,1\]/);
    assert.match(first.stdout, /stacking: rows, because its graph keeps rows apart, and made-up rows were answered/);
    assert.match(first.stdout, /lastgood promote housing 1/);
    assert.match(first.stderr, /^lastgood: no engine runs on ".*": worked on the data directory itself\n$/);
    const second = await lastgood(['register', 'housing', housingFile('2'), '--version', 'two', ...data]);
    assert.match(second.stdout, /warning: no baseline/);
  });

  test('promotes, shows the status, refuses to roll back without a target, and keeps the history', async () => {
    const promoted = await lastgood(['promote', 'housing', '1', '--reason', 'first', ...data]);
    assert.equal(promoted.stdout, 'version 1 of housing is active, as generation 1\n');
    const status = await lastgoodJson<EngineStatus>(['status', ...data]);
    assert.equal(status.engine, 'offline');
    assert.deepEqual(status.models.map(({ model }) => [model.model, model.activeVersion]), [['housing', '1']]);

    const refused = await lastgood(['rollback', 'housing', ...data]);
    assert.equal(refused.code, 1);
    const refusedText = /^lastgood: roll back model "housing": no other healthy version has served: [^\n]*\n$/;
    assert.match(refused.stderr, refusedText);
    const refusal = await lastgood(['rollback', 'housing', '--json', ...data]);
    const { code, details } = JSON.parse(refusal.stdout) as { code: string; details: unknown };
    const versions = [{ version: '1', reason: 'is active' }, { version: 'two', reason: 'has never served' }];
    assert.deepEqual([refusal.code, code, details], [1, 'NO_ROLLBACK_TARGET', { versions }]);

    const events = await lastgoodJson<EventRecord[]>(['history', 'housing', '--limit', '1', ...data]);
    assert.deepEqual(events.map(({ kind, reason, by }) => [kind, reason, by]), [
      ['promote', 'first', `cli:${userInfo().username}`],
    ]);
  });

  test('pins, quarantines, releases, rolls back, explains and removes', async () => {
    const steps: readonly (readonly [string, RegExp])[] = [
      ['pin housing --reason stocktaking', /housing is pinned to version 1/],
      ['status housing', /pinned +by cli:.*: stocktaking/],
      ['status housing', /stacking +rows, because[^]*VERSION.*STACKING[^]*two.* rows /],
      ['unpin housing', /not pinned any more/],
      ['promote housing two', /version two of housing is active in place of 1, as generation 2/],
      ['confirm housing', /version two of housing \(generation 2\) is known good/],
      ['status housing', /last good +1 \(unproven\)[^]*two +active +confirmed/],
      ['rollback housing --to 1 --reason wrong', /version 1 \(unproven\) of housing is active again, as generation 3/],
      ['rollback housing', /version 1 \(unproven\) of housing is active again, as generation 3/],
      ['explain', /done +rolled back to 1 \(unproven\);/],
      ['explain', /trigger +an operator \(cli:.*\)\nwhy +wrong\n/],
      ['release housing two', /out of quarantine/],
      ['quarantine housing two --reason labels', /version two of housing is in quarantine/],
      [`baseline housing --from ${housingBaseline('1')}`, /the baseline of version 1 of housing: mean 2\.\d+, .* rows/],
      ['history housing', /quarantine +two +- +3 +cli:\S+ +labels \[last good: none\]/],
      ['status', /MODEL +PHASE[^]*housing +offline +1 +3/],
      ['remove housing two', /removed version two of housing; 1 file deleted/],
    ];
    for (const [line, text] of steps) {
      const { code, stdout, stderr } = await lastgood([...line.split(' '), ...data]);
      assert.equal(code, 0, `${line}: ${stderr}`);
      assert.match(stdout, text);
    }
  });

  test('warns of a baseline that is too small to be judged by, at register and afterwards', async () => {
    const path = baselineFile([[1], [2]]);
    const warning = /warning: the baseline has 2 rows; wanted at least 100: drift is not judged until it gets a larger/;
    for (const line of [`register small ${housingFile('1')} --version 1`, 'baseline small --version 1']) {
      const from = line.startsWith('register') ? '--baseline' : '--from';
      const { code, stdout, stderr } = await lastgood([...line.split(' '), from, path, ...data]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, warning);
    }
    const of = ['baseline', 'small', '--version', '1', ...data, '--from'];
    const { warnings } = await lastgoodJson<VersionRecord>([...of, path]);
    assert.match(warnings.join(), /^the baseline has 2 rows; [^,]*, but in mode compat$/, 'only once');
    assert.doesNotMatch((await lastgood([...of, housingBaseline('1')])).stdout, /warning/);
    assert.deepEqual((await lastgoodJson<VersionRecord>([...of, housingBaseline('1')])).warnings, []);
  });

  test('refuses a baseline of another width than the answers of the model, at register and afterwards', async () => {
    const path = baselineFile([[1, 2], [3, 4]]);
    for (const line of [`register wide ${housingFile('1')} --baseline ${path}`, `baseline housing --from ${path}`]) {
      const { code, stderr } = await lastgood([...line.split(' '), ...data]);
      assert.equal(code, 1, line);
      assert.match(stderr, /^lastgood: read baseline "[^"]*": output "price" has 2 values a row; wanted 1 as in the/m);
    }
  });

  test('refuses a file that does not load, in one line, and leaves nothing behind', async () => {
    const files = (): string[] =>
      readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) => !name.endsWith('mdb'));
    const before = files();
    const { code, stdout, stderr } = await lastgood(['register', 'bad', housingBaseline('1'), '--json', ...data]);
    assert.equal(code, 1);
    assert.match(stderr, /^lastgood: try version [^\n]+nothing was registered\n$/);
    assert.equal((JSON.parse(stdout) as { code: string }).code, 'TRIAL_FAILED');
    assert.deepEqual(files(), before);
  });

  test('status --watch --json prints a document a second and ends with 0 at SIGINT', async () => {
    const args = [MAIN, 'status', '--watch', '--json', ...data];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (bytes: Buffer) => {
      stdout += bytes.toString();
      if (stdout.split('\n').length > 2) child.kill('SIGINT');
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 0);
    for (const line of stdout.trim().split('\n')) assert.equal((JSON.parse(line) as EngineStatus).engine, 'offline');
  });

  test('ends quietly when nobody reads on', async () => {
    const child = spawn(process.execPath, [MAIN, 'status', '--watch', ...data], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = (await once(child, 'close')) as [number | null];
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('finds files relative to the working directory', async () => {
    const args = [MAIN, 'register', 'relative', '1.onnx', ...data];
    const child = spawn(process.execPath, args, { cwd: dirname(housingFile('1')) });
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 0);
  });
});
