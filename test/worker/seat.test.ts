// A seat and the worker's end of its mailbox, in one thread: what a missed signal would leave is found by a nudge.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MailboxReceiver } from '../../src/shared-memory/mailbox.ts';
import { Seat } from '../../src/worker/seat.ts';
import { Seating } from '../../src/worker/seating.ts';

suite('Seat', () => {
  test('a batch that is over without a signal is settled by a nudge, and one that is not over stays', async () => {
    let settled = 0;
    const seat = new Seat(() => (settled += 1));
    const { port1, port2 } = new MessageChannel();
    seat.connect(port1);
    const worker = new MailboxReceiver(seat.memory);
    const [first, second] = [3, 4].map((slab) => new Promise((resolve, reject) => {
      seat.start({ task: { kind: 'batch', slab }, resolve, reject });
    }));
    assert.equal(worker.next(), 3);
    assert.equal(worker.finish(false), false, 'nobody asked to be told');
    assert.equal(worker.next(), 4);
    assert.deepEqual([seat.busy, settled], [2, 0]);
    assert.equal(seat.state, 'posted 2, begun 2, done 1, bell 0');
    assert.equal(seat.nudge(), false, 'a signal may still be on its way');
    assert.deepEqual([seat.busy, settled], [2, 0]);
    assert.equal(seat.nudge(), true);
    assert.deepEqual(await first, { kind: 'batch', overflow: [] });
    assert.deepEqual([seat.busy, settled], [1, 1]);
    assert.deepEqual([seat.nudge(), seat.nudge()], [false, false], 'the second one is still run');
    worker.finish(false);
    assert.deepEqual([seat.nudge(), seat.nudge()], [false, true]);
    await second;
    port1.close();
    port2.close();
  });
});

suite('Seating', () => {
  test('what is taken back comes back the newest first, so that a queue can put each at its head', async () => {
    const seating = new Seating(1, () => undefined);
    const { port1, port2 } = new MessageChannel();
    seating.connect(seating.seats[0]!, port1);
    const order: number[] = [];
    const runs = [0, 1, 2].map((slab) => seating.run({ kind: 'batch', slab }).then(({ isTakenBack }) => {
      assert.equal(isTakenBack, true);
      order.push(slab);
    }));
    seating.takeBack();
    await Promise.all(runs);
    assert.deepEqual(order, [2, 1, 0]);
    port1.close();
    port2.close();
  });
});
