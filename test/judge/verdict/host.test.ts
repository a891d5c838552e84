// Whether a latency is the version's or the host's, from times that were taken of both versions in turn.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeHost } from '../../../src/judge/verdict/host.ts';
import type { HostFacts } from '../../../src/judge/verdict/host.ts';

const facts = (active: number, standby: number, more: Partial<HostFacts> = {}): HostFacts => ({
  version: '2', standby: '1', stuck: null, usualMs: 0.2, others: [],
  probes: [
    { rows: 1, activeMs: [active, active, active * 9], standbyMs: [standby, standby * 9, standby] },
    { rows: 32, activeMs: [active, active, active], standbyMs: [standby, standby, standby] },
  ],
  ...more,
});
const blamed = (about: HostFacts): string => judgeHost(about).blames;

describe('judgeHost', () => {
  test('blames the version that needs far longer than the last good one, whatever the host does', () => {
    assert.equal(blamed(facts(60, 0.2)), 'version');
    assert.equal(blamed(facts(600, 2, { others: ['digits'] })), 'version');
  });

  test('blames the host when both versions are equally fast, or equally slow', () => {
    assert.equal(blamed(facts(0.2, 0.2)), 'host');
    assert.equal(blamed(facts(40, 41)), 'host');
    assert.equal(blamed(facts(0.03, 0.06)), 'host');
  });

  test('a somewhat slower version is to blame, unless the host is seen to be slow', () => {
    assert.equal(blamed(facts(4, 2, { usualMs: 2 })), 'version');
    assert.equal(blamed(facts(40, 20, { usualMs: 2 })), 'host', 'the last good one is ten times as slow as it was');
    assert.equal(blamed(facts(4, 2, { usualMs: 2, others: ['digits'] })), 'host', 'another model is too slow as well');
  });

  test('only a batch of many rows may show that a version is slow', () => {
    const [single] = facts(0.2, 0.2).probes;
    const many = { rows: 32, activeMs: [50, 50, 50], standbyMs: [0.4, 0.4, 0.4] };
    assert.equal(blamed(facts(0, 0, { probes: [single!, many] })), 'version');
  });

  test('without times the other models decide', () => {
    assert.equal(blamed(facts(0, 0, { standby: null, probes: [] })), 'version');
    assert.equal(blamed(facts(0, 0, { standby: null, probes: [], others: ['digits'] })), 'host');
    assert.equal(blamed(facts(0, 0, { probes: [{ rows: 1, activeMs: [60], standbyMs: [0.2] }] })), 'version');
  });

  test('a version that does not come back from a run is to blame; when it is the last good one, the host is', () => {
    assert.equal(blamed(facts(0, 0, { probes: [], stuck: 'active' })), 'version');
    assert.equal(blamed(facts(0, 0, { probes: [], stuck: 'standby' })), 'host');
  });
});
