// Compressed request bodies and answers through a real front, before an engine that gives back what it was given.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { Front } from '../../src/api/serving-api.ts';
import { COMPRESSED_BYTES_MIN, compress, encodingFor } from '../../src/http/compression.ts';
import { createFrontState } from '../../src/http/state.ts';
import { createUwsDriver } from '../../src/http/uws/driver.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { EchoEngine, frontBefore } from '../api/echo-engine.ts';
import { postPacked } from '../support/packed-post.ts';
import type { PackedAnswer } from '../support/packed-post.ts';
import { until } from '../support/poll.ts';

const LIMIT_BYTES = 300_000;
const engine = new EchoEngine();
let front: Front;

before(async () => (front = await frontBefore(engine, { bodyBytesMax: LIMIT_BYTES })));
after(() => front.close());
beforeEach(() => {
  engine.answering = true;
  engine.held.length = 0;
});

interface Got extends PackedAnswer {
  readonly json: Readonly<Record<string, unknown>>;
}

async function post(body: Uint8Array, headers: Record<string, string>): Promise<Got> {
  const answer = await postPacked(front.port, '/predict', body, headers);
  return { ...answer, json: JSON.parse(answer.plain.toString()) as Record<string, unknown> };
}

const gzipped = { 'content-encoding': 'gzip' };
const numbers = (length: number): string => Array.from({ length }, (_, at) => (at * 7919) % 1000).join(',');

test('gzip and deflate bodies of every size arrive as they were', async () => {
  for (const text of ['x', numbers(500), numbers(5_000), numbers(60_000), 'y'.repeat(LIMIT_BYTES)]) {
    for (const [encoding, packed] of [
      ['gzip', gzipSync(text)], ['deflate', deflateSync(text)], ['GZip', gzipSync(text, { level: 0 })],
    ] as const) {
      if (packed.length > LIMIT_BYTES) continue;
      const { status, json } = await post(packed, { 'content-encoding': encoding });
      assert.deepEqual([status, json['bytes'], json['body'] === text], [200, text.length, true]);
    }
  }
  assert.deepEqual([front.inFlight, front.held.receivingBytes], [0, 0]);
});

test('the limit counts what is inflated: a bomb is refused before it is inflated', async () => {
  const over = gzipSync('x'.repeat(LIMIT_BYTES + 1));
  for (const packed of [over, deflateSync('x'.repeat(LIMIT_BYTES + 1))]) {
    const encoding = packed === over ? 'gzip' : 'deflate';
    const refused = await post(packed, { 'content-encoding': encoding });
    assert.deepEqual([refused.status, refused.json['code']], [413, 'BODY_TOO_LARGE']);
  }
  // A gigabyte of zeros in a hundredth of it would not even fit the compressed limit; 200 MB do.
  const bomb = await new Promise<Buffer>((resolve) => {
    const pieces: Buffer[] = [];
    const stream = createGzip();
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve(Buffer.concat(pieces)));
    for (let count = 0; count < 200; count += 1) stream.write(Buffer.alloc(1_000_000));
    stream.end();
  });
  assert.ok(bomb.length < LIMIT_BYTES);
  const before = process.memoryUsage().arrayBuffers;
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(bomb, gzipped)));
  assert.deepEqual(answers.map(({ status }) => status), Array<number>(8).fill(413));
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
  assert.deepEqual([front.inFlight, front.held.receivingBytes], [0, 0]);
});

test('damaged, truncated, raw and empty data are refused with 400', async () => {
  const good = gzipSync(numbers(30_000));
  const damaged = Buffer.from(good);
  damaged.fill(0x55, 100, 200);
  for (const [encoding, body] of [
    ['gzip', Buffer.from('no gzip')], ['gzip', good.subarray(0, good.length - 9)], ['gzip', damaged],
    ['gzip', gzipSync('x').subarray(0, 12)], ['gzip', Buffer.alloc(0)], ['deflate', deflateRawSync('x')],
    ['deflate', gzipSync('x')], ['gzip', deflateSync('x')],
  ] as const) {
    const { status, json } = await post(body, { 'content-encoding': encoding });
    assert.deepEqual([status, json['code']], [400, 'INVALID_REQUEST']);
    assert.match(String(json['error']), new RegExp(`no ${encoding} data`));
  }
  assert.deepEqual([front.inFlight, front.held.receivingBytes], [0, 0]);
});

test('a client that goes away while its body is inflated leaves nothing behind', async () => {
  const packed = gzipSync(Buffer.alloc(LIMIT_BYTES));
  engine.answering = false;
  const { submitted } = engine;
  for (let count = 0; count < 20; count += 1) {
    const sent = httpRequest({
      host: '127.0.0.1', port: front.port, path: '/predict', method: 'POST',
      headers: { 'content-length': String(packed.length), ...gzipped },
    });
    sent.on('error', () => undefined);
    sent.end(packed, () => setImmediate(() => sent.destroy()));
  }
  await until('nobody waits', () => front.inFlight === 0 && front.held.receivingBytes === 0);
  // Those that were inflated in time were handed over, and cancelled when their clients went.
  assert.equal(engine.held.filter(({ cancelled }) => !cancelled).length, 0);
  assert.equal(engine.held.length, engine.submitted - submitted);
});

test('a large answer is compressed when the client asks', async () => {
  const text = numbers(COMPRESSED_BYTES_MIN / 3);
  for (const [accepted, wanted] of [
    ['gzip', 'gzip'], ['deflate', 'deflate'], ['br, gzip;q=0.5', 'gzip'], ['gzip;q=0, deflate', 'deflate'],
    ['*', 'gzip'], ['br', undefined], ['gzip;q=0', undefined], ['identity', undefined],
  ] as const) {
    const { headers, json, body } = await post(Buffer.from(text), { 'accept-encoding': accepted });
    assert.deepEqual([headers['content-encoding'], json['body'] === text], [wanted, true]);
    assert.equal(headers['content-length'], String(body.length));
    if (wanted !== undefined) assert.ok(body.length < text.length / 2 && headers.vary === 'Accept-Encoding');
  }
  const small = await post(Buffer.from('x'), { 'accept-encoding': 'gzip' });
  assert.equal(small.headers['content-encoding'], undefined);
  assert.equal(front.inFlight, 0);
});

test('Accept-Encoding is read as HTTP writes it', () => {
  for (const [header, wanted] of [
    ['', null], ['gzip', 'gzip'], ['GZIP', 'gzip'], [' deflate , br', 'deflate'], ['gzip; q=0.000, *;q=1', 'deflate'],
    ['*;q=0', null], ['gzip;q=1.0', 'gzip'], ['x', null],
  ] as const) assert.equal(encodingFor(header), wanted, header);
});

test('what does not shrink goes out as it is, and too much at once is not compressed at all', async () => {
  const { limits } = resolveOptions({});
  const state = createFrontState(limits, createUwsDriver(limits.headerBytesMax));
  const noise = randomBytes(COMPRESSED_BYTES_MIN);
  const [body, encoding] = await new Promise<readonly unknown[]>((resolve) => {
    assert.ok(compress(state, 'gzip', noise, (...result) => resolve(result)));
    assert.equal(state.compressingBytes, noise.length);
  });
  assert.deepEqual([encoding, noise.equals(body as Buffer), state.compressingBytes], [null, true, 0]);
  state.compressingBytes = 2 ** 40;
  assert.equal(compress(state, 'gzip', noise, () => assert.fail('called')), false);
});
