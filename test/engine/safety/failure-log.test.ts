// What is remembered of bad answers: whose, which, how much at most.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestIds } from '../../../src/batch/options.ts';
import { FailureLog } from '../../../src/engine/safety/failure-log.ts';
import { LastHours } from '../../../src/engine/safety/evidence-context.ts';
import { lastgoodError } from '../../../src/base/errors.ts';
import { failuresSchema, REQUESTS_NAMED } from '../../../src/judge/verdict/circumstances.ts';
import type { HealthReport } from '../../../src/judge/types/messages.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { Slab } from '../../../src/shared-memory/slab.ts';
import { createSlab } from '../../../src/shared-memory/slab-arena.ts';
import { EntryKind, refusalOf } from '../../../src/protocols/protocol.ts';

const called = (id: string): RequestIds => ({ requestIdOf: () => id, sourceOf: () => 0 });
const NOBODY = called('');

/** A slab of one entry that the version of generation 4 failed, unless told otherwise. */
function failed(body = '{}', kind: EntryKind = EntryKind.predictJson, generation = 4): Slab {
  const slab = createSlab({ entriesMax: 1, requestBytes: 64 * 1024, answerBytes: 4_096 });
  const bytes = Buffer.from(body);
  slab.append(kind, bytes, 0, Infinity, kind === EntryKind.oip ? bytes.length : 0);
  slab.stamp(generation, 1, 0);
  slab.setOutcome(0, Outcome.modelFailure);
  return slab;
}
const errorOf = (slab: Slab, reason: string): Uint8Array =>
  refusalOf(slab, 0, lastgoodError('MODEL_FAILED', { model: 'm', version: '2', reason })).bytes;
function note(log: FailureLog, slab: Slab, reason = 'x', asked = NOBODY, nowUs = 0): void {
  log.note(slab, 0, errorOf(slab, reason), asked, nowUs);
}

describe('FailureLog', () => {
  test('counts kinds of errors, which differ in more than their numbers, the most frequent first', () => {
    const log = new FailureLog();
    for (const reason of ['idx=5 of [-4,3]', 'out of memory', 'idx=17.5 of [-4,3]']) note(log, failed(), reason);
    const view = log.view(4, 0)!;
    assert.deepEqual([view.failed, view.read, view.nonFinite], [3, 3, 0]);
    assert.deepEqual(view.errors.map(({ code, text, count }) => [code, text, count]), [
      ['MODEL_FAILED', 'run model "m" version "N": idx=N of [N,N]', 2],
      ['MODEL_FAILED', 'run model "m" version "N": out of memory', 1],
    ]);
    assert.deepEqual(failuresSchema.parse(JSON.parse(JSON.stringify(view))), view);
  });

  test('reads the error of every protocol', () => {
    for (const kind of Object.values(EntryKind)) {
      const log = new FailureLog();
      note(log, failed('{"id":"a"}', kind), 'broken');
      assert.deepEqual(log.view(4, 0)?.errors[0],
        { code: 'MODEL_FAILED', text: 'run model "m" version "N": broken', count: 1 }, String(kind));
    }
    const log = new FailureLog();
    log.note(failed(), 0, Buffer.from('no JSON'), NOBODY, 0);
    assert.equal(log.view(4, 0)?.errors[0]?.code, 'UNKNOWN');
  });

  test('names requests by the header, else by the id inside, the first and the newest ones', () => {
    const log = new FailureLog();
    note(log, failed('{"id":7}', EntryKind.socketJson));
    note(log, failed('{"id":"own"}', EntryKind.oip), 'x', called('head'));
    note(log, failed('{"id":"own"}', EntryKind.oip));
    note(log, failed());
    note(log, failed(), 'x', called('y'.repeat(1_000)));
    for (let index = 0; index < 20; index += 1) note(log, failed(), 'x', called(`r${index}`), 2e6);
    const { requests } = log.view(4, 5e6)!;
    assert.equal(requests.length, REQUESTS_NAMED);
    assert.deepEqual(requests.slice(0, 3).map(({ id }) => id), ['7', 'head', 'own']);
    assert.equal(requests[3]!.id.length, 128);
    assert.deepEqual(requests.at(-1), { id: 'r19', what: 'failed', agoMs: 3_000 });
  });

  test('reads fifty a second and counts all, in memory that does not grow', () => {
    const log = new FailureLog();
    for (let index = 0; index < 200; index += 1) note(log, failed(), `kind ${String.fromCharCode(65 + index)}`);
    const { failed: all, read } = log.view(4, 0)!;
    assert.deepEqual([all, read], [200, 50]);
    note(log, failed(), 'x', NOBODY, 1e6);
    assert.deepEqual([log.view(4, 0)!.read, log.view(4, 0)!.errors[0]!.code], [51, 'OTHER'], 'of 32 kinds');
  });

  test('knows the newest generation only, and takes in nothing of named versions and of second runs', () => {
    const log = new FailureLog();
    note(log, failed());
    note(log, failed('{}', EntryKind.predictJson, 0));
    note(log, failed('{}', EntryKind.predictJson, 3));
    assert.deepEqual([log.view(4, 0)?.failed, log.view(3, 0), log.view(0, 0)], [1, null, null]);
    const odd = failed('{}', EntryKind.predictJson, 5);
    odd.setOutcome(0, Outcome.nonFinite);
    log.note(odd, 0, Buffer.from('{}'), called('odd'), 0);
    log.noteUnanswered(odd, 3, 'deadline');
    const { failed: all, nonFinite, errors, requests } = log.view(5, 0)!;
    assert.deepEqual([all, nonFinite, requests[0]?.what], [3, 1, 'nonFinite']);
    assert.deepEqual(errors, [{ code: 'DEADLINE_EXCEEDED', text: 'no answer came in time', count: 3 }]);
    assert.equal(log.view(4, 0), null);
  });
});

test('LastHours tells of other versions, the last judged first, of the newest sixteen, and of none without counts', () => {
  const hours = new LastHours();
  const lastHour = { windowMs: 3_600_000, requests: 9, failed: 1, nonFinite: 0, timed: 9, slow: 2 };
  const report = (version: string, atUs: number): HealthReport => ({ version, atUs, lastHour }) as HealthReport;
  for (let version = 1; version <= 20; version += 1) hours.note(report(String(version), version * 1e6));
  hours.note(report('18', 21e6));
  hours.note({ ...report('compat', 22e6), lastHour: null });
  assert.deepEqual(hours.before('20', 23e6).map(({ version, endedAgoMs }) => [version, endedAgoMs]),
    [['18', 2_000], ['19', 4_000], ['17', 6_000]]);
  assert.deepEqual(hours.before('18', 21e6)[0], { version: '20', endedAgoMs: 1_000, ...lastHour });
});
