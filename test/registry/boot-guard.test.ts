// The boot guard's bookkeeping on a real registry, one process after the other.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { BootGuard, countCrash, guiltOf } from '../../src/registry/boot-guard.ts';
import type { BootRecord } from '../../src/registry/store/keys.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const record = (state: BootRecord['state'], crashesStarting = 0, crashesServing = 0): BootRecord =>
  ({ generation: 4, state, crashesStarting, crashesServing });

describe('countCrash', () => {
  test('counts a process that died while starting, and one that died while it served on probation', () => {
    assert.deepEqual(countCrash(record('starting', 1, 1), 4, false), record('starting', 2, 1));
    assert.deepEqual(countCrash(record('serving', 1, 1), 4, true), record('serving', 0, 2));
  });

  test('counts nothing that was told to end, after the probation, or of another generation', () => {
    assert.deepEqual(countCrash(record('stopped', 0, 2), 4, true), record('stopped', 0, 2));
    assert.deepEqual(countCrash(record('serving', 0, 2), 4, false), record('serving'));
    assert.deepEqual(countCrash(record('starting', 1, 2), 5, true), { ...record('stopped'), generation: 5 });
    assert.deepEqual(countCrash(undefined, 4, true), record('stopped'));
  });

  test('leaves out who only stood by when it is known what was running', () => {
    assert.deepEqual(
      countCrash(record('serving', 1, 1), 4, true, { starting: true, serving: false }), record('serving', 0, 1));
    assert.deepEqual(
      countCrash(record('starting', 1, 1), 4, false, { starting: false, serving: false }), record('starting', 1, 1));
  });

  test('guiltOf speaks from two crashes while starting and three while serving on', () => {
    assert.deepEqual([record('starting', 1, 2), record('starting', 2), record('serving', 0, 3)].map(guiltOf), [
      null, 'the process died 2 times while it was starting', 'the process died 3 times during its probation',
    ]);
  });
});

describe('BootGuard', () => {
  let store: RegistryStore;
  let registry: Registry;

  beforeEach(() => {
    store = openStore({ dataDir: temporaryDirectory() });
    registry = new Registry(store, systemClock);
    for (const model of ['a', 'b']) {
      registry.createVersion({
        model, version: '1', sha256: '0'.repeat(64), sizeBytes: 1, signature: { inputs: [], outputs: [] },
        outputKind: 'vector', baseline: null, golden: null, warnings: [], source: 'test', ortVersion: 'test',
      } as unknown as Parameters<Registry['createVersion']>[0], 'test');
      registry.activate({ model, version: '1', expectedGeneration: 0, by: 'test', reason: '' });
    }
  });
  afterEach(() => store.close());

  test('finds the model that two starts in a row died of, and names those that were being started after the first', () => {
    const first = new BootGuard(store);
    assert.deepEqual(first.begin(), { culprits: [], suspects: [] });
    first.mark(['a', 'b'], 'starting');
    const second = new BootGuard(store);
    assert.deepEqual(second.begin(), { culprits: [], suspects: ['a', 'b'] });
    second.mark(['a'], 'starting');
    second.mark(['a'], 'serving');
    second.mark(['b'], 'starting');
    const { culprits } = new BootGuard(store).begin();
    assert.deepEqual(culprits.map(({ model, version, generation }) => [model, version, generation]), [['b', '1', 1]]);
  });

  test('forgets its counts when another version becomes active', () => {
    for (let process = 0; process < 3; process += 1) {
      const guard = new BootGuard(store);
      guard.begin();
      guard.mark(['a'], 'serving');
    }
    assert.equal(registry.generationOf('a'), 1);
    registry.createVersion({ ...registry.version('a', '1'), baseline: null, golden: null, version: '2' }, 'test');
    registry.activate({ model: 'a', version: '2', expectedGeneration: 1, by: 'test', reason: '' });
    assert.deepEqual(new BootGuard(store).begin().culprits, []);
  });

  test('charges afterwards only the active version that was running, on probation, and names it at the third time', () => {
    const guard = new BootGuard(store);
    guard.begin({ starting: false, serving: false });
    guard.mark(['a', 'b'], 'serving');
    const charge = (model: string, version: string): string[] =>
      guard.charge([{ model, version, as: 'crashesServing' }]).map((culprit) => culprit.model);
    assert.deepEqual([charge('a', '1'), charge('a', '1'), charge('a', 'another')], [[], [], []]);
    assert.deepEqual(charge('a', '1'), ['a']);
    registry.confirm({ model: 'b', by: 'test' });
    assert.deepEqual(Array.from({ length: 4 }, () => charge('b', '1')).flat(), []);
  });
});
