import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { CheckEvidence, EvidenceOf } from '../../../src/judge/checks/check.ts';
import { warmUpOf } from '../../../src/judge/checks/p95-latency.ts';
import type { WarmUp } from '../../../src/judge/checks/p95-latency.ts';
import { judgeOptions } from '../fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

const failed = { outcome: Outcome.modelFailure };
const every = (n: number, bad: object) => (index: number): object => (index % n === 0 ? bad : {});

test('hard_failure fails at ten failures in a row on different inputs, within a look', () => {
  const run = new SuiteRun().feed(60, 10, () => ({})).feed(2.1, 10, () => failed);
  assert.equal(run.failedAt.get('hard_failure'), 62);
  assert.match(run.check('hard_failure').text, /^\d\d requests in a row failed; the limit is 10$/);
});

test('hard_failure fails at more than half of all, however short the runs', () => {
  const run = new SuiteRun().feed(60, 10, (index) => (index % 4 === 0 ? {} : failed));
  assert.ok(run.failedAt.get('hard_failure')! <= 20, `found after ${run.failedAt.get('hard_failure')} s`);
  const half = new SuiteRun().feed(300, 10, every(2, failed));
  assert.equal(half.failedAt.has('hard_failure'), false, 'which is the limit');
});

test('one input that fails again and again speaks against no version, until nothing else is answered', () => {
  const poison = { ...failed, input: 7 };
  const mixed = new SuiteRun().feed(900, 5, every(4, poison));
  assert.deepEqual([...mixed.failedAt], []);
  assert.match(mixed.check('error_rate').text, /25(\.\d)? % is over the limit of 5 %, but only for one input/);
  assert.equal(mixed.check('error_rate').heldBack, 'one_input');
  const alone = new SuiteRun().feed(40, 2, () => poison);
  assert.equal(alone.failedAt.get('hard_failure'), 26, 'fifty in a row');
  const many = new SuiteRun().feed(120, 5, (index) => (index % 4 === 0 ? { ...failed, input: 1 + (index % 64) } : {}));
  assert.ok(many.failedAt.has('error_rate'), 'sixteen inputs that fail are no single one');
});

test('error_rate stays silent at its limit and fails above it, after two looks or over the long window', () => {
  const atLimit = new SuiteRun().feed(4_000, 20, every(20, failed));
  assert.deepEqual([...atLimit.failedAt], []);
  const above = new SuiteRun().feed(600, 20, every(5, failed)).failedAt.get('error_rate');
  assert.ok(above !== undefined && above >= 10 && above <= 60, `found after ${above} s`);
  const slight = new SuiteRun().feed(900, 20, every(13, failed)).failedAt.get('error_rate');
  assert.ok(slight !== undefined && slight > 60 && slight <= 300, `found after ${slight} s`);
});

test('a burst of failures that is over, or that fills few slots, decides nothing', () => {
  const run = new SuiteRun().feed(120, 50, () => ({}));
  run.feed(8, 50, every(3, failed)).feed(400, 50, () => ({}));
  assert.deepEqual([...run.failedAt], []);
});

test('a host that stands still for six seconds three times within a minute is no slow version', () => {
  const slow = { latencyUs: 900_000 };
  const run = new SuiteRun().feed(300, 20, () => ({}));
  for (let stop = 0; stop < 3; stop += 1) run.feed(6.3, 20, () => slow).feed(13.7, 20, () => ({}));
  assert.deepEqual([...run.feed(120, 20, () => ({})).failedAt], []);
});

test('p95_latency counts requests over the limit after the warm-up', () => {
  const slow = { latencyUs: 600_000 };
  const warmup = new SuiteRun().feed(2, 20, () => slow).feed(600, 20, () => ({}));
  assert.deepEqual([...warmup.failedAt], [], 'forty slow requests of a cold start');
  const cold = new SuiteRun().feed(25, 2, () => slow).feed(300, 2, () => ({}));
  assert.deepEqual([...cold.failedAt], [], 'fifty of them, over more slots than a burst');
  const warmUpAfter = (run: SuiteRun): WarmUp | null => {
    const found = (run.last!.evidence['inputs'] as CheckEvidence[]).find(({ check }) => check === 'p95_latency');
    return warmUpOf(found as EvidenceOf<'p95_latency'>);
  };
  const minute = new SuiteRun().feed(60, 1, () => slow).feed(1.5, 1, () => ({}));
  assert.equal(minute.failedAt.has('p95_latency'), true, 'sixty of them, one a second, raise the alarm');
  assert.deepEqual(warmUpAfter(minute), { isOver: true, isSlowSince: false }, 'and alone speak against no version');
  assert.deepEqual(warmUpAfter(minute.feed(120, 1, () => ({}))), { isOver: true, isSlowSince: false });
  const hasty = new SuiteRun().feed(28, 20, () => slow);
  assert.deepEqual(warmUpAfter(hasty), { isOver: false, isSlowSince: false }, 'requests alone end no warm-up');
  assert.deepEqual(warmUpAfter(hasty.feed(32, 20, () => slow)), { isOver: true, isSlowSince: true });
  const run = new SuiteRun().feed(120, 20, every(2, slow));
  assert.ok(run.failedAt.get('p95_latency')! <= 40, `found after ${run.failedAt.get('p95_latency')} s`);
  assert.match(run.check('p95_latency').text, /requests took longer than 500 ms in 60 s: 50 % is over/);
});

test('non_finite fails at five answers in a row, at a share that chance does not explain, not for one input', () => {
  const bad = { outcome: Outcome.nonFinite, value: NaN };
  const row = new SuiteRun().feed(10, 10, () => ({ value: 1 })).feed(1, 10, (index) => (index < 6 ? bad : {}));
  row.feed(2, 10, () => ({ value: 1 }));
  assert.equal(row.failedAt.get('non_finite'), 11);
  const checks = { ...judgeOptions().checks, non_finite: { mode: 'on', run: 5, limit: 0.9 } } as const;
  const alone = new SuiteRun({ options: { checks } }).feed(10, 10, () => ({ value: 1 })).feed(1, 10, () => bad);
  alone.feed(2, 10, () => ({ value: 1 }));
  assert.equal(alone.failedAt.get('non_finite'), 11, 'five in a row, whatever the share');
  const share = new SuiteRun().feed(60, 10, every(10, bad));
  assert.ok(share.failedAt.get('non_finite')! <= 10);
  const one = new SuiteRun().feed(600, 10, every(10, { ...bad, input: 3 }));
  assert.deepEqual([...one.failedAt], []);
});

test('faults of clients and of a long queue are not counted', () => {
  const run = new SuiteRun().feed(60, 20, every(2, { outcome: Outcome.clientFault, latencyUs: 9e6 }));
  run.feed(60, 20, every(2, { outcome: Outcome.expired, latencyUs: 9e6 }));
  assert.deepEqual([...run.failedAt], []);
  assert.equal(run.last?.errorRate, 0);
});
