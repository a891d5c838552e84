import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, test, type TestContext } from 'node:test';
import { Script } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import type { Front, PageApi } from '../../../src/api/serving-api.ts';
import { lastgoodError } from '../../../src/base/errors.ts';
import type { PageSnapshot } from '../../../src/page/snapshot.ts';
import { until, untilResolved } from '../../support/poll.ts';
import { EchoEngine, frontBefore } from '../echo-engine.ts';

const TOKEN = 'a token of the tests';
const VIEWERS_MAX = 16;
const VIEWERS_ASKED = 20;
const GZIPPED_MAX = 60_000;

function snapshotOf(more: Partial<PageSnapshot> = {}): PageSnapshot {
  return {
    atMs: 1_700_000_000_000, mode: 'read', engine: 'lastgood 0, running', model: 'housing', generation: 3, models: [],
    headline: { tone: 'good', word: 'healthy', sentence: 'housing serves version 2; nothing is wrong.' }, over: [],
    active: '2', versions: [], target: { version: '1', text: 'confirmed' }, numbers: [], p95LimitMs: 80, checks: [],
    pairs: null, decision: null, host: [], actions: [], changes: [], tail: { step: 2, versions: [] }, ...more,
  };
}

const fronts: Front[] = [];
after(() => {
  for (const front of fronts) front.close();
});

async function paged(page: Partial<PageApi> = {}, more: Partial<PageSnapshot> = {}) {
  const told = { snapshots: 0, acted: [] as unknown[] };
  const engine = new EchoEngine();
  engine.page = {
    mode: 'full',
    snapshot: (model) => {
      told.snapshots += 1;
      if (model === 'none') return Promise.reject(lastgoodError('MODEL_NOT_FOUND', { model, known: 'housing' }));
      return Promise.resolve(snapshotOf(more));
    },
    timeline: (_, minutes) => ({ minutes, step: 2, from: 0, to: 900, versions: [] }),
    act: (action) => {
      told.acted.push(action);
      return Promise.resolve({ done: true });
    },
    ...page,
  };
  const front = await frontBefore(engine, { adminToken: TOKEN });
  fronts.push(front);
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${front.port}${path}`, init);
  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> => ask('/ui/actions', {
    method: 'POST', body: JSON.stringify(body),
    headers: { 'authorization': `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
  });
  return { front, ask, post, told };
}

/** A viewer by hand: it can stop reading. */
function viewer(t: TestContext, port: number, headers = ''): { socket: Socket; text: () => string } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => (text += bytes.toString()));
  socket.on('error', () => undefined);
  socket.write(`GET /ui/events HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
  t.after(() => socket.destroy());
  return { socket, text: () => text };
}

test('the page has a strict policy, is packed, below its limit, and not sent again to who has it', async () => {
  const { ask } = await paged();
  let packedBytes = 0;
  for (const path of ['/ui', '/ui/page.js', '/ui/page.css']) {
    const response = await ask(path);
    assert.equal(response.status, 200, path);
    const policy = response.headers.get('content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
      "require-trusted-types-for 'script'"]) assert.ok(policy.includes(part), `${path}: ${part}`);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    packedBytes += Number(response.headers.get('content-length'));
    const etag = response.headers.get('etag');
    await response.arrayBuffer();
    if (etag !== null) assert.equal((await ask(path, { headers: { 'if-none-match': etag } })).status, 304);
    const head = await ask(path, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  }
  assert.ok(packedBytes > 1_000 && packedBytes < GZIPPED_MAX, `${packedBytes} bytes`);
});

test('the script is one file whose parts do not clash', async () => {
  const { ask } = await paged();
  const text = await (await ask('/ui/page.js')).text();
  assert.doesNotMatch(text, /^\s*(import|export) /m);
  // Parsed and not run: a name that is declared twice is an error.
  assert.doesNotThrow(() => new Script(text));
});

test('texts of models and errors come out as texts in the document', async () => {
  const evil = '<img src=x onerror=alert(1)>';
  const { ask } = await paged({}, {
    headline: { tone: 'bad', word: evil, sentence: evil },
    models: [{ model: evil, tone: 'bad', word: evil }, { model: 'b', tone: 'good', word: '' }],
    changes: [{ atMs: 1, sequence: 1, kind: 'rollback', text: evil, tone: 'bad' }],
  });
  const text = await (await ask('/ui')).text();
  assert.ok(!text.includes('<img'));
  assert.ok(text.includes('&#60;img'));
});

test('a name of this server that others can point here, and a page of another origin, see nothing', async () => {
  const { front, ask } = await paged();
  const socket = connect(front.port, '127.0.0.1');
  const answer = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString()));
    socket.write('GET /ui HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  });
  socket.destroy();
  assert.match(answer, /^HTTP\/1.1 421/);
  assert.equal((await ask('/ui/events', { headers: { origin: 'https://evil.example' } })).status, 403);
});

test('an action wants the token, JSON and a known verb, and is handed over as it was meant', async () => {
  const { ask, post, told } = await paged();
  const action = { verb: 'rollback', model: 'housing', generation: 3 };
  const without = await ask('/ui/actions', { method: 'POST', body: JSON.stringify(action) });
  assert.equal(without.status, 401);
  assert.equal((await post(action, { 'authorization': 'Bearer wrong token' })).status, 401);
  assert.equal((await post(action, { 'content-type': 'text/plain' })).status, 415);
  assert.equal((await post({ ...action, verb: 'remove' })).status, 400);
  assert.equal((await ask('/ui/actions?verb=rollback')).status, 405);
  assert.deepEqual(told.acted, []);
  assert.equal((await post(action)).status, 200);
  assert.deepEqual(told.acted, [action]);
});

test('a page that only reads takes no action from anybody', async () => {
  const { post, told } = await paged({ mode: 'read' });
  assert.equal((await post({ verb: 'rollback', model: 'housing', generation: 3 })).status, 403);
  assert.deepEqual(told.acted, []);
});

test('of twenty viewers sixteen share snapshots, one of which never reads, and four are refused; nothing is made ' +
  'while nobody looks', async (t) => {
  const { front, ask, told } = await paged();
  const deaf = viewer(t, front.port);
  deaf.socket.pause();
  await until('the deaf one has its place', () => told.snapshots > 0);
  const all = Array.from({ length: VIEWERS_ASKED - 1 }, () => viewer(t, front.port));
  await until('every viewer has a snapshot or is refused', () =>
    all.every(({ text }) => /event: snapshot|^HTTP\/1\.1 503/.test(text())));
  const viewers = all.filter(({ text }) => text().startsWith('HTTP/1.1 200'));
  assert.equal(viewers.length, VIEWERS_MAX - 1);
  const refused = await ask('/ui/events');
  assert.deepEqual([refused.status, (await refused.json() as { code: string }).code], [503, 'TOO_MANY_VIEWERS']);
  const before = told.snapshots;
  await until('two rounds', () => told.snapshots >= before + 2);
  const counts = viewers.map(({ text }) => text().split('event: snapshot').length - 1);
  assert.ok(Math.max(...counts) <= told.snapshots, 'a round makes one snapshot for all');
  for (const { socket } of [deaf, ...viewers]) socket.destroy();
  await untilResolved('somebody else has a place', async () => {
    const response = await ask('/ui/events');
    await response.body?.cancel();
    return response.status === 200;
  });
  let last = -1;
  await untilResolved('nothing is made any more', async () => {
    const isQuiet = told.snapshots === last;
    last = told.snapshots;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return isQuiet;
  });
});

test('who comes back is told what happened since the event that it saw last, the oldest first', async (t) => {
  const change = (sequence: number): PageSnapshot['changes'][number] =>
    ({ atMs: sequence, sequence, kind: 'promote', text: `event ${sequence}`, tone: 'watch' });
  const { front } = await paged({}, { changes: [change(9), change(8), change(7)] });
  const back = viewer(t, front.port, 'Last-Event-ID: 7\r\n');
  const fresh = viewer(t, front.port);
  await until('both have a snapshot', () => [back, fresh].every(({ text }) => text().includes('event: snapshot')));
  assert.deepEqual([...back.text().matchAll(/event: change\ndata: .*?"text":"(.*?)"/g)].map(([, text]) => text),
    ['event 8', 'event 9']);
  assert.match(back.text(), /id: 9\nevent: snapshot/);
  assert.doesNotMatch(fresh.text(), /event: change/);
});

test('a viewer that never reads holds one snapshot and no more, and the others go on', async (t) => {
  // Far more than a connection takes up by itself.
  const big = 'x'.repeat(4_000_000);
  let round = 0;
  const { front, told } = await paged({
    snapshot: () => {
      round += 1;
      told.snapshots += 1;
      return Promise.resolve(snapshotOf({ engine: big, generation: round }));
    },
  });
  const seen = (text: string): number[] =>
    [...text.matchAll(/"generation":(\d+)/g)].map(([, number]) => Number(number));
  const deaf = viewer(t, front.port);
  deaf.socket.pause();
  const reader = viewer(t, front.port);
  const rounds = 8;
  await until('the one that reads has the newest', () => seen(reader.text()).at(-1)! >= rounds, 60_000);
  deaf.socket.resume();
  await until('the deaf one hears again, or was let go', () =>
    seen(deaf.text()).some((number) => number > rounds) || deaf.socket.destroyed, 60_000);
  const heard = seen(deaf.text()).filter((number) => number <= rounds);
  assert.ok(heard.length < rounds / 2, `what it did not read was kept for it: ${heard.join()}`);
  assert.ok(seen(reader.text()).length >= rounds - 2, 'the other one has them all');
});

test('packed bytes are the same bytes', async () => {
  const { ask } = await paged();
  const plain = await (await ask('/ui/page.css', { headers: { 'accept-encoding': 'identity' } })).text();
  const { packed, bytes } = (await import('../../../src/api/ui/files.ts')).pageStyle();
  assert.deepEqual(gunzipSync(packed), Buffer.from(bytes));
  assert.equal(plain, Buffer.from(bytes).toString());
});
