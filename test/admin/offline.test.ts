// The verbs on a data directory without an engine.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openOffline } from '../../src/admin/offline.ts';
import type { ControlPlane } from '../../src/admin/commands.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import { artifactPath } from '../../src/artifacts/directory.ts';
import { housingBaseline, housingFile } from '../support/housing.ts';
import { oldDirectory, oldRegistryBytes } from '../support/old-registry.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const actor = { by: 'test' };
const optionsAt = (dataDir: string): { dataDir: string; trialMs: number; intraOpThreads: number } =>
  ({ dataDir, trialMs: 60_000, intraOpThreads: 1 });

async function threeVersionsOffline(dataDir: string, clock: Clock): Promise<ControlPlane & { close(): Promise<void> }> {
  const control = openOffline(optionsAt(dataDir), clock, { create: true });
  for (const version of ['1', '2', 'regraph']) {
    const files = { file: housingFile(version), baseline: housingBaseline(version) };
    await control.register({ model: 'housing', version, ...files, promote: true }, actor);
  }
  return control;
}

describe('openOffline', () => {
  test('refuses a directory without a registry and creates nothing in it', () => {
    const dataDir = join(temporaryDirectory(), 'nothing');
    assert.throws(() => openOffline(optionsAt(dataDir), systemClock), { code: 'DATA_UNUSABLE' });
    assert.ok(!existsSync(dataDir));
  });

  test('keeps what was written for whoever opens the directory next', async () => {
    const dataDir = temporaryDirectory();
    const first = openOffline(optionsAt(dataDir), systemClock, { create: true });
    await first.register({ model: 'housing', file: housingFile('1'), promote: true }, actor);
    await first.close();
    const second = openOffline(optionsAt(dataDir), systemClock);
    const [status] = (await second.status({ model: 'housing' })).models;
    assert.deepEqual([status?.phase, status?.model.activeVersion, status?.model.generation], ['offline', '1', 1]);
    await second.close();
  });

  test('warns when the last version to go back to is put into quarantine, and only then', async () => {
    const control = await threeVersionsOffline(temporaryDirectory(), systemClock);
    const quarantine = (version: string): Promise<{ readonly warning: string | null }> =>
      control.quarantine({ model: 'housing', version }, actor);
    assert.equal((await quarantine('1')).warning, null, 'version 2 is left');
    assert.match((await quarantine('2')).warning ?? '',
      /with version 2 in quarantine nothing is left to go back to: should regraph fail, it goes on answering$/);
    await control.close();
  });

  test('reads a registry of an older format as it is, and upgrades it with the first change', async () => {
    const dataDir = oldDirectory();
    const looking = openOffline(optionsAt(dataDir), systemClock, { changes: false });
    const [status] = (await looking.status({ model: 'housing' })).models;
    assert.deepEqual([status?.model.activeVersion, status?.versions[0]?.baseline?.source], ['2', 'live']);
    assert.equal((await looking.history({ model: 'housing', limit: 1 }))[0]?.kind, 'rollback');
    await assert.rejects(looking.pin({ model: 'housing' }, actor), { code: 'DISK_REFUSED', message: /reading only/ });
    await looking.close();
    assert.deepEqual(readFileSync(join(dataDir, 'registry', 'data.mdb')), oldRegistryBytes());
    const told: unknown[] = [];
    const changing = openOffline(optionsAt(dataDir), systemClock, { onUpgrade: (...upgrade) => told.push(upgrade) });
    await changing.pin({ model: 'housing' }, actor);
    await changing.close();
    assert.deepEqual(told, [[1, join(dataDir, 'registry-format-1')]]);
  });

  test('refuses a promote for the same reasons as an engine does', async () => {
    const dataDir = temporaryDirectory();
    const control = openOffline(optionsAt(dataDir), systemClock, { create: true });
    const model = 'housing';
    await control.register({ model, file: housingFile('1'), promote: true }, actor);
    const { version } = await control.register({ model, file: housingFile('other-signature'), version: 'odd' }, actor);
    assert.match(version.warnings.join(), /signature differs/);
    await assert.rejects(control.promote({ model, version: 'odd' }, actor), { code: 'SIGNATURE_CHANGED' });
    await assert.rejects(control.promote({ model, version: '1' }, actor), { code: 'ALREADY_ACTIVE' });
    await assert.rejects(control.promote({ model, version: '9' }, actor), { code: 'VERSION_NOT_FOUND' });
    await assert.rejects(
      control.register({ model, file: housingFile('2'), version: '1' }, actor), { code: 'VERSION_EXISTS' });
    const text = join(dataDir, 'text.onnx');
    writeFileSync(text, 'no model');
    await assert.rejects(control.register({ model, file: text }, actor), { code: 'TRIAL_FAILED' });
    await assert.rejects(control.register({ model, file: join(dataDir, 'none') }, actor), { code: 'FILE_UNREADABLE' });
    const allowed = { model, version: 'odd', allowSignatureChange: true };
    assert.equal((await control.promote(allowed, actor)).generation, 2);
    await control.close();
  });

  test('a rollback passes over a version whose file is gone', async () => {
    const dataDir = temporaryDirectory();
    const control = await threeVersionsOffline(dataDir, systemClock);
    const model = 'housing';
    const [status] = (await control.status({ model })).models;
    const second = status?.versions.find(({ version }) => version === '2');
    rmSync(artifactPath(dataDir, second!));
    await assert.rejects(control.rollback({ model, to: '2' }, actor), { code: 'NO_ROLLBACK_TARGET' });
    assert.equal((await control.rollback({ model }, actor)).rolledBackTo, '1');
    await assert.rejects(control.rollback({ model, to: '2' }, actor), { code: 'NO_ROLLBACK_TARGET' });
    await control.close();
  });

  test('a rollback that names its generation takes that one or none, and once', async () => {
    const control = await threeVersionsOffline(temporaryDirectory(), { monotonicUs: () => 0, wallMs: () => 1e12 });
    const model = 'housing';
    await assert.rejects(control.rollback({ model, generation: 2 }, actor), { code: 'GENERATION_CONFLICT' });
    const first = await control.rollback({ model, generation: 3 }, actor);
    assert.deepEqual([first.rolledBackTo, first.generation], ['2', 4]);
    assert.deepEqual(await control.rollback({ model, generation: 3 }, actor), first, 'that one is gone already');
    const further = await control.rollback({ model, generation: 4 }, actor);
    assert.deepEqual([further.rolledBackTo, further.generation], ['1', 5], 'within the same minute');
    await control.close();
  });

  test('a second rollback within a minute gets the answer of the first; a named or a later one goes back', async () => {
    const dataDir = temporaryDirectory();
    let [nowMs, dateMs] = [0, 1e12];
    const control = await threeVersionsOffline(dataDir, { monotonicUs: () => nowMs * 1e3, wallMs: () => dateMs });
    const model = 'housing';
    const first = await control.rollback({ model }, actor);
    assert.deepEqual([first.rolledBackTo, first.generation, first.trust], ['2', 4, 'unproven']);
    for (const date of [0, 1e12, 2e12]) {
      dateMs = date;
      assert.deepEqual(await control.rollback({ model }, { by: 'another' }), first, 'whatever the date is');
    }
    nowMs += 60_000;
    assert.deepEqual(await control.rollback({ model }, { by: 'another' }), first);
    assert.equal((await control.history({ model })).filter(({ kind }) => kind === 'rollback').length, 1);
    nowMs += 1;
    const back = await control.rollback({ model }, actor);
    assert.deepEqual([back.rolledBackTo, back.generation], ['1', 5]);
    await control.release({ model, version: '2' }, actor);
    const named = await control.rollback({ model, to: '2' }, actor);
    assert.deepEqual([named.rolledBackTo, named.generation], ['2', 6]);
    nowMs += 60_001;
    await assert.rejects(control.rollback({ model }, actor), (error) => {
      assert.ok(isLastgoodError(error));
      assert.match(error.message, /"2" is active, "1" is in quarantine \(.*\), "regraph" is in quarantine/);
      return error.code === 'NO_ROLLBACK_TARGET' && (error.details?.['versions'] as unknown[]).length === 3;
    });
    await control.close();
  });

  test('a file that was taken back is warned of when it is registered again, and promoted by force only', async () => {
    const dataDir = temporaryDirectory();
    const control = await threeVersionsOffline(dataDir, systemClock);
    const model = 'housing';
    await control.rollback({ model }, actor);
    const file = housingFile('regraph');
    const { version } = await control.register({ model, version: 'again', file }, actor);
    assert.match(version.warnings.join(), /in quarantine as version "regraph" \(requested by an operator\)/);
    await assert.rejects(control.promote({ model, version: 'again' }, actor), { code: 'FILE_QUARANTINED' });
    const promoting = { model, version: 'other', file, promote: true };
    await assert.rejects(control.register(promoting, actor), { code: 'FILE_QUARANTINED' });
    const forced = await control.register({ ...promoting, version: 'forced', force: true }, { by: 'jo' });
    assert.equal(forced.activation?.version, 'forced');
    assert.match((await control.history({ model, limit: 1 }))[0]!.reason, /^forced by jo,/);
    await control.close();
  });
});
