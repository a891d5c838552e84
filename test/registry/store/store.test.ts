// The store: what it refuses to open, and what it refuses to do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../src/base/clock.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { nowOf } from '../../../src/base/moment.ts';
import { META, eventKey, eventsOf, modelKey } from '../../../src/registry/store/keys.ts';
import { DECISIONS_MAX, EVENTS_MAX, listDecisions, storeDecision } from '../../../src/registry/retention.ts';
import type { DecisionRecord, EventRecord } from '../../../src/domain/records.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { openStore } from '../../../src/registry/opening/open-store.ts';
import { FORMAT } from '../../../src/registry/opening/upgrade.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const unusable = (pattern: RegExp) => (error: unknown): boolean =>
  isLastgoodError(error) && error.code === 'DATA_UNUSABLE' && pattern.test(error.message);

/** A data directory whose registry file has these bytes. */
function directoryWith(bytes: Uint8Array): string {
  const dataDir = temporaryDirectory();
  mkdirSync(join(dataDir, 'registry'));
  writeFileSync(join(dataDir, 'registry', 'data.mdb'), bytes);
  return dataDir;
}

/** The bytes of a registry with a few hundred records. */
async function healthyBytes(): Promise<Buffer> {
  const dataDir = temporaryDirectory();
  const store = openStore({ dataDir });
  for (let round = 0; round < 10; round += 1) {
    store.transaction(() => {
      for (let at = 0; at < 40; at += 1) store.put(eventKey('m', round * 40 + at), event(round * 40 + at));
    });
  }
  await store.close();
  return readFileSync(join(dataDir, 'registry', 'data.mdb'));
}

const event = (sequence: number): EventRecord => ({
  model: 'm', sequence, kind: 'baseline', atMs: 0, by: 'test', reason: '', from: null, to: null, generation: 0,
  decision: null,
});

describe('openStore', () => {
  test('refuses a file that is none of LMDB, and leaves it as it is', () => {
    const foreign = [Buffer.from('x'), Buffer.from('SQLite format 3\0'.repeat(1_000)), Buffer.alloc(65_536, 0xff)];
    for (const bytes of [...foreign, Buffer.alloc(8_192)]) {
      const dataDir = directoryWith(bytes);
      assert.throws(() => openStore({ dataDir }), unusable(/not an LMDB file/));
      assert.throws(() => openStore({ dataDir, readOnly: true }), unusable(/not an LMDB file/));
      assert.deepEqual(readFileSync(join(dataDir, 'registry', 'data.mdb')), bytes);
    }
  });

  test('refuses a file that was cut off, which would end the process with a signal', async () => {
    const bytes = await healthyBytes();
    assert.ok(bytes.length > 65_536);
    for (const length of [28, 100, 4_095, 4_096, 8_191, 8_192, 16_384]) {
      // In a process of its own: without the check this one would not live to report it.
      const child = fileURLToPath(new URL('../open-child.js', import.meta.url));
      const { status, stdout, signal } = spawnSync(
        process.execPath, [child, directoryWith(bytes.subarray(0, length))], { encoding: 'utf8' });
      assert.deepEqual([status, signal, stdout], [0, null, 'DATA_UNUSABLE'], `cut off after ${length} bytes`);
    }
    const intact = openStore({ dataDir: directoryWith(bytes) });
    assert.equal(intact.read(() => intact.list(eventsOf('m'))).length, 400);
    await intact.close();
  });

  test('starts over in an empty file, which is what a crash at the very start leaves', async () => {
    const store = openStore({ dataDir: directoryWith(new Uint8Array(0)) });
    assert.deepEqual(store.read(() => store.get(META)), { product: 'lastgood', format: FORMAT });
    await store.close();
  });

  test('refuses an empty or missing registry beside artefacts, which have lost it, and changes nothing', async () => {
    for (const isMissing of [false, true]) {
      const dataDir = directoryWith(new Uint8Array(0));
      const file = join(dataDir, 'registry', 'data.mdb');
      if (isMissing) rmSync(join(dataDir, 'registry'), { recursive: true });
      mkdirSync(join(dataDir, 'artifacts'));
      writeFileSync(join(dataDir, 'artifacts', `${'a'.repeat(64)}.onnx`), 'a model');
      const pattern = isMissing ? /data\.mdb is missing.*put a copy of it back/ : /is empty.*put a copy of it back/;
      assert.throws(() => openStore({ dataDir }), unusable(pattern));
      assert.equal(existsSync(join(dataDir, 'registry')), !isMissing);
      assert.equal(statSync(file, { throwIfNoEntry: false })?.size, isMissing ? undefined : 0);
      rmSync(join(dataDir, 'artifacts'), { recursive: true });
      await openStore({ dataDir }).close();
    }
  });

  test('refuses a file where the artefacts have their place', async () => {
    const dataDir = temporaryDirectory();
    await openStore({ dataDir }).close();
    writeFileSync(join(dataDir, 'artifacts'), '');
    assert.throws(() => openStore({ dataDir }), unusable(/artifacts" is a file, .*; move it away/));
  });

  test('opens what a first registration leaves that died before its version was recorded', async () => {
    const dataDir = temporaryDirectory();
    const artifacts = join(dataDir, 'artifacts');
    mkdirSync(artifacts);
    writeFileSync(join(artifacts, 'c0ffee.part'), 'half a copy');
    writeFileSync(join(artifacts, 'registering-4194305-c0ffee.lock'), '');
    await openStore({ dataDir }).close();
    writeFileSync(join(artifacts, `${'a'.repeat(64)}.onnx`), 'a model in its trial');
    await openStore({ dataDir }).close();
  });

  test('refuses the data of another program and of another format', async () => {
    for (const [meta, pattern] of [
      [{ product: 'other', format: FORMAT }, /another program/],
      [{ product: 'lastgood', format: FORMAT + 1 }, /format 3; this version of lastgood reads format 2/],
    ] as const) {
      const dataDir = temporaryDirectory();
      const store = openStore({ dataDir });
      store.transaction(() => store.put(META, meta));
      await store.close();
      assert.throws(() => openStore({ dataDir }), unusable(pattern));
    }
    const dataDir = temporaryDirectory();
    const store = openStore({ dataDir });
    store.transaction(() => {
      store.delete(META);
      store.put({ parts: ['somebody', 'else'] }, 1);
    });
    await store.close();
    assert.throws(() => openStore({ dataDir }), unusable(/another program/));
  });

  test('creates nothing for somebody who only looks, and keeps the directory to its owner', async () => {
    const dataDir = temporaryDirectory();
    assert.throws(() => openStore({ dataDir, readOnly: true }), unusable(/there is no registry in it/));
    const store = openStore({ dataDir });
    assert.equal(statSync(join(dataDir, 'registry')).mode & 0o777, 0o700);
    const look = openStore({ dataDir, readOnly: true });
    assert.throws(() => look.transaction(() => undefined), /open for reading only/);
    await look.close();
    await store.close();
  });
});

describe('RegistryStore', () => {
  test('a transaction that throws has changed nothing, and writes outside of one are refused', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const before = store.dump();
    assert.throws(() => store.transaction(() => {
      store.put(eventKey('m', 1), event(1));
      throw new Error('half way');
    }), /half way/);
    assert.deepEqual(store.dump(), before);
    assert.throws(() => store.put(eventKey('m', 1), event(1)), /outside a transaction/);
    assert.throws(() => store.transaction(() => store.transaction(() => undefined)), /inside another/);
    await store.close();
  });

  test('a registry that holds too much takes no version until some go, and all else', async () => {
    const store = openStore({ dataDir: temporaryDirectory(), bytesMax: 100_000 });
    const registry = new Registry(store, systemClock);
    const version = (name: string): void => void registry.createVersion({
      model: 'm', version: name, sha256: name.padEnd(64, 'a'), artifactBytes: 1,
      signature: { inputs: [], outputs: [] }, outputKind: 'scalar', baseline: null, golden: null,
      warnings: ['x'.repeat(2_000)], trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 },
    }, 'test');
    let names = 0;
    assert.throws(() => {
      for (; names < 1_000; names += 1) version(`v${names}`);
    }, (error) => isLastgoodError(error) && error.code === 'DISK_REFUSED' && /100000 on; remove/.test(error.message));
    assert.ok(names > 5 && names < 100, String(names));
    const activate = (name: string): unknown => registry.activate({
      model: 'm', version: name, expectedGeneration: registry.generationOf('m'), by: 'test', reason: '',
    });
    activate('v0');
    activate('v1');
    for (const name of ['v2', 'v3', 'v4', 'v5']) registry.remove({ model: 'm', version: name, by: 'test' });
    version('again');
    await store.close();
  });

  test('the history of a model is bounded: beyond EVENTS_MAX the oldest event goes', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const registry = new Registry(store, systemClock);
    registry.createVersion({
      model: 'm', version: '1', sha256: 'a'.repeat(64), artifactBytes: 1, signature: { inputs: [], outputs: [] },
      outputKind: 'scalar', baseline: null, golden: null, warnings: [],
      trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 },
    }, 'test');
    // As if it had been so for years: all but three events of the limit, in one transaction.
    store.transaction(() => {
      for (let at = 2; at <= EVENTS_MAX - 3; at += 1) store.put(eventKey('m', at), event(at));
      store.put(modelKey('m'), { ...registry.model('m'), nextEvent: EVENTS_MAX - 2 });
    });
    for (let more = 0; more < 8; more += 1) {
      registry.recordEvent('m', { kind: 'pin', by: 'test', reason: '', from: null, to: null, decision: null });
    }
    const sequences = store.read(() => store.lastParts(eventsOf('m')));
    assert.deepEqual([sequences.length, sequences[0], sequences.at(-1)], [EVENTS_MAX, 6, EVENTS_MAX + 5]);
    await store.close();
  });

  test('the decisions of a model are bounded: beyond DECISIONS_MAX the oldest goes, those of others stay', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const decision = (model: string, generation: number): DecisionRecord => ({
      id: `${model}-${generation}`, model, version: '1', generation, atMs: generation, trigger: 'operator',
      action: 'rollback', suppressedBy: null, rolledBackTo: '1', reason: '', evidence: {},
    });
    store.transaction(() => {
      const now = nowOf(systemClock);
      storeDecision(store, decision('other', 1), now);
      for (let at = 1; at <= DECISIONS_MAX + 5; at += 1) storeDecision(store, decision('m', at), now);
    });
    const kept = store.read(() => listDecisions(store, 'm', DECISIONS_MAX + 99));
    assert.equal(kept.length, DECISIONS_MAX);
    assert.deepEqual([kept[0]?.generation, kept.at(-1)?.generation], [DECISIONS_MAX + 5, 6]);
    const registry = new Registry(store, systemClock);
    assert.deepEqual([registry.decision('m-5'), registry.decision('other-1')?.model], [undefined, 'other']);
    await store.close();
  });
});
