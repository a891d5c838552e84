// The verbs on a data directory without an engine.
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openOffline } from '../../src/admin/offline.ts';
import { systemClock } from '../../src/base/clock.ts';
import { artifactPath } from '../../src/registry/artifacts.ts';
import { housingBaseline, housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const actor = { by: 'test' };
const optionsAt = (dataDir: string): { dataDir: string; trialMs: number; intraOpThreads: number } =>
  ({ dataDir, trialMs: 60_000, intraOpThreads: 1 });

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
    const control = openOffline(optionsAt(dataDir), systemClock, { create: true });
    const model = 'housing';
    for (const version of ['1', '2', 'regraph']) {
      const files = { file: housingFile(version), baseline: housingBaseline(version) };
      await control.register({ model, version, ...files, promote: true }, actor);
    }
    const [status] = (await control.status({ model })).models;
    const second = status?.versions.find(({ version }) => version === '2');
    rmSync(artifactPath(dataDir, second?.sha256 ?? ''));
    await assert.rejects(control.rollback({ model, to: '2' }, actor), { code: 'NO_ROLLBACK_TARGET' });
    assert.equal((await control.rollback({ model }, actor)).rolledBackTo, '1');
    await assert.rejects(control.rollback({ model }, actor), { code: 'NO_ROLLBACK_TARGET' });
    await control.close();
  });
});
