// A worker's channel and the worker's end of its mailbox, in one thread, so that every order of their steps can be had.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MailboxReceiver } from '../../../src/shared-memory/mailbox.ts';
import { createSlabArena } from '../../../src/shared-memory/slab-arena.ts';
import { WorkerChannel } from '../../../src/worker/pool/worker-channel.ts';
import { until } from '../../support/poll.ts';

/** The word of the mailbox in which a wakeup is requested, as it is drawn there. */
const WAKEUP = 384 / Int32Array.BYTES_PER_ELEMENT;
const { slabs } = createSlabArena(4, { entriesMax: 1, requestBytes: 8, answerBytes: 8 });

suite('WorkerChannel', () => {
  test('a wakeup that was taken for the order before is requested again, so that no end of a run is missed', async (t) => {
    const channel = new WorkerChannel(() => undefined);
    const { port1, port2 } = new MessageChannel();
    channel.connect(port1);
    t.after(() => port1.close());
    const words = new Int32Array(channel.memory);
    const worker = new MailboxReceiver(channel.memory, port2, slabs);
    const run = new Promise((resolve, reject) => {
      channel.start({ slab: slabs[3]!, resolve, reject });
    });
    assert.equal(worker.next(), slabs[3]);
    channel.look();
    // The worker, which was held up behind the end of the order before, takes the request only now.
    assert.equal(Atomics.exchange(words, WAKEUP, 0), 1);
    port2.postMessage(null);
    await until('the wakeup is requested again', () => Atomics.load(words, WAKEUP) === 1);
    worker.finish(null);
    assert.deepEqual(await run, { overflow: [] });
  });
});
