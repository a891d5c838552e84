// Who asked and whom the version failed, over time and within fixed memory.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LIBRARY_SOURCE, UNKNOWN_SOURCE } from '../../../src/shared-memory/source-ids.ts';
import { SourceLog } from '../../../src/engine/safety/source-log.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { Slab } from '../../../src/shared-memory/slab.ts';
import { createSlab } from '../../../src/shared-memory/slab-arena.ts';

const SECOND_US = 1e6;
const GENERATION = 4;

let nowUs = 0;
function begun(): SourceLog {
  nowUs = 0;
  const log = new SourceLog(resolveOptions({}).judge, () => nowUs);
  log.begin(GENERATION);
  return log;
}

/** A slab of one entry that a version failed. */
function failed(outcome: Outcome = Outcome.modelFailure, generation = GENERATION): Slab {
  const slab = createSlab({ entriesMax: 1, requestBytes: 64, answerBytes: 64 });
  slab.append(EntryKind.predictJson, Buffer.from('{}'), 0, Infinity);
  slab.stamp(generation, 1, 0);
  slab.setOutcome(0, outcome);
  return slab;
}
const from = (source: number) => ({ requestIdOf: () => '', sourceOf: () => source });

suite('SourceLog', () => {
  test('knows nobody until somebody is known, and begins anew with a generation', () => {
    const log = begun();
    assert.equal(log.view(), null);
    log.requested(UNKNOWN_SOURCE, 10);
    log.failed(failed(), 0, from(UNKNOWN_SOURCE));
    assert.equal(log.view(), null);
    log.requested(LIBRARY_SOURCE, 10);
    assert.deepEqual(log.view()?.shares.map(({ source, requests }) => [source, requests]),
      [['unknown', 10], ['library', 10]]);
    log.begin(GENERATION + 1);
    assert.equal(log.view(), null);
    log.failed(failed(), 0, from(LIBRARY_SOURCE));
    assert.equal(log.view(), null, 'of an earlier generation');
  });

  test('finds the known source that was failed most, in windows of 10 s, 1 and 5 minutes', () => {
    const log = begun();
    for (let second = 0; second < 300; second += 1) {
      nowUs = second * SECOND_US;
      log.requested(0xa0, 10);
      log.lost(failed(), 1);
    }
    for (let at = 0; at < 50; at += 1) {
      log.requested(0xb0, 1);
      log.failed(failed(at % 2 === 0 ? Outcome.modelFailure : Outcome.nonFinite), 0, from(0xb0));
    }
    nowUs = 299.5 * SECOND_US;
    const { heaviest, windows } = log.view()!;
    assert.equal(heaviest, '000000b0');
    assert.deepEqual(windows.map(({ windowMs }) => windowMs), [10_000, 60_000, 300_000]);
    for (const window of windows) assert.deepEqual(window.heaviest, { requests: 50, failed: 25, nonFinite: 25 });
    assert.deepEqual(windows.map(({ all }) => all.requests), [250, 750, 3_050]);
    nowUs = 700 * SECOND_US;
    assert.equal(log.view(), null, 'what is old says nothing');
  });

  test('asks of so many failures a second only; the rest is nobody\'s, and held against no source', () => {
    const log = begun();
    let asked = 0;
    const slab = failed();
    const ids = { requestIdOf: () => '', sourceOf: () => {
      asked += 1;
      return 0xc0;
    } };
    for (let at = 0; at < 5_000; at += 1) log.failed(slab, 0, ids);
    assert.equal(asked, 1_000);
    const { windows } = log.view()!;
    assert.deepEqual([windows[0]!.all.failed, windows[0]!.heaviest.failed], [5_000, 1_000]);
  });

  test('tells a fixed number of sources apart, and names few', () => {
    const log = begun();
    for (let source = 2; source < 10_000; source += 1) log.requested(source, 1);
    const { windows, shares } = log.view()!;
    assert.equal(windows[0]!.all.requests, 9_998);
    assert.deepEqual([shares[0]!.source, shares[0]!.requests, shares.length], ['unknown', 9_742, 5]);
  });
});
