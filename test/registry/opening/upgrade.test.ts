// The upgrade of a registry that an older build wrote: nothing of it is lost, a copy stands beside it, and whatever
// stops it in the midst, the next one goes on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../src/base/clock.ts';
import type { Attachments, ModelRecord, VersionRecord } from '../../../src/domain/records.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { rollbackCandidates } from '../../../src/registry/rules.ts';
import { META, modelKey, versionKey } from '../../../src/registry/store/keys.ts';
import { openStore, openStoreOnAnyDisk, tryWritable } from '../../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../../src/registry/store/store.ts';
import { allowWrites, refuseWrites, withoutPrlimit } from '../../support/disk.ts';
import { oldDirectory, oldRegistryBytes, recordsOf } from '../../support/old-registry.ts';

const COPY = 'registry-format-1';
const fileOf = (dataDir: string, folder = 'registry'): Buffer => readFileSync(join(dataDir, folder, 'data.mdb'));
const copiesIn = (dataDir: string): string[] => readdirSync(dataDir).filter((name) => name.startsWith(COPY)).sort();

/** All that a registry tells its readers. */
function told(store: RegistryStore): object {
  const registry = new Registry(store, systemClock);
  return registry.models().map((model) => ({
    model, history: registry.history(model.model, 10_000), decisions: registry.decisions(model.model, 1_000),
    versions: registry.versions(model.model).map((version) => ({
      version, baseline: registry.baselineOf(model.model, version.version),
      golden: registry.goldenOf(model.model, version.version), twin: registry.twinOf(version)?.version,
      isTarget: registry.isRollbackTarget(model.model, version.version),
    })),
    target: registry.rollbackTarget(model.model)?.version,
  }));
}

async function toldAfterUpgrade(): Promise<object> {
  const store = openStore({ dataDir: oldDirectory() });
  const result = told(store);
  await store.close();
  return result;
}

describe('the upgrade from format 1', () => {
  test('keeps every record as it was, but for what moves apart from the versions', async () => {
    const dataDir = oldDirectory();
    const before = await recordsOf(dataDir);
    const store = openStore({ dataDir });
    const registry = new Registry(store, systemClock);
    const kinds = new Map<string, number>();
    for (const [text, old] of before) {
      const key = JSON.parse(text) as string | [string, string, string];
      const kind = /[\w-]+/.exec(text)![0];
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      if (kind === 'version') {
        const [, model, version] = key as [string, string, string];
        const { baseline, golden, ...rest } = old as Omit<VersionRecord, keyof Attachments> & {
          readonly [K in keyof Attachments]: Attachments[K] | null;
        };
        assert.deepEqual(registry.baselineOf(model, version), baseline, text);
        assert.deepEqual(registry.goldenOf(model, version), golden, text);
        const now = registry.version(model, version);
        assert.deepEqual({ ...now, baseline: null, golden: null }, { ...rest, baseline: null, golden: null }, text);
        assert.deepEqual([now.baseline?.mean, now.baseline?.output], [baseline?.mean, baseline?.output]);
        assert.deepEqual(now.golden, golden && { rtol: golden.rtol, atol: golden.atol, cases: golden.cases.length });
      } else if (typeof key !== 'string') {
        assert.deepEqual(store.read(() => store.get({ parts: key })), old, text);
      }
    }
    assert.deepEqual(Object.fromEntries(kinds), {
      meta: 1, revision: 1, boot: 3, decision: 2, 'decision-order': 2, event: 28, model: 4, version: 8,
    }, 'the fixture holds what its description says');
    for (const { model, activeVersion, lastGoodVersion } of registry.models()) {
      const [best] = rollbackCandidates(registry.versions(model), activeVersion);
      assert.equal(registry.rollbackTarget(model)?.version, best?.version);
      assert.equal(lastGoodVersion, best?.version ?? null);
    }
    assert.deepEqual(store.read(() => store.get(META)), { product: 'lastgood', format: 2 });
    await store.close();
    assert.deepEqual(copiesIn(dataDir), [COPY]);
    assert.deepEqual(fileOf(dataDir, COPY), oldRegistryBytes(), 'the copy is the registry as it was');
  });

  test('is done once, and a copy takes the place of no other', async () => {
    const dataDir = oldDirectory();
    const upgrades: unknown[] = [];
    const onUpgrade = (...told: unknown[]): void => void upgrades.push(told);
    await openStore({ dataDir, onUpgrade }).close();
    await openStore({ dataDir, onUpgrade }).close();
    assert.deepEqual(upgrades, [[1, join(dataDir, COPY)]]);
    writeFileSync(join(dataDir, 'registry', 'data.mdb'), oldRegistryBytes());
    for (let number = 3; number <= 9; number += 1) mkdirSync(join(dataDir, `${COPY}-${number}`));
    await openStore({ dataDir, onUpgrade }).close();
    assert.deepEqual(upgrades[1], [1, join(dataDir, `${COPY}-2`)]);
    writeFileSync(join(dataDir, 'registry', 'data.mdb'), oldRegistryBytes());
    assert.throws(() => openStore({ dataDir }), { code: 'DISK_REFUSED', message: /9 copies are there already.*move/ });
    assert.deepEqual(fileOf(dataDir), oldRegistryBytes());
  });

  test('goes on where a process was killed, before whichever step', async () => {
    const wanted = await toldAfterUpgrade();
    const child = fileURLToPath(new URL('./upgrade-child.js', import.meta.url));
    const formats = new Set<unknown>();
    let isDone = false;
    for (let step = 0; !isDone; step += 1) {
      const dataDir = oldDirectory();
      const { signal, stdout } = spawnSync(process.execPath, [child, dataDir, String(step)], { encoding: 'utf8' });
      isDone = signal === null;
      assert.match(isDone ? stdout : signal!, /^(SIGKILL|done in \d+ steps)$/);
      const meta = (await recordsOf(dataDir)).get('"meta"') as { format: number };
      // The older build reads its own number and refuses any other.
      formats.add(meta.format);
      if (meta.format === 1) assert.deepEqual(fileOf(dataDir), oldRegistryBytes(), `step ${step}`);
      else assert.deepEqual(fileOf(dataDir, COPY), oldRegistryBytes(), `step ${step}`);
      const look = openStore({ dataDir, readOnly: true });
      assert.deepEqual(told(look), wanted, `read only, killed before step ${step}`);
      await look.close();
      const store = openStore({ dataDir });
      assert.deepEqual(told(store), wanted, `killed before step ${step}`);
      assert.deepEqual(store.read(() => store.get(META)), { product: 'lastgood', format: 2 });
      await store.close();
      assert.deepEqual(copiesIn(dataDir).filter((name) => name.endsWith('.part')), [], `step ${step}`);
    }
    assert.deepEqual([...formats], [1, 2]);
  });

  test('derives from the history what early builds did not write down of trust and of who is last good', async () => {
    const dataDir = oldDirectory();
    const whole = openStore({ dataDir });
    const without = <R extends object>(record: R, ...unknown: (keyof R)[]): R =>
      Object.fromEntries(Object.entries(record).filter(([name]) => !unknown.includes(name as keyof R))) as R;
    const wanted = told(whole);
    const registry = new Registry(whole, systemClock);
    whole.transaction(() => {
      for (const { model } of registry.models()) {
        for (const version of registry.versions(model)) {
          whole.put(versionKey(model, version.version), without(version, 'earned'));
        }
        const record: ModelRecord = { ...registry.model(model), lastGoodVersion: null };
        whole.put(modelKey(model), without(record, 'lastGoodTrust'));
      }
      whole.put(META, { product: 'lastgood', format: 1 });
    });
    await whole.close();
    const store = openStore({ dataDir });
    const trusts = (of: object): unknown => (of as { versions: { version: VersionRecord }[]; model: ModelRecord }[])
      .map(({ model, versions }) => [
        model.lastGoodVersion, model.lastGoodTrust,
        versions.map(({ version: { version, health, earned } }) => [version, health, earned?.how]),
      ]);
    assert.deepEqual(trusts(told(store)), trusts(wanted));
    await store.close();
  });

  test('is left to the engine that owns the directory by one that follows it, and by the writer thread', () => {
    const dataDir = oldDirectory();
    const refusal = { code: 'DATA_UNUSABLE', message: /has format 1; the engine that owns it has to upgrade it/ };
    assert.throws(() => openStore({ dataDir, mayUpgrade: false }), refusal);
    assert.throws(() => openStoreOnAnyDisk(dataDir, { mayUpgrade: false }), refusal);
    assert.deepEqual([fileOf(dataDir), copiesIn(dataDir)], [oldRegistryBytes(), []]);
  });

  test('is kept in memory for whoever only looks, and changes nothing on the disk', async () => {
    const dataDir = oldDirectory();
    const store = openStore({ dataDir, readOnly: true });
    assert.deepEqual(told(store), await toldAfterUpgrade());
    assert.throws(() => store.transaction(() => undefined), { code: 'DISK_REFUSED', message: /for reading only/ });
    await store.close();
    assert.deepEqual([fileOf(dataDir), copiesIn(dataDir)], [oldRegistryBytes(), []]);
  });
});

describe('a disk without room for the upgrade', () => {
  test('leaves the registry as it is, refuses by name, and serves an engine that reads on and upgrades when it can',
    { skip: withoutPrlimit }, async () => {
      const wanted = await toldAfterUpgrade();
      for (const bytes of [0, 4_096, oldRegistryBytes().length - 4_096, oldRegistryBytes().length + 4_096]) {
        const dataDir = oldDirectory();
        // Leaves LMDB's own file of locks.
        await openStore({ dataDir, readOnly: true }).close();
        refuseWrites(process.pid, bytes);
        let store: RegistryStore;
        try {
          assert.throws(() => openStore({ dataDir }), { code: 'DISK_REFUSED' }, `${bytes} bytes`);
          assert.deepEqual([fileOf(dataDir), copiesIn(dataDir)], [oldRegistryBytes(), []], `${bytes} bytes`);
          store = openStoreOnAnyDisk(dataDir);
          assert.deepEqual(told(store), wanted);
          assert.throws(() => store.transaction(() => undefined), { code: 'DISK_REFUSED' });
          assert.equal(await tryWritable(store, dataDir), false);
          assert.deepEqual(told(store), wanted);
          assert.deepEqual(copiesIn(dataDir), []);
        } finally {
          allowWrites(process.pid);
        }
        assert.equal(await tryWritable(store, dataDir), true);
        assert.deepEqual(told(store), wanted);
        new Registry(store, systemClock).setPin('housing', { by: 'test', reason: '' }, 'test');
        assert.notEqual(new Registry(store, systemClock).model('housing').pin, null);
        await store.close();
        assert.deepEqual(copiesIn(dataDir), [COPY]);
      }
    });

  test('is refused by name where not even the file of locks can be made, and ends no process', { skip: withoutPrlimit },
    () => {
      const dataDir = oldDirectory();
      refuseWrites(process.pid);
      try {
        assert.throws(() => openStore({ dataDir }), { code: 'DATA_UNUSABLE', message: /EFBIG/ });
      } finally {
        allowWrites(process.pid);
      }
    });

  const mayAll = process.getuid?.() === 0 ? 'root may write anywhere' : false;

  test('is one whose folder takes no copy', { skip: mayAll }, () => {
    const dataDir = oldDirectory();
    chmodSync(dataDir, 0o500);
    assert.throws(() => openStore({ dataDir }), { code: 'DISK_REFUSED', message: /a copy of the registry/ });
    chmodSync(dataDir, 0o700);
    assert.deepEqual([fileOf(dataDir), existsSync(join(dataDir, COPY))], [oldRegistryBytes(), false]);
  });
});
