// The rules of which version to go back to, as tables: every combination of what a record can say of a version.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  earnedInHistory, hasServedLong, obstacleTo, quarantinedTwin, rollbackCandidates, SERVED_MS, speaksAgainst,
  SUPPRESSIONS, trustOf, whyNoTarget,
} from '../../src/registry/rules.ts';
import type { Suppression } from '../../src/registry/rules.ts';
import { TRUSTS } from '../../src/domain/records.ts';
import type { EventKind, EventRecord, VersionRecord } from '../../src/domain/records.ts';

type Version = Pick<
  VersionRecord, 'version' | 'sha256' | 'health' | 'earned' | 'quarantine' | 'failed' | 'lastGeneration'>;

const failed = { decision: 'd-1', atMs: 1 };
const quarantine = { reason: 'bad', by: 'test', atMs: 50 };
const fresh = (version: string, more: Partial<Version> = {}): Version => ({
  version, sha256: `file of ${version}`, health: 'new', earned: null, quarantine: null, failed: null,
  lastGeneration: Number(version), ...more,
});
const good = (version: string, more: Partial<Version> = {}): Version =>
  fresh(version, { health: 'good', earned: { how: 'confirmed', atMs: 10 }, ...more });
const bad = (version: string, more: Partial<Version> = {}): Version =>
  fresh(version, { health: 'unhealthy', quarantine, ...more });
const names = (versions: readonly Version[]): string[] => versions.map(({ version }) => version);

describe('What speaks against a version', () => {
  test('is every verdict that was judged and not acted upon, and none that others are to blame for, or may be', () => {
    const against: Record<Suppression, boolean> = {
      observe: true, pinned: true, cooldown: true, interval: true, restored_failing: true, promoted_over: true,
      host: false, data_drift: false, inputs: false, more_pairs: false, unattributed: false, one_source: false,
    };
    assert.deepEqual({ ...SUPPRESSIONS }, against);
    for (const [suppressedBy, wanted] of Object.entries(against)) {
      assert.equal(speaksAgainst({ action: 'suppressed', suppressedBy }), wanted, suppressedBy);
    }
    assert.equal(speaksAgainst({ action: 'suppressed', suppressedBy: 'of a later build' }), true);
  });

  test('is a rollback and one that had no target, and no warning', () => {
    const actions = { rollback: true, no_target: true, warn: false } as const;
    for (const [action, wanted] of Object.entries(actions)) {
      assert.equal(speaksAgainst({ action: action as keyof typeof actions, suppressedBy: null }), wanted, action);
    }
  });
});

describe('Trust', () => {
  test('is there for a good version that has not failed since, by how it earned it, and for no other', () => {
    for (const how of TRUSTS.filter((trust) => trust !== 'unproven')) {
      const earned = { how, atMs: 10 };
      assert.equal(trustOf(fresh('1', { health: 'good', earned })), how);
      assert.equal(trustOf(fresh('1', { health: 'good', earned, failed })), 'unproven');
      assert.equal(trustOf(fresh('1', { health: 'new', earned })), 'unproven');
      assert.equal(trustOf(fresh('1', { health: 'unhealthy', earned })), 'unproven');
    }
    assert.equal(trustOf(fresh('1', { health: 'good', earned: null })), 'probation ended', 'of an early build');
  });

  test('is earned by seven days in service without a failing verdict', () => {
    assert.equal(hasServedLong(fresh('1'), SERVED_MS), true);
    assert.equal(hasServedLong(fresh('1'), SERVED_MS - 1), false);
    assert.equal(hasServedLong(fresh('1', { failed }), SERVED_MS), false);
    assert.equal(hasServedLong(good('1'), SERVED_MS), false, 'it has been earned already');
  });

  test('is derived from the history where an early build wrote down none', () => {
    const event = (kind: EventKind, to: string, atMs: number): EventRecord =>
      ({ model: 'm', sequence: atMs, kind, atMs, by: 'x', reason: '', from: null, to, generation: 1, decision: null });
    const early = fresh('1', { health: 'good' });
    assert.deepEqual(earnedInHistory(early, []), { how: 'probation ended', atMs: 0 });
    const confirmed = [event('probation_ended', '1', 5), event('confirm', '1', 6), event('confirm', '2', 7)];
    assert.deepEqual(earnedInHistory(early, confirmed), { how: 'confirmed', atMs: 6 });
    const ended = [event('confirm', '1', 5), event('probation_ended', '1', 6)];
    assert.deepEqual(earnedInHistory(early, ended), { how: 'probation ended', atMs: 6 });
    const week = [event('promote', '1', 5), event('pin', '1', 6), event('promote', '2', 5 + SERVED_MS)];
    assert.deepEqual(earnedInHistory(fresh('1'), week), { how: 'served 7 days', atMs: 5 + SERVED_MS });
    assert.equal(earnedInHistory(fresh('2'), week), null, 'it serves, and nothing has come after it');
    assert.equal(earnedInHistory(fresh('1', { failed }), week), null);
    assert.equal(earnedInHistory(bad('1'), week), null);
    const short = [event('promote', '1', 5), event('promote', '2', 4 + SERVED_MS)];
    assert.equal(earnedInHistory(fresh('1'), short), null);
    const back = [event('promote', '1', 5), event('rollback', '2', 5 + SERVED_MS)];
    assert.equal(earnedInHistory(fresh('1'), back), null, 'it was rolled back');
  });
});

describe('A target of a rollback', () => {
  test('is, in every combination, one that served, has not failed and is out of quarantine by name and file', () => {
    for (const health of ['new', 'good', 'unhealthy'] as const) {
      for (const isActive of [true, false]) for (const served of [0, 3]) for (const hasFailed of [true, false]) {
        for (const twin of [null, bad('9', { sha256: 'file of 3' })]) {
          const version = fresh('3', {
            health, lastGeneration: served, failed: hasFailed ? failed : null,
            earned: health === 'good' ? { how: 'confirmed', atMs: 10 } : null,
            quarantine: health === 'unhealthy' ? quarantine : null,
          });
          const versions = twin === null ? [version] : [version, twin];
          const active = isActive ? '3' : null;
          const wanted = isActive ? 'active' : health === 'unhealthy' ? 'quarantined'
            : twin !== null ? 'file_quarantined' : served === 0 ? 'never_served' : hasFailed ? 'failed' : undefined;
          const what = JSON.stringify({ health, isActive, served, hasFailed, twin: twin !== null });
          assert.equal(obstacleTo(version, versions, active)?.kind, wanted, what);
          assert.deepEqual(names(rollbackCandidates(versions, active)), wanted === undefined ? ['3'] : [], what);
        }
      }
    }
  });

  test('is one that earned trust before one that did not, and of each kind the newest in service', () => {
    const versions = [good('1'), good('2'), fresh('3'), fresh('4'), good('5', { failed }), bad('6'), fresh('7')];
    assert.deepEqual(names(rollbackCandidates(versions, '7')), ['2', '1', '4', '3']);
    assert.deepEqual(names(rollbackCandidates([fresh('3'), fresh('4'), fresh('7')], '7')), ['4', '3']);
    assert.deepEqual(rollbackCandidates([good('5', { failed }), bad('6'), fresh('7')], '7'), []);
  });

  test('may be a file in quarantine that earned trust since, and not one that earned it before', () => {
    const twin = bad('2', { sha256: 'file of 1' });
    const earnedAt = (atMs: number): Version => good('1', { earned: { how: 'confirmed', atMs } });
    assert.equal(quarantinedTwin(earnedAt(49), [twin])?.version, '2');
    assert.equal(quarantinedTwin(earnedAt(50), [twin]), null);
    const numbered = { ...twin, quarantine: { ...quarantine, event: 7 } };
    const earnedIn = (event: number, atMs: number): Version => good('1', { earned: { how: 'confirmed', atMs, event } });
    assert.equal(quarantinedTwin(earnedIn(8, 49), [numbered]), null, 'later, whatever the date was');
    assert.equal(quarantinedTwin(earnedIn(6, 51), [numbered])?.version, '2');
    assert.equal(quarantinedTwin(fresh('1'), [bad('2')]), null, 'another file');
    assert.equal(quarantinedTwin(fresh('1'), [{ ...twin, health: 'new' }]), null, 'released');
    assert.equal(quarantinedTwin(twin, [twin]), null, 'it is none of itself');
  });

  test('is missing for a reason that is told of every version', () => {
    const versions = [
      fresh('1', { failed }), bad('2'), fresh('3', { lastGeneration: 0 }), fresh('4', { sha256: 'file of 2' }),
      fresh('5'), fresh('6'),
    ];
    assert.deepEqual(whyNoTarget(versions, '6').map(({ version, reason }) => `${version} ${reason}`), [
      '6 is active', '5 could not be loaded', '4 is the same file as "2", which is in quarantine',
      '2 is in quarantine (bad)', '1 failed (decision d-1)', '3 has never served',
    ]);
  });
});
