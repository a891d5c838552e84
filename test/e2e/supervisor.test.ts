// The parent process of `lastgood serve`: whatever ends the engine, it is there again on the same port; and no engine
// outlives its parent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { lastgood, MAIN, Server } from '../support/binary.ts';
import { Crowd } from '../support/load.ts';
import { housingBodies } from '../support/housing.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { serveHousing } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the supervisor of lastgood serve', () => {
  test('starts a crashed engine again on its port and its version, passes SIGTERM on and ends with 0', async () => {
    const { server } = await serveHousing(['1']);
    const parent = server.process.pid!;
    assert.doesNotMatch(readFileSync(`/proc/${parent}/maps`, 'utf8'), /\.node\b/, 'no native code in the parent');
    const first = server.pid;
    process.kill(first, 'SIGSEGV');
    await until('another engine is ready', () => server.starts.length === 2, 30_000);
    assert.notEqual(server.pid, first);
    assert.deepEqual(server.starts.map(({ port }) => port), [server.port, server.port]);
    const headers = { 'content-type': 'application/json' };
    const { status, json } = await http(server.port, '/predict', { body: housingBodies[0]!, headers });
    assert.deepEqual([status, json['model_version']], [200, '1']);
    assert.match(server.log, /SIGSEGV.*started again/);
    const crowd = new Crowd(server.port, '/predict', housingBodies, 8);
    await until('the clients are answered', () => crowd.countOf('1') > 100);
    const exit = server.stop();
    await Promise.all([exit, crowd.stop()]);
    assert.equal(await exit, 0);
    assert.equal(isAlive(server.pid), false);
  });

  test('an engine whose supervisor was killed answers what it accepted and ends', async () => {
    const { server } = await serveHousing(['1']);
    server.process.kill('SIGKILL');
    await server.exit;
    await until('the engine has ended', () => !isAlive(server.pid), 30_000);
  });

  test('a first start that fails is not repeated: its reason and its exit code are the answer', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { code, stderr } = await lastgood(
      ['serve', '--data', temporaryDirectory(), '--listen', `127.0.0.1:${port}`]);
    taken.close();
    assert.equal(code, 1);
    assert.equal(stderr.match(/the port is taken/g)?.length, 1, stderr);
  });

  test('a signal before the engine listens to any ends both with 0', async () => {
    const parent = spawn(process.execPath, [MAIN, 'serve', '--data', temporaryDirectory(), '--listen', '127.0.0.1:0']);
    const exit = once(parent, 'exit');
    const children = `/proc/${parent.pid!}/task/${parent.pid!}/children`;
    await until('the engine is being started', () => readFileSync(children, 'utf8').trim() !== '');
    parent.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
  });

  test('--no-supervisor makes the engine itself the process that was started', async () => {
    const server = await Server.start(temporaryDirectory(), ['--no-supervisor']);
    assert.equal(server.pid, server.process.pid);
    assert.equal(await server.stop(), 0);
  });
});
