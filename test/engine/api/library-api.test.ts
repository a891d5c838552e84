// What a program that embeds the engine may get wrong: it is told with a code, and nothing else comes of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { connectAdmin } from '../../../src/admin/client.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { housingFile, housingRows as rows } from '../../support/housing.ts';
import { until, untilResolved } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const actor = { by: 'test' };
const row = rows[0]!;

async function housingEngine(): Promise<Engine> {
  const engine = await createEngine({ dataDir: temporaryDirectory(), judge: { mode: 'observe' } });
  await engine.register('housing', housingFile('1'), { version: '1', promote: true });
  return engine;
}

describe('The library', () => {
  let engine: Engine;
  before(async () => {
    engine = await housingEngine();
  });
  after(() => engine.close());

  test('refuses options that a verb does not take, and arguments that are not there, before it does anything', async () => {
    const misspelt = { versoin: '2' } as object;
    const unknown = { code: 'INVALID_OPTION', message: /"versoin" is unknown here/ };
    await assert.rejects(engine.register('housing', housingFile('2'), misspelt), unknown);
    await assert.rejects(engine.promote('housing', '1', misspelt), unknown);
    await assert.rejects(engine.rollback('housing', misspelt), unknown);
    const missing = { code: 'INVALID_OPTION', message: /model: it is missing; wanted a text/ };
    for (const verb of ['register', 'promote', 'rollback', 'confirm'] as const) {
      await assert.rejects((engine[verb] as () => Promise<unknown>)(), missing, verb);
    }
    assert.equal((await engine.status('housing')).models[0]?.versions.length, 1);
    const undefinedReason = { reason: undefined } as object;
    await assert.rejects(engine.rollback('housing', undefinedReason), { code: 'NO_ROLLBACK_TARGET' });
  });

  test('refuses a request of too many rows before it writes them as JSON', async () => {
    const small = await createEngine({ dataDir: temporaryDirectory(), rowsMax: 3, judge: { mode: 'observe' } });
    await small.register('housing', housingFile('1'), { version: '1', promote: true });
    assert.equal((await small.predictMany('housing', rows.slice(0, 3))).predictions.length, 3);
    let written = 0;
    const noted = Object.defineProperty({}, 'x', { enumerable: true, get: () => (written += 1) });
    const tooMany = [noted, noted, noted, noted] as never;
    await assert.rejects(small.predictMany('housing', tooMany), { code: 'ROWS_TOO_MANY', status: 413 });
    assert.equal(written, 0);
    await small.close();
  });

  test('refuses rows that JSON cannot carry', async () => {
    const invalid = { code: 'INVALID_REQUEST' };
    const view = new DataView(new ArrayBuffer(8));
    const odd = [Infinity, -Infinity, undefined, new Date(0), new Map(), () => 1, Symbol('x'), view];
    for (const [index, value] of odd.entries()) {
      await assert.rejects(engine.predict('housing', [...row.slice(1), value] as number[]), invalid, String(index));
    }
    // A hole is nothing, and nothing is refused.
    await assert.rejects(engine.predict('housing', new Array<number>(8)), invalid);
    const endless: Record<string, unknown> = {};
    endless['self'] = endless;
    await assert.rejects(engine.predict('housing', endless), invalid);
    await assert.rejects(engine.predictMany('housing', undefined as unknown as []), invalid);
  });

  test('a listener that throws changes no result, keeps nothing from the others and is a problem', async () => {
    await engine.register('housing', housingFile('2'), { version: '2' });
    const heard: string[] = [];
    const fail = (): never => {
      throw new Error('not my day');
    };
    for (const name of ['promote', 'rollback', 'phase', 'problem'] as const) {
      engine.once(name, fail);
      engine.on(name, () => heard.push(name));
    }
    engine.on('problem', ({ what, reason }) => heard.push(`${what}: ${reason}`));
    assert.equal((await engine.promote('housing', '2')).version, '2');
    assert.equal((await engine.rollback('housing')).rolledBackTo, '1');
    assert.equal((await engine.predict('housing', row)).modelVersion, '1');
    for (const name of ['promote', 'rollback']) {
      assert.ok(heard.includes(name), name);
      assert.ok(heard.includes(`a listener for "${name}" threw an error: not my day`), name);
    }
    assert.equal(engine.listeners('promote').length, 1);
  });

  test('a listener whose promise rejects is a problem as well, and ends nothing', async () => {
    const heard: string[] = [];
    const onProblem = ({ what, reason }: { readonly what: string; readonly reason: string }): void =>
      void heard.push(`${what}: ${reason}`);
    await engine.control.release({ model: 'housing', version: '2' }, actor);
    const { version: wanted } = await engine.promote('housing', '2');
    assert.equal(wanted, '2');
    engine.on('problem', onProblem);
    const rejects: () => unknown = () => Promise.reject(new Error('not this week'));
    engine.once('rollback', rejects);
    engine.once('problem', rejects);
    await engine.rollback('housing');
    await until('it is heard of', () => heard.includes('a listener for "rollback" threw an error: not this week'));
    assert.equal((await engine.predict('housing', row)).modelVersion, '1');
    engine.off('problem', onProblem);
  });

  test('owns its directory: verbs reach it, a second engine is refused or follows, and the end gives it free', async () => {
    const { dataDir } = engine.context.options;
    const admin = await connectAdmin(dataDir);
    assert.equal((await admin?.status({}))?.pid, process.pid);
    const isInUse = (error: unknown): boolean => isLastgoodError(error) && error.code === 'ADMIN_IN_USE';
    await assert.rejects(createEngine({ dataDir }), isInUse);
    await assert.rejects(createEngine({ dataDir: `${dataDir}/.` }), isInUse);
    const follower = await createEngine({ dataDir, follow: true, judge: { mode: 'observe' } });
    assert.equal((await follower.predict('housing', row)).modelVersion, '1');
    await engine.control.release({ model: 'housing', version: '2' }, actor);
    await engine.promote('housing', '2');
    await untilResolved('it follows', async () => (await follower.predict('housing', row)).modelVersion === '2');
    await follower.close();
    assert.equal((await engine.predict('housing', row)).modelVersion, '2', 'the first one owns the directory still');
    await assert.rejects(createEngine({ dataDir }), isInUse);
    const other = await housingEngine();
    const free = other.context.options.dataDir;
    await other.close();
    await (await createEngine({ dataDir: free, judge: { mode: 'observe' } })).close();
  });

  test('says of everything that it is asked after its end that it is closed', async () => {
    const closed = await housingEngine();
    await closed.close();
    const { control } = closed;
    const model = 'housing';
    const asked: Record<string, () => Promise<unknown>> = {
      predict: () => closed.predict(model, row),
      predictMany: () => closed.predictMany(model, [row]),
      status: () => closed.status(),
      statusOf: () => closed.status(model),
      listen: () => closed.listen({ port: 0 }),
      register: () => closed.register(model, housingFile('2')),
      promote: () => closed.promote(model, '1'),
      rollback: () => closed.rollback(model),
      confirm: () => closed.confirm(model),
      controlStatus: () => control.status({}),
      pin: () => control.pin({ model }, actor),
      unpin: () => control.unpin({ model }, actor),
      quarantine: () => control.quarantine({ model, version: '1' }, actor),
      release: () => control.release({ model, version: '1' }, actor),
      remove: () => control.remove({ model, version: '1' }, actor),
      history: () => control.history({ model }),
      explain: () => control.explain({}),
    };
    for (const [name, ask] of Object.entries(asked)) await assert.rejects(ask, { code: 'ENGINE_CLOSED' }, name);
    await closed.close();
  });
});
