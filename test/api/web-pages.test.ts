// What pages in a browser may ask of the public port: nothing from another origin that is not listed, on any route and
// over any protocol, and nothing of an administrator's under a name that others can point here (DNS rebinding).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { frontRoutes } from '../../src/api/server.ts';
import type { Front } from '../../src/api/serving-api.ts';
import { createFrontState } from '../../src/http/state.ts';
import { createUwsDriver } from '../../src/http/uws/driver.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { http, type Answer } from '../support/http.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { EchoEngine, frontBefore } from './echo-engine.ts';

const LISTED = 'https://app.example';
const TOKEN = 'correct horse';
const engine = new EchoEngine();
const { limits } = resolveOptions({});
let front: Front;

before(async () => {
  const origins = { corsOrigins: [LISTED], allowedHosts: ['gateway.example'] };
  front = await frontBefore(engine, { adminToken: TOKEN, origins });
});
after(() => front.close());

const own = (): string => `http://127.0.0.1:${front.port}`;
const ask = (method: string, path: string, headers: Record<string, string>): Promise<Answer> =>
  http(front.port, path, { method, headers, ...(method === 'POST' && { body: '{}' }) });
const code = ({ status, text }: Answer): unknown[] =>
  [status, text === '' ? '' : (JSON.parse(text) as { code?: unknown }).code];
/** Every route, with words in place of its parameters. */
const routes = (): (readonly [method: string, path: string])[] => {
  const state = createFrontState(limits, createUwsDriver(limits.headerBytesMax));
  const options = {
    host: '', port: 0, memory: null, bodyBytesMax: 1_000, adminToken: TOKEN, limits,
  };
  return frontRoutes(engine, options, state).map(({ method, pattern }) =>
    [method, pattern.replace(/:\w+/g, 'digits').replace('/*', '/x')] as const);
};

test('a page of another origin is refused on every route, and where there is none', async () => {
  const asked = [...routes(), ['GET', '/nothing'], ['PUT', '/predict'], ['OPTIONS', '/predict']] as const;
  assert.ok(asked.length > 30);
  for (const [method, path] of asked) {
    for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example', 'HTTPS://app.example']) {
      const answer = await ask(method, path, { origin });
      assert.deepEqual(code(answer), [403, 'ORIGIN_REFUSED'], `${method} ${path} from ${origin}`);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  }
  assert.equal(engine.held.length, 0);
});

test('a listed origin is answered, errors too, and its browser is told that it may read that', async () => {
  for (const [path, status] of [['/predict', 200], ['/models/nobody/predict', 404]] as const) {
    const { status: got, headers } = await ask('POST', path, { origin: LISTED, 'content-type': 'application/json' });
    assert.deepEqual([got, headers['access-control-allow-origin'], headers.vary], [status, LISTED, 'Origin']);
  }
  const { headers } = await ask('POST', '/predict', { 'content-type': 'application/json' });
  assert.equal(headers['access-control-allow-origin'], undefined);
});

test('the question before it is answered for a listed origin, with the methods of the route', async () => {
  const asks = { origin: LISTED, 'access-control-request-method': 'POST' };
  const answer = await ask('OPTIONS', '/predict', asks);
  const { 'access-control-allow-methods': methods, 'access-control-allow-headers': sent } = answer.headers;
  assert.deepEqual([answer.status, answer.text, methods], [204, '', 'POST']);
  assert.match(String(sent), /authorization.*content-type/);
  assert.equal((await ask('OPTIONS', '/health', asks)).headers['access-control-allow-methods'], 'GET, HEAD');
  assert.deepEqual(code(await ask('OPTIONS', '/predict', {})), [405, 'METHOD_NOT_ALLOWED']);
});

test('a page of this server is its own under an address and its names, and not under a name that leads here', async () => {
  const { port } = front;
  const type = 'application/json';
  const at = (host: string) => ask('POST', '/predict', { host, origin: `http://${host}`, 'content-type': type });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'a.localhost', 'gateway.example']) {
    assert.equal((await at(host)).status, 200, host);
  }
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'localhost.evil.example']) {
    assert.deepEqual(code(await at(host)), [403, 'ORIGIN_REFUSED'], host);
  }
});

test('the types of forms are taken from programs and refused from pages, their own ones too', async () => {
  const type = 'application/x-www-form-urlencoded';
  assert.equal((await ask('POST', '/predict', { 'content-type': type })).status, 200);
  for (const one of [type, 'text/plain;charset=UTF-8', 'multipart/form-data; boundary=x']) {
    for (const origin of [own(), LISTED]) {
      const path = '/v2/repository/index';
      for (const route of ['/predict', path, '/v1/models/digits:predict', '/v2/models/digits/infer']) {
        const answer = await ask('POST', route, { 'content-type': one, origin });
        assert.deepEqual(code(answer), [415, 'UNSUPPORTED_MEDIA_TYPE'], `${one} to ${route}`);
      }
    }
  }
});

test('what another site embeds names no origin and is refused; following its link is not', async () => {
  const from = (mode: string) => ask('GET', '/health', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode });
  assert.deepEqual(code(await from('no-cors')), [403, 'ORIGIN_REFUSED']);
  assert.equal((await from('navigate')).status, 200);
});

test('a WebSocket is opened for programs, this server\'s pages and listed origins alone', async () => {
  const open = async (headers: Record<string, string>): Promise<number> => {
    const client = await WebSocketClient.connect(front.port, { headers });
    client.destroy();
    return client.status;
  };
  assert.equal(await open({}), 101);
  assert.equal(await open({ Origin: LISTED }), 101);
  assert.equal(await open({ Origin: 'https://evil.example' }), 403);
  assert.equal(await open({ Origin: 'null' }), 403);
});

test('an administrator calls this server by a name that nobody else can point here, on every such route', async () => {
  const authorization = `Bearer ${TOKEN}`;
  const paths = ['/rollback', '/models/digits/rollback', '/v2/repository/models/digits/load',
    '/v2/repository/models/digits/unload'];
  for (const path of paths) {
    const as = (host: string): Promise<Answer> => ask('POST', path, { host, authorization });
    for (const host of ['evil.example', 'evil.example:8080']) {
      assert.deepEqual(code(await as(host)), [421, 'HOST_REFUSED'], `${path} as "${host}"`);
    }
    for (const host of ['127.0.0.1:1', 'localhost', 'gateway.example:8443']) {
      assert.equal((await as(host)).status, 200, `${path} as "${host}"`);
    }
  }
});
