// Transitions of the registry: what each changes, what each refuses, and that a refusal changes nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { SERVED_MS } from '../../src/registry/rules.ts';
import type { DecisionRecord } from '../../src/domain/records.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';

const by = 'test';
let dataDir: string;
let store: RegistryStore;
let registry: Registry;
let nowMs: number;
/** What the date is off by. */
let offMs: number;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lastgood-registry-'));
  store = openStore({ dataDir });
  nowMs = 1_000;
  offMs = 0;
  registry = new Registry(store, { monotonicUs: () => nowMs * 1e3, wallMs: () => nowMs + offMs });
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

function create(version?: string, sha256 = (version ?? 'a').repeat(64)): string {
  return registry.createVersion(
    {
      model: 'digits', ...(version === undefined ? {} : { version }), sha256, artifactBytes: 1,
      signature: { inputs: [], outputs: [] }, outputKind: 'scalar', baseline: null, golden: null,
      trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 }, warnings: [],
    },
    by,
  ).version;
}
function promote(version: string): number {
  const expectedGeneration = registry.generationOf('digits');
  return registry.activate({ model: 'digits', version, expectedGeneration, by, reason: '' }).generation;
}
function decisionTo(target: string): DecisionRecord {
  return {
    id: `d-${target}-${registry.generationOf('digits')}`, model: 'digits', version: 'x', generation: 1, atMs: nowMs,
    trigger: 'operator', action: 'rollback', suppressedBy: null, rolledBackTo: target, reason: 'test', evidence: {},
  };
}
function rollback(options: { to?: string; by?: string; expectedGeneration?: number } = {}): string | null {
  const expectedGeneration = registry.generationOf('digits');
  return registry.rollback({ model: 'digits', expectedGeneration, by, reason: 'bad', decide: decisionTo, ...options })
    .model.activeVersion;
}
function refuses(code: ErrorCode, act: () => unknown): void {
  const before = JSON.stringify(store.dump());
  assert.throws(act, (error) => isLastgoodError(error) && error.code === code, code);
  assert.equal(JSON.stringify(store.dump()), before, 'a refused change must change nothing');
}

describe('Registry', () => {
  test('createVersion numbers versions that have no name and refuses a name twice', () => {
    assert.equal(create(), '1');
    assert.equal(create('7'), '7');
    assert.equal(create(), '8');
    refuses('VERSION_EXISTS', () => create('7'));
    refuses('INVALID_NAME', () => create('../etc'));
  });

  test('every promote and every rollback raises the generation by one and writes one event', () => {
    create('1');
    create('2');
    assert.equal(promote('1'), 1);
    assert.equal(promote('2'), 2);
    assert.equal(rollback(), '1');
    assert.equal(registry.generationOf('digits'), 3);
    const kinds = registry.history('digits').map(({ kind, generation }) => `${kind} ${generation}`);
    assert.deepEqual(kinds, ['rollback 3', 'promote 2', 'promote 1', 'register 0', 'register 0']);
  });

  test('rollback marks the failing version unhealthy in the same transaction and keeps the decision', () => {
    create('1');
    create('2');
    promote('1');
    promote('2');
    rollback({ by: 'monitor' });
    assert.equal(registry.version('digits', '2').health, 'unhealthy');
    assert.equal(registry.model('digits').lastAutomaticRollbackAtMs, nowMs);
    assert.equal(registry.decisions('digits')[0]?.rolledBackTo, '1');
    refuses('QUARANTINED', () => promote('2'));
    registry.release({ model: 'digits', version: '2', by });
    assert.equal(promote('2'), 4);
  });

  test('rollback goes back along the chain and refuses whole at its end', () => {
    for (const version of ['1', '2', '3']) {
      create(version);
      promote(version);
      registry.confirm({ model: 'digits', by });
    }
    assert.equal(rollback(), '2');
    assert.equal(rollback(), '1');
    refuses('NO_ROLLBACK_TARGET', () => rollback());
    assert.equal(registry.version('digits', '1').health, 'good');
  });

  test('rollback prefers a version that ended its probation and never takes one that has not served', () => {
    for (const version of ['1', '2', '3', '4']) create(version);
    promote('1');
    registry.endProbation({ model: 'digits', generation: 1 });
    promote('2');
    promote('3');
    assert.equal(registry.model('digits').lastGoodVersion, '1');
    refuses('NO_ROLLBACK_TARGET', () => rollback({ to: '4' }));
    assert.equal(rollback(), '1');
  });

  test('a change that expects another generation is refused, so two rollbacks of one generation are one', () => {
    for (const version of ['1', '2', '3']) create(version);
    promote('1');
    promote('2');
    promote('3');
    assert.equal(rollback({ expectedGeneration: 3 }), '2');
    refuses('GENERATION_CONFLICT', () => rollback({ expectedGeneration: 3 }));
    refuses('GENERATION_CONFLICT', () => registry.endProbation({ model: 'digits', generation: 3 }));
  });

  test('a pin refuses promotes until it is taken away', () => {
    create('1');
    create('2');
    promote('1');
    registry.setPin('digits', { by, reason: 'audit' }, by);
    refuses('PINNED', () => promote('2'));
    registry.setPin('digits', null, by);
    assert.equal(promote('2'), 2);
  });

  test('quarantine refuses the active version and takes lastGood away from a standby', () => {
    create('1');
    create('2');
    promote('1');
    promote('2');
    refuses('VERSION_IN_USE', () => registry.quarantine({ model: 'digits', version: '2', by, reason: '' }));
    registry.quarantine({ model: 'digits', version: '1', by, reason: 'wrong data' });
    assert.equal(registry.model('digits').lastGoodVersion, null);
  });

  test('remove spares active and lastGood and names only artefacts that nobody uses', () => {
    create('1', 'a'.repeat(64));
    create('2', 'b'.repeat(64));
    create('3', 'b'.repeat(64));
    create('4', 'c'.repeat(64));
    promote('1');
    promote('2');
    refuses('VERSION_IN_USE', () => registry.remove({ model: 'digits', version: '1', by }));
    refuses('VERSION_IN_USE', () => registry.remove({ model: 'digits', by }));
    assert.deepEqual(registry.remove({ model: 'digits', version: '3', by }).orphans, []);
    assert.deepEqual(registry.remove({ model: 'digits', version: '4', by }).orphans, ['c'.repeat(64)]);
    refuses('VERSION_NOT_FOUND', () => registry.version('digits', '4'));
    refuses('MODEL_NOT_FOUND', () => registry.model('nobody'));
  });

  test('seven days in service earn trust when another takes the place, and every event tells who is last good', () => {
    for (const version of ['1', '2', '3']) create(version);
    promote('1');
    nowMs += SERVED_MS - 1;
    promote('2');
    const lastGood = (): unknown => registry.history('digits', 1)[0]?.lastGood;
    assert.deepEqual(lastGood(), { version: '1', trust: 'unproven' });
    nowMs += SERVED_MS;
    promote('3');
    assert.deepEqual(lastGood(), { version: '2', trust: 'served 7 days' });
    assert.equal(registry.model('digits').lastGoodTrust, 'served 7 days');
    assert.equal(rollback(), '2');
    assert.equal(registry.decisions('digits')[0]?.targetTrust, 'served 7 days');
    assert.equal(registry.model('digits').probationEndedAtMs, nowMs, 'what has earned trust needs no probation');
    assert.deepEqual(lastGood(), { version: '1', trust: 'unproven' });
  });

  test('seven days are seven days, and later is later, wherever the date is set meanwhile', () => {
    for (const version of ['1', '2', '3', '4']) create(version);
    promote('1');
    nowMs += SERVED_MS - 1;
    offMs = 10 * SERVED_MS;
    promote('2');
    assert.equal(registry.version('digits', '1').health, 'new', 'a date set forward earns nothing');
    nowMs += SERVED_MS;
    offMs = -nowMs;
    promote('3');
    assert.equal(registry.version('digits', '2').earned?.how, 'served 7 days', 'nor does one set back lose any');
    create('5', '4'.repeat(64));
    promote('4');
    offMs = 10 * SERVED_MS;
    rollback({ to: '3' });
    assert.equal(registry.twinOf(registry.version('digits', '5'))?.version, '4');
    offMs = 0;
    const { generation } = registry.activate({
      model: 'digits', version: '5', expectedGeneration: registry.generationOf('digits'), by, reason: '', force: true,
    });
    registry.endProbation({ model: 'digits', generation });
    assert.equal(registry.twinOf(registry.version('digits', '5')), null, 'it has earned its trust since');
  });

  test('a decision that speaks against a version that was replaced takes lastGood away from it', () => {
    for (const version of ['1', '2', '3']) create(version);
    for (const version of ['1', '2', '3']) promote(version);
    const suppressed = (suppressedBy: string): void => registry.storeDecision(
      { ...decisionTo('1'), id: suppressedBy, version: '2', action: 'suppressed', suppressedBy, rolledBackTo: null });
    suppressed('host');
    assert.equal(registry.model('digits').lastGoodVersion, '2');
    suppressed('promoted_over');
    assert.equal(registry.model('digits').lastGoodVersion, '1');
    refuses('NO_ROLLBACK_TARGET', () => rollback({ to: '9' }));
    assert.equal(rollback({ to: '2' }), '2', 'a person may name it');
  });

  test('a file in quarantine is refused under another name, but by force, which is told, or after a release', () => {
    create('1');
    create('2', 'b'.repeat(64));
    create('3', 'b'.repeat(64));
    create('4', 'b'.repeat(64));
    promote('1');
    promote('2');
    rollback();
    refuses('FILE_QUARANTINED', () => promote('3'));
    const who = { by: 'cli:jo', reason: 'I know' };
    const forced = { model: 'digits', version: '3', expectedGeneration: 3, ...who, force: true };
    registry.activate(forced);
    const [event] = registry.history('digits', 1);
    assert.equal(event?.reason, 'I know; forced by cli:jo, although its file is in quarantine as version "2"');
    refuses('FILE_QUARANTINED', () => promote('4'));
    refuses('QUARANTINED', () => registry.activate({ ...forced, version: '2', expectedGeneration: 4 }));
    registry.release({ model: 'digits', version: '2', by });
    assert.equal(promote('4'), 5);
    const { reason } = registry.history('digits', 1)[0]!;
    assert.equal(reason, '', 'nothing was forced');
  });

  test('a second handle on the same directory sees every change at once', async () => {
    create('1');
    const other = openStore({ dataDir, readOnly: false });
    const reader = new Registry(other, { monotonicUs: () => 0, wallMs: () => 0 });
    assert.equal(reader.generationOf('digits'), 0);
    promote('1');
    assert.equal(reader.generationOf('digits'), 1);
    await other.close();
  });
});
