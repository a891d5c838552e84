// A seat and the worker's end of its mailbox, in one thread: what a missed signal would leave is found by a nudge.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MailboxReceiver } from '../../src/shared-memory/mailbox.ts';
import { Seat } from '../../src/worker/seat.ts';

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
    assert.equal(seat.nudge(), 'posted 2, begun 2, done 1, bell 0');
    assert.deepEqual(await first, { kind: 'batch', overflow: [] });
    assert.deepEqual([seat.busy, settled], [1, 1]);
    worker.finish(false);
    seat.nudge();
    await second;
    port1.close();
    port2.close();
  });
});
