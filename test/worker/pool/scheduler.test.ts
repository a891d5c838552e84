// The places at a deployment's workers, with the workers' ends of the mailboxes in the same thread.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { MailboxReceiver } from '../../../src/shared-memory/mailbox.ts';
import { createSlab, createSlabArena } from '../../../src/shared-memory/slab-arena.ts';
import { BatchScheduler } from '../../../src/worker/pool/scheduler.ts';

const SIZE = { entriesMax: 1, requestBytes: 8, answerBytes: 8 };
const { slabs } = createSlabArena(8, SIZE);

interface Far {
  /** Begins and ends the next batch. */
  carryOut(): void;
}

/** A scheduler whose workers do what the test says. */
function schedulerOf(t: TestContext, workers: number): { scheduler: BatchScheduler; far: Far[]; idle: () => number } {
  let idle = 0;
  const scheduler = new BatchScheduler(workers, () => (idle += 1));
  const far = scheduler.channels.map((channel) => {
    const { port1, port2 } = new MessageChannel();
    scheduler.connect(channel, port1);
    t.after(() => channel.vacate());
    const receiver = new MailboxReceiver(channel.memory, port2, slabs);
    return {
      carryOut: () => {
        receiver.next();
        receiver.finish(null);
      },
    };
  });
  return { scheduler, far, idle: () => idle };
}

suite('BatchScheduler', () => {
  test('the queue gets the free workers, and behind a running batch what may queue there', async (t) => {
    const { scheduler, far, idle } = schedulerOf(t, 2);
    const places = (): boolean[] => [
      scheduler.hasPlace('queue'), scheduler.hasPlace('queue', true), scheduler.hasPlace('shielded', true),
    ];
    const seen = [places()];
    const runs = slabs.slice(0, 4).map((slab) => {
      const run = scheduler.run(slab, 'queue');
      seen.push(places());
      return run;
    });
    assert.deepEqual(seen, [
      [true, true, true], [true, true, true], [false, true, false], [false, true, false], [false, false, false],
    ]);
    for (const worker of [...far, ...far]) worker.carryOut();
    assert.deepEqual(await Promise.all(runs), Array.from({ length: 4 }, () => ({ overflow: [] })));
    assert.deepEqual([places(), scheduler.busy, idle()], [[true, true, true], 0, 1]);
  });

  test('large requests get all workers but one, a free one each, and nothing is laid behind them', async (t) => {
    const { scheduler, far } = schedulerOf(t, 3);
    const large = Array.from({ length: 2 }, () => Object.assign(createSlab(SIZE), { isLarge: true }));
    const places = (): boolean[] => [
      scheduler.hasPlace('queue', false, true), scheduler.hasPlace('queue'), scheduler.hasPlace('queue', true),
    ];
    const runs = large.map((slab) => scheduler.run(slab, 'queue'));
    assert.deepEqual(places(), [false, true, true]);
    for (const slab of slabs.slice(0, 2)) runs.push(scheduler.run(slab, 'queue'));
    assert.deepEqual(places(), [false, false, false]);
    assert.deepEqual(scheduler.channels.map(({ busy }) => busy), [1, 1, 2]);
    far[2]!.carryOut();
    far[2]!.carryOut();
    await Promise.all(runs.slice(2));
    assert.deepEqual(places(), [false, true, true]);
    for (const worker of far.slice(0, 2)) worker.carryOut();
    await Promise.all(runs);
    assert.deepEqual(places(), [true, true, true]);
  });

  test('the only worker runs a large request when it is free, and nothing is laid behind that', async (t) => {
    const { scheduler, far } = schedulerOf(t, 1);
    const small = scheduler.run(slabs[0]!, 'queue');
    assert.deepEqual([scheduler.hasPlace('queue', false, true), scheduler.hasPlace('queue', true)], [false, true]);
    far[0]!.carryOut();
    await small;
    assert.equal(scheduler.hasPlace('queue', false, true), true);
    const large = scheduler.run(Object.assign(createSlab(SIZE), { isLarge: true }), 'queue');
    assert.deepEqual([scheduler.hasPlace('queue', true), scheduler.hasPlace('queue', true, true)], [false, false]);
    far[0]!.carryOut();
    await large;
    assert.equal(scheduler.hasPlace('queue'), true);
  });

  test('a named version gets as many as there are workers, beside the queue, which counts them', async (t) => {
    const { scheduler, far } = schedulerOf(t, 2);
    const runs = [scheduler.run(slabs[0]!, 'queue'), scheduler.run(slabs[1]!, 'queue')];
    assert.deepEqual([scheduler.hasPlace('named'), scheduler.hasPlace('queue')], [true, false]);
    for (let count = 0; count < far.length; count += 1) {
      assert.equal(scheduler.hasPlace('named'), true);
      runs.push(scheduler.run(createSlab(SIZE), 'named'));
    }
    assert.deepEqual([scheduler.hasPlace('named'), scheduler.hasPlace('queue', true)], [false, false]);
    for (const worker of [...far, ...far]) worker.carryOut();
    await Promise.all(runs);
    assert.equal(scheduler.hasPlace('named'), true);
  });

  test('a shielded batch may hold its place after its run; second runs take places, replays do not', async (t) => {
    const { scheduler, far } = schedulerOf(t, 1);
    const release = scheduler.holdPlace();
    assert.deepEqual([scheduler.hasPlace('shielded'), scheduler.hasPlace('queue')], [false, true]);
    release();
    assert.equal(scheduler.hasPlace('shielded'), true);
    const replay = scheduler.run(createSlab(SIZE), 'replay');
    assert.equal(scheduler.hasPlace('shielded'), true);
    far[0]!.carryOut();
    await replay;
    const aside = scheduler.run(slabs[0]!, 'aside');
    assert.deepEqual([scheduler.hasPlace('shielded'), scheduler.hasPlace('queue')], [false, false]);
    far[0]!.carryOut();
    await aside;
  });

  test('what waits for a worker is bounded, and a worker that is lost gives its place back', async (t) => {
    const { scheduler } = schedulerOf(t, 1);
    const runs = slabs.slice(0, 4).map((slab) => scheduler.run(slab, 'aside'));
    await assert.rejects(scheduler.run(slabs[4]!, 'aside'), /2 wait for a worker already/);
    scheduler.loseAll(new Error('gone'));
    for (const run of runs) await assert.rejects(run, /gone/);
    assert.deepEqual([scheduler.hasPlace('shielded'), scheduler.busy], [true, 0]);
  });

  test('it is manned while any worker is there, and not before the first one or after the last', (t) => {
    assert.equal(new BatchScheduler(2, () => undefined).isManned, false);
    const { scheduler } = schedulerOf(t, 2);
    assert.equal(scheduler.isManned, true);
    for (const [index, channel] of scheduler.channels.entries()) {
      scheduler.lose(channel, new Error('it ended'), false);
      assert.equal(scheduler.isManned, index === 0);
    }
  });

  test('what is recalled comes back the newest first, so that a queue can put each at its head', async (t) => {
    const { scheduler } = schedulerOf(t, 1);
    const order: number[] = [];
    const runs = slabs.slice(0, 3).map((slab) => scheduler.run(slab, 'queue').then(({ isRecalled }) => {
      assert.equal(isRecalled, true);
      order.push(slab.index);
    }));
    scheduler.recall();
    assert.equal(scheduler.hasPlace('queue'), true);
    await Promise.all(runs);
    assert.deepEqual(order, [2, 1, 0]);
  });
});
