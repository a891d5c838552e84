// Errors that send their reader somewhere send him where he finds it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastgoodError } from '../../src/base/errors.ts';

test('an unknown decision is looked for among those that were acted on and those that were suppressed', () => {
  assert.equal(lastgoodError('DECISION_NOT_FOUND', { decision: 'x' }).message,
    'find decision "x": there is none; history MODEL lists those that were acted on, status MODEL the newest, ' +
    'suppressed ones too');
});
