// Errors that cross to another thread or process are the same there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeError, encodeError, errorBody, isLastgoodError, lastgoodError } from '../../src/base/errors.ts';

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
