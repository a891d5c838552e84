// lastgood observe and explain --now with the real binary: a bad version stays while the judge watches only, also after
// a restart, and goes when it may act again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EngineStatus } from '../../src/admin/answers.ts';
import { connectAdmin } from '../../src/admin/client.ts';
import type { Outlook } from '../../src/rollout/outlook.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { housingBodies } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { untilResolved } from '../support/poll.ts';
import { actor, serveHousing } from '../support/served-housing.ts';

describe('lastgood observe', () => {
  test('holds the judge still until it is called off, over a restart too, and explain --now says so', async () => {
    const { dataDir, server, admin } = await serveHousing(['1', 'dollars']);
    const data = ['--data', dataDir];
    await admin.confirm({ model: 'housing' }, actor);
    const paused = await lastgood(['observe', 'housing', '--for', '2h', '--reason', 'load test', ...data]);
    assert.match(paused.stdout, /^the judge of housing watches only until .*, for 1 h 59 min more \(.*: load test\)/);
    await admin.promote({ model: 'housing', version: 'dollars' }, actor);
    assert.equal(await server.stop(), 0);
    const next = await Server.start(dataDir);
    const crowd = new Crowd(next.port, '/predict', housingBodies, 4);
    const now = (): Promise<Outlook> => lastgoodJson<Outlook>(['explain', '--now', 'housing', ...data]);
    await untilResolved('it fails', async () => (await now()).would === 'hold', 120_000);
    const text = (await lastgood(['explain', '--now', 'housing', ...data])).stdout;
    assert.match(text, /would be done now +It would be written down, and nothing done/);
    assert.match(text, /would go back to +version 1 \(confirmed\)/);
    assert.match((await lastgood(['status', 'housing', ...data])).stdout, /judge +watches only until .*load test/);
    const status = async (): Promise<EngineStatus['models'][0]> =>
      (await lastgoodJson<EngineStatus>(['status', 'housing', ...data])).models[0]!;
    await untilResolved('it was told', async () =>
      (await status()).recentDecisions.some(({ suppressedBy }) => suppressedBy === 'observe'));
    assert.equal((await status()).model.activeVersion, 'dollars');
    const off = await lastgood(['observe', 'housing', '--off', ...data]);
    assert.equal(off.stdout, 'the judge of housing may act\n');
    await untilResolved('it went back', async () => (await status()).model.activeVersion === '1', 120_000);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    assert.equal((await status()).pause, null);
    await next.stop();
  });

  test('says what it wants', async () => {
    const { dataDir, server } = await serveHousing(['1']);
    const data = ['--data', dataDir];
    for (const [args, code, text] of [
      [['observe', 'housing'], 2, /wanted exactly one of forMs and off/],
      [['observe', 'housing', '--for', 'long'], 2, /Wanted a span such as 90s/],
      [['observe', 'housing', '--for', '90d'], 2, /forMs/],
      [['observe', 'nothing', '--for', '1h'], 1, /find model "nothing"/],
      [['explain', 'x', '--now', 'housing'], 2, /not both/],
    ] as const) {
      const result = await lastgood([...args, ...data]);
      assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, text);
    }
    const admin = await connectAdmin(dataDir);
    const { pause } = await admin!.observe({ model: 'housing', forMs: 60_000 }, actor);
    assert.equal(pause?.by, 'test');
    await server.stop();
    const offline = await lastgood(['observe', 'housing', '--off', ...data]);
    assert.equal(offline.stdout, 'the judge of housing may act\n', offline.stderr);
    assert.equal((await lastgood(['explain', '--now', 'housing', ...data])).code, 3);
  });
});
