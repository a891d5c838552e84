// What people are told of a value that a schema refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { isLastgoodError } from '../../src/base/errors.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { IN_OUR_WORDS } from '../../src/base/schema-text.ts';

test('a refused option says what it is and what was wanted, in our own words', () => {
  const cases: [object, RegExp][] = [
    [{ deadlineMs: 'soon' }, /deadlineMs: it is "soon"; wanted a (whole )?number/],
    [{ deadlineMs: 0 }, /deadlineMs: it is 0; wanted at least 1/],
    [{ deadlineMs: 3_600_001 }, /deadlineMs: it is 3600001; wanted at most 3600000/],
    [{ standby: 'hot' }, /standby: it is "hot"; wanted warm, cold/],
    [{ adminToken: 'short' }, /adminToken: it has 5 characters; wanted at least 8/],
    [{ deadline: 5 }, /options: "deadline" is unknown here/],
    [{ judge: { errorRateLimit: 0 } }, /judge\.errorRateLimit: it is 0; wanted more than 0/],
    [{ limits: [] }, /limits: it is an array; wanted an object/],
  ];
  for (const [options, text] of cases) {
    const isSaid = (error: unknown): boolean => isLastgoodError(error) && text.test(error.message);
    assert.throws(() => resolveOptions(options), isSaid, String(text));
  }
});

test('the schemas of a program that embeds the engine keep their own words', () => {
  const plain = z.number().safeParse('x').error?.issues[0]?.message;
  const ours = z.number().safeParse('x', IN_OUR_WORDS).error?.issues[0]?.message;
  assert.equal(ours, 'it is "x"; wanted a number');
  assert.notEqual(plain, ours);
});
