// Chaos at a small size; `npm run chaos` runs it at full size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './director.ts';

const KINDS_MIN = 5;

test('lastgood serve under faults of every kind loses no request and nothing that it acknowledged', async () => {
  const report = await runChaos({ seed: 20_260, kills: 4, soakMs: 2_000, hungMs: 8_000 });
  assert.deepEqual(report.offences, []);
  const { sent, answered, refused, cut, lost, wrong } = report.requests;
  assert.equal(sent, answered + refused + cut + lost + wrong, 'every request has exactly one outcome');
  assert.deepEqual([lost, wrong], [0, 0]);
  assert.ok(answered > 100, `${answered} answers`);
  assert.ok(report.kills >= 4);
  assert.ok(Object.keys(report.faults).length >= KINDS_MIN, Object.keys(report.faults).join(', '));
  assert.equal(report.exitCode, 0);
});
