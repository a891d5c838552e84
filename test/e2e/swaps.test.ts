// Invariant 1 on the real executable: whatever is promoted and rolled back, every request gets one answer, and from a
// version that was active while the request was pending.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { housingBodies, housingRows } from '../support/housing.ts';
import { Crowd, SocketCrowd } from '../support/load.ts';
import type { Ledger } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { actor, serveHousing } from '../support/served-housing.ts';

const SWAPS = 50;
const CLIENTS = 64;
const SOCKETS = 10;
const FRAMES_IN_FLIGHT = 200;

/** A version may have answered between the moment its promote was asked for and the end of the change after it. */
interface Reign {
  readonly version: string;
  readonly fromMs: number;
  toMs: number;
}

function checkLedger({ answers, failures, sent }: Ledger, reigns: readonly Reign[]): void {
  assert.deepEqual(failures, []);
  assert.equal(answers.length, sent);
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.deepEqual([...new Set(answers.map(({ version }) => version))].sort(), ['1', '2']);
  for (const { version, sentMs, answeredMs } of answers) {
    const reigned = reigns.some((one) => one.version === version && one.fromMs <= answeredMs && one.toMs >= sentMs);
    assert.ok(reigned, `version "${version}" answered a request that was pending from ${sentMs} to ${answeredMs}`);
  }
}

describe('lastgood serve', () => {
  test('answers every request through 50 promotes and rollbacks, from a version that was active meanwhile', async () => {
    const { server, admin } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
    const crowd = new Crowd(server.port, '/predict', housingBodies, CLIENTS);
    const sockets = new SocketCrowd();
    await sockets.start(server.port, housingRows, SOCKETS, FRAMES_IN_FLIGHT);
    const reigns: Reign[] = [{ version: '1', fromMs: 0, toMs: Infinity }];
    const change = async (version: string, act: () => Promise<unknown>): Promise<void> => {
      const before = crowd.answers.length;
      const framesBefore = sockets.answers.length;
      const fromMs = performance.now();
      await act();
      reigns.at(-1)!.toMs = performance.now();
      reigns.push({ version, fromMs, toMs: Infinity });
      await until('the clients go on', () => crowd.answers.length > before + CLIENTS);
      await until('the sockets go on', () => sockets.answers.length > framesBefore + FRAMES_IN_FLIGHT);
    };
    for (let swap = 0; swap < SWAPS; swap += 2) {
      await change('2', () => admin.promote({ model: 'housing', version: '2' }, actor));
      await change('1', () => admin.rollback({ model: 'housing' }, actor));
      await admin.release({ model: 'housing', version: '2' }, actor);
    }
    await Promise.all([crowd.stop(), sockets.stop()]);
    for (const ledger of [crowd, sockets]) checkLedger(ledger, reigns);
    assert.ok(crowd.sent > SWAPS * CLIENTS && sockets.sent > SWAPS * FRAMES_IN_FLIGHT);
    const events = await admin.history({ model: 'housing', limit: 1_000 });
    const swaps = events.filter(({ kind }) => kind === 'promote' || kind === 'rollback').length;
    assert.equal(swaps, SWAPS + 1);
    assert.equal(await server.stop(), 0);
  });
});
