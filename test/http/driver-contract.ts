// What every driver of http/ promises of requests and answers, as tests that take the driver; see src/http/driver.ts.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { suite, test } from 'node:test';
import type { HttpDriver } from '../../src/http/driver.ts';
import { http, RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { connectionContract } from './driver-connections.ts';
import { HOST, LARGE_BYTES, pattern, route, saying, serve } from './driver-stage.ts';

/** All tests of one driver, under its name. */
export function driverContract(name: string, driver: HttpDriver): void {
  connectionContract(name, driver);

  suite(`requests of the driver on ${name}`, () => {
    test('show method, path, query, parameters and every header as they came', async (t) => {
      let seen: unknown;
      const { port } = await serve(t, driver, [{
        method: 'GET', pattern: '/a/:first/b/:second',
        handle: (response, request) => {
          response.onAborted(() => undefined);
          const headers: [string, string][] = [];
          request.forEach((key, value) => headers.push([key, value]));
          seen = {
            method: request.getMethod(), url: request.getUrl(), query: request.getQuery() ?? '',
            parameters: [request.getParameter(0), request.getParameter(1)],
            headers: headers.filter(([key]) => key !== 'host'),
            one: request.getHeader('x-one'), none: request.getHeader('x-none'),
          };
          response.end('');
        },
      }]);
      const connection = await RawConnection.open(port);
      connection.write(['GET /a/%C3%A9%20/b/y?q=1&r HTTP/1.1', 'Host: x', 'X-One: 1', 'x-one: Two', 'X-Other: 3']);
      await until('it is answered', () => connection.statuses.length === 1);
      assert.deepEqual(seen, {
        method: 'get', url: '/a/%C3%A9%20/b/y', query: 'q=1&r', parameters: ['%C3%A9%20', 'y'],
        headers: [['x-one', '1'], ['x-one', 'Two'], ['x-other', '3']], one: '1', none: '',
      });
      connection.write(['GET /a/1/b/2 HTTP/1.1', 'Host: x']);
      await until('the other one too', () => connection.statuses.length === 2);
      assert.equal((seen as { query: string }).query, '');
      connection.socket.destroy();
    });

    test('go to the literal before the parameter before the rest, and to their method before any', async (t) => {
      const { port } = await serve(t, driver, [
        saying('/*', '"rest"', '*'), saying('/m/:name', '"named"'), saying('/m/one', '"one"'),
        saying('/m/:name', '"other method"', '*'), saying('/m/:name/ready', '"ready"'),
        saying('/m/:name', '"post"', 'POST'), saying('/m/one/:x', '"one and x"'),
      ]);
      const said = async (path: string, method = 'GET'): Promise<unknown> => (await http(port, path, { method })).json;
      assert.deepEqual(
        [await said('/m/one'), await said('/m/two'), await said('/m/two/ready'), await said('/m/one/ready')],
        ['one', 'named', 'ready', 'one and x']);
      assert.deepEqual(
        [await said('/m/two', 'POST'), await said('/m/two', 'DELETE'), await said('/'), await said('/m/two/x')],
        ['post', 'other method', 'rest', 'rest']);
      assert.deepEqual(
        [await said('/m'), await said('/m/'), await said('/m/one', 'PUT')], ['rest', 'rest', 'other method']);
    });

    test('give their bodies in chunks, of which exactly the last is said to be it', async (t) => {
      const lasts: boolean[] = [];
      const { port } = await serve(t, driver, [route('/body', (response) => {
        const chunks: Buffer[] = [];
        response.onData((chunk, isLast) => {
          chunks.push(Buffer.from(Buffer.from(chunk)));
          lasts.push(isLast);
          if (!isLast) return;
          const body = Buffer.concat(chunks);
          const isSame = body.equals(pattern(body.length));
          response.cork(() => response.end(JSON.stringify({ bytes: body.length, isSame })));
        });
      }, 'POST')]);
      for (const [bytes, pieces] of [[0, 1], [8, 1], [1_000_000, 1], [800_000, 5]] as const) {
        lasts.length = 0;
        const whole = pattern(bytes);
        const pieceBytes = bytes / pieces;
        const body = Array.from(
          { length: pieces }, (_, at) => whole.subarray(at * pieceBytes, (at + 1) * pieceBytes));
        const headers: Record<string, string> = pieces === 1 ? { 'content-length': String(bytes) } : {};
        const { json } = await http(port, '/body', { method: 'POST', body, headers });
        assert.deepEqual(json, { bytes, isSame: true });
        assert.deepEqual(lasts.filter((isLast) => isLast), [true]);
        assert.equal(lasts.at(-1), true);
      }
    });

    test('that expect it are told to go on', async (t) => {
      const { port } = await serve(t, driver, [route('/body', (response) => {
        response.onData((_, isLast) => isLast && response.end('{}'));
      }, 'POST')]);
      const connection = await RawConnection.open(port);
      connection.write(['POST /body HTTP/1.1', 'Host: x', 'Content-Length: 2', 'Expect: 100-continue']);
      await until('it is told', () => connection.statuses.length === 1);
      connection.socket.write('ab');
      await until('it is answered', () => connection.statuses.length === 2);
      assert.deepEqual(connection.statuses, [100, 200]);
      connection.socket.destroy();
    });
  });

  suite(`answers of the driver on ${name}`, () => {
    test('carry status, headers and the length of the body, now or later, and keep the connection', async (t) => {
      const head = driver.prepareHead('201 Created', [['X-One', '1'], ['Content-Type', 'text/x-two']]);
      const { port } = await serve(t, driver, [
        route('/prepared', (response) => {
          response.writeStatus(head);
          response.end('"now"');
        }),
        route('/later', (response) => setImmediate(() => response.cork(() => {
          response.writeStatus('503 Service Unavailable');
          response.writeHeader('Retry-After', '1');
          response.end(Buffer.from('"later"'));
        }))),
      ]);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const now = await http(port, '/prepared', { agent });
      const later = await http(port, '/later', { agent });
      const again = await http(port, '/prepared', { agent });
      agent.destroy();
      assert.deepEqual([now.status, now.json], [201, 'now']);
      assert.deepEqual([now.headers['x-one'], now.headers['content-type']], ['1', 'text/x-two']);
      assert.deepEqual([now.headers['content-length'], later.headers['content-length']], ['5', '7']);
      assert.deepEqual([later.status, later.json, later.headers['retry-after']], [503, 'later', '1']);
      assert.deepEqual([again.localPort, later.localPort], [now.localPort, now.localPort]);
    });

    test('to HEAD have the length that was written and no body, and the connection goes on', async (t) => {
      const { port } = await serve(t, driver, [route('/x', (response) => {
        response.writeHeader('Content-Length', '1234');
        response.endWithoutBody();
      }, 'HEAD'), saying('/x', '"body"')]);
      const connection = await RawConnection.open(port);
      for (const [method, count] of [['HEAD', 1], ['HEAD', 2], ['GET', 3]] as const) {
        connection.write([`${method} /x HTTP/1.1`, 'Host: x']);
        await until('it is answered', () => connection.statuses.length === count);
      }
      await until('the body is there', () => connection.received.endsWith('\r\n\r\n"body"'));
      const lengths = [...connection.received.matchAll(/Content-Length: (\d+)/gi)].map(([, length]) => length);
      assert.deepEqual(lengths, ['1234', '1234', '6']);
      connection.socket.destroy();
    });

    test('that close say so and close', async (t) => {
      const { port } = await serve(t, driver, [route('/x', (response) => response.end('{}', true))]);
      const connection = await RawConnection.open(port);
      connection.write(['GET /x HTTP/1.1', 'Host: x']);
      await until('it is closed', () => connection.closed);
      assert.match(connection.received, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Connection: close\r\n(.*\r\n)*\r\n\{\}$/i);
    });

    test('are taken during the call: their bytes may be overwritten at once', async (t) => {
      const wanted = pattern(LARGE_BYTES);
      const { port } = await serve(t, driver, [route('/x', (response) => {
        const shared = new Uint8Array(new SharedArrayBuffer(LARGE_BYTES));
        shared.set(wanted);
        response.end(shared);
        shared.fill(0xff);
      })]);
      assert.ok((await bytesOf(port, '/x')).equals(wanted));
    });

    test('that are handed over bit by bit arrive whole, and wait for a client that does not read', async (t) => {
      const wanted = pattern(LARGE_BYTES);
      let writeOffset = -1;
      let isAllSent = false;
      const { port } = await serve(t, driver, [route('/x', (response) => {
        const send = (from: number): boolean => {
          const piece = Uint8Array.from(wanted.subarray(from));
          const [isTaken, isDone] = response.tryEnd(piece, wanted.length);
          isAllSent = isDone;
          if (!isDone) writeOffset = response.getWriteOffset();
          piece.fill(0xff);
          return isTaken;
        };
        send(0);
        if (!isAllSent) response.onWritable((writtenBytes) => send(writtenBytes));
      })]);
      const connection = await RawConnection.open(port);
      connection.socket.pause();
      connection.write(['GET /x HTTP/1.1', 'Host: x']);
      await until('it has begun', () => writeOffset >= 0);
      assert.ok(writeOffset < LARGE_BYTES && !isAllSent, `${writeOffset} bytes are sent`);
      connection.socket.destroy();
      writeOffset = -1;
      assert.ok((await bytesOf(port, '/x')).equals(wanted));
      assert.equal(isAllSent, true);
    });

    test('are given up when the client goes, of which the abort handler tells once', async (t) => {
      let aborts = 0;
      let begun = 0;
      const listener = await serve(t, driver, [{
        method: 'GET', pattern: '/x',
        handle: (response) => {
          begun += 1;
          response.onAborted(() => (aborts += 1));
        },
      }]);
      const connection = await RawConnection.open(listener.port);
      connection.write(['GET /x HTTP/1.1', 'Host: x']);
      await until('it is asked', () => begun === 1);
      assert.equal(aborts, 0);
      connection.socket.destroy();
      await until('it is told', () => aborts === 1);
      listener.close();
      assert.equal(aborts, 1);
    });

    test('cut by the server call the abort handler before that returns', async (t) => {
      const events: string[] = [];
      const { port } = await serve(t, driver, [{
        method: 'GET', pattern: '/x',
        handle: (response) => {
          response.onAborted(() => events.push('aborted'));
          setImmediate(() => {
            response.close();
            events.push('returned');
          });
        },
      }]);
      await assert.rejects(http(port, '/x'));
      assert.deepEqual(events, ['aborted', 'returned']);
    });
  });
}

function bytesOf(port: number, path: string): Promise<Buffer> {
  return fetch(`http://${HOST}:${port}${path}`, { headers: { connection: 'close' } })
    .then(async (answer) => Buffer.from(await answer.arrayBuffer()));
}
