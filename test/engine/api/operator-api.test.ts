// The operator's verbs and the library's methods on a running engine, with real models.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { artifactPath } from '../../../src/artifacts/directory.ts';
import { housingBaseline, housingFile, housingRows as rows } from '../../support/housing.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const actor = { by: 'test' };
const code = (wanted: ErrorCode) => (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === wanted;

describe('OperatorApi', () => {
  let dataDir: string;
  let engine: Engine;

  before(async () => {
    dataDir = temporaryDirectory();
    engine = await createEngine({ dataDir, judge: { lookMs: 20, mode: 'observe', captureMs: 0 } });
  });
  after(async () => {
    await engine.close();
  });

  test('register with promote makes a first version that answers at once', async () => {
    const { version, activation } = await engine.control.register(
      { model: 'housing', file: housingFile('1'), baseline: housingBaseline('1'), promote: true },
      actor,
    );
    assert.equal(version.version, '1');
    assert.deepEqual(activation, { model: 'housing', version: '1', from: null, generation: 1, warning: null });
    const { prediction, modelVersion, latencyMs } = await engine.predict('housing', Float32Array.from(rows[0]!));
    assert.equal(typeof prediction, 'number');
    assert.equal(modelVersion, '1');
    assert.ok(latencyMs > 0);
  });

  test('predictMany answers each row as predict does', async () => {
    const { predictions } = await engine.predictMany('housing', rows.slice(0, 5));
    for (const [index, prediction] of predictions.entries()) {
      assert.equal(prediction, (await engine.predict('housing', rows[index]!)).prediction);
    }
    assert.equal(predictions.length, 5);
  });

  test('predict refuses a row of the wrong length with the code that HTTP answers', async () => {
    await assert.rejects(engine.predict('housing', [1, 2]), code('ROW_LENGTH'));
    await assert.rejects(async () => engine.predict('nobody', [1]), code('MODEL_NOT_FOUND'));
  });

  test('promote, confirm and rollback move the active version and say what they did', async () => {
    await engine.register('housing', housingFile('2'), { version: '2', baseline: housingBaseline('2') });
    assert.equal((await engine.promote('housing', '2')).from, '1');
    await engine.confirm('housing');
    assert.equal((await engine.status('housing')).models[0]?.phase, 'steady');
    const back = await engine.rollback('housing', { reason: 'a whim' });
    assert.deepEqual([back.rolledBackTo, back.from, back.generation], ['1', '2', 3]);
    assert.ok(existsSync(back.path));
    const decision = await engine.control.explain({ decision: back.decision });
    assert.deepEqual([decision.trigger, decision.reason, decision.rolledBackTo], ['operator', 'a whim', '1']);
    assert.equal((await engine.predict('housing', rows[0]!)).modelVersion, '1');
    await assert.rejects(engine.promote('housing', '2'), code('QUARANTINED'));
    assert.deepEqual(await engine.rollback('housing'), back, 'a minute has not passed: the same again');
    assert.deepEqual(await engine.rollback('housing', { generation: back.generation - 1 }), back);
    await assert.rejects(engine.rollback('housing', { generation: back.generation + 1 }), code('GENERATION_CONFLICT'));
    await assert.rejects(engine.rollback('housing', { to: '2' }), code('NO_ROLLBACK_TARGET'));
    await engine.control.release({ model: 'housing', version: '2' }, actor);
    const { rollout } = engine.models.served('housing');
    await until('the released version stands by', () =>
      rollout.deployments.some(({ version, role }) => version === '2' && role === 'standby'));
  });

  test('rollbacks at the same time are one, and a repeat of it changes nothing', async () => {
    await engine.promote('housing', '2');
    const answers = await Promise.all([1, 2, 3].map(() => engine.rollback('housing')));
    assert.deepEqual(answers, [answers[0], answers[0], answers[0]]);
    assert.deepEqual([answers[0]?.rolledBackTo, answers[0]?.trust], ['1', 'unproven']);
    assert.equal((await engine.control.history({ model: 'housing', limit: 1 }))[0]?.generation, answers[0]?.generation);
    await engine.control.release({ model: 'housing', version: '2' }, actor);
  });

  test('a file in quarantine is promoted under another name by force only', async () => {
    await engine.promote('housing', '2');
    await engine.rollback('housing');
    await engine.register('housing', housingFile('2'), { version: 'again' });
    await assert.rejects(engine.promote('housing', 'again'), code('FILE_QUARANTINED'));
    await assert.rejects(
      engine.register('housing', housingFile('2'), { version: 'third', promote: true }), code('FILE_QUARANTINED'));
    await engine.promote('housing', 'again', { force: true });
    assert.match((await engine.control.history({ model: 'housing', limit: 1 }))[0]!.reason, /^forced by library,/);
    await engine.rollback('housing', { to: '1' });
    for (const version of ['again', 'third']) await engine.control.remove({ model: 'housing', version }, actor);
    await engine.control.release({ model: 'housing', version: '2' }, actor);
  });

  test('a pin keeps the active version until it is taken off', async () => {
    const record = await engine.control.pin({ model: 'housing', reason: 'audit' }, actor);
    assert.equal(record.pin?.reason, 'audit');
    await assert.rejects(engine.promote('housing', '2'), code('PINNED'));
    assert.equal((await engine.control.unpin({ model: 'housing' }, actor)).pin, null);
  });

  test('baseline captures live predictions once there are a thousand, and takes a file at any time', async () => {
    const capture = { model: 'housing', capture: true };
    await assert.rejects(engine.control.baseline(capture, actor), code('NOT_ENOUGH_SAMPLES'));
    await assert.rejects(engine.control.baseline({ model: 'housing' }, actor), code('INVALID_REQUEST'));
    const many = Array.from({ length: 1_100 }, (_, index) => rows[index % rows.length]!);
    await Promise.all(many.map((row) => engine.predict('housing', row)));
    const captured = await engine.control.baseline(capture, actor);
    assert.equal(captured.baseline?.source, 'live');
    assert.ok(captured.baseline.rows >= 1_000);
    const read = await engine.control.baseline({ model: 'housing', from: housingBaseline('1') }, actor);
    assert.equal(read.baseline?.source, 'validation');
    const wrong = join(dataDir, 'wrong.json');
    writeFileSync(wrong, '{}');
    await assert.rejects(engine.control.baseline({ model: 'housing', from: wrong }, actor), code('INVALID_BASELINE'));
  });

  test('a version whose answers have drifted from its baseline is captured only when that is meant', async () => {
    await engine.register('drifted', housingFile('dollars'), { baseline: housingBaseline('1'), promote: true });
    const many = Array.from({ length: 1_100 }, (_, index) => rows[index % rows.length]!);
    await Promise.all(many.map((row) => engine.predict('drifted', row)));
    await until('the drift is seen', () => engine.models.served('drifted').health?.checks
      .some(({ check, verdict }) => check === 'mean_drift' && verdict === 'fail') === true);
    const capture = { model: 'drifted', capture: true };
    await assert.rejects(engine.control.baseline(capture, actor), code('NOT_HEALTHY'));
    const accepted = await engine.control.baseline({ ...capture, acceptNewDistribution: true }, actor);
    assert.equal(accepted.baseline?.source, 'live');
  });

  test('remove forgets a version and its artefact, but never what serves or stands by', async () => {
    const { sha256, version } = await engine.register('housing', housingFile('regraph'));
    assert.ok(existsSync(artifactPath(dataDir, { sha256 })));
    const { removed, artifacts } = await engine.control.remove({ model: 'housing', version }, actor);
    assert.deepEqual([removed, artifacts], [[version], [sha256]]);
    assert.ok(!existsSync(artifactPath(dataDir, { sha256 })));
    await assert.rejects(engine.control.remove({ model: 'housing', version: '1' }, actor), code('VERSION_IN_USE'));
    await assert.rejects(engine.control.remove({ model: 'housing' }, actor), code('VERSION_IN_USE'));
  });

  test('remove of a model that has never served stops serving it', async () => {
    await engine.register('idle', housingFile('1'));
    assert.ok(engine.models.all.has('idle'));
    await engine.control.remove({ model: 'idle' }, actor);
    assert.ok(!engine.models.all.has('idle'));
    await assert.rejects(engine.control.history({ model: 'idle' }), code('MODEL_NOT_FOUND'));
  });

  test('history tells every change, newest first, with who made it', async () => {
    const events = await engine.control.history({ model: 'housing' });
    const kinds = events.map(({ kind }) => kind).reverse();
    assert.deepEqual(kinds.slice(0, 6), ['register', 'promote', 'register', 'promote', 'confirm', 'rollback']);
    assert.ok(events.every(({ by }) => by === 'test' || by === 'library'));
  });

  test('drain answers what was accepted, refuses the rest and says so in the status', async () => {
    const pending = Array.from({ length: 200 }, (_, index) => engine.predict('housing', rows[index]!));
    const { answered } = await engine.control.drain({}, actor);
    assert.equal((await Promise.all(pending)).length, 200);
    assert.ok(answered <= 200);
    await assert.rejects(engine.predict('housing', rows[0]!), code('DRAINING'));
    await assert.rejects(engine.promote('housing', '2'), code('DRAINING'));
    assert.equal((await engine.status()).engine, 'draining');
  });
});
