import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../../src/base/clock.ts';
import type { VersionRecord } from '../../../src/domain/records.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import { ExpectedChanges, TRIED_PAIRS_MAX } from '../../../src/rollout/registration/expected-change.ts';

const versionOf = (version: string): VersionRecord => ({ model: 'm', version }) as VersionRecord;

test('pairs of versions are tried once, and no more of them are remembered than the limit says', async () => {
  const tried: string[] = [];
  // A registry that knows none of the versions: what is asked of it shows which pairs are looked into.
  const registry = { hasVersion: (_: string, version: string) => (tried.push(version), false) } as unknown as Registry;
  const changes = new ExpectedChanges({
    registry, dataDir: '/nowhere', clock: systemClock, trialMs: 1, intraOpThreads: 1, onUnknown: () => undefined,
  });
  const ensure = (version: string): void => changes.ensure(versionOf(version), versionOf('twin'));
  ensure('first');
  ensure('second');
  ensure('first');
  for (let at = 0; at < TRIED_PAIRS_MAX - 2; at += 1) ensure(String(at));
  ensure('first');
  ensure('second');
  ensure('one too many');
  ensure('second');
  ensure('first');
  ensure('0');
  ensure('the last');
  while (!tried.includes('the last')) await nextTurn();
  await changes.close();
  const times = (version: string): number => tried.filter((one) => one === version).length;
  assert.deepEqual([times('first'), times('second')], [1, 1], 'what is asked about all the time is tried once');
  assert.equal(times('1'), 1, 'still remembered');
  assert.equal(times('0'), 2, 'the one asked about longest ago was forgotten and is tried again');
});
