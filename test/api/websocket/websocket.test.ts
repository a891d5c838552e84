import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Front } from '../../../src/api/serving-api.ts';
import { lastgoodError } from '../../../src/base/errors.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { http } from '../../support/http.ts';
import { until } from '../../support/poll.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';
import { EchoEngine, frontBefore } from '../echo-engine.ts';

const engine = new EchoEngine();
let front: Front;

before(async () => (front = await frontBefore(engine)));
after(() => front.close());
beforeEach(() => {
  engine.answering = true;
  engine.refusal = undefined;
  engine.held.length = 0;
});

test('a text frame is handed over as it is and its answer comes back as text', async () => {
  engine.answering = false;
  const client = await WebSocketClient.connect(front.port);
  assert.deepEqual([client.status, client.protocol], [101, undefined]);
  client.send('{"id":"a", "features":[1]}');
  await engine.holds(1);
  assert.equal(engine.held[0]?.kind, EntryKind.socketJson);
  assert.equal(engine.held[0].body, '{"id":"a", "features":[1]}');
  assert.equal(front.inFlight, 1);
  engine.held[0].answer(400, { id: 'a', error: 'no', code: 'ROW_LENGTH' });
  assert.equal(await client.next(), '{"id":"a","error":"no","code":"ROW_LENGTH"}');
  assert.equal(front.inFlight, 0);
  client.destroy();
});

test('answers may come out of order', async () => {
  engine.answering = false;
  const client = await WebSocketClient.connect(front.port);
  for (const id of [1, 2, 3]) client.send(JSON.stringify({ id, features: [] }));
  await engine.holds(3);
  for (const index of [2, 0, 1]) engine.held[index]?.answer();
  const ids = [await client.nextJson(), await client.nextJson(), await client.nextJson()].map(({ id }) => id);
  assert.deepEqual(ids, [3, 1, 2]);
  client.destroy();
});

test('the model is the one of the frame, else the one of the URL, else the default', async () => {
  const plain = await WebSocketClient.connect(front.port);
  plain.send('{"id":1,"features":["\\"model\\":",{"model":"nested"}]}');
  assert.equal((await plain.nextJson())['model'], 'digits');
  plain.send('{"features":[1,2],"model":"größe/1","id":2}');
  assert.deepEqual(await plain.nextJson(), { id: 2, model: 'größe/1' });
  const named = await WebSocketClient.connect(front.port, { path: '/ws?model=gr%C3%B6%C3%9Fe%2F1' });
  named.send('{"id":3}');
  assert.equal((await named.nextJson())['model'], 'größe/1');
  named.send('{"id":4,"model":"digits"}');
  assert.equal((await named.nextJson())['model'], 'digits');
  plain.destroy();
  named.destroy();
});

test("an unknown model, a refusing queue and a model that is no text are answered with the frame's id", async () => {
  const client = await WebSocketClient.connect(front.port);
  client.send('{"id":{"a":[1]},"model":"nobody"}');
  const unknown = await client.nextJson();
  assert.deepEqual([unknown['id'], unknown['code']], [null, 'MODEL_NOT_FOUND'], 'only a text or a number is an id');
  client.send('{"id":"a-1","m\\u006fdel":"nobody"}');
  const escaped = await client.nextJson();
  assert.deepEqual([escaped['id'], escaped['code']], ['a-1', 'MODEL_NOT_FOUND'], 'a name may be written with escapes');
  assert.match(String(unknown['error']), /nobody/);
  client.send('{"id":5,"model":7}');
  assert.deepEqual(Object.values(await client.nextJson()).filter((_, index) => index !== 1), [5, 'INVALID_REQUEST']);
  engine.refusal = lastgoodError('QUEUE_FULL', { model: 'digits', pending: 4, limit: 4 });
  client.send('{"features":[[1],[2]], "id" : "last"}');
  const full = await client.nextJson();
  assert.deepEqual([full['id'], full['code']], ['last', 'QUEUE_FULL']);
  client.send('no JSON');
  assert.deepEqual((await client.nextJson())['id'], null);
  assert.equal(front.inFlight, 0);
  client.destroy();
});

test('a binary frame is refused and the socket stays usable', async () => {
  const client = await WebSocketClient.connect(front.port);
  client.send(new Uint8Array([1, 2, 3]));
  const refused = await client.nextJson();
  assert.deepEqual([refused['id'], refused['code']], [null, 'INVALID_REQUEST']);
  client.send('{"id":1}');
  assert.equal((await client.nextJson())['id'], 1);
  client.destroy();
});

test('more than 256 unanswered frames of one socket are refused, another socket is not concerned', async () => {
  engine.answering = false;
  const client = await WebSocketClient.connect(front.port);
  for (let id = 1; id <= 257; id += 1) client.send(`{"id":${id}}`);
  const refused = await client.nextJson();
  assert.deepEqual([refused['id'], refused['code']], [257, 'SOCKET_BUSY']);
  assert.deepEqual([engine.held.length, front.inFlight], [256, 256]);
  const other = await WebSocketClient.connect(front.port);
  other.send('{"id":1}');
  await engine.holds(257);
  engine.held[0]?.answer();
  assert.equal((await client.nextJson())['id'], 1);
  client.send('{"id":258}');
  await engine.holds(258);
  client.destroy();
  other.destroy();
  await until('nobody waits any more', () => front.inFlight === 0);
});

test('a socket that goes away has all its frames cancelled, and late answers are dropped', async () => {
  engine.answering = false;
  const client = await WebSocketClient.connect(front.port);
  client.send('{"id":1}');
  client.send('{"id":2}');
  await engine.holds(2);
  client.destroy();
  await until('both are cancelled', () => engine.held.every(({ cancelled }) => cancelled));
  assert.equal(front.inFlight, 0);
  for (const request of engine.held) request.answer();
  assert.equal(front.inFlight, 0);
});

test('a slow reader is refused new frames first and closed with 1013 before its backlog passes the limit', async () => {
  engine.answering = false;
  const client = await WebSocketClient.connect(front.port);
  for (let id = 0; id < 250; id += 1) client.send(`{"id":${id}}`);
  await engine.holds(250);
  client.pause();
  const padding = 'x'.repeat(256 * 1024);
  let answered = 0;
  const more = (): boolean => {
    engine.held[answered]?.answer(200, { id: answered, padding });
    answered += 1;
    return engine.held[answered]?.cancelled === true;
  };
  // Each answer gets turns of the event loop, so that the kernel takes what it can.
  await until('the socket is given up', more);
  assert.ok(answered < 250);
  assert.equal(front.inFlight, 0);
  client.resume();
  const { code, reason } = await client.closed;
  assert.deepEqual([code, reason], [1013, 'answers are not read']);
});

test('a frame above the body limit ends the socket', async () => {
  const client = await WebSocketClient.connect(front.port);
  client.send(`{"id":"${'x'.repeat(100_001)}"}`);
  await client.closed;
});

test('the first known subprotocol of the offer is chosen, an offer without one is answered with 400', async () => {
  const offered = await WebSocketClient.connect(front.port, { protocols: 'graphql-ws, lastgood.json' });
  assert.deepEqual([offered.status, offered.protocol], [101, 'lastgood.json']);
  offered.destroy();
  const foreign = await WebSocketClient.connect(front.port, { protocols: 'graphql-ws' });
  assert.equal(foreign.status, 400);
  assert.match(foreign.handshake, /INVALID_REQUEST/);
  foreign.destroy();
});

test('an unknown model in the URL is answered with 404, a wrong version or no upgrade with 426', async () => {
  const unknown = await WebSocketClient.connect(front.port, { path: '/ws?model=nobody' });
  assert.equal(unknown.status, 404);
  const old = await WebSocketClient.connect(front.port, { version: '8' });
  assert.equal(old.status, 426);
  unknown.destroy();
  old.destroy();
  const plain = await http(front.port, '/ws');
  assert.deepEqual([plain.status, plain.json['code'], plain.headers.upgrade], [426, 'UPGRADE_REQUIRED', 'websocket']);
  assert.equal(front.inFlight, 0);
});
