import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import type { Front } from '../../src/api/serving-api.ts';
import { monotonicUs } from '../../src/base/clock.ts';
import { lastgoodError } from '../../src/base/errors.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { EchoEngine, frontBefore } from './echo-engine.ts';

const engine = new EchoEngine();
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let front: Front;

before(async () => (front = await frontBefore(engine, { adminToken: 'correct horse' })));
after(() => {
  agent.destroy();
  front.close();
});
beforeEach(() => {
  engine.answering = true;
  engine.refusal = undefined;
  engine.held.length = 0;
  engine.rollbacks.length = 0;
});

test('POST /predict hands the body over as it is and sends the answer as JSON without a charset', async () => {
  engine.answering = false;
  const sentUs = monotonicUs();
  const pending = http(front.port, '/predict', { body: '{"features":[1, 2]}' });
  await engine.holds(1);
  const [request] = engine.held;
  assert.equal(request?.kind, EntryKind.predictJson);
  assert.equal(request.body, '{"features":[1, 2]}');
  assert.ok(request.receivedUs >= sentUs && request.receivedUs <= monotonicUs());
  assert.equal(front.inFlight, 1);
  request.answer(200, { prediction: 7 });
  const answer = await pending;
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.text, '{"prediction":7}');
  assert.equal(front.inFlight, 0);
});

test('POST /models/{model}/predict decodes the percent-encoded name', async () => {
  const answer = await http(front.port, '/models/gr%C3%B6%C3%9Fe%2F1/predict', { body: '{}' });
  assert.equal(answer.json['model'], 'größe/1');
});

test('a broken percent-encoding is answered with 400 INVALID_REQUEST', async () => {
  for (const path of ['/models/a%ZZ/predict', '/models/%ff/predict']) {
    const answer = await http(front.port, path, { body: '{}' });
    assert.deepEqual([answer.status, answer.json['code']], [400, 'INVALID_REQUEST'], path);
  }
});

test('an unknown model is answered with 404 and the connection stays usable', async () => {
  const unknown = await http(front.port, '/models/nobody/predict', { body: 'x'.repeat(50_000), agent });
  assert.deepEqual([unknown.status, unknown.json['code']], [404, 'MODEL_NOT_FOUND']);
  const known = await http(front.port, '/predict', { body: '{}', agent });
  assert.deepEqual([known.status, known.localPort], [200, unknown.localPort]);
});

test('two requests of one keep-alive client use one connection', async () => {
  const first = await http(front.port, '/predict', { body: '1', agent });
  const second = await http(front.port, '/predict', { body: '2', agent });
  assert.deepEqual([first.json['body'], second.json['body']], ['1', '2']);
  assert.equal(first.localPort, second.localPort);
});

test('a full queue is answered with 429, a missing version with 503, both with Retry-After: 1', async () => {
  engine.refusal = lastgoodError('QUEUE_FULL', { model: 'digits', pending: 4, limit: 4 });
  const full = await http(front.port, '/predict', { body: '{}' });
  assert.deepEqual([full.status, full.json['code'], full.headers['retry-after']], [429, 'QUEUE_FULL', '1']);
  engine.refusal = lastgoodError('NO_ACTIVE_VERSION', { model: 'digits' });
  const none = await http(front.port, '/predict', { body: '{}' });
  assert.deepEqual([none.status, none.json['code'], none.headers['retry-after']], [503, 'NO_ACTIVE_VERSION', '1']);
});

test("the worker's status becomes the HTTP status", async () => {
  engine.answering = false;
  const pending = http(front.port, '/predict', { body: '{}' });
  await engine.holds(1);
  engine.held[0]?.answer(504, { error: 'late', code: 'DEADLINE_EXCEEDED' });
  const answer = await pending;
  assert.deepEqual([answer.status, answer.json['code']], [504, 'DEADLINE_EXCEEDED']);
  assert.equal(answer.headers['retry-after'], undefined);
});

test('a client that goes away has its request cancelled, and a late answer is dropped', async () => {
  engine.answering = false;
  const leaving = new AbortController();
  const pending = http(front.port, '/predict', { body: '{}', signal: leaving.signal });
  await engine.holds(1);
  leaving.abort();
  await assert.rejects(pending);
  const request = engine.held[0]!;
  await until('the request is cancelled', () => request.cancelled);
  assert.equal(front.inFlight, 0);
  request.answer();
  assert.equal(front.inFlight, 0);
});

test('a second answer to one request is ignored', async () => {
  engine.answering = false;
  const pending = http(front.port, '/predict', { body: '{}', agent });
  await engine.holds(1);
  engine.held[0]?.answer(200, 'first');
  engine.held[0]?.answer(200, 'second');
  assert.equal((await pending).text, '"first"');
  assert.equal(front.inFlight, 0);
});

test('JSON, no type and the type curl sends are taken, other types are answered with 415', async () => {
  const taken = ['application/json', 'Application/JSON; charset=utf-8', '', 'application/x-www-form-urlencoded'];
  for (const type of taken) {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
    assert.equal((await http(front.port, '/predict', { body: '{}', headers })).status, 200, type);
  }
  for (const type of ['text/xml', 'multipart/form-data; boundary=x', 'application/jsonp']) {
    const answer = await http(front.port, '/predict', { body: '{}', headers: { 'content-type': type } });
    assert.deepEqual([answer.status, answer.json['code']], [415, 'UNSUPPORTED_MEDIA_TYPE'], type);
  }
});

test('GET /health answers the health of the default or the named model', async () => {
  const health = await http(front.port, '/health');
  assert.deepEqual([health.status, health.json['model'], health.json['active_model']], [200, 'digits', '3']);
  assert.equal((await http(front.port, '/models/gr%C3%B6%C3%9Fe%2F1/health')).json['model'], 'größe/1');
  assert.equal((await http(front.port, '/models/nobody/health')).json['code'], 'MODEL_NOT_FOUND');
});

test('HEAD sends the headers of GET and no body', async () => {
  const full = await http(front.port, '/health');
  const head = await http(front.port, '/health', { method: 'HEAD', agent });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal(head.headers['content-length'], String(full.text.length));
  const refused = await http(front.port, '/predict', { method: 'HEAD', agent });
  assert.deepEqual([refused.status, refused.text, refused.localPort], [405, '', head.localPort]);
});

test('a wrong method is answered with 405 and Allow', async () => {
  const allowed = {
    '/predict': 'POST',
    '/models/x/predict': 'POST',
    '/rollback': 'POST',
    '/health': 'GET, HEAD',
    '/': 'GET, HEAD',
  };
  for (const [path, allow] of Object.entries(allowed)) {
    const answer = await http(front.port, path, { method: 'DELETE' });
    assert.deepEqual([answer.status, answer.json['code']], [405, 'METHOD_NOT_ALLOWED'], path);
    assert.equal(answer.headers.allow, allow);
  }
});

test('an unknown path is answered with JSON 404', async () => {
  for (const path of ['/nothing', '/predict/', '/models//predict', '/models/x']) {
    const answer = await http(front.port, path, { body: '{}' });
    assert.deepEqual([answer.status, answer.json['code']], [404, 'ROUTE_NOT_FOUND'], path);
    assert.equal(answer.headers['content-type'], 'application/json');
  }
});

test('GET / names the routes', async () => {
  const { routes } = (await http(front.port, '/')).json as { routes: string[] };
  for (const route of ['POST /predict', 'POST /models/{model}/predict', 'GET /health', 'GET /ws']) {
    assert.ok(routes.includes(route), route);
  }
});

test('POST /rollback wants the admin token as bearer', async () => {
  for (const authorization of ['', 'Bearer wrong', 'Bearer', 'Basic correct horse', 'Bearer correct horse x']) {
    const headers: Record<string, string> = authorization === '' ? {} : { authorization };
    const answer = await http(front.port, '/rollback', { method: 'POST', headers });
    assert.deepEqual([answer.status, answer.json['code']], [401, 'UNAUTHORIZED'], authorization);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
  const headers = { authorization: 'Bearer correct horse' };
  assert.deepEqual(engine.rollbacks, []);
  const plain = await http(front.port, '/rollback', { method: 'POST', headers });
  const answer = { rolled_back_to: '2', path: 'artifacts/2', generation: 6, trust: 'confirmed', saved: true };
  assert.deepEqual([plain.status, plain.json], [200, answer]);
  await http(front.port, '/models/digits/rollback', { headers, body: '{"reason":"drifts"}' });
  assert.deepEqual(engine.rollbacks, [[undefined, undefined], ['digits', 'drifts']]);
});

test('POST /rollback refuses a body that is no object with a textual reason, and passes refusals on', async () => {
  const headers = { authorization: 'Bearer correct horse' };
  const codes = { '{': 'INVALID_JSON', '[]': 'INVALID_JSON', '{"reason":7}': 'INVALID_REQUEST' };
  for (const [body, code] of Object.entries(codes)) {
    const answer = await http(front.port, '/rollback', { headers, body });
    assert.deepEqual([answer.status, answer.json['code']], [400, code], body);
  }
  const large = await http(front.port, '/rollback', { headers, body: 'x'.repeat(20_000) });
  assert.equal(large.status, 413);
  const none = await http(front.port, '/models/gr%C3%B6%C3%9Fe%2F1/rollback', { method: 'POST', headers });
  assert.deepEqual([none.status, none.json['code']], [404, 'NO_ROLLBACK_TARGET']);
  assert.deepEqual(none.json['details'], { versions: [{ version: '1', reason: 'is active' }] });
  assert.deepEqual(engine.rollbacks, []);
});

test('POST /rollback is answered with 403 and a hint when no admin token is configured', async () => {
  const open = await frontBefore(engine);
  try {
    const headers = { authorization: 'Bearer undefined' };
    const answer = await http(open.port, '/rollback', { method: 'POST', headers });
    assert.deepEqual([answer.status, answer.json['code']], [403, 'FORBIDDEN']);
    assert.match(String(answer.json['error']), /admin socket/);
    assert.deepEqual(engine.rollbacks, []);
  } finally {
    open.close();
  }
});
