// The registry is the truth: whoever moves the generation in it, a running engine follows and drops nothing.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lastgoodJson, Server } from '../support/binary.ts';
import { housingBodies } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { serveHousing } from '../support/served-housing.ts';

describe('lastgood serve', () => {
  test('follows a promote and a rollback that another process wrote while the admin socket was gone', async () => {
    const { dataDir, server } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
    const crowd = new Crowd(server.port, '/predict', housingBodies, 16);
    await until('version 1 answers', () => crowd.countOf('1') > 100);
    const socket = join(dataDir, 'admin.sock');
    renameSync(socket, join(dataDir, 'elsewhere.sock'));
    await lastgoodJson(['promote', 'housing', '2', '--data', dataDir]);
    await until('version 2 answers', () => crowd.countOf('2') > 100);
    const before = crowd.countOf('1');
    await lastgoodJson(['rollback', 'housing', '--data', dataDir]);
    await until('version 1 answers again', () => crowd.countOf('1') > before + 100);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    assert.equal(crowd.answers.filter(({ status }) => status === 200).length, crowd.sent);
    assert.equal(await server.stop(), 0);
  });

  test('as a follower serves the same directory beside the engine that owns it, and goes where that one goes', async () => {
    const { dataDir, server, admin } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
    const follower = await Server.start(dataDir, ['--follower', '--judge-mode', 'observe']);
    const crowd = new Crowd(follower.port, '/predict', housingBodies, 8);
    await until('version 1 answers', () => crowd.countOf('1') > 50);
    await admin.promote({ model: 'housing', version: '2' }, { by: 'test' });
    await until('the follower answers with version 2', () => crowd.countOf('2') > 50);
    await crowd.stop();
    assert.equal(crowd.answers.filter(({ status }) => status === 200).length, crowd.sent);
    assert.equal(await follower.stop(), 0);
    assert.equal(await server.stop(), 0);
  });
});
