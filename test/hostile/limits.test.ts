// The named limits of what clients may hold, each small enough to be reached here. A limit that is taken out lets its
// test fail: the refusal does not come, or the count goes beyond.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectionsAllowed } from '../../src/http/limits.ts';
import { UnreadBudget } from '../../src/http/unread-budget.ts';
import { RawConnection, http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { GOOD_BODY, PATIENCE_MS, Stage } from './stage.ts';

const CONNECTIONS = 1_500;
const SOCKETS = 4;
const COLUMNS = 4_000_000;
/** Much more than the kernel takes for a client that does not read. */
const ANSWER_BYTES = 4 * COLUMNS;
const UNREAD_BYTES = 2.5 * ANSWER_BYTES;
const READ_BYTES = 2_000_000;
const JSON_TYPE = { 'content-type': 'application/json' };

describe('The limits of the front', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open({
      limits: { connectionsMax: CONNECTIONS, socketsMax: SOCKETS, unreadBytesMax: UNREAD_BYTES },
    });
  });
  after(() => stage.close());

  const idle = async (count: number): Promise<RawConnection[]> => {
    const connections: RawConnection[] = [];
    while (connections.length < count) {
      const length = Math.min(100, count - connections.length);
      connections.push(...await Promise.all(Array.from({ length }, () => RawConnection.open(stage.port))));
    }
    return connections;
  };

  test('close connections beyond connectionsMax at once; the others, and those in use, are served', async () => {
    const connections = await idle(CONNECTIONS + 100);
    const closed = (): number => connections.filter((one) => one.closed).length;
    await until('the ones beyond the limit are closed', () => closed() >= 100, PATIENCE_MS);
    assert.ok(stage.front.held.connections <= CONNECTIONS);
    assert.ok(stage.front.held.refusedConnections >= 100);
    await stage.bystandersAnswered();
    const kept = connections.find((one) => !one.closed);
    kept?.write(['GET /health HTTP/1.1', 'Host: x']);
    await until('a kept one is answered', () => kept?.statuses.length === 1, PATIENCE_MS);
    for (const { socket } of connections) socket.destroy();
    await stage.quiet();
    assert.equal((await http(stage.port, '/health')).status, 200);
  });

  test('answer upgrades beyond socketsMax with 503, and take one again when another has gone', async () => {
    const clients: WebSocketClient[] = [];
    for (let count = 0; count < SOCKETS; count += 1) clients.push(await WebSocketClient.connect(stage.port));
    const refused = await WebSocketClient.connect(stage.port);
    assert.equal(refused.status, 503);
    assert.match(refused.handshake, /SOCKETS_FULL/);
    assert.match(refused.handshake, /Retry-After: 1/);
    refused.destroy();
    clients.pop()?.destroy();
    await until('one has gone', () => stage.front.held.sockets === SOCKETS - 1, PATIENCE_MS);
    const next = await WebSocketClient.connect(stage.port);
    assert.equal(next.status, 101);
    for (const client of [next, ...clients]) client.destroy();
    await stage.quiet();
  });

  const askLarge = () => async (): Promise<RawConnection> => {
    const header = JSON.stringify({
      inputs: [{ name: 'x', shape: [1, COLUMNS], datatype: 'FP32' }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    });
    const connection = await RawConnection.open(stage.port);
    connection.socket.pause();
    connection.write([
      'POST /v2/models/id/infer HTTP/1.1', 'Host: x', `Inference-Header-Content-Length: ${header.length}`,
      `Content-Length: ${header.length + ANSWER_BYTES}`,
    ], header);
    connection.socket.write(Buffer.alloc(ANSWER_BYTES, 7));
    return connection;
  };

  test('disconnect those who read least lately beyond unreadBytesMax; who reads slowly gets all of it', async () => {
    const { counts } = stage.engine.models.served('id').batcher;
    const all: RawConnection[] = [];
    const [reader, ...others] = Array.from({ length: 6 }, () => askLarge());
    assert.ok(reader);
    let unreadMost = 0;
    for (const asking of [reader, ...others]) {
      const answered = counts.answered;
      all.push(await asking());
      await until('its answer is on the way', () => counts.answered > answered, PATIENCE_MS);
      unreadMost = Math.max(unreadMost, stage.front.held.unreadBytes);
      // The first one makes progress before the next one comes, so that it is never the one that reads least.
      const [first] = all;
      const wanted = Math.min(first!.received.length + READ_BYTES, ANSWER_BYTES);
      first!.socket.resume();
      await until('some of it is read', () => first!.received.length >= wanted || first!.closed, PATIENCE_MS);
      first!.socket.pause();
    }
    const [first, ...slow] = all;
    first!.socket.resume();
    await until('all of it is read', () => first!.received.length > ANSWER_BYTES || first!.closed, PATIENCE_MS);
    const tail = Buffer.from(first!.received.slice(-ANSWER_BYTES), 'latin1');
    assert.ok(tail.equals(Buffer.alloc(ANSWER_BYTES, 7)), 'what comes in pieces comes whole');
    await stage.bystandersAnswered();
    assert.ok(unreadMost > 0 && unreadMost <= UNREAD_BYTES, String(unreadMost));
    for (const { socket } of slow) socket.resume();
    await until('some of the others were cut', () => slow.some(({ closed }) => closed), PATIENCE_MS);
    assert.ok(slow.some(({ received }) => received.length < ANSWER_BYTES));
    for (const { socket } of all) socket.destroy();
    await stage.quiet();
  });

  test('answer bodies of 16 MiB and a byte with 413, announced or chunked, and take those of 16 MiB', async () => {
    const limit = stage.engine.context.options.bodyBytesMax;
    assert.equal(limit, 16 * 1024 * 1024);
    const body = GOOD_BODY.padEnd(limit);
    const good = await http(stage.port, '/predict', { body, headers: JSON_TYPE });
    assert.equal(good.status, 200);
    for (const head of [`Content-Length: ${limit + 1}`, 'Transfer-Encoding: chunked']) {
      const connection = await RawConnection.open(stage.port);
      connection.write(['POST /predict HTTP/1.1', 'Host: x', head]);
      if (head.startsWith('T')) connection.socket.write(`${(limit + 1).toString(16)}\r\n`);
      connection.socket.write(`${body} `);
      await until('the server closes the connection', () => connection.closed, PATIENCE_MS);
      assert.deepEqual(connection.statuses.filter((status) => status !== 413), []);
    }
    await stage.quiet();
  });
});

describe('UnreadBudget', () => {
  const holder = (name: string, gone: string[]) => ({ giveUp: (): void => void gone.push(name) });

  test('gives up the holder without progress for the longest time, never one that alone is too large', () => {
    const gone: string[] = [];
    const budget = new UnreadBudget(100);
    const [a, b, c] = [holder('a', gone), holder('b', gone), holder('c', gone)];
    budget.set(a, 500);
    assert.deepEqual(gone, []);
    budget.set(a, 50);
    budget.set(b, 40);
    budget.set(a, 45);
    budget.set(c, 30);
    assert.deepEqual([gone, budget.totalBytes], [['b'], 75]);
    budget.set(b, 0);
    budget.set(a, 0);
    budget.set(c, 0);
    assert.equal(budget.totalBytes, 0);
  });
});

describe('connectionsAllowed', () => {
  test('leaves descriptors for models, registry and children', () => {
    assert.equal(connectionsAllowed(8_192, Infinity), 8_192);
    assert.equal(connectionsAllowed(8_192, 20_000), 8_192);
    assert.equal(connectionsAllowed(8_192, 1_024), 768);
    assert.equal(connectionsAllowed(8_192, 256), 128);
    assert.equal(connectionsAllowed(10, 1_024), 10);
  });
});
