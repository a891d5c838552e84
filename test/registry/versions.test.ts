// Versions as they are stored: the indexes say what the rules say of all records together, what is attached goes with
// its version, and what one model's rollback reads does not grow with what is stored.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Baseline, DecisionRecord, Golden, VersionRecord } from '../../src/domain/records.ts';
import { Registry } from '../../src/registry/registry.ts';
import { EVENTS_MAX } from '../../src/registry/retention.ts';
import { quarantinedTwin, rollbackCandidates } from '../../src/registry/rules.ts';
import { attachmentsOf, eventKey, modelKey } from '../../src/registry/store/keys.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import { attach, dropVersion, putVersion } from '../../src/registry/versions.ts';
import { decodedBy } from '../support/decoding.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { seededRandom } from '../judge/fixtures.ts';

const by = 'test';
const MODEL = 'digits';
let nowMs = 1_000;
const clock = { monotonicUs: () => nowMs * 1e3, wallMs: () => nowMs };

const golden = (numbers: number): Golden => ({
  rtol: 0, atol: 0,
  cases: [{ inputs: { x: { shape: [1, numbers], data: Array.from({ length: numbers }, Math.random) } }, outputs: {} }],
});
const baseline: Baseline = {
  source: 'validation', output: 'y', kind: 'regression', rows: 3, mean: 1, standardDeviation: 1, min: 0, max: 2,
  values: [0, 1, 2], createdAtMs: 1,
};

function create(registry: Registry, version: string, more: { sha256?: string; golden?: Golden } = {}): VersionRecord {
  return registry.createVersion({
    model: MODEL, version, sha256: version.padStart(64, '0'), artifactBytes: 1, signature: { inputs: [], outputs: [] },
    outputKind: 'regression', baseline, golden: null, warnings: [],
    trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 }, ...more,
  }, by);
}

function promote(registry: Registry, version: string): void {
  const expectedGeneration = registry.generationOf(MODEL);
  registry.activate({ model: MODEL, version, expectedGeneration, by, reason: '', force: true });
}

function rollBack(registry: Registry): void {
  const expectedGeneration = registry.generationOf(MODEL);
  const decide = (rolledBackTo: string): DecisionRecord => ({
    id: `d-${expectedGeneration}`, model: MODEL, version: 'x', generation: expectedGeneration, atMs: nowMs,
    trigger: 'operator', action: 'rollback', suppressedBy: null, rolledBackTo, reason: '', evidence: {},
  });
  registry.rollback({ model: MODEL, expectedGeneration, by, reason: 'bad', decide });
}

describe('putVersion', () => {
  test('keeps indexes that say what the rules say of all records, whatever becomes of the versions', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const registry = new Registry(store, clock);
    const random = seededRandom(18);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
    for (const name of 'abcdefgh') create(registry, name, { sha256: pick(['1', '2', '3', '4', '5']) });
    for (let step = 0; step < 150; step += 1) {
      nowMs += 1;
      const known = registry.versions(MODEL);
      store.transaction(() => {
        if (random() < 0.05) dropVersion(store, pick(known));
        const health = pick(['new', 'good', 'unhealthy'] as const);
        putVersion(store, {
          ...pick(known), health, lastGeneration: pick([0, step]),
          failed: random() < 0.2 ? { decision: 'd', atMs: nowMs } : null,
          earned: health === 'good' ? { how: 'confirmed', atMs: nowMs - pick([0, 50]) } : null,
          quarantine: health === 'unhealthy' ? { reason: 'bad', by, atMs: nowMs } : null,
        });
        store.put(modelKey(MODEL), { ...registry.model(MODEL), activeVersion: pick([null, pick(known).version]) });
      });
      const versions = registry.versions(MODEL);
      const names = (found: readonly VersionRecord[]): string[] => found.map(({ version }) => version);
      const wanted = rollbackCandidates(versions, registry.model(MODEL).activeVersion);
      const found: VersionRecord[] = [];
      for (;;) {
        const next = registry.rollbackTarget(MODEL, { except: new Set(names(found)) });
        if (next === undefined) break;
        found.push(next);
      }
      assert.deepEqual(names(found), names(wanted), `step ${step}`);
      for (const one of versions) {
        assert.equal(registry.isRollbackTarget(MODEL, one.version), names(wanted).includes(one.version));
        const twins = versions.filter((twin) => quarantinedTwin(one, [twin]) !== null);
        const twin = registry.twinOf(one)?.version;
        assert.ok(twin === undefined ? twins.length === 0 : names(twins).includes(twin), `twin of ${one.version}`);
      }
    }
    await store.close();
  });
});

describe('Registry.rollbackTarget', () => {
  test('takes a version by name that has failed, which is none without the name, and none in quarantine', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const registry = new Registry(store, clock);
    for (const version of ['1', '2', '3']) {
      create(registry, version);
      promote(registry, version);
    }
    store.transaction(() => putVersion(store, { ...registry.version(MODEL, '1'), failed: { decision: 'd', atMs: 1 } }));
    registry.quarantine({ model: MODEL, version: '2', by, reason: 'bad' });
    const named = (to: string): string | undefined => registry.rollbackTarget(MODEL, { to })?.version;
    assert.deepEqual([registry.rollbackTarget(MODEL), named('1'), named('2'), named('3'), named('4')],
      [undefined, '1', undefined, undefined, undefined]);
    await store.close();
  });
});

describe('what is attached to a version', () => {
  test('is read by itself, replaced, and goes with the version', async () => {
    const store = openStore({ dataDir: temporaryDirectory() });
    const registry = new Registry(store, clock);
    const record = create(registry, '1', { golden: golden(5) });
    create(registry, '2');
    assert.deepEqual([record.golden, record.baseline?.mean], [{ rtol: 0, atol: 0, cases: 1 }, 1]);
    assert.equal(registry.goldenOf(MODEL, '1')?.cases[0]?.inputs['x']?.data.length, 5);
    assert.deepEqual([registry.goldenOf(MODEL, '2'), registry.goldenOf('none', '1')], [null, null]);
    assert.deepEqual(registry.baselineOf(MODEL, '1'), baseline);
    registry.setBaseline({ model: MODEL, version: '1', baseline: { ...baseline, mean: 9 }, warnings: [], by });
    assert.deepEqual([registry.baselineOf(MODEL, '1')?.mean, registry.version(MODEL, '1').baseline?.mean], [9, 9]);
    registry.remove({ model: MODEL, version: '1', by });
    assert.deepEqual(store.read(() => store.lastParts(attachmentsOf(MODEL, '1'))), []);
    registry.remove({ model: MODEL, by });
    assert.deepEqual(store.dump().map(({ key }) => key).sort(), ['"meta"', '"revision"'], 'nothing is left');
    await store.close();
  });
});

/** What each of these reads in a registry with so many versions and events, and golden cases of so many numbers. */
async function reading(
  versions: number, events: number, numbers = 500,
): Promise<Record<string, { values: number; bytes: number }>> {
  const store: RegistryStore = openStore({ dataDir: temporaryDirectory() });
  const registry = new Registry(store, clock);
  const example = create(registry, '1');
  store.transaction(() => {
    for (let at = 1; at <= versions; at += 1) {
      const version = String(at);
      const health = at % 7 === 0 ? 'unhealthy' : 'good';
      putVersion(store, { ...example, version, sha256: version.padStart(64, '0'), lastGeneration: at, health });
      attach(store, { model: MODEL, version }, 'golden', golden(numbers));
      const values = new Array<number>(numbers).fill(1.5);
      attach(store, { model: MODEL, version }, 'baseline', { ...baseline, values });
    }
    const record = { ...registry.model(MODEL), generation: versions, activeVersion: String(versions) };
    for (let at = 1; at <= events; at += 1) {
      store.put(eventKey(MODEL, at), {
        model: MODEL, sequence: at, kind: 'pin', atMs: 1, by, reason: '', from: null, to: null, generation: 1,
        decision: null,
      });
    }
    store.put(modelKey(MODEL), { ...record, nextEvent: events + 1 });
  });
  const found = {
    'a rollback': decodedBy(() => rollBack(registry)),
    'a promote': decodedBy(() => promote(registry, '1')),
    'the end of a probation': decodedBy(
      () => registry.endProbation({ model: MODEL, generation: registry.generationOf(MODEL) })),
    'a pin': decodedBy(() => registry.setPin(MODEL, { by, reason: '' }, by)),
    'a quarantine': decodedBy(() => registry.quarantine({ model: MODEL, version: '2', by, reason: '' })),
    'a registration': decodedBy(() => create(registry, 'new', { golden: golden(500) })),
    'the versions of a status': decodedBy(() => registry.versions(MODEL)),
  };
  await store.close();
  return found;
}

test('a rollback, and every change but a registration, decodes no golden cases and no baseline', async () => {
  const [small, large] = [await reading(6, 10, 1), await reading(6, 10, 50_000)];
  for (const [what, { values, bytes }] of Object.entries(large)) {
    assert.equal(values, small[what]!.values, what);
    const least = small[what]!.bytes;
    assert.ok(bytes < least + 100, `${what} decodes ${bytes} bytes; with little attached ${least}`);
  }
});

test('what a change reads does not grow with the versions, events and golden cases that are stored', async () => {
  const few = await reading(6, 10);
  const { 'the versions of a status': listed, ...many } = await reading(1_000, EVENTS_MAX);
  for (const [what, { values, bytes }] of Object.entries(many)) {
    assert.ok(values <= few[what]!.values + 1, `${what} decodes ${values} values; with few ${few[what]!.values}`);
    assert.ok(bytes < few[what]!.bytes + 100, `${what} decodes ${bytes} bytes; with few ${few[what]!.bytes}`);
  }
  assert.equal(listed!.values, 1_001);
  assert.ok(listed!.bytes < 1_000 * 1_024, `all records together are ${listed!.bytes} bytes, without what is attached`);
});

test('a rollback among versions that are one file, half of them in quarantine, reads each once', async () => {
  const [versions, bad] = [400, 200];
  const store: RegistryStore = openStore({ dataDir: temporaryDirectory() });
  const registry = new Registry(store, clock);
  const example = create(registry, '1');
  store.transaction(() => {
    for (let at = 1; at <= versions; at += 1) {
      putVersion(store, {
        ...example, version: String(at), lastGeneration: at, health: at > versions - bad ? 'unhealthy' : 'good',
      });
    }
    store.put(modelKey(MODEL), { ...registry.model(MODEL), activeVersion: String(versions) });
  });
  let target: VersionRecord | undefined;
  const { values } = decodedBy(() => (target = registry.rollbackTarget(MODEL)));
  assert.equal(target, undefined, 'the file is in quarantine, whatever it is called');
  const names = 2 * (versions - bad);
  assert.ok(values <= versions + 2 * names, `${values} values are decoded`);
  await store.close();
});
