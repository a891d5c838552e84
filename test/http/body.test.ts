import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Front } from '../../src/api/serving-api.ts';
import { EchoEngine, frontBefore } from '../api/echo-engine.ts';
import { http, RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';

const LIMIT_BYTES = 100_000;
const POST = ['POST /predict HTTP/1.1', 'Host: x'];

const engine = new EchoEngine();
let front: Front;

before(async () => (front = await frontBefore(engine, { bodyBytesMax: LIMIT_BYTES })));
after(() => front.close());
beforeEach(() => {
  engine.answering = true;
  engine.held.length = 0;
  engine.submitted = 0;
});

/** Sends raw bytes and waits until the server closed the connection. */
async function untilClosed(lines: readonly string[], body: string): Promise<RawConnection> {
  const connection = await RawConnection.open(front.port);
  connection.write(lines, body);
  await until('the server closes the connection', () => connection.closed);
  return connection;
}

test('a chunked body arrives whole, whatever its pieces', async () => {
  const pieces = ['{"a":', 'x'.repeat(20_000), 'y'.repeat(40_000), 'z'.repeat(30_000), '}'];
  const answer = await http(front.port, '/predict', { body: pieces, method: 'POST' });
  assert.equal(answer.status, 200);
  assert.equal(answer.json['body'], pieces.join(''));
});

test('a body of exactly the limit is taken, with a length and chunked', async () => {
  const body = 'x'.repeat(LIMIT_BYTES);
  assert.equal((await http(front.port, '/predict', { body })).json['bytes'], LIMIT_BYTES);
  assert.equal((await http(front.port, '/predict', { body: [body], method: 'POST' })).json['bytes'], LIMIT_BYTES);
});

test('a body in several packets is put together in order', async () => {
  const connection = await RawConnection.open(front.port);
  const body = Array.from({ length: 9_000 }, (_, index) => index % 10).join('');
  connection.write([...POST, `Content-Length: ${body.length}`], body.slice(0, 1_000));
  await until('the first part was taken', () => front.inFlight === 1);
  connection.socket.write(body.slice(1_000, 5_000));
  connection.socket.write(body.slice(5_000));
  await until('the answer is there', () => connection.received.endsWith('}'));
  assert.ok(connection.received.endsWith(`"body":"${body}"}`));
  connection.socket.destroy();
});

test('an empty body is handed over as no bytes', async () => {
  assert.equal((await http(front.port, '/predict', { method: 'POST' })).json['bytes'], 0);
  assert.equal((await http(front.port, '/predict', { body: '' })).json['bytes'], 0);
});

test('a Content-Length above the limit is answered with 413 at once and the connection is closed', async () => {
  const head = [...POST, `Content-Length: ${LIMIT_BYTES + 1}`];
  const { statuses, received } = await untilClosed(head, 'only the beginning');
  assert.deepEqual(statuses, [413]);
  assert.match(received, /BODY_TOO_LARGE/);
  assert.match(received, /\r\nConnection: close\r\n/);
});

test('a chunked body that passes the limit is answered with 413 and the connection is closed', async () => {
  const piece = 'x'.repeat(LIMIT_BYTES / 2);
  const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n`;
  const head = [...POST, 'Transfer-Encoding: chunked'];
  const { statuses, received } = await untilClosed(head, chunk + chunk + '1\r\nx\r\n');
  assert.deepEqual(statuses, [413]);
  assert.match(received, /BODY_TOO_LARGE/);
  assert.equal(front.inFlight, 0);
});

test('a repeated Content-Length is answered with 400 and the connection is closed, on every route', async () => {
  for (const length of ['5', '2']) {
    for (const path of ['/predict', '/health', '/nothing']) {
      const first = [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 2', `Content-Length: ${length}`];
      const { statuses, received } = await untilClosed(first, '{}');
      assert.deepEqual(statuses, [400], path);
      assert.match(received, /INVALID_REQUEST/);
    }
  }
  assert.equal(engine.submitted, 0);
});

test('a request hidden behind a doubtful body is never run', async () => {
  const hidden = 'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
  for (const path of ['/predict', '/health', '/nothing', '/ws']) {
    for (const header of [`Content-Length: ${2 + hidden.length}`, `Content-Length: 2`]) {
      await untilClosed([`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 2', header], '{}' + hidden);
    }
    const chunks = '2\r\n{}\r\n0\r\n\r\n';
    await untilClosed([`POST ${path} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: xchunked'], chunks + hidden);
  }
  assert.equal(engine.submitted, 0);
});

test('a Content-Length that is not 1 to 9 digits is refused', async () => {
  for (const length of ['1234567890', '2, 2', '0x2']) {
    const { statuses } = await untilClosed([...POST, `Content-Length: ${length}`], '{}');
    assert.deepEqual(statuses, [400], length);
  }
});

test('a Transfer-Encoding other than exactly chunked is refused', async () => {
  for (const encoding of ['gzip', 'xchunked', 'gzip, chunked', 'chunked, chunked']) {
    const { statuses } = await untilClosed([...POST, `Transfer-Encoding: ${encoding}`], '2\r\n{}\r\n0\r\n\r\n');
    assert.deepEqual(statuses, [400], encoding);
  }
  const twice = ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'];
  assert.deepEqual((await untilClosed([...POST, ...twice], '2\r\n{}\r\n0\r\n\r\n')).statuses, [400]);
  assert.equal(front.inFlight, 0);
});

test('a body in an unknown encoding is answered with 415 and the known ones, identity is taken', async () => {
  for (const encoding of ['br', 'gzip, deflate']) {
    const packed = await http(front.port, '/predict', { body: 'x', headers: { 'content-encoding': encoding } });
    assert.deepEqual([packed.status, packed.json['code']], [415, 'UNSUPPORTED_MEDIA_TYPE']);
    assert.equal(packed.headers['accept-encoding'], 'gzip, deflate');
  }
  const plain = await http(front.port, '/predict', { body: 'x', headers: { 'content-encoding': 'identity' } });
  assert.equal(plain.status, 200);
});

test('Expect: 100-continue gets its 100 before the body and one answer after it', async () => {
  const connection = await RawConnection.open(front.port);
  connection.write([...POST, 'Expect: 100-continue', 'Content-Length: 5']);
  await until('the server says 100', () => connection.statuses.length === 1);
  connection.socket.write('12345');
  await until('the answer is there', () => connection.received.endsWith('"body":"12345"}'));
  assert.deepEqual(connection.statuses, [100, 200]);
  connection.socket.destroy();
});

test('a client that goes away in the middle of its body leaves nothing behind', async () => {
  const connection = await RawConnection.open(front.port);
  connection.write([...POST, 'Content-Length: 1000'], 'half');
  await until('the request was taken', () => front.inFlight === 1);
  connection.socket.destroy();
  await until('the request is forgotten', () => front.inFlight === 0);
});

test('unfinished bodies may have 16 times the limit together, what is only announced counts nothing', async () => {
  const connections: RawConnection[] = [];
  const start = async (count: number, part: string): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      const connection = await RawConnection.open(front.port);
      connections.push(connection);
      connection.write([...POST, `Content-Length: ${LIMIT_BYTES}`], part);
    }
  };
  await start(50, 'half');
  await until('50 bodies are announced', () => front.held.receivingBytes === 50 * 4);
  const most = LIMIT_BYTES - 1;
  await start(15, 'x'.repeat(most));
  await until('15 bodies are nearly there', () => front.held.receivingBytes === 15 * most + 200);
  assert.equal((await http(front.port, '/predict', { body: ['x', 'y'.repeat(70_000)], method: 'POST' })).status, 200);
  await start(1, 'x'.repeat(LIMIT_BYTES - 10_000));
  await until('there is room for 10 kB', () => front.held.receivingBytes > 16 * LIMIT_BYTES - 10_000);
  const { statuses, received } = await untilClosed([...POST, `Content-Length: ${LIMIT_BYTES}`], 'x'.repeat(60_000));
  assert.deepEqual(statuses, [429]);
  assert.match(received, /BODIES_FULL/);
  for (const connection of connections) connection.socket.destroy();
  await until('all are forgotten', () => front.inFlight === 0);
  assert.equal(front.held.receivingBytes, 0);
  const body = ['x'.repeat(50_000), 'y'.repeat(50_000)];
  assert.equal((await http(front.port, '/predict', { body, method: 'POST' })).json['bytes'], LIMIT_BYTES);
});
