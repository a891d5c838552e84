// Mailboxes with a real second thread: orders arrive, are seen as done, and the bell rings when it was asked for.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MAILBOX_BYTES, MailboxReceiver, MailboxSender, Order } from '../../src/shared-memory/mailbox.ts';

const ORDERS = 2_000;

suite('Mailbox', () => {
  test('carries orders one by one to a sleeping thread, with everything written before them', async () => {
    const memory = new SharedArrayBuffer(MAILBOX_BYTES);
    const payload = new SharedArrayBuffer(4);
    const cell = new Int32Array(payload);
    const worker = new Worker(new URL('./mailbox-worker.js', import.meta.url), { workerData: { memory, payload } });
    const sender = new MailboxSender(memory);
    let rings = 0;
    let wake = (): void => undefined;
    worker.on('message', () => {
      rings += 1;
      wake();
    });
    let asked = 0;
    for (let order = 0; order < ORDERS; order += 1) {
      cell[0] = order;
      const rung = new Promise<void>((resolve) => (wake = resolve));
      const number = sender.post(order);
      // Every other time the bell is asked for at once, so that both orders of the two threads come about.
      if (order % 2 === 0) await new Promise(setImmediate);
      if (sender.askForBell(number)) {
        asked += 1;
        while (!sender.isDone(number)) await rung;
      }
      assert.equal(cell[0], order * 2 + 1);
      assert.equal(sender.hasLetter(number), order % 3 === 0);
    }
    assert.ok(asked > 0 && rings <= ORDERS, `${asked} asked, ${rings} rings`);
    sender.post(Order.leave);
    await once(worker, 'exit');
  });

  test('a bell that nobody asked for does not ring, nor does one that was taken back', () => {
    const memory = new SharedArrayBuffer(MAILBOX_BYTES);
    const sender = new MailboxSender(memory);
    const receiver = new MailboxReceiver(memory);
    const first = sender.post(4);
    assert.equal(receiver.next(), 4);
    assert.equal(sender.isDone(first), false);
    assert.equal(receiver.finish(false), false);
    assert.equal(sender.isDone(first), true);
    assert.equal(sender.askForBell(first), false);
    sender.post(5);
    assert.equal(receiver.next(), 5);
    assert.equal(receiver.finish(false), false);
    const last = sender.post(6);
    receiver.next();
    assert.equal(sender.askForBell(last), true);
    assert.equal(receiver.finish(true), true);
    assert.equal(sender.hasLetter(last), true);
  });

  test('an order that lies ready is carried out next, or taken back, but never both', () => {
    const memory = new SharedArrayBuffer(MAILBOX_BYTES);
    const sender = new MailboxSender(memory);
    const receiver = new MailboxReceiver(memory);
    const first = sender.post(10);
    assert.equal(receiver.next(), 10);
    // Again and again behind the same running order, until its place would be needed: that is what the limit is for.
    const ready = [11, 12, 13].map((order) => {
      assert.equal(sender.hasPlace(first), true);
      const number = sender.post(order);
      assert.equal(sender.isBegun(number), false);
      assert.equal(sender.recall(number), true);
      assert.equal(sender.isBegun(number), true);
      return number;
    });
    assert.equal(sender.hasPlace(first), false);
    assert.ok(ready.every((number) => !sender.isDone(number)));
    receiver.finish(true);
    assert.equal(sender.isDone(first), true);
    assert.equal(sender.hasLetter(first), true);
    const next = sender.post(14);
    const last = sender.post(15);
    assert.equal(receiver.next(), 14);
    assert.equal(sender.recall(next), false);
    receiver.finish(false);
    assert.equal(receiver.next(), 15);
    assert.equal(sender.recall(last), false);
    assert.deepEqual([sender.isDone(next), sender.isDone(last)], [true, false]);
    receiver.finish(false);
    assert.deepEqual([next, last].map((number) => sender.hasLetter(number)), [false, false]);
  });

  test('a thread that takes over finds the order that was posted before it began, and none that was abandoned', async () => {
    const memory = new SharedArrayBuffer(MAILBOX_BYTES);
    const payload = new SharedArrayBuffer(4);
    const cell = new Int32Array(payload);
    const sender = new MailboxSender(memory);
    const abandoned = sender.post(1);
    sender.abandon();
    assert.equal(sender.isDone(abandoned), true);
    // This thread fails at an order that is not the number in the cell: the abandoned one would end it.
    cell[0] = 2;
    const worker = new Worker(new URL('./mailbox-worker.js', import.meta.url), { workerData: { memory, payload } });
    await once(worker, 'online');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const order = sender.post(2);
    while (!sender.isDone(order)) await new Promise(setImmediate);
    assert.equal(cell[0], 5);
    sender.post(Order.leave);
    const [code] = (await once(worker, 'exit')) as [number];
    assert.equal(code, 0);
  });
});
