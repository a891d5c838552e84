// A seat and the worker's end of its mailbox, in one thread, so that every order of their steps can be had.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MailboxReceiver } from '../../../src/shared-memory/mailbox.ts';
import { Seat } from '../../../src/worker/pool/worker-channel.ts';
import { Seating } from '../../../src/worker/pool/scheduler.ts';
import { until } from '../../support/poll.ts';

/** The bell's word in the mailbox, as it is drawn there. */
const BELL = 384 / Int32Array.BYTES_PER_ELEMENT;

suite('Seat', () => {
  test('a bell that was taken for the order before is asked for again, so that no end of a run is missed', async (t) => {
    const seat = new Seat(() => undefined);
    const { port1, port2 } = new MessageChannel();
    seat.connect(port1);
    t.after(() => port1.close());
    const words = new Int32Array(seat.memory);
    const worker = new MailboxReceiver(seat.memory);
    const run = new Promise((resolve, reject) => {
      seat.start({ task: { kind: 'batch', slab: 3 }, resolve, reject });
    });
    assert.equal(worker.next(), 3);
    seat.lookOrWait();
    // The worker, which was held up behind the end of the order before, takes the bell only now.
    assert.equal(Atomics.exchange(words, BELL, 0), 1);
    port2.postMessage(null);
    await until('the bell is asked for again', () => Atomics.load(words, BELL) === 1);
    assert.equal(worker.finish(false), true);
    port2.postMessage(null);
    assert.deepEqual(await run, { kind: 'batch', overflow: [] });
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
