// What comes in, watched by the whole engine: from the rows that workers keep to a stored warning, and never further.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decisionText } from '../../src/cli/views/explain-view.ts';
import { modelText } from '../../src/cli/views/status-view.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { CheckResult } from '../../src/judge/types/messages.ts';
import { seededRandom } from '../judge/fixtures.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { twoAnswers } from '../worker/onnx.ts';

const actor = { by: 'test' };
const random = seededRandom(9);
const OFF = { mode: 'off' } as const;
// The answers follow the inputs; whether they have drifted is not asked here.
const checks = {
  mean_drift: OFF, class_mix: OFF, shape: OFF, spread: OFF, confidence: OFF, repeats: OFF, constant_output: OFF,
  p95_latency: OFF,
  input_drift: { samplesMin: 60 },
};
const judge = { lookMs: 20, windowMs: 1_200, captureMs: 0, captureSamples: 40, checks };

describe('inputs that drift', () => {
  let dataDir: string;
  let engine: Engine;

  before(async () => {
    dataDir = temporaryDirectory();
    writeFileSync(join(dataDir, 'two.onnx'), twoAnswers());
    engine = await createEngine({ dataDir, workers: 1, judge });
  });
  after(async () => {
    await engine.close();
  });

  const baseline = (inputs?: Record<string, unknown>): string => {
    const path = join(dataDir, 'two.baseline.json');
    const data = Array.from({ length: 400 }, () => random());
    const first = { shape: [-1, 1], data: data.map((value) => -value) };
    writeFileSync(path, JSON.stringify({
      format: 'lastgood.baseline/1', source: 'validation', rows: 400, outputs: { first },
      inputs: inputs ?? { x: { shape: [-1, 1], data } },
    }));
    return path;
  };
  const register = (model: string, more: object = {}): Promise<unknown> =>
    engine.register(model, join(dataDir, 'two.onnx'), { promote: true, ...more });
  const check = (model: string): CheckResult | undefined =>
    engine.models.served(model).health?.checks.find((one) => one.check === 'input_drift');
  /** Asks until the check says `wanted`. */
  const ask = (model: string, wanted: RegExp, value: () => number): Promise<void> =>
    untilResolved(`${model} says ${String(wanted)}`, async () => {
      await engine.predict(model, [value()]);
      return wanted.test(check(model)?.text ?? '');
    }).catch((error: unknown) => {
      assert.fail(`${String(error)}; it says: ${String(check(model)?.text)}`);
    });

  test('are told, stored and shown, and roll nothing back', async () => {
    await register('two', { baseline: baseline() });
    await engine.control.confirm({ model: 'two' }, actor);
    await register('two', { baseline: baseline() });
    await ask('two', /^what is asked is like the baseline: PSI/, random);
    await ask('two', /^what is asked differs from the baseline: PSI \S+ of "x" is over the limit/, () => 5 + random());
    await untilResolved('the warning is stored', async () => {
      await engine.predict('two', [5 + random()]);
      return engine.context.registry.decisions('two', 5).some(({ trigger }) => trigger === 'input_drift');
    });
    const { models: [model] } = await engine.status('two');
    const warning = model!.recentDecisions.find(({ trigger }) => trigger === 'input_drift')!;
    assert.deepEqual([warning.action, warning.rolledBackTo, warning.version], ['warn', null, '2']);
    assert.deepEqual([model!.model.activeVersion, model!.phase], ['2', 'probation']);
    assert.deepEqual(model!.health?.violations, [], 'and nothing asks for a rollback');
    assert.match(model!.health.warnings.join(), /what is asked differs/);
    const explained = decisionText(warning, Date.now());
    assert.match(explained, /trigger +input drift\n/);
    assert.match(explained, /done +nothing: input drift only warns/);
    assert.match(explained, /input "x": PSI [\d.]+ \(without a drift up to/);
    assert.match(explained, /the stored window gives the same verdict/);
    assert.match(modelText(await engine.status('two'), Date.now()), /warning: what is asked differs/);
  });

  test('say so without a baseline of inputs, which a capture brings and a file without inputs does not take away',
    async () => {
      await register('live');
      await ask('live', /^input drift is not judged: no baseline of inputs$/, random);
      for (let asked = 0; asked < 40; asked += 1) await engine.predict('live', [random()]);
      const capture = async (): Promise<number> => {
        await engine.predict('live', [random()]);
        const { baseline: live } = await engine.control.baseline({ model: 'live', capture: true }, actor);
        return live?.inputs?.rows ?? 0;
      };
      await untilResolved('a hundred rows of inputs are captured', async () => (await capture()) >= 100);
      const captured = engine.context.registry.baselineOf('live', '1')!.inputs!;
      assert.deepEqual([captured.source, captured.columns.map(({ name, at }) => [name, at])], ['live', [['x', 0]]]);
      await ask('live', /^what is asked is like the baseline/, random);
      await engine.control.baseline({ model: 'live', from: baseline({}) }, actor);
      const { source, inputs } = engine.context.registry.version('live', '1').baseline!;
      assert.deepEqual([source, inputs?.hash], ['validation', captured.hash]);
    });

  test('are watched where they were declared, and what cannot be is refused', async () => {
    const refuses = (more: object, code: string, pattern: RegExp): Promise<void> =>
      assert.rejects(register('declared', more), (error) =>
        isLastgoodError(error) && error.code === code && pattern.test(error.message));
    await refuses({ inputColumns: 'y' }, 'INVALID_COLUMNS', /no input "y"; it has "x"/);
    await refuses({ inputColumns: 'x[1]' }, 'INVALID_COLUMNS', /no part of a row of input "x", which has 1 value/);
    await refuses({ inputColumns: 'x', baseline: baseline({}) }, 'INVALID_BASELINE', /no input "x", of which "x"/);
    await refuses({ baseline: baseline({ y: { shape: [-1, 1], data: Array(400).fill(1) } }) }, 'INVALID_BASELINE',
      /it has the input "y"; the model has x/);
    await register('declared', { inputColumns: 'x', baseline: baseline() });
    assert.match(modelText(await engine.status('declared'), Date.now()), /inputs +1 input column \(declared\): x/);
  });

  test('are not kept, and so not judged, where nobody may keep them', async () => {
    await register('private', { baseline: baseline() });
    await engine.close();
    // Where the standby is asked in the steady phase too, as is usual, rows are kept for it as soon as it is loaded.
    const models = { private: { reservoir: 'off' } } as const;
    engine = await createEngine({ dataDir, workers: 1, judge, pairs: 'probation', models });
    await ask('private', /^input drift is not judged: no inputs are kept \(--reservoir off\)$/, random);
    await engine.control.confirm({ model: 'two' }, actor);
    await ask('two', /^input drift is not judged: inputs are kept during the probation only/, random);
  });
});
