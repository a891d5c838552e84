// Mailboxes with a real second thread: orders arrive, are seen as done, and the main thread is woken when it asked.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { MailboxReceiver, MailboxSender } from '../../src/shared-memory/mailbox.ts';
import { createSlab, createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { Slab } from '../../src/shared-memory/slab.ts';
import type { MailboxWorkerData } from './mailbox-worker.ts';

const ORDERS = 2_000;
const SIZE = { entriesMax: 1, requestBytes: 8, answerBytes: 8 };

interface Report {
  readonly of: number;
}

/** Both ends in one thread, and the port at which the main thread would be woken. */
function bothEnds(): {
  sender: MailboxSender<Report>; worker: MailboxReceiver<Report>; port: MessagePort; slabs: readonly Slab[];
} {
  const { slabs } = createSlabArena(16, SIZE);
  const sender = new MailboxSender<Report>();
  const { port1, port2 } = new MessageChannel();
  return { sender, worker: new MailboxReceiver<Report>(sender.memory, port2, slabs), port: port1, slabs };
}

/** A second thread at the other end. */
function startWorker(sender: MailboxSender<Report>, slabs: number): {
  worker: Worker; port: MessagePort; cell: Int32Array; arena: readonly Slab[];
} {
  const { port1, port2 } = new MessageChannel();
  const arena = createSlabArena(slabs, SIZE);
  const payload = new SharedArrayBuffer(4);
  const workerData: MailboxWorkerData = { mailbox: sender.memory, port: port2, arena: arena.memory, slabs, payload };
  const worker = new Worker(new URL('./mailbox-worker.js', import.meta.url), { workerData, transferList: [port2] });
  return { worker, port: port1, cell: new Int32Array(payload), arena: arena.slabs };
}

suite('Mailbox', () => {
  test('carries orders one by one to a sleeping thread, with everything written before them', async () => {
    const sender = new MailboxSender<Report>();
    const { worker, port, cell, arena } = startWorker(sender, ORDERS);
    let wakeups = 0;
    let wake = (): void => undefined;
    sender.connect(port, () => {
      wakeups += 1;
      wake();
    });
    let asked = 0;
    for (let order = 0; order < ORDERS; order += 1) {
      cell[0] = order;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const number = sender.post(arena[order]!);
      // Every other time the wakeup is requested at once, so that both orders of the two threads come about.
      if (order % 2 === 0) await new Promise(setImmediate);
      if (sender.requestWakeup(number)) {
        asked += 1;
        while (!sender.isDone(number)) await woken;
      }
      assert.equal(cell[0], order * 2 + 1);
      assert.deepEqual(sender.takeReport(number), order % 3 === 0 ? { of: order } : null);
    }
    // A report is a message too, and wakes as well.
    const reports = Math.ceil(ORDERS / 3);
    assert.ok(asked > 0 && wakeups <= ORDERS + reports, `${asked} asked, ${wakeups} wakeups`);
    sender.dismiss();
    await once(worker, 'exit');
    sender.abandon();
  });

  test('nobody is woken who did not ask, nor who took the request back', () => {
    const { sender, worker, port, slabs } = bothEnds();
    const woken = (): boolean => receiveMessageOnPort(port)?.message === null;
    const first = sender.post(slabs[4]!);
    assert.equal(worker.next(), slabs[4]);
    assert.equal(sender.isDone(first), false);
    worker.finish(null);
    assert.equal(woken(), false);
    assert.equal(sender.isDone(first), true);
    assert.equal(sender.requestWakeup(first), false);
    sender.post(slabs[5]!);
    assert.equal(worker.next(), slabs[5]);
    worker.finish(null);
    assert.equal(woken(), false);
    const last = sender.post(slabs[6]!);
    worker.next();
    assert.equal(sender.requestWakeup(last), true);
    worker.finish({ of: 6 });
    assert.deepEqual([receiveMessageOnPort(port)?.message, woken(), woken()], [{ of: 6 }, true, false]);
    port.close();
  });

  test('a report belongs to its order, whether it was received before or waits in the port', async () => {
    const { sender, worker, port, slabs } = bothEnds();
    const received = new Promise<void>((resolve) => sender.connect(port, resolve));
    const [first, second] = [sender.post(slabs[0]!), sender.post(slabs[1]!)];
    for (const of of [0, 1]) {
      worker.next();
      worker.finish({ of });
      if (of === 0) await received;
    }
    assert.deepEqual([sender.takeReport(first), sender.takeReport(second)], [{ of: 0 }, { of: 1 }]);
    sender.abandon();
  });

  test('an order that lies ready is carried out next, or taken back, but never both', () => {
    const { sender, worker, port, slabs } = bothEnds();
    const first = sender.post(slabs[10]!);
    assert.equal(worker.next(), slabs[10]);
    // Again and again behind the same running order, until its place would be needed: that is what the limit is for.
    const ready = [11, 12, 13].map((order) => {
      assert.equal(sender.hasPlace(first), true);
      const number = sender.post(slabs[order]!);
      assert.equal(sender.isBegun(number), false);
      assert.equal(sender.recall(number), true);
      assert.equal(sender.isBegun(number), true);
      return number;
    });
    assert.equal(sender.hasPlace(first), false);
    assert.ok(ready.every((number) => !sender.isDone(number)));
    sender.connect(port, () => undefined);
    worker.finish({ of: 10 });
    assert.equal(sender.isDone(first), true);
    assert.deepEqual(sender.takeReport(first), { of: 10 });
    const next = sender.post(slabs[14]!);
    const last = sender.post(slabs[15]!);
    assert.equal(worker.next(), slabs[14]);
    assert.equal(sender.recall(next), false);
    worker.finish(null);
    assert.equal(worker.next(), slabs[15]);
    assert.equal(sender.recall(last), false);
    assert.deepEqual([sender.isDone(next), sender.isDone(last)], [true, false]);
    worker.finish(null);
    assert.deepEqual([next, last].map((number) => sender.takeReport(number)), [null, null]);
    sender.abandon();
  });

  test('a slab with memory of its own brings its memory with it; one that nobody knows is refused', () => {
    const { sender, worker, port } = bothEnds();
    sender.connect(port, () => undefined);
    const own = createSlab(SIZE);
    own.append(1, Buffer.from('body'), 1, 2);
    sender.post(own);
    assert.equal(Buffer.from(worker.next()!.request(0)).toString(), 'body');
    worker.finish(null);
    sender.post(createSlabArena(17, SIZE).slabs[16]!);
    assert.throws(() => worker.next(), /names a slab that the arena does not have/);
    sender.abandon();
  });

  test('a thread that takes over finds the order that was posted before it began, and none that was abandoned', async () => {
    const sender = new MailboxSender<Report>();
    const { slabs } = createSlabArena(3, SIZE);
    const abandoned = sender.post(slabs[1]!);
    sender.abandon();
    assert.equal(sender.isDone(abandoned), true);
    // This thread fails at an order that is not the number in the cell: the abandoned one would end it.
    const { worker, port, cell, arena } = startWorker(sender, 3);
    cell[0] = 2;
    sender.connect(port, () => undefined);
    await once(worker, 'online');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const order = sender.post(arena[2]!);
    while (!sender.isDone(order)) await new Promise(setImmediate);
    assert.equal(cell[0], 5);
    sender.dismiss();
    const [code] = (await once(worker, 'exit')) as [number];
    assert.equal(code, 0);
    sender.abandon();
  });
});
