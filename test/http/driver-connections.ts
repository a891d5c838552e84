// What every driver of http/ promises of listening, connections, certificates and WebSockets, as tests that take the
// driver; see src/http/driver.ts.
import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { type HttpDriver, SendResult } from '../../src/http/driver.ts';
import { closePayload, rawFrame } from '../hostile/raw-frames.ts';
import { selfSigned } from '../support/certificate.ts';
import { http, RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import {
  Doorkeeper, HOST, LARGE_BYTES, MESSAGE_BYTES_MAX, pairOf, saying, serve, Sockets, UNREAD_BYTES_MAX,
} from './driver-stage.ts';

const isListenFailed = (error: unknown): boolean => isLastgoodError(error) && error.code === 'LISTEN_FAILED';
const first = selfSigned({ name: 'first' });
const second = selfSigned({ name: 'second' });

/** The tests of one driver, under its name. */
export function connectionContract(name: string, driver: HttpDriver): void {
  suite(`the driver on ${name} listens`, () => {
    const site = { routes: [], webSocket: new Sockets(), connections: new Doorkeeper() };

    test('on a port that nobody else holds, with TLS and without', async (t) => {
      const { port } = await serve(t, driver, []);
      const secure = await serve(t, driver, [], { pair: pairOf(t, first) });
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, HOST, resolve));
      t.after(() => other.close());
      for (const taken of [port, secure.port, (other.address() as AddressInfo).port]) {
        await assert.rejects(driver.listen(site, { host: HOST, port: taken }, null), isListenFailed);
        await assert.rejects(driver.listen(site, { host: HOST, port: taken }, pairOf(t, first)), isListenFailed);
      }
      await assert.rejects(driver.listen(site, { host: '192.0.2.1', port: 0 }, null), isListenFailed);
    });

    test('until it stops: the open connections are served on, and cut when it closes', async (t) => {
      const listener = await serve(t, driver, [saying('/x', '{}')]);
      const connection = await RawConnection.open(listener.port);
      const ask = async (count: number): Promise<void> => {
        connection.write(['GET /x HTTP/1.1', 'Host: x']);
        await until('it is answered', () => connection.statuses.length === count);
      };
      await ask(1);
      listener.stop();
      listener.stop();
      await assert.rejects(http(listener.port, '/x'), { code: 'ECONNREFUSED' });
      await ask(2);
      listener.close();
      await until('it is cut', () => connection.closed);
      const again = await driver.listen(site, { host: HOST, port: listener.port }, null);
      again.close();
    });

    test('with another certificate for new connections, while the open ones are served on', async (t) => {
      const connections = new Doorkeeper();
      const routes = [saying('/x', '"served"')];
      const listener = await serve(t, driver, routes, { connections, pair: pairOf(t, first) });
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: first.cert });
      const before = await http(listener.port, '/x', { agent });
      await listener.replacePair(pairOf(t, second));
      assert.equal((await http(listener.port, '/x', { ca: second.cert })).json, 'served');
      await assert.rejects(http(listener.port, '/x', { ca: first.cert }));
      const after = await http(listener.port, '/x', { agent });
      assert.deepEqual([after.json, after.localPort], ['served', before.localPort]);
      listener.stop();
      await listener.replacePair(pairOf(t, first));
      await assert.rejects(http(listener.port, '/x', { ca: first.cert }), { code: 'ECONNREFUSED' });
      assert.equal((await http(listener.port, '/x', { agent })).json, 'served');
      listener.close();
      await until('all connections are over', () => connections.closedCount === connections.openedCount);
      agent.destroy();
    });
  });

  suite(`connections of the driver on ${name}`, () => {
    test('are told when they open and when they are over, WebSockets too', async (t) => {
      const connections = new Doorkeeper();
      const { port } = await serve(t, driver, [saying('/x', '{}')], { connections });
      const counts = (): number[] => [connections.openedCount, connections.closedCount];
      const plain = await RawConnection.open(port);
      await until('one is open', () => connections.openedCount === 1);
      const socket = await WebSocketClient.connect(port);
      await until('two are open', () => connections.openedCount === 2);
      assert.deepEqual(counts(), [2, 0]);
      plain.socket.destroy();
      await until('one is over', () => connections.closedCount === 1);
      socket.destroy();
      await until('both are over', () => connections.closedCount === 2);
      assert.deepEqual(counts(), [2, 2]);
    });

    test('that are turned away are cut at once, and told of as well', async (t) => {
      const connections = new Doorkeeper();
      connections.admits = false;
      const { port } = await serve(t, driver, [saying('/x', '{}')], { connections });
      const connection = await RawConnection.open(port);
      await until('it is cut', () => connection.closed);
      await until('it is told', () => connections.closedCount === 1);
      assert.deepEqual([connections.openedCount, connection.received], [1, '']);
      connections.admits = true;
      assert.equal((await http(port, '/x')).status, 200);
    });
  });

  suite(`WebSockets of the driver on ${name}`, () => {
    test('carry texts and bytes both ways, with the protocol that was accepted', async (t) => {
      const webSocket = new Sockets();
      webSocket.protocol = 'two';
      const { port } = await serve(t, driver, [saying('/ws', '"plain"')], { webSocket });
      assert.equal((await http(port, '/ws')).json, 'plain');
      const client = await WebSocketClient.connect(port, { protocols: 'one, two' });
      assert.deepEqual([client.status, client.protocol], [101, 'two']);
      const { channel, messages } = webSocket.accepted[0]!;
      client.send('größe', Buffer.of(1, 2, 3), '');
      await until('all came', () => messages.length === 3);
      assert.deepEqual(messages, ['größe', Buffer.of(1, 2, 3), '']);
      const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
      channel!.cork(() => {
        assert.equal(channel!.send(shared, true), SendResult.sent);
        channel!.send(Buffer.from('später'), false);
      });
      shared.fill(0);
      assert.deepEqual(await client.nextBinary(), Buffer.of(7, 7));
      assert.equal(await client.next(), 'später');
      client.destroy();
    });

    test('may be refused with an answer', async (t) => {
      const webSocket = new Sockets();
      webSocket.upgrade = (response, request) => {
        response.onAborted(() => undefined);
        response.writeStatus('503 Service Unavailable');
        response.end(request.getHeader('sec-websocket-version'));
      };
      const { port } = await serve(t, driver, [], { webSocket });
      const client = await WebSocketClient.connect(port);
      assert.equal(client.status, 503);
      assert.match(client.handshake, /\r\n\r\n13$/);
      client.destroy();
    });

    test('tell once that they are over, whoever ends them', async (t) => {
      const webSocket = new Sockets();
      const { port } = await serve(t, driver, [], { webSocket });
      const clients = [0, 1, 2].map(() => WebSocketClient.connect(port));
      const [ended, cut, tooLong] = await Promise.all(clients);
      const [byServer, byClient, byLimit] = webSocket.accepted;
      byServer!.channel!.end(1013, 'full');
      assert.equal(byServer!.closes, 1);
      assert.deepEqual(await ended!.closed, { code: 1013, reason: 'full' });
      // Sockets are accepted in the order of their upgrades, which need not be that of the clients.
      cut!.destroy();
      tooLong!.send('x'.repeat(MESSAGE_BYTES_MAX + 1));
      await tooLong!.closed;
      await until('both are told', () => byClient!.closes + byLimit!.closes === 2);
      assert.deepEqual(webSocket.accepted.flatMap(({ messages }) => messages), []);
      const [lastOne] = await Promise.all([WebSocketClient.connect(port)]);
      lastOne.send('x'.repeat(MESSAGE_BYTES_MAX));
      await until('the longest message came', () => webSocket.accepted[3]!.messages.length === 1);
      lastOne.destroy();
      await until('it is told', () => webSocket.accepted[3]!.closes === 1);
      assert.deepEqual(webSocket.accepted.map(({ closes }) => closes), [1, 1, 1, 1]);
    });

    test('say how much is unread, drop what is too much, and tell when it is read', async (t) => {
      const webSocket = new Sockets();
      const { port } = await serve(t, driver, [], { webSocket });
      const client = await WebSocketClient.connect(port);
      const socket = webSocket.accepted[0]!;
      const channel = socket.channel!;
      client.pause();
      const results = new Set<number>();
      const message = new Uint8Array(256 * 1024);
      for (let bytes = 0; bytes < LARGE_BYTES * 8 && !results.has(SendResult.dropped); bytes += message.length) {
        results.add(channel.send(message, true));
      }
      assert.ok(results.has(SendResult.waits) && results.has(SendResult.dropped), [...results].join());
      const unreadBytes = channel.getBufferedAmount();
      assert.ok(unreadBytes > 0 && unreadBytes <= UNREAD_BYTES_MAX + message.length, `${unreadBytes} are unread`);
      const { changes } = socket;
      client.resume();
      await until('all is read', () => channel.getBufferedAmount() === 0);
      assert.ok(socket.changes > changes);
      assert.equal(channel.send('"on"', false), SendResult.sent);
      client.destroy();
    });

    test('answer pings by themselves, and say so', async (t) => {
      const webSocket = new Sockets();
      const { port } = await serve(t, driver, [], { webSocket });
      const connection = await RawConnection.open(port);
      connection.write([
        'GET /ws HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
      ]);
      await until('it is open', () => connection.statuses[0] === 101);
      connection.socket.write(rawFrame({ opcode: 9, payload: 'are you there' }));
      await until('the pong came', () => connection.received.endsWith('\x8a\x0dare you there'));
      assert.equal(webSocket.accepted[0]!.changes, 1);
      connection.socket.write(rawFrame({ opcode: 8, payload: closePayload(1000) }));
      await until('it is over', () => connection.closed);
      assert.equal(webSocket.accepted[0]!.closes, 1);
    });
  });
}
