// The rules by which failures, answers that are not finite and constant ones are the inputs' or the version's.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findingOf } from '../../../src/judge/verdict/findings.ts';

const checks = [{ check: 'error_rate', value: 0.9, limit: 0.05 }];
const about = { version: '2', standby: '1', asked: 64, checks, recent: null };
const failure = (facts: object = {}) =>
  findingOf({ cause: 'failure', facts: { ...about, answered: 0, ...facts } });
const output = (answered: number, better: number, worse: number) =>
  findingOf({ cause: 'output', facts: { ...about, answered, recent: { better, worse } } });
const constant = (various: number, same: number) =>
  findingOf({ cause: 'constant', facts: { version: '2', standby: '1', rows: 100, various, constant: same } });

describe('What failed, asked of the last good version', () => {
  test('is the inputs\' when it fails that as well, and the version\'s when it answers half of it', () => {
    assert.equal(failure().blames, 'inputs');
    assert.equal(failure({ answered: 1 }).blames, 'inputs', 'one is luck');
    assert.equal(failure({ answered: 32 }).blames, 'version');
    assert.match(failure({ answered: 32 }).text, /version 1 answers 32 of 64 requests that version 2 failed/);
  });

  test('is the version\'s beside inputs that nobody answers, when the rest alone is over the limit', () => {
    // 90 of 100 failed, 4 of 64 of those by the version alone: 5.6 of the 15.6 that are left.
    assert.equal(failure({ answered: 4 }).blames, 'version');
    assert.match(failure({ answered: 4 }).text, /those alone are 36 % of the others/);
    // Of 8 in 100 it would be half a request.
    assert.equal(failure({ answered: 4, checks: [{ ...checks[0]!, value: 0.08 }] }).blames, 'inputs');
  });

  test('is the version\'s when nobody can be asked', () => {
    const { blames, text } = findingOf({ cause: 'failure', facts: { unavailable: 'none is loaded' } });
    assert.deepEqual([blames, text], ['version', 'no other version was asked what failed: none is loaded']);
  });

  test('of numbers that overflow here or there by luck is nobody\'s, unless one version does better', () => {
    assert.equal(output(20, 12, 5).blames, 'inputs');
    assert.equal(output(20, 12, 1).blames, 'version');
    assert.equal(output(20, 9, 0).blames, 'inputs', 'too few');
    assert.equal(output(40, 0, 0).blames, 'inputs', 'larger weights overflow sooner');
    assert.equal(output(58, 0, 0).blames, 'version');
  });

  test('and answered with one thing is the version\'s only where the other has various answers', () => {
    assert.equal(constant(60, 60).blames, 'version');
    assert.equal(constant(60, 20).blames, 'inputs', 'most of what varies there varies here');
    assert.equal(constant(4, 4).blames, 'inputs', 'both are constant');
    assert.equal(constant(8, 8).blames, 'version', 'beside many saturating rows');
    assert.equal(findingOf({ cause: 'constant', facts: { gathered: 3, wanted: 20 } }).blames, 'unknown');
  });
});
