// What leaves a socket, and when: on a socket in memory that notes corks, sends and its end.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { WebSocketChannel } from '../../src/http/driver.ts';
import { Gathering, OUTBOX_BACKLOG_BYTES_MAX, Outbox } from '../../src/http/outbox.ts';
import { UnreadBudget } from '../../src/http/unread-budget.ts';

class NotedSocket implements WebSocketChannel {
  /** Unread bytes; a client that reads has none. */
  unreadBytes = 0;
  isRead = true;
  readonly log: string[] = [];
  isCorked = false;
  bytes = 0;

  send(message: Uint8Array): number {
    assert.ok(!this.log.includes('end'), 'nothing is sent after the end');
    this.bytes += message.length;
    if (!this.isRead) this.unreadBytes += message.length;
    this.log.push(message.length > 40 ? `${message.length} bytes` : Buffer.from(message).toString());
    return this.isRead ? 1 : 0;
  }
  getBufferedAmount(): number {
    return this.unreadBytes;
  }
  cork(write: () => void): void {
    this.isCorked = true;
    this.log.push('[');
    write();
    this.log.push(']');
    this.isCorked = false;
  }
  end(code: number): void {
    assert.ok(!this.isCorked, 'a close frame that is sent in a cork may not leave');
    this.log.push('end', String(code));
  }
}

function scene(sockets: number, limitBytes = 1e9) {
  const gathering = new Gathering();
  const budget = new UnreadBudget(limitBytes);
  const noted = Array.from({ length: sockets }, () => new NotedSocket());
  const outboxes = noted.map((socket) => new Outbox(socket, true, gathering, budget));
  return { noted, outboxes, budget };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const text = (value: string): Uint8Array => Buffer.from(value);

suite('Outbox', () => {
  test('the messages of one turn leave together, socket by socket, copied when they were sent', async () => {
    const { noted, outboxes } = scene(2);
    const [first, second] = outboxes;
    const shared = Buffer.from('a1');
    first!.send(shared);
    shared.write('b1');
    second!.send(shared);
    shared.write('a2');
    first!.send(shared);
    shared.fill(0);
    assert.deepEqual(noted.map(({ log }) => log), [[], []]);
    await turn();
    assert.deepEqual(noted.map(({ log }) => log), [['[', 'a1', 'a2', ']'], ['[', 'b1', ']']]);
    first!.send(text('a3'));
    await turn();
    assert.deepEqual(noted[0]!.log.slice(4), ['[', 'a3', ']']);
  });

  test('large messages and those of a refusal leave at once; a full buffer is sent early and loses nothing', async () => {
    const { noted, outboxes } = scene(1);
    outboxes[0]!.send(new Uint8Array(5_000));
    outboxes[0]!.sendNow(text('no'));
    assert.deepEqual(noted[0]!.log, ['5000 bytes', 'no']);
    for (let count = 0; count < 1_000; count += 1) outboxes[0]!.send(new Uint8Array(1_000));
    await turn();
    assert.equal(noted[0]!.bytes, 5_002 + 1_000_000);
  });

  test('a client that does not read is ended with 1013 before its backlog passes the limit, outside the cork', async () => {
    const { noted, outboxes, budget } = scene(1);
    noted[0]!.isRead = false;
    for (let sent = 0; sent <= OUTBOX_BACKLOG_BYTES_MAX + 4_000; sent += 4_000) {
      outboxes[0]!.send(new Uint8Array(4_000));
      if (sent % 200_000 === 0) await turn();
    }
    await turn();
    assert.deepEqual(noted[0]!.log.slice(-3), [']', 'end', '1013']);
    assert.ok(noted[0]!.bytes <= OUTBOX_BACKLOG_BYTES_MAX);
    assert.equal(budget.totalBytes, 0);
    outboxes[0]!.send(text('late'));
    outboxes[0]!.sendNow(text('late'));
    await turn();
  });

  test('what is unread counts in the budget of all sockets, which gives up the slowest, and is forgotten when read', async () => {
    const { noted, outboxes, budget } = scene(2, 10_000);
    for (const socket of noted) socket.isRead = false;
    outboxes[0]!.send(new Uint8Array(3_000));
    await turn();
    assert.equal(budget.totalBytes, 3_000);
    assert.equal(outboxes[0]!.unreadBytes, 3_000);
    noted[0]!.unreadBytes = 1_000;
    assert.equal(outboxes[0]!.unreadBytes, 1_000);
    assert.equal(budget.totalBytes, 1_000);
    outboxes[1]!.send(new Uint8Array(4_000));
    outboxes[1]!.send(new Uint8Array(4_000));
    outboxes[1]!.send(new Uint8Array(1_500));
    await turn();
    assert.deepEqual(noted[0]!.log.slice(-2), ['end', '1013']);
    assert.equal(budget.totalBytes, 9_500);
  });

  test('after its end a socket is never touched, also when answers of it were gathered', async () => {
    const { noted, outboxes } = scene(1);
    outboxes[0]!.send(text('gathered'));
    outboxes[0]!.closed();
    await turn();
    assert.deepEqual(noted[0]!.log, []);
  });
});
