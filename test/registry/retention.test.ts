// What is kept of a model's past: a number of the newest always, the rest for a year, and what is in force for as long
// as it is.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { DecisionRecord, EventRecord, ModelRecord } from '../../src/domain/records.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { Registry } from '../../src/registry/registry.ts';
import { DECISIONS_KEPT, DECISIONS_MAX, EVENTS_KEPT, storeDecision } from '../../src/registry/retention.ts';
import { decisionOrderOf, eventKey, eventsOf, modelKey } from '../../src/registry/store/keys.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { nowOf } from '../../src/base/moment.ts';

const by = 'test';
const YEAR_MS = 365 * 24 * 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);

function opened() {
  const time = { nowMs: 0, offMs: 0 };
  const store = openStore({ dataDir: temporaryDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined) });
  const clock = { monotonicUs: () => time.nowMs * 1e3, wallMs: () => START_MS + time.nowMs + time.offMs };
  const registry = new Registry(store, clock);
  after(() => store.close());
  for (const version of ['1', '2']) {
    registry.createVersion({
      model: 'm', version, sha256: version.repeat(64), artifactBytes: 1, signature: { inputs: [], outputs: [] },
      outputKind: 'scalar', baseline: null, golden: null, warnings: [],
      trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 },
    }, by);
    registry.activate({ model: 'm', version, expectedGeneration: registry.generationOf('m'), by, reason: '' });
  }
  const decision = (id: string, more: Partial<DecisionRecord> = {}): DecisionRecord => {
    const at = { wallMs: clock.wallMs(), monotonicUs: clock.monotonicUs(), boot: nowOf(clock).boot };
    return {
      id, model: 'm', version: '1', generation: 1, atMs: at.wallMs, at, trigger: 'operator', action: 'warn',
      suppressedBy: null, rolledBackTo: null, reason: '', evidence: {}, ...more,
    };
  };
  /** Stores so many decisions that say nothing. */
  const fill = (name: string, count: number): void => store.transaction(() => {
    for (let at = 0; at < count; at += 1) storeDecision(store, decision(`${name}-${at}`), nowOf(clock));
  });
  const decisions = (): number => store.read(() => store.lastParts(decisionOrderOf('m')).length);
  return { time, store, registry, decision, fill, decisions };
}

describe('decisions', () => {
  test('of more than a year ago go, but the newest; a date that is set years ahead takes none', () => {
    const { time, fill, decisions } = opened();
    fill('first', 300);
    time.offMs = 10 * YEAR_MS;
    fill('then', 32);
    assert.equal(decisions(), 332, 'the date is another, and nothing is older');
    time.nowMs += YEAR_MS + 1;
    fill('later', 32);
    assert.ok(decisions() < 332);
    fill('later', 300);
    assert.equal(decisions(), 332, 'those of this year');
    time.nowMs += YEAR_MS + 1;
    fill('at last', 320);
    assert.ok(decisions() >= 320 && decisions() < 320 + DECISIONS_KEPT, String(decisions()));
  });

  test('that are in force stay, however many come after them, until they are so no more', () => {
    const { registry, decision, fill } = opened();
    const quarantined = decision('quarantined', { version: '2', generation: 2, action: 'rollback', rolledBackTo: '1' });
    registry.rollback({ model: 'm', expectedGeneration: 2, by, reason: 'bad', decide: () => quarantined });
    registry.storeDecision(decision('failing', { generation: 3, action: 'suppressed', suppressedBy: 'cooldown' }));
    assert.equal(registry.version('m', '1').failed?.decision, 'failing');
    fill('first', DECISIONS_MAX);
    assert.equal(registry.decision('first-0')?.id, 'first-0');
    fill('second', DECISIONS_MAX);
    assert.equal(registry.decision('first-0'), undefined);
    assert.deepEqual(['quarantined', 'failing'].map((id) => registry.decision(id)?.id), ['quarantined', 'failing']);
    registry.remove({ model: 'm', version: '2', by });
    assert.deepEqual(['quarantined', 'failing'].map((id) => registry.decision(id)?.id), [undefined, 'failing']);
  });
});

describe('events', () => {
  test('of more than a year ago go, but the newest', () => {
    const { time, store, registry } = opened();
    const event = (sequence: number): EventRecord => ({
      model: 'm', sequence, kind: 'pin', atMs: START_MS + time.nowMs, by, reason: '', from: null, to: null,
      generation: 2, decision: null,
    });
    const count = EVENTS_KEPT + 100;
    store.transaction(() => {
      for (let at = 5; at <= count; at += 1) store.put(eventKey('m', at), event(at));
      store.put(modelKey('m'), { ...registry.model('m'), nextEvent: count + 1 } satisfies ModelRecord);
    });
    const write = (): void => {
      for (let more = 0; more < 64; more += 1) {
        registry.recordEvent('m', { kind: 'pin', by, reason: '', from: null, to: null, decision: null });
      }
    };
    const events = (): number => store.read(() => store.lastParts(eventsOf('m')).length);
    write();
    assert.equal(events(), count + 64);
    time.nowMs += YEAR_MS + 1;
    for (let round = 0; round < 3; round += 1) write();
    assert.ok(events() >= EVENTS_KEPT && events() < EVENTS_KEPT + 16, String(events()));
  });
});
