// lastgood prepare from the command line: the files that it writes are those that register takes, and register finds
// out whether the model that arrived is the one that wrote them.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lastgood } from '../../support/binary.ts';
import { smallModel } from '../../support/small-models.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const folder = temporaryDirectory();
const at = (name: string): string => join(folder, name);
const iris = at('iris.csv');
const rows = Array.from({ length: 120 }, (_, row) => [4.5 + (row % 9) / 3, 3, 1 + (row % 7), (row % 5) / 2, 'label']);
writeFileSync(iris, ['a,b,c,d,species', ...rows.map((row) => row.join(','))].join('\n'));

const prepare = (model: string, data: string, ...flags: string[]): ReturnType<typeof lastgood> =>
  lastgood(['prepare', smallModel(model), data, '--out', folder, ...flags]);
const register = (name: string, model: string, prepared: string, ...flags: string[]): ReturnType<typeof lastgood> =>
  lastgood(['register', name, model, '--baseline', at(`${prepared}.baseline.json`), '--golden',
    at(`${prepared}.golden.json`), '--data', at('data'), ...flags]);

describe('lastgood prepare', () => {
  test('writes a baseline and golden vectors that register takes, and the same ones again', async () => {
    const flags = ['--drop', 'species', '--rows', '110', '--golden', '4'];
    const { code, stdout, stderr } = await prepare('rf.onnx', iris, ...flags);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /110 of 120 rows, inputs and answers; judged by probabilities as classes\n/);
    const files = ['rf.baseline.json', 'rf.golden.json'].map((name) => readFileSync(at(name), 'utf8'));
    const again = await prepare('rf.onnx', iris, ...flags, '--force', '--json');
    assert.equal((JSON.parse(again.stdout) as { goldenRows: number }).goldenRows, 4);
    assert.deepEqual(['rf.baseline.json', 'rf.golden.json'].map((name) => readFileSync(at(name), 'utf8')), files);
    const registered = await register('rf', smallModel('rf.onnx'), 'rf');
    assert.equal(registered.code, 0, registered.stderr);
    assert.match(registered.stdout, /4 golden cases right/);
    assert.doesNotMatch(registered.stdout, /warning/);
  });

  test('serves text inputs, models of several inputs, sequences and answers of rank 3', async () => {
    const visit = await prepare('visit.onnx', smallModel('visit.npz'));
    assert.match(visit.stdout, /120 of 120 rows.*judged by risk as regression/);
    assert.match(visit.stdout, /warning: input "city" is text/);
    assert.equal((await register('visit', smallModel('visit.onnx'), 'visit')).code, 0);
    const steps = Array.from({ length: 100 }, (_, row) => Array.from({ length: 1 + (row % 3) }, () => [row / 50, 0]));
    writeFileSync(at('steps.json'), JSON.stringify(steps));
    assert.match((await prepare('steps.onnx', at('steps.json'))).stdout, /judged by y as sequence/);
    assert.equal((await register('steps', smallModel('steps.onnx'), 'steps')).code, 0);
    writeFileSync(at('pair.json'), JSON.stringify(steps.map(([first]) => [[...first!, 1], [2, 3, 4]])));
    assert.match((await prepare('pair.onnx', at('pair.json'))).stdout, /judged by y as vector/);
    assert.equal((await register('pair', smallModel('pair.onnx'), 'pair')).code, 0);
  });

  test('says where the data are wrong, keeps what is there, and leaves nothing behind', async () => {
    const before = readdirSync(folder).sort();
    const cases: [string, string, string[], RegExp][] = [
      ['species.onnx', iris, [], /it has 5 columns and input "X" 4 values a row; .*--drop COLUMN.*; nothing was wr/],
      ['rf.onnx', iris, ['--drop', 'species'], /rf\.baseline\.json" is there already; --force replaces it/],
      ['species.onnx', at('none.csv'), [], /ENOENT/],
      ['species.onnx', smallModel('visit.npz'), [], /it has "city", which is no input; the model has "X"/],
    ];
    for (const [model, data, flags, reason] of cases) {
      const { code, stderr } = await prepare(model, data, ...flags);
      assert.equal(code, 1);
      assert.match(stderr, reason);
    }
    assert.deepEqual(readdirSync(folder).sort(), before);
  });

  test('of a model that ends its process says so', async () => {
    const broken = at('broken.onnx');
    writeFileSync(broken, 'no model');
    const { code, stderr } = await lastgood(['prepare', broken, iris, '--out', folder]);
    assert.equal(code, 1);
    assert.match(stderr, /^lastgood: prepare ".*broken\.onnx" with the rows of ".*": .*; nothing was written\n$/);
    assert.equal(existsSync(at('broken.baseline.json')), false);
  });
});

test('register refuses a model that answers otherwise than its baseline file says, unless it is forced', async () => {
  await prepare('visit.onnx', smallModel('visit.npz'), '--force');
  // The same inputs and outputs, and another town that is in its table.
  const damaged = at('damaged.onnx');
  const bytes = readFileSync(smallModel('visit.onnx'));
  bytes.write('Oslo', bytes.indexOf('Rome'));
  writeFileSync(damaged, bytes);
  const flags = ['--baseline', at('visit.baseline.json'), '--data', at('data')];
  const refused = await lastgood(['register', 'town', damaged, ...flags]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /answers 80 of 120 rows of its baseline file otherwise than the file says, row \d+ w/);
  assert.match(refused.stderr, /output "risk": value 0 is .*; wanted .*, or --force/);
  const forced = await lastgood(['register', 'town', damaged, ...flags, '--force']);
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stdout, /warning: the model answers 80 of 120 rows/);
  const whole = await lastgood(['register', 'town', smallModel('visit.onnx'), ...flags]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.doesNotMatch(whole.stdout, /otherwise/);
});
