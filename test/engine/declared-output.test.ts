// A model with two outputs whose second one is declared: what is judged, captured and shown is that one.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { modelText } from '../../src/cli/views/status-view.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { twoAnswers } from '../worker/onnx.ts';

const actor = { by: 'test' };
const SECOND = { output: 'second', outputKind: 'regression' } as const;

describe('a declared output', () => {
  let dataDir: string;
  let engine: Engine;
  let file: string;

  before(async () => {
    dataDir = temporaryDirectory();
    file = join(dataDir, 'two.onnx');
    writeFileSync(file, twoAnswers());
    engine = await createEngine({ dataDir, judge: { lookMs: 20, mode: 'observe', captureMs: 0, captureSamples: 40 } });
  });
  after(async () => {
    await engine.close();
  });

  const baseline = (name: string, rows: readonly number[]): string => {
    const path = join(dataDir, `${name}.baseline.json`);
    const outputs = { [name]: { shape: [rows.length, 1], data: rows } };
    const content = { format: 'lastgood.baseline/1', source: 'validation', rows: rows.length, outputs };
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  const refuses = (request: object, code: string, pattern: RegExp): Promise<void> =>
    assert.rejects(engine.register('two', file, request), (error) =>
      isLastgoodError(error) && error.code === code && pattern.test(error.message));

  test('is refused when it cannot be, and with a baseline of another output or kind', async () => {
    await refuses({ output: 'third' }, 'INVALID_OUTPUT', /no output "third"; it has "first", "second"/);
    await refuses({ ...SECOND, outputKind: 'classes' }, 'INVALID_OUTPUT', /"second" has 1 number a row/);
    await refuses({ ...SECOND, baseline: baseline('first', [1, 2]) }, 'INVALID_BASELINE',
      /outputs first; wanted "second"/);
    await refuses({ output: 'second', outputKind: 'score', baseline: baseline('second', [0, 2]) }, 'INVALID_BASELINE',
      /"second": it has values outside of 0 to 1/);
    assert.deepEqual((await engine.status()).models, []);
  });

  test('is what the workers summarise, the monitor captures and status shows', async () => {
    await engine.register('two', file, { ...SECOND, promote: true });
    for (let request = 0; request < 50; request += 1) await engine.predict('two', [100 + request]);
    await until('the monitor has all predictions', () =>
      engine.models.served('two').health?.totals.predictions === 50);
    const captured = (await engine.control.baseline({ model: 'two', capture: true }, actor)).baseline;
    assert.deepEqual([captured?.output, captured?.kind], ['second', 'regression']);
    assert.deepEqual([captured?.min, captured?.max], [100, 149]);

    const status = await engine.status('two');
    assert.deepEqual(status.models[0]?.deployments[0]?.judged,
      { output: 'second', kind: 'regression', isOutputDeclared: true, isKindDeclared: true });
    assert.match(modelText(status, Date.now()), /second as regression \(declared\)/);
  });

  test('is inferred when it is not declared', async () => {
    const { version } = await engine.register('plain', file);
    const text = modelText(await engine.status('plain'), Date.now());
    assert.match(text, new RegExp(`${version} .*first as scalar \\(inferred\\)`));
  });
});
