// The admin socket over a real Unix socket, with the offline twin as the control plane behind it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAdmin } from '../../src/admin/client.ts';
import type { ControlPlane } from '../../src/admin/commands.ts';
import { COMMANDS, VERBS } from '../../src/admin/commands.ts';
import { openOffline } from '../../src/admin/offline.ts';
import { startAdminServer } from '../../src/admin/server.ts';
import { adminSocketPath } from '../../src/admin/socket-claim.ts';
import { systemClock } from '../../src/base/clock.ts';
import { lastgood } from '../support/binary.ts';
import { housingBaseline, housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A user without rights. */
const NOBODY = 65_534;
const actor = { by: 'cli:tester' };
const offlineAt = (dataDir: string): ReturnType<typeof openOffline> =>
  openOffline({ dataDir, trialMs: 60_000, intraOpThreads: 1 }, systemClock, { create: true });

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

function ask(socketPath: string, method: string, path: string, body = '', headers = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Leaves a socket file behind on which nobody listens, as a killed process does. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script =
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  const { spawn } = await import('node:child_process');
  await new Promise((resolve) => spawn(process.execPath, ['-e', script]).once('exit', resolve));
}

describe('startAdminServer', () => {
  test('makes a socket that only its owner can open, in a directory that only its owner can enter', async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    mkdirSync(dataDir, { mode: 0o755 });
    const server = await startAdminServer(dataDir);
    assert.equal(statSync(server.path).mode & 0o777, 0o600);
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    await server.close();
    assert.ok(!existsSync(server.path));
  });

  test('ends although clients are connected that ask nothing, or only half of it, and answers what is under way', async () => {
    const dataDir = temporaryDirectory();
    const server = await startAdminServer(dataDir);
    const offline = offlineAt(dataDir);
    let finish = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      const waiting = new Promise<void>((go) => (finish = go));
      const models = async (): Promise<never[]> => {
        resolve();
        await waiting;
        return [];
      };
      server.attach(Object.assign(Object.create(offline) as typeof offline, { status: models }));
    });
    const silent = connect(server.path);
    const half = connect(server.path);
    half.write('POST /v1/promote HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{');
    const answer = ask(server.path, 'GET', '/v1/status');
    await asked;
    const closing = server.close();
    await Promise.all([silent, half].map((socket) => new Promise<void>((resolve) => {
      socket.once('error', () => undefined);
      socket.once('close', () => resolve());
    })));
    finish();
    assert.equal((await answer).status, 200);
    assert.equal(await closing, null);
    await offline.close();
  });

  test('ends although its socket cannot be taken away, and says so', async () => {
    const dataDir = temporaryDirectory();
    const server = await startAdminServer(dataDir);
    // The rights of a directory do not bind root.
    const isRoot = process.geteuid!() === 0;
    chmodSync(dataDir, 0o500);
    if (isRoot) {
      chownSync(dataDir, NOBODY, NOBODY);
      process.seteuid!(NOBODY);
    }
    const left = await server.close();
    if (isRoot) process.seteuid!(0);
    chmodSync(dataDir, 0o700);
    assert.match(String(left), /EACCES/);
    const next = await startAdminServer(dataDir);
    assert.equal(await next.close(), null, 'the next one does not mind');
  });

  test('says that the engine is starting until a control plane is attached', async () => {
    const dataDir = temporaryDirectory();
    const server = await startAdminServer(dataDir);
    const { status, body } = await ask(server.path, 'GET', '/v1/status');
    assert.deepEqual([status, body['code']], [503, 'ENGINE_STARTING']);
    const control = offlineAt(dataDir);
    server.attach(control);
    assert.equal((await ask(server.path, 'GET', '/v1/status')).status, 200);
    await server.close();
    await control.close();
  });

  test('refuses a directory whose socket answers, and leaves that socket alone', async () => {
    const dataDir = temporaryDirectory();
    const first = await startAdminServer(dataDir);
    await assert.rejects(startAdminServer(dataDir), { code: 'ADMIN_IN_USE' });
    assert.equal((await ask(first.path, 'GET', '/')).status, 200);
    await first.close();
  });

  test('replaces a socket on which nobody listens any more', async () => {
    const dataDir = temporaryDirectory();
    const path = adminSocketPath(dataDir);
    await leaveStaleSocket(path);
    assert.ok(lstatSync(path).isSocket());
    const server = await startAdminServer(dataDir);
    assert.equal((await ask(path, 'GET', '/')).status, 200);
    await server.close();
  });

  test('never removes a file that is no socket', async () => {
    const dataDir = temporaryDirectory();
    writeFileSync(adminSocketPath(dataDir), 'precious');
    await assert.rejects(startAdminServer(dataDir), { code: 'ADMIN_SOCKET_FAILED' });
    assert.equal(readFileSync(adminSocketPath(dataDir), 'utf8'), 'precious');
  });

  test('on close leaves a socket alone that another process has put in its place', async () => {
    const dataDir = temporaryDirectory();
    const server = await startAdminServer(dataDir);
    rmSync(server.path);
    const other = createServer().listen(server.path);
    await new Promise((resolve) => other.once('listening', resolve));
    await server.close();
    assert.ok(lstatSync(adminSocketPath(dataDir)).isSocket());
    other.close();
  });

  test('refuses a path that is too long for a socket, with its length', async () => {
    const dataDir = join(temporaryDirectory(), 'x'.repeat(120));
    await assert.rejects(startAdminServer(dataDir), { code: 'ADMIN_SOCKET_FAILED', message: /wanted at most 107/ });
    assert.ok(!existsSync(dataDir));
  });

  test('answers bad input of every kind with a code, and lists its verbs', async () => {
    const dataDir = temporaryDirectory();
    const server = await startAdminServer(dataDir);
    const control = offlineAt(dataDir);
    server.attach(control);
    const { path } = server;
    const refused = async (method: string, route: string, body = '', headers = {}): Promise<unknown> => {
      const reply = await ask(path, method, route, body, headers);
      return [reply.status, reply.body['code']];
    };
    const list = await ask(path, 'GET', '/');
    assert.equal((list.body['verbs'] as string[]).length, VERBS.length);
    assert.deepEqual(await refused('GET', '/v1/nonsense'), [404, 'ROUTE_NOT_FOUND']);
    assert.deepEqual(await refused('POST', '/v1/status'), [405, 'METHOD_NOT_ALLOWED']);
    assert.deepEqual(await refused('GET', '/v1/promote'), [405, 'METHOD_NOT_ALLOWED']);
    assert.deepEqual(await refused('POST', '/v1/promote', '{'), [400, 'INVALID_JSON']);
    assert.deepEqual(await refused('POST', '/v1/promote', '{"model":"m"}'), [400, 'INVALID_REQUEST']);
    assert.deepEqual(await refused('POST', '/v1/promote', '[]'), [400, 'INVALID_REQUEST']);
    for (const body of ['{"model":"m"}', '{"model":"m","capture":true,"from":"f"}', '{"model":"m","capture":false}']) {
      assert.deepEqual(await refused('POST', '/v1/baseline', body), [400, 'INVALID_REQUEST'], body);
    }
    assert.deepEqual(await refused('POST', '/v1/confirm', '{"model":"m","x":1}'), [400, 'INVALID_REQUEST']);
    assert.deepEqual(await refused('GET', '/v1/history?model=m&limit=many'), [400, 'INVALID_REQUEST']);
    assert.deepEqual(await refused('GET', '/v1/history?model=m'), [404, 'MODEL_NOT_FOUND']);
    assert.deepEqual(await refused('POST', '/v1/drain', '', { 'x-lastgood-by': 'a b' }), [400, 'INVALID_REQUEST']);
    assert.deepEqual(await refused('POST', '/v1/pin', ' '.repeat(2_000_000)), [413, 'BODY_TOO_LARGE']);
    for (const verb of VERBS.filter((one) => COMMANDS[one].method === 'POST')) {
      assert.deepEqual(await refused('POST', `/v1/${verb}`, '{"unknown":1}'), [400, 'INVALID_REQUEST'], verb);
    }
    await server.close();
    await control.close();
  });
});

describe('AdminClient', () => {
  test('is null where no engine answers', async () => {
    const dataDir = temporaryDirectory();
    assert.equal(await connectAdmin(dataDir), null);
    await leaveStaleSocket(adminSocketPath(dataDir));
    assert.equal(await connectAdmin(dataDir), null);
  });

  test('does not wait for good for somebody who listens and never answers', async () => {
    const dataDir = temporaryDirectory();
    const silent = createServer().listen(adminSocketPath(dataDir));
    await once(silent, 'listening');
    const unreachable = { code: 'ENGINE_UNREACHABLE', message: /no answer within 50 ms/ };
    await assert.rejects(connectAdmin(dataDir, 50), unreachable);
    const { code, stderr } = await lastgood(['status', '--data', dataDir]);
    assert.equal(code, 3);
    assert.match(stderr, /^lastgood: reach the engine at .* no answer within 10000 ms/);
    silent.close();
  });

  test('gives a change the time that it takes, and a read that hangs none', async () => {
    const dataDir = temporaryDirectory();
    const control = offlineAt(dataDir);
    const server = await startAdminServer(dataDir);
    const slowly: Partial<ControlPlane> = {
      drain: () => sleep(200, { answered: 7 }), status: () => new Promise<never>(() => undefined),
    };
    server.attach(slowly as ControlPlane);
    const client = await connectAdmin(dataDir, 100);
    assert.deepEqual(await client?.drain({}, actor), { answered: 7 });
    await assert.rejects(client!.status({}), { code: 'ENGINE_UNREACHABLE', message: /no answer within 100 ms/ });
    await server.close();
    await control.close();
  });

  test('carries every verb there and its result or its error back', async () => {
    const dataDir = temporaryDirectory();
    const control = offlineAt(dataDir);
    const server = await startAdminServer(dataDir);
    server.attach(control);
    const client = await connectAdmin(dataDir);
    assert.ok(client);
    const model = 'housing';
    const first = { model, file: housingFile('1'), baseline: housingBaseline('1'), promote: true };
    assert.equal((await client.register(first, actor)).activation?.generation, 1);
    await client.register({ model, file: housingFile('2'), version: '2' }, actor);
    assert.equal((await client.promote({ model, version: '2', reason: 'better' }, actor)).from, '1');
    assert.notEqual((await client.confirm({ model }, actor)).probationEndedAtMs, null);
    await client.pin({ model }, actor);
    await assert.rejects(client.promote({ model, version: '1' }, actor), { code: 'PINNED', status: 409 });
    await client.unpin({ model }, actor);
    const back = await client.rollback({ model, reason: 'enough' }, actor);
    assert.deepEqual([back.rolledBackTo, back.from, back.generation], ['1', '2', 3]);
    assert.equal((await client.explain({})).reason, 'enough');
    assert.equal((await client.release({ model, version: '2' }, actor)).health, 'new');
    assert.equal((await client.quarantine({ model, version: '2' }, actor)).health, 'unhealthy');
    assert.equal((await client.baseline({ model, from: housingBaseline('1') }, actor)).version, '1');
    await assert.rejects(client.baseline({ model, capture: true }, actor), { code: 'ENGINE_NEEDED', status: 503 });
    await assert.rejects(client.drain({}, actor), { code: 'ENGINE_NEEDED' });
    assert.deepEqual((await client.remove({ model, version: '2' }, actor)).removed, ['2']);
    assert.deepEqual((await client.status({})).models.map((one) => one.model.model), [model]);
    const events = await client.history({ model, limit: 3 });
    assert.deepEqual(events.map(({ kind, by }) => `${kind} by ${by}`), [
      'remove by cli:tester', 'baseline by cli:tester', 'quarantine by cli:tester',
    ]);
    await server.close();
    await control.close();
    await assert.rejects(client.status({}), { code: 'ENGINE_UNREACHABLE' });
  });
});
