// How the runtime runs a version is said at registration, tried, obeyed by its workers, and gone back to.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine, type Engine } from '../../src/engine/engine.ts';
import type { SessionOptions } from '../../src/options/session-options.ts';
import { modelText } from '../../src/cli/views/status-view.ts';
import { housingFile } from '../support/housing.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const dataDir = temporaryDirectory();
const MODEL = 'housing';
const PINNED: SessionOptions = {
  providers: ['cpu'], graph: 'basic', intraOpThreads: 2, interOpThreads: 2, arena: false, memoryPattern: true,
  entries: { 'session.intra_op.allow_spinning': '0' },
};
let engine: Engine;
let port: number;

before(async () => {
  engine = await createEngine({ dataDir, workers: 1, judge: { mode: 'observe' } });
  ({ port } = await engine.listen({ port: 0 }));
  await engine.register(MODEL, housingFile('2'), { version: '1', promote: true });
});
after(() => engine.close());

const register = (version: string, session: SessionOptions): Promise<unknown> =>
  engine.register(MODEL, housingFile('2'), { version, session });
describe('Session options of a version', () => {
  test('refuse a provider that is not there with those that are, and one that cannot be run on, and leave nothing', async () => {
    const then = readdirSync(join(dataDir, 'artifacts'));
    await assert.rejects(register('x', { providers: ['coreml'] }),
      { code: 'PROVIDER_ABSENT', message: /"coreml".*none of this name; wanted of cpu, / });
    await assert.rejects(register('x', { providers: ['cuda', 'cpu'] }),
      { code: 'TRIAL_FAILED', message: /asked to run on "cuda", "cpu"; lastgood doctor tells/ });
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

  test('are a part of what is in quarantine: the same file is refused as it was run, and not as it was not', async () => {
    await register('3', { ...PINNED });
    await register('4', { ...PINNED, intraOpThreads: 1 });
    await assert.rejects(engine.promote(MODEL, '3'), { code: 'FILE_QUARANTINED', message: /"2"/ });
    await engine.promote(MODEL, '4');
    assert.equal((await engine.status(MODEL)).models[0]!.model.activeVersion, '4');
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
