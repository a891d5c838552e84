// How the runtime runs a version is said at registration, tried, obeyed by its workers, and gone back to.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import type { SessionOptions } from '../../src/options/session-options.ts';
import { modelText } from '../../src/cli/views/status-view.ts';
import { housingFile } from '../support/housing.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const dataDir = temporaryDirectory();
const MODEL = 'housing';
const PINNED: SessionOptions = {
  providers: ['cpu'], graph: 'basic', intraOpThreads: 2, interOpThreads: 2, arena: false, memoryPattern: true,
  entries: { 'session.intra_op.allow_spinning': '0' },
};
const SAID: SessionOptions = { graph: 'basic', entries: { 'session.intra_op.allow_spinning': '1' } };
let engine: Engine;
let port: number;

before(async () => {
  engine = await createEngine({ dataDir, workers: 1, judge: { mode: 'observe' }, models: { said: { session: SAID } } });
  ({ port } = await engine.listen({ port: 0 }));
  await engine.register(MODEL, housingFile('2'), { version: '1', promote: true });
});
after(() => engine.close());

const register = (version: string, session: SessionOptions): Promise<unknown> =>
  engine.register(MODEL, housingFile('2'), { version, session });
describe('Session options of a version', () => {
  test('refuse a provider that is absent with the list, and one that cannot be run on, and leave nothing', async () => {
    const then = readdirSync(join(dataDir, 'artifacts'));
    await assert.rejects(register('x', { providers: ['coreml'] }),
      { code: 'PROVIDER_ABSENT', message: /"coreml".*none of this name; wanted of cpu, / });
    await assert.rejects(register('x', { providers: ['cuda', 'cpu'] }),
      { code: 'TRIAL_FAILED', message: /asked to run on "cuda", "cpu"; the runtime of this host has cpu, .*doctor/ });
    assert.deepEqual(readdirSync(join(dataDir, 'artifacts')), then);
    assert.deepEqual(engine.context.registry.versions(MODEL).map(({ version }) => version), ['1']);
  });

  test('are a part of the version: shown with it, and gone back from', async () => {
    await register('2', PINNED);
    assert.deepEqual(engine.context.registry.version(MODEL, '2').session, PINNED);
    assert.equal(engine.context.registry.version(MODEL, '1').session, undefined);
    await engine.promote(MODEL, '2');
    const body = '{"features":[8.3,41,6.9,1.02,322,2.5,37.8,-122.2]}';
    assert.equal((await http(port, `/models/${MODEL}/predict`, { body })).status, 200);
    const config = (await http(port, `/v2/models/${MODEL}/config`)).json['parameters'] as Record<string, object>;
    assert.deepEqual(config['session'], { string_value: JSON.stringify(PINNED) });
    const { models: [status] } = await engine.status(MODEL);
    assert.match(modelText({ ...(await engine.status(MODEL)), models: [status!] }, Date.now()),
      /session +.*providers \["cpu"\]/);
    await engine.rollback(MODEL);
    const back = (await http(port, `/v2/models/${MODEL}/config`)).json['parameters'] as Record<string, object>;
    assert.equal(back['session'], undefined, 'a rollback goes back to the options as well');
  });

  test('are a part of what is in quarantine: the same file is refused as it was run, and only so', async () => {
    await register('3', { ...PINNED });
    await register('4', { ...PINNED, intraOpThreads: 1 });
    await assert.rejects(engine.promote(MODEL, '3'), { code: 'FILE_QUARANTINED', message: /"2"/ });
    await engine.promote(MODEL, '4');
    assert.equal((await engine.status(MODEL)).models[0]!.model.activeVersion, '4');
  });

  test('come from the section of the model where the version does not say them, and stay with it', async () => {
    const session = { entries: { 'session.inter_op.allow_spinning': '0' }, graph: 'all' } as const;
    await engine.register('said', housingFile('1'), { version: '1' });
    await engine.register('said', housingFile('1'), { version: '2', session });
    const { registry } = engine.context;
    assert.deepEqual(registry.version('said', '1').session, SAID);
    assert.deepEqual(registry.version('said', '2').session,
      { graph: 'all', entries: { ...SAID.entries, ...session.entries } });
    assert.equal(registry.version(MODEL, '1').session, undefined, 'it is said of one model');
  });

  test('give an open dimension a size: the version takes no other, and answers as the model does', async () => {
    const path = join(temporaryDirectory(), 'm.onnx');
    writeFileSync(path, linear());
    const [N, other] = [4, 2];
    await assert.rejects(engine.register('fixed', path, { session: { freeDimensions: { rows: N } } }),
      { code: 'INVALID_OPTION', message: /"rows": no input of the model .* wanted of "N"/ });
    assert.throws(() => engine.context.registry.model('fixed'), { code: 'MODEL_NOT_FOUND' });
    for (const [version, size] of [['1', N], ['2', other]] as const) {
      await engine.register('fixed', path, { version, session: { freeDimensions: { N: size } } });
      const { signature, derived } = engine.context.registry.version('fixed', version);
      assert.deepEqual(signature.inputs[0]!.shape, [size, 3]);
      assert.deepEqual([derived!.rules, derived!.sizes], [['fix-dimensions/1'], { N: size }]);
    }
    await engine.promote('fixed', '1');
    const infer = (rows: number): ReturnType<typeof http> => http(port, '/v2/models/fixed/infer', {
      body: JSON.stringify({
        inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 3], data: new Array<number>(rows * 3).fill(1) }],
      }),
    });
    const right = await infer(N);
    assert.deepEqual((right.json['outputs'] as { data: number[] }[])[0]!.data, new Array(N).fill(111.5));
    assert.equal((await infer(other)).status, 400);
    await engine.promote('fixed', '2', { allowSignatureChange: true });
    assert.equal((await infer(other)).status, 200);
    assert.equal((await infer(N)).status, 400);
    await engine.rollback('fixed');
    assert.equal((await infer(N)).status, 200, 'a rollback goes back to the size as well');
  });

  test('are tried in the trial, and obeyed by the workers as the record has them', async () => {
    // The graph is all the CPU's, so this entry keeps any session from opening.
    const impossible: SessionOptions = { providers: ['cpu'], entries: { 'session.disable_cpu_ep_fallback': '1' } };
    await assert.rejects(register('5', impossible), { code: 'TRIAL_FAILED', message: /fallback to CPU EP/ });
    const { registry } = engine.context;
    const { signature, trial, sha256, artifactBytes } = registry.version(MODEL, '1');
    await registry.commit(() => registry.createVersion({
      model: MODEL, version: 'impossible', sha256, artifactBytes, signature, trial, outputKind: 'regression',
      baseline: null, golden: null, warnings: [], session: impossible,
    }, 'test'));
    await assert.rejects(engine.promote(MODEL, 'impossible'), { code: 'LOAD_FAILED', message: /fallback to CPU EP/ });
  });
});
