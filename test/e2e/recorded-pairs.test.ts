// A bad version that the real engine rolls back by pairs, recorded, and the recording judged again without models: the
// same decision, and no other.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseLine } from '../../src/backtest/record-line.ts';
import type { BacktestDecision } from '../../src/backtest/decision.ts';
import { lastgood, lastgoodJson } from '../support/binary.ts';
import { housingBodies } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { actor, serveHousing } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Event {
  readonly kind: string;
  readonly decision: string | null;
}
interface Decision {
  readonly version: string;
  readonly trigger: string;
}

const LIMIT = ['--p95-limit-ms', '60000'];
const DEADLINE_MS = 180_000;

describe('lastgood serve --record of a version that is rolled back', () => {
  test('holds what the version before answered, no inputs, and lets backtest decide the same alone', async () => {
    const samples = join(temporaryDirectory(), 'samples.ndjson');
    const { dataDir, server, admin } = await serveHousing(['1', 'dollars'], ['--record', samples, ...LIMIT]);
    await admin.confirm({ model: 'housing' }, actor);
    const crowd = new Crowd(server.port, '/predict', housingBodies, 4);
    await untilResolved('version 1 serves', () => Promise.resolve(crowd.countOf('1') >= 200), DEADLINE_MS);
    await admin.promote({ model: 'housing', version: 'dollars' }, actor);
    const rollback = async (): Promise<Event | undefined> =>
      (await lastgoodJson<Event[]>(['history', 'housing', '--data', dataDir])).find(({ kind }) => kind === 'rollback');
    await untilResolved('it was rolled back', async () => (await rollback()) !== undefined, DEADLINE_MS);
    await crowd.stop();
    const { decision } = (await rollback())!;
    const decided = await lastgoodJson<Decision>(['explain', decision!, '--data', dataDir]);
    await server.stop();
    const lines = readFileSync(samples, 'utf8').split('\n').filter((line) => line !== '');
    const parsed = lines.map((line, at) => parseLine(line, samples, at + 1));
    const ofBad = parsed.filter((line) => line.event === undefined && line.version === 'dollars');
    const twins = ofBad.flatMap((line) => ('twin' in line && line.twin !== undefined ? [line.twin] : []));
    assert.ok(twins.length >= 17, `${twins.length} of ${ofBad.length} lines have an answer of the version before`);
    assert.ok(twins.every(({ version, ok, outputs }) => version === '1' && ok && outputs.length === 1));
    assert.ok(lines.every((line) => !line.includes('"inputs"')));
    const { code, stdout, stderr } = await lastgood(['backtest', samples, '--json', ...LIMIT]);
    assert.equal(code, 0, stderr);
    const told = stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as BacktestDecision);
    const rollbacks = told.filter(({ action }) => action === 'rollback');
    assert.deepEqual(rollbacks.map(({ version, check }) => [version, check]), [[decided.version, decided.trigger]]);
    const { blames } = rollbacks[0]!.evidence['finding'] as { blames: string };
    assert.equal(blames, 'version');
  });
});
