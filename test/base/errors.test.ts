// Errors that cross to another thread or process are the same there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeError, encodeError, errorBody, failedTask, innerReasonOf, isLastgoodError, lastgoodError,
} from '../../src/base/errors.ts';

const crossed = (error: unknown): Error => decodeError(structuredClone(encodeError(error)));

test('an error of the table keeps its code, status, message and details on the way to another thread', () => {
  const versions = [{ version: '1', reason: 'is active' }];
  for (const error of [
    lastgoodError('DISK_REFUSED', { what: 'it', reason: 'no room' }),
    lastgoodError('NO_ROLLBACK_TARGET', { model: 'm', to: null, versions }),
  ]) {
    assert.ok(isLastgoodError(crossed(error)));
    assert.deepEqual(errorBody(crossed(error)), errorBody(error));
  }
});

test('whatever else is thrown keeps its text, and is none of the table', () => {
  assert.deepEqual([crossed(new TypeError('no')).message, crossed('text').message], ['no', 'text']);
  assert.equal(isLastgoodError(crossed(new TypeError('no'))), false);
});

test('the last word of a task that failed is its error', () => {
  const error = lastgoodError('DISK_REFUSED', { what: 'it', reason: 'no room' });
  const { kind, error: sent } = structuredClone(failedTask(error));
  assert.deepEqual([kind, errorBody(decodeError(sent))], ['failed', errorBody(error)]);
});

test('what is wrong is told without what was being done, wherever an error carries that', () => {
  const reason = 'it has no rows; wanted at least one: or a file';
  for (const error of [
    lastgoodError('INVALID_OPTION', { reason }), lastgoodError('INVALID_BASELINE', { path: 'a: b', reason }),
  ]) {
    for (const one of [error, crossed(error)]) assert.equal(innerReasonOf(one), reason);
  }
  assert.deepEqual([innerReasonOf(new Error('a: b')), innerReasonOf('text')], ['a: b', 'text']);
  const draining = lastgoodError('DRAINING');
  assert.equal(innerReasonOf(draining), draining.message);
});
