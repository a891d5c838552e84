import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { isLastgoodError, type LastgoodError } from '../../src/base/errors.ts';
import { loadUws } from '../../src/http/uws/addon.ts';
import { http, RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { EchoEngine, frontBefore } from './echo-engine.ts';

const isCode = (code: string) => (error: unknown) => isLastgoodError(error) && error.code === code;

test('startFront takes its port for itself: a second front gets LISTEN_FAILED', async () => {
  const first = await frontBefore(new EchoEngine());
  try {
    assert.ok(first.port > 0);
    await assert.rejects(frontBefore(new EchoEngine(), { port: first.port }), isCode('LISTEN_FAILED'));
    assert.equal((await http(first.port, '/health')).status, 200);
  } finally {
    first.close();
  }
});

test('startFront fails with LISTEN_FAILED on a port of another program and on a foreign host', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  assert.ok(typeof address === 'object' && address !== null);
  await assert.rejects(frontBefore(new EchoEngine(), { port: address.port }), isCode('LISTEN_FAILED'));
  await assert.rejects(frontBefore(new EchoEngine(), { host: '192.0.2.1' }), isCode('LISTEN_FAILED'));
  other.close();
});

test('a port is free again after close', async () => {
  const first = await frontBefore(new EchoEngine());
  first.close();
  first.close();
  const second = await frontBefore(new EchoEngine(), { port: first.port });
  assert.equal((await http(second.port, '/health')).status, 200);
  second.close();
});

test('a port is free at once although connections that its last owner closed linger on it', async () => {
  const first = await frontBefore(new EchoEngine());
  const connection = await RawConnection.open(first.port);
  connection.write(['GET /health HTTP/1.1', 'Host: x']);
  await until('it is answered', () => connection.statuses.length === 1);
  first.close();
  await until('the server has closed the connection', () => connection.closed);
  const second = await frontBefore(new EchoEngine(), { port: first.port });
  assert.equal((await http(second.port, '/health')).status, 200);
  second.close();
});

test('after stopIntake running requests are answered with Connection: close, new connections refused', async () => {
  const engine = new EchoEngine();
  engine.answering = false;
  const front = await frontBefore(engine);
  const agent = new Agent({ keepAlive: true });
  const running = http(front.port, '/predict', { body: '{}', agent });
  await engine.holds(1);
  front.stopIntake();
  front.stopIntake();
  await assert.rejects(http(front.port, '/predict', { body: '{}' }), { code: 'ECONNREFUSED' });
  assert.equal(front.inFlight, 1);
  engine.held[0]?.answer();
  const answer = await running;
  assert.deepEqual([answer.status, answer.headers.connection], [200, 'close']);
  assert.equal(front.inFlight, 0);
  agent.destroy();
  front.close();
});

test('after stopIntake a kept-alive connection gets 503 DRAINING and is closed, health is still answered', async () => {
  const front = await frontBefore(new EchoEngine());
  const open = async (): Promise<RawConnection> => {
    const connection = await RawConnection.open(front.port);
    connection.write(['GET /health HTTP/1.1', 'Host: x']);
    await until('the first answer is there', () => connection.statuses.length === 1);
    return connection;
  };
  const [predicting, asking, upgrading] = [await open(), await open(), await open()];
  front.stopIntake();
  predicting.write(['POST /predict HTTP/1.1', 'Host: x', 'Content-Length: 2'], '{}');
  asking.write(['GET /health HTTP/1.1', 'Host: x']);
  upgrading.write([
    'GET /ws HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
  ]);
  await until('all are closed', () => [predicting, asking, upgrading].every(({ closed }) => closed));
  assert.deepEqual(predicting.statuses, [200, 503]);
  for (const text of [/\r\nConnection: close\r\n/, /\r\nRetry-After: 1\r\n/, /"code":"DRAINING"/]) {
    assert.match(predicting.received, text);
  }
  assert.deepEqual(asking.statuses, [200, 200]);
  assert.deepEqual(upgrading.statuses, [200, 503]);
  front.close();
});

test('while it drains, WebSocket frames are refused, running ones answered, and close says 1001', async () => {
  const engine = new EchoEngine();
  engine.answering = false;
  const front = await frontBefore(engine);
  const client = await WebSocketClient.connect(front.port);
  client.send('{"id":1,"features":[]}');
  await engine.holds(1);
  front.stopIntake();
  client.send('{"id":2,"features":[]}');
  const refused = await client.nextJson();
  assert.deepEqual([refused['id'], refused['code']], [2, 'DRAINING']);
  engine.held[0]?.answer();
  assert.equal((await client.nextJson())['id'], 1);
  assert.equal(front.inFlight, 0);
  front.close();
  assert.equal((await client.closed).code, 1001);
});

test('close cancels what is still running', async () => {
  const engine = new EchoEngine();
  engine.answering = false;
  const front = await frontBefore(engine);
  const client = await WebSocketClient.connect(front.port);
  client.send('{"id":1}');
  const lost = http(front.port, '/predict', { body: '{}' });
  await engine.holds(2);
  const rejected = assert.rejects(lost);
  front.close();
  await rejected;
  assert.deepEqual(engine.held.map(({ cancelled }) => cancelled), [true, true]);
  assert.equal(front.inFlight, 0);
  for (const request of engine.held) request.answer();
});

test('loadUws explains with the table of systems when the addon does not load or is another one', () => {
  const host = () => ({ node: 'v22.1.0', platform: 'linux', architecture: 'x64', glibc: '2.36' });
  const thrownBy = (load: () => unknown): LastgoodError => {
    try {
      loadUws(load, host);
    } catch (error) {
      assert.ok(isLastgoodError(error));
      return error;
    }
    return assert.fail('loadUws did not throw');
  };
  const linker = thrownBy(() => {
    throw new Error("supports only Node.js 16\n\nError: libc.so.6: version `GLIBC_2.38' not found");
  });
  assert.equal(linker.code, 'FRONT_UNAVAILABLE');
  for (const text of ['GLIBC_2.38', 'v22.1.0 on linux x64, glibc 2.36', 'glibc 2.27', 'musl', 'github:uNetworking']) {
    assert.ok(linker.message.includes(text), text);
  }
  const older = { ...loadUws(), LIBUS_LISTEN_EXCLUSIVE_PORT: undefined };
  assert.match(thrownBy(() => older).message, /lacks LIBUS_LISTEN_EXCLUSIVE_PORT;/);
  const addon = { ...loadUws(), App: () => ({ get: () => 0 }) };
  assert.match(thrownBy(() => addon).message, /lacks App.filter, App.head, App.post, .*App.close/);
});
