// WebSocket clients that break the protocol or its spirit: each is answered or disconnected, and nothing is left of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { closePayload, rawFrame } from './raw-frames.ts';
import { GOOD_ANSWER, PATIENCE_MS, Stage } from './stage.ts';

const KEY = 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
const SOCKET = ['GET /ws?model=m HTTP/1.1', 'Host: x'];
const GOOD = '{"id":1,"features":[1,2,3]}';
const OPEN = /^HTTP\/1\.1 101 /;
const isAnswered = ({ received }: RawConnection): boolean => received.includes(`"prediction":${GOOD_ANSWER}`);
const part = (opcode: number, payload: string, isLast: boolean): Buffer => rawFrame({ opcode, payload, isLast });

/** Ends the socket. */
const BROKEN: Readonly<Record<string, readonly Buffer[]>> = {
  'the first reserved bit': [rawFrame({ payload: GOOD, reserved: 4 })],
  'the other reserved bits': [rawFrame({ payload: GOOD, reserved: 3 })],
  'an unknown opcode': [rawFrame({ opcode: 3, payload: GOOD })],
  'an unknown control opcode': [rawFrame({ opcode: 11, payload: GOOD })],
  'a continuation of nothing': [rawFrame({ opcode: 0, payload: GOOD })],
  'a new message within another': [part(1, '{', false), rawFrame({ payload: GOOD })],
  'a ping of more than 125 bytes': [rawFrame({ opcode: 9, payload: 'x'.repeat(126) })],
  'a ping in fragments': [part(9, 'x', false)],
  'text that is no UTF-8': [rawFrame({ payload: Buffer.from([0x7b, 0xff, 0x7d]) })],
  'a frame that says it has 16 MiB and a byte': [rawFrame({ payload: GOOD, claimed: 16 * 1024 * 1024 + 1 })],
  'a frame that says it has 2^63 bytes': [rawFrame({ payload: GOOD, claimed: 2n ** 63n })],
  'a frame that says it has 2^64 - 1 bytes': [rawFrame({ payload: GOOD, claimed: 2n ** 64n - 1n })],
  'fragments that together pass the limit': [
    part(1, '{', false), ...Array.from({ length: 90 }, () => part(0, ' '.repeat(50_000), false))],
  'a close without a code': [rawFrame({ opcode: 8 })],
  'a close with half a code': [rawFrame({ opcode: 8, payload: 'x' })],
  'a close with a code that is never sent': [rawFrame({ opcode: 8, payload: closePayload(1005) })],
  'a close with code 0': [rawFrame({ opcode: 8, payload: closePayload(0) })],
  'a close with a reason that is no UTF-8': [
    rawFrame({ opcode: 8, payload: closePayload(1000, Buffer.of(0xff, 0xfe)) })],
  'a close, and then a request': [rawFrame({ opcode: 8, payload: closePayload(1000) }), rawFrame({ payload: GOOD })],
};

/** Is taken for the good request that it is. */
const UNUSUAL: Readonly<Record<string, readonly Buffer[]>> = {
  'one request in fragments': [part(1, GOOD.slice(0, 9), false), part(0, GOOD.slice(9, 12), false),
    part(0, GOOD.slice(12), true)],
  'one with a ping in between': [part(1, GOOD.slice(0, 9), false), rawFrame({ opcode: 9, payload: 'p' }),
    part(0, GOOD.slice(9), true)],
  'one in thousands of fragments of a byte': [part(1, '{', false),
    ...Array.from({ length: 5_000 }, () => part(0, ' ', false)), part(0, GOOD.slice(1), true)],
  'one with thousands of empty fragments': [part(1, '{', false),
    ...Array.from({ length: 5_000 }, () => part(0, '', false)), part(0, GOOD.slice(1), true)],
};

const BAD_UPGRADES: Readonly<Record<string, readonly [status: number, lines: readonly string[]]>> = {
  'without a key': [426, [...SOCKET, ...UPGRADE]],
  'with a short key': [426, [...SOCKET, ...UPGRADE, 'Sec-WebSocket-Key: abc']],
  'by POST': [426, ['POST /ws HTTP/1.1', 'Host: x', ...UPGRADE, KEY]],
  'of another version': [426, [...SOCKET, 'Upgrade: websocket', 'Sec-WebSocket-Version: 12', KEY]],
  'to an unknown subprotocol': [400, [...SOCKET, ...UPGRADE, KEY, 'Sec-WebSocket-Protocol: soap']],
  'to a model that is no UTF-8': [404, ['GET /ws?model=%ff%fe HTTP/1.1', 'Host: x', ...UPGRADE, KEY]],
};

describe('A hostile WebSocket client', () => {
  let stage: Stage;
  before(async () => (stage = await Stage.open()));
  after(() => stage.close());

  const open = async (): Promise<RawConnection> => {
    const connection = await RawConnection.open(stage.port);
    connection.write([...SOCKET, ...UPGRADE, KEY]);
    await until('the socket is open', () => OPEN.test(connection.received), PATIENCE_MS);
    return connection;
  };

  for (const [name, frames] of Object.entries(BROKEN)) {
    test(`is disconnected after ${name}`, async () => {
      const connection = await open();
      for (const frame of frames) connection.socket.write(frame);
      await until('the server closes the connection', () => connection.closed, PATIENCE_MS);
      assert.ok(!isAnswered(connection));
    });
  }

  for (const [name, frames] of Object.entries(UNUSUAL)) {
    test(`is answered: ${name}`, async () => {
      const connection = await open();
      connection.socket.write(Buffer.concat(frames));
      await until('it is answered', () => isAnswered(connection), PATIENCE_MS);
      connection.socket.destroy();
    });
  }

  for (const [name, [status, lines]] of Object.entries(BAD_UPGRADES)) {
    test(`is answered ${status} to an upgrade ${name}`, async () => {
      const connection = await RawConnection.open(stage.port);
      connection.write(lines);
      await until('it is answered', () => connection.statuses.length > 0, PATIENCE_MS);
      assert.equal(connection.statuses[0], status);
      connection.socket.destroy();
    });
  }

  test('does not get an answer to a frame without a mask, and may go', async () => {
    const connection = await open();
    connection.socket.write(rawFrame({ payload: GOOD, isMasked: false }));
    await stage.bystandersAnswered();
    assert.ok(!isAnswered(connection));
    connection.socket.destroy();
    await stage.quiet();
  });

  test('gets an error and keeps its socket for a frame that says nothing', async () => {
    const client = await WebSocketClient.connect(stage.port, { path: '/ws?model=m' });
    for (const frame of ['', '[', '{"features":[1,2,3]', 'null', '{"id":[]}', `{"id":"${'x'.repeat(100_000)}"}`]) {
      client.send(frame);
      assert.equal(typeof (await client.nextJson())['code'], 'string', frame.slice(0, 40));
    }
    client.send(GOOD);
    assert.equal((await client.nextJson())['prediction'], GOOD_ANSWER);
    client.destroy();
  });

  test('that floods and reads nothing is held back and disconnected, others are answered', async () => {
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => rawFrame({ payload: GOOD })));
    const connection = await open();
    connection.socket.pause();
    let isWritable = true;
    connection.socket.on('drain', () => (isWritable = true));
    const pump = (): boolean => {
      if (isWritable && !connection.closed) isWritable = connection.socket.write(flood);
      return stage.front.held.sockets === 0;
    };
    await until('it is disconnected', pump, PATIENCE_MS);
    await stage.bystandersAnswered();
    connection.socket.destroy();
    await stage.quiet();
  });

  test('that floods with pings and reads nothing is held by the limit of unread bytes', async () => {
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => rawFrame({ opcode: 9, payload: 'x'.repeat(100) })));
    const connection = await open();
    connection.socket.pause();
    for (let round = 0; round < 20; round += 1) {
      connection.socket.write(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await stage.bystandersAnswered();
    assert.ok(stage.front.held.unreadBytes <= stage.engine.context.options.limits.unreadBytesMax);
    connection.socket.destroy();
    await stage.quiet();
  });
});
