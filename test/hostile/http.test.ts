// Requests that no client means well with: each gets a clear answer, a close, or both, and nothing is left of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { GOOD_BODY, PATIENCE_MS, Stage } from './stage.ts';

const POST = 'POST /predict HTTP/1.1\r\nHost: x\r\n';
const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const GOOD = `${POST}Content-Length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`;
const CHUNK = `${GOOD_BODY.length.toString(16)}\r\n${GOOD_BODY}\r\n0\r\n\r\n`;
const withLength = (text: string): string => `${POST}Content-Length: ${text}\r\n\r\n${GOOD_BODY}`;
const withEncoding = (...texts: string[]): string =>
  `${POST}${texts.map((text) => `Transfer-Encoding: ${text}\r\n`).join('')}\r\n${CHUNK}`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const chunked = (body: string): string => `${POST}${CHUNKED}\r\n${body}`;
/** A body is read and the request answered at once, so that nothing is outstanding that could keep another one out. */
const hidden = (method: string): string =>
  `${HEALTH.replace('\r\n\r\n', `\r\n${CHUNKED}\r\n`)}0\r\n${HEALTH.replace('GET', method)}`;
const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const withHeaders = (headers: string): string =>
  `${POST}${headers}Content-Length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`;
const many = (count: number): string => Array.from({ length: count }, (_, at) => `X${at}: a\r\n`).join('');

/** Answered with this status, and the connection closed. */
const CLOSED_AFTER: Readonly<Record<string, readonly [status: number, bytes: string]>> = {
  'a Content-Length with a sign': [400, withLength('+20')],
  'a negative Content-Length': [400, withLength('-1')],
  'a hexadecimal Content-Length': [400, withLength('0x14')],
  'a list as Content-Length': [400, withLength('20, 20')],
  'a Content-Length with an exponent': [400, withLength('2e1')],
  'a Content-Length with a letter behind it': [400, withLength('20a')],
  'a Content-Length beyond 2^64': [400, withLength('99999999999999999999')],
  'a Content-Length of 2^32 more than the body': [400, withLength('4294967316')],
  'two equal Content-Lengths': [400, withLength('20\r\nContent-Length: 20')],
  'contradictory Content-Lengths': [400, withLength('20\r\nContent-Length: 2')],
  'Transfer-Encoding gzip': [400, withEncoding('gzip')],
  'Transfer-Encoding xchunked': [400, withEncoding('xchunked')],
  'chunked named twice in one header': [400, withEncoding('chunked, chunked')],
  'chunked in two headers': [400, withEncoding('chunked', 'chunked')],
  'gzip and then chunked': [400, withEncoding('gzip, chunked')],
  'chunked and then identity': [400, withEncoding('chunked', 'identity')],
  'Transfer-Encoding with a parameter': [400, withEncoding('chunked;q=1')],
  'Transfer-Encoding and Content-Length': [400, `${POST}${CHUNKED}Content-Length: 3\r\n\r\n${CHUNK}`],
  'Content-Length and Transfer-Encoding': [400, `${POST}Content-Length: 3\r\n${CHUNKED}\r\n${CHUNK}`],
  'a negative chunk': [400, chunked(`-14\r\n${GOOD_BODY}\r\n0\r\n\r\n`)],
  'a chunk of 2^64 - 1 bytes': [400, chunked(`ffffffffffffffff\r\n${GOOD_BODY}`)],
  'a chunk whose length overflows': [400, chunked(`100000000000000014\r\n${GOOD_BODY}\r\n0\r\n\r\n`)],
  'a chunk without a length': [400, chunked(`zz\r\n${GOOD_BODY}\r\n0\r\n\r\n`)],
  'two Hosts': [400, HEALTH.replace('\r\n\r\n', '\r\nHost: y\r\n\r\n')],
  'trailers behind a chunked body': [505, chunked(CHUNK.replace(/\r\n$/, 'X-Checksum: 1\r\n\r\n'))],
  'a request in the place of trailers': [200, hidden('GET')],
  'one that is two bytes further, where the addon looks for it': [200, hidden('xxGET')],
  'an upgrade with a body': [400, UPGRADE.replace('\r\n\r\n', `\r\nContent-Length: ${HEALTH.length}\r\n\r\n`)],
  'an upgrade with two lengths of a body': [
    400, UPGRADE.replace('\r\n\r\n', `\r\nContent-Length: ${HEALTH.length}\r\nContent-Length: 0\r\n\r\n`)],
  'headers of 20 kB': [431, withHeaders(`X: ${'a'.repeat(20_000)}\r\n`)],
  'headers of 20 kB on a route without a body': [
    431, HEALTH.replace('\r\n\r\n', `\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)],
  'headers of 20 kB on no route': [431, `GET /nothing HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
  'headers of 1 MB': [431, withHeaders(`X: ${'a'.repeat(1_000_000)}\r\n`)],
  'five thousand headers': [431, withHeaders(many(5_000))],
  'HTTP/1.0': [505, 'GET /health HTTP/1.0\r\nHost: x\r\n\r\n'],
  'a TLS handshake': [505, '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003' + '\u0000'.repeat(200)],
  'the preface of HTTP/2': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'a request target that is no path': [505, 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
};

/** Answered like this; the connection may live on. */
const ANSWERED: Readonly<Record<string, readonly [statuses: readonly number[], bytes: string]>> = {
  'many small headers': [[200], withHeaders(many(90))],
  'headers just below the limit': [[200], withHeaders(`X: ${'a'.repeat(16_000)}\r\n`)],
  'fifty pipelined requests that are answered at once': [new Array<number>(50).fill(200), HEALTH.repeat(50)],
  'a request behind the body of a GET': [
    [200, 200], `${HEALTH.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n')}abcde${HEALTH}`],
  'a method in lower case': [[405], GOOD.replace('POST', 'post')],
  'an unknown method': [[405], GOOD.replace('POST', 'BREW')],
  'a path that is no UTF-8': [[400], 'GET /models/%ff/health HTTP/1.1\r\nHost: x\r\n\r\n'],
  'raw bytes in the path': [[404], 'GET /models/\u00ff\u00fe/health HTTP/1.1\r\nHost: x\r\n\r\n'],
  'a path of 30 kB': [[404], `GET /${'a'.repeat(30_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  'a path that climbs': [[404], 'GET /models/..%2f..%2fetc/health HTTP/1.1\r\nHost: x\r\n\r\n'],
};

describe('A hostile HTTP client', () => {
  let stage: Stage;
  before(async () => (stage = await Stage.open()));
  after(() => stage.close());

  const send = async (bytes: string): Promise<RawConnection> => {
    const connection = await RawConnection.open(stage.port);
    connection.socket.write(Buffer.from(bytes, 'latin1'));
    return connection;
  };

  for (const [name, [status, bytes]] of Object.entries(CLOSED_AFTER)) {
    test(`is answered ${status} and disconnected after ${name}`, async () => {
      const connection = await send(`${bytes}${HEALTH}`);
      await until('the server closes the connection', () => connection.closed, PATIENCE_MS);
      // A reset may overtake the answer when the client is still sending; nothing else may be answered before it.
      const [first, ...more] = connection.statuses;
      assert.deepEqual([first ?? status, more], [status, []]);
    });
  }

  for (const [name, [statuses, bytes]] of Object.entries(ANSWERED)) {
    test(`is answered ${[...new Set(statuses)].join(', ')} after ${name}`, async () => {
      const connection = await send(bytes);
      await until('all are answered', () => connection.statuses.length >= statuses.length, PATIENCE_MS);
      assert.deepEqual(connection.statuses, statuses);
      connection.socket.destroy();
    });
  }

  test('is disconnected when it pipelines what is answered later, and gets no wrong answer', async () => {
    for (const bytes of [`${GOOD}${GOOD}`, `${GOOD}${HEALTH}`, GOOD.repeat(1_000)]) {
      const connection = await send(bytes);
      await until('the server closes the connection', () => connection.closed, PATIENCE_MS);
      assert.ok(connection.statuses.length <= 1);
    }
  });

  test('finds the connection closed behind a chunked body, whose trailers could be its next request', async () => {
    const connection = await send(chunked(CHUNK.slice(0, -2)));
    await until('it is answered and the server closes the connection', () => connection.closed, PATIENCE_MS);
    assert.deepEqual(connection.statuses, [200]);
  });

  test('is let go when it closes its half, before its request is whole and after', async () => {
    for (const bytes of [GOOD, GOOD.slice(0, -5), GOOD.slice(0, 30), '']) {
      const connection = await send(bytes);
      connection.socket.end();
      await until('the server closes the connection', () => connection.closed, PATIENCE_MS);
    }
    await stage.quiet();
  });

  test('leaves nothing behind when it sends noise', async () => {
    const noise = Buffer.from(Array.from({ length: 50_000 }, (_, at) => (at * 7919 + (at >> 5)) & 0xff));
    const connections: RawConnection[] = [];
    for (let from = 0; from < 200; from += 1) {
      const connection = await RawConnection.open(stage.port);
      connection.socket.write(noise.subarray(from * 13, from * 13 + 1_000 + from));
      connections.push(connection);
    }
    await stage.bystandersAnswered();
    for (const { socket } of connections) socket.destroy();
    await stage.quiet();
  });
});
