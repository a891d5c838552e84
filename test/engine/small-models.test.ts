// Kinds of answers that people's models give, from a file to a capture of the running engine: a forest's probabilities,
// labels, sequences, text inputs, answers of rank 3.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { modelText } from '../../src/cli/views/status-view.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Baseline, VersionRecord } from '../../src/domain/records.ts';
import { until } from '../support/poll.ts';
import { flower, smallModel, SPECIES } from '../support/small-models.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROWS = 120;

describe('the judge reads', () => {
  let dataDir: string;
  let engine: Engine;

  before(async () => {
    dataDir = temporaryDirectory();
    engine = await createEngine({ dataDir, judge: { lookMs: 20, mode: 'observe', captureMs: 0, captureSamples: 40 } });
  });
  after(() => engine.close());

  const baselineFile = (name: string, content: object): string => {
    const path = join(dataDir, `${name}.baseline.json`);
    const head = { format: 'lastgood.baseline/1', source: 'validation', rows: ROWS };
    writeFileSync(path, JSON.stringify({ ...head, ...content }));
    return path;
  };
  const rows = <T>(row: (index: number) => T): T[] => Array.from({ length: ROWS }, (_, index) => row(index));
  const register = (name: string, options: Parameters<Engine['register']>[2]): Promise<VersionRecord> =>
    engine.register(name, smallModel(`${name}.onnx`), { promote: true, ...options });

  async function captured(name: string, ask: (index: number) => Promise<unknown>): Promise<Baseline> {
    for (let index = 0; index < ROWS; index += 1) await ask(index);
    await until('the monitor has all predictions', () =>
      engine.models.served(name).health?.totals.predictions === ROWS);
    const { version } = await engine.control.baseline({ model: name, capture: true }, { by: 'test' });
    return engine.context.registry.baselineOf(name, version)!;
  }

  test('probabilities of a forest as classes, although they reach 1.0000001', async () => {
    const baseline = smallModel('rf.baseline.json');
    assert.equal((await register('rf', { baseline })).outputKind, 'classes');
    const declared = await register('rf', { baseline, outputKind: 'classes' });
    assert.deepEqual([declared.outputKind, declared.declared], ['classes', { kind: 'classes' }]);
    const live = await captured('rf', (index) => engine.predict('rf', flower(SPECIES[index % 3]!, index)));
    assert.deepEqual([live.kind, live.classShares], ['classes', [1 / 3, 1 / 3, 1 / 3]]);
    assert.ok(live.max > 1);
  });

  test('text labels, which a capture knows by name from the file', async () => {
    const label = { shape: [-1], data: rows((at) => SPECIES[at % 3]) };
    const baseline = baselineFile('species', { outputs: { label } });
    const version = await register('species', { baseline, output: 'label', outputKind: 'labels' });
    assert.deepEqual(version.warnings, []);
    // What stands for a text among the numbers is no number to show.
    assert.match(modelText(await engine.status('species'), Date.now()), / 120 labels, no inputs /);
    const live = await captured('species', (index) => engine.predict('species', flower(SPECIES[index % 2]!, index)));
    assert.deepEqual(live.labels?.map(({ name, share }) => [name, share]).sort(),
      [['setosa', 0.5], ['versicolor', 0.5]]);
  });

  test('answers of several lengths as sequences', async () => {
    const y = { shape: [-1, -1, 2], data: rows((at) => Array.from({ length: 1 + (at % 4) }, () => [0.5, 0.5])) };
    const version = await register('steps', { baseline: baselineFile('steps', { outputs: { y } }) });
    assert.equal(version.outputKind, 'sequence');
    const x = (index: number): number[][] => Array.from({ length: 1 + (index % 4) }, () => [index / 100, 0]);
    const live = await captured('steps', (index) => engine.predict('steps', { x: x(index) }));
    assert.deepEqual([live.kind, live.width, live.projections?.length], ['sequence', 2, 8]);
    const steps = live.projections![0]!.counts;
    assert.ok(steps.reduce((sum, count) => sum + count, 0) >= ROWS / 8 - 1);
    assert.equal(steps.filter((count) => count > 0).length, 4, 'rows of one to four steps');
  });

  test('numbers beside text inputs, and tells that texts are not watched', async () => {
    const city = rows((at) => ['Rome', 'Oslo'][at % 2]);
    const age = rows((at) => 20 + (at % 50));
    const risk = rows((at) => (city[at] === 'Rome' ? 0.5 : 0) + age[at]! / 200);
    const version = await register('visit', { baseline: baselineFile('visit', {
      outputs: { risk: { shape: [-1, 1], data: risk } },
      inputs: { city: { shape: [-1, 1], data: city }, age: { shape: [-1, 1], data: age } },
    }) });
    assert.equal(version.outputKind, 'score');
    assert.match(version.warnings.join('\n'), /^input "city" is text, so whether it has moved is not judged$/);
  });

  test('answers of rank 3, from a file that has them nested', async () => {
    const x = rows((at) => [[at, 1, 2], [3, 4, 5]]);
    const y = x.map((row) => row.map((part) => part.map((value) => 2 * value)));
    const version = await register('pair', { baseline: baselineFile('pair', {
      outputs: { y: { shape: [-1, 2, 3], data: y } }, inputs: { x: { shape: [-1, 2, 3], data: x } },
    }) });
    assert.deepEqual([version.outputKind, version.baseline?.inputs?.columns.length], ['vector', 6]);
    const live = await captured('pair', (index) => engine.predict('pair', { x: x[index]! }));
    assert.deepEqual(live.values, engine.context.registry.baselineOf('pair', version.version)?.values);
  });
});
