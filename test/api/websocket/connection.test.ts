import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection, OpenSockets } from '../../../src/api/websocket/connection.ts';
import { DEFAULT_DIALECT } from '../../../src/api/websocket/dialects.ts';
import type { WebSocketChannel } from '../../../src/http/driver.ts';
import { OUTBOX_BACKLOG_BYTES_MAX, OUTBOX_HELD_BACK_BYTES } from '../../../src/http/outbox.ts';
import { createFrontState } from '../../../src/http/state.ts';
import { createUwsDriver } from '../../../src/http/uws/driver.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import { EchoEngine } from '../echo-engine.ts';

/** The native socket's contract in memory: what is sent stays unread until the test reads it. */
class UnreadSocket implements WebSocketChannel {
  unreadBytes = 0;
  readonly sent: string[] = [];
  ended: number | undefined;
  readonly #onClose: () => void;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }
  send(message: Uint8Array | string): number {
    const text = typeof message === 'string' ? message : Buffer.from(message).toString();
    this.sent.push(text);
    this.unreadBytes += text.length;
    return 0;
  }
  getBufferedAmount(): number {
    return this.unreadBytes;
  }
  cork(write: () => void): void {
    write();
  }
  end(code: number): void {
    this.ended = code;
    this.#onClose();
  }
  get lastCode(): unknown {
    return (JSON.parse(this.sent.at(-1) ?? '{}') as { code?: unknown }).code;
  }
}

function scene() {
  const engine = new EchoEngine();
  engine.answering = false;
  const { limits } = resolveOptions({});
  const state = createFrontState(limits, createUwsDriver(limits.headerBytesMax));
  const target = { model: undefined, version: undefined, source: 0 };
  const connection = new Connection(engine, state, DEFAULT_DIALECT, target, new OpenSockets(state));
  const socket = new UnreadSocket(() => connection.closed());
  connection.opened(socket);
  const receive = (text: string): void => connection.received(new TextEncoder().encode(text).buffer, false);
  return { engine, state, socket, receive };
}

test('a reader with too much unread gets SOCKET_BUSY for new frames, and is served again when it has read', async () => {
  const { engine, socket, receive } = scene();
  receive('{"id":1}');
  receive('{"id":2}');
  engine.held[0]?.answer(200, 'x'.repeat(OUTBOX_HELD_BACK_BYTES));
  receive('{"id":3}');
  assert.equal(socket.lastCode, 'SOCKET_BUSY');
  assert.equal(engine.held.length, 2);
  engine.held[1]?.answer();
  await Promise.resolve();
  assert.deepEqual(JSON.parse(socket.sent.at(-1)!), { id: 2, model: 'digits' });
  socket.unreadBytes = 0;
  receive('{"id":4}');
  assert.equal(engine.held.length, 3);
});

test('an answer that would pass the backlog limit ends the socket with 1013 and cancels the rest', () => {
  const { engine, state, socket, receive } = scene();
  for (const id of [1, 2, 3, 4]) receive(`{"id":${id}}`);
  const half = 'x'.repeat(OUTBOX_BACKLOG_BYTES_MAX / 2);
  engine.held[0]?.answer(200, half);
  assert.equal(socket.ended, undefined);
  engine.held[1]?.answer(200, half);
  assert.equal(socket.ended, 1013);
  assert.equal(socket.sent.length, 1);
  assert.deepEqual(engine.held.map(({ cancelled }) => cancelled), [false, false, true, true]);
  assert.equal(state.inFlight, 0);
  engine.held[2]?.answer();
  assert.equal(socket.sent.length, 1);
});

test('refusals count as well: a client that floods and does not read is ended', () => {
  const { socket, receive } = scene();
  for (let count = 0; count < 1_000_000 && socket.ended === undefined; count += 1) receive('{"id":1,"model":"nobody"}');
  assert.equal(socket.ended, 1013);
  assert.ok(socket.unreadBytes <= OUTBOX_BACKLOG_BYTES_MAX);
});

test('one answer alone may be larger than the backlog limit', () => {
  const { engine, socket, receive } = scene();
  receive('{"id":1}');
  engine.held[0]?.answer(200, 'x'.repeat(OUTBOX_BACKLOG_BYTES_MAX + 1));
  assert.deepEqual([socket.ended, socket.sent.length], [undefined, 1]);
});
