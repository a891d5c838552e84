import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topLevelMember } from '../../../src/protocols/json/member-scan.ts';

const idOf = (text: string): unknown => topLevelMember(Buffer.from(text), 'id');

test('topLevelMember finds what JSON.parse finds, wherever it stands', () => {
  const values = [0, -1.5e3, 'a"b\\', 'ü,}', true, null, { id: 7, b: ['}'] }, [[','], {}], ''];
  for (const id of values) {
    for (const frame of [{ id }, { id, x: 1 }, { x: { id: 'no' }, y: ['id', '"id":9'], z: 'id', id }]) {
      for (const indent of [0, 2]) {
        const text = JSON.stringify(frame, undefined, indent);
        assert.deepEqual(idOf(text), id, text);
      }
    }
  }
});

test('topLevelMember finds nothing in nested, missing or broken members', () => {
  for (const text of [
    '',
    '{',
    '"id"',
    '["id",1]',
    '[{"id":1}]',
    '{"a":{"id":1}}',
    '{"x":"id"}',
    '{"id"}',
    '{"id":',
    '{"id":}',
    '{"id":tru}',
    '{"a":"\\',
    '{"a":1}{"id":2}',
    `{"id":"${'x'.repeat(5000)}"}`,
  ]) {
    assert.equal(idOf(text), undefined, text.slice(0, 40));
  }
});
