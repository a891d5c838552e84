// The memory attacks at a small size; `npm run chaos -- memory` runs them for an hour.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { runMemoryAttacks } from './memory/director.ts';

const MIB = 1024 ** 2;
/** On a machine that does other things too a question may be answered too late. */
const LATE = /504/;
const skip = existsSync('/proc/self/status') ? false : 'the system does not tell what a process has';

test('lastgood serve is not killed by clients that want more memory than there is', { skip }, async () => {
  const report = await runMemoryAttacks({ seed: 18, ms: 6_000, limitBytes: 1_024 * MIB });
  const { kernelKills, engineStarts, attacks, bystanders, offences, exitCode } = report;
  assert.deepEqual(offences.filter((text) => !LATE.test(text)), [], JSON.stringify(bystanders));
  assert.deepEqual([kernelKills, engineStarts, exitCode], [0, 1, 0]);
  assert.ok(bystanders.answered > 0);
  const refused = Object.keys(attacks['long sequences'] ?? {});
  assert.ok(refused.some((answer) => /^4\d\d [A-Z_]+$/.test(answer)), JSON.stringify(attacks));
});
