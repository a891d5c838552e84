// When a batch is cut, what is in it, and for which generation.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SLOW_BATCH_US } from '../../src/batch/cut-timer.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { until } from '../support/poll.ts';
import { benchWith, turn } from './workers.ts';

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `r${from + index}`);

describe('Batcher cuts', () => {
  test('one batch of all requests of a turn when the turn has ended, not before', async () => {
    const { workers, ask } = benchWith();
    names(3).forEach((name) => ask(name));
    assert.deepEqual(workers.cuts, []);
    await turn();
    assert.deepEqual(workers.cuts, [names(3)]);
  });

  test('a single request at once when a worker is free: it never waits for company', async () => {
    const { workers, ask } = benchWith();
    const { answers } = ask('alone');
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual(answers, [{ status: 200, body: '1:alone' }]);
  });

  test('a batch ahead of time, behind a running one, once it has half of all that is pending', async () => {
    const { workers, ask } = benchWith({ batchSizeMax: 64, pendingMax: 64 });
    workers.room = 1;
    names(4).forEach((name) => ask(name));
    await turn();
    names(3, 4).forEach((name) => ask(name));
    await turn();
    assert.deepEqual(workers.cuts, [names(4)], '3 of 7 are less than half');
    ask('r7');
    await turn();
    assert.deepEqual(workers.cuts, [names(4), names(4, 4)]);
    names(20, 8).forEach((name) => ask(name));
    await turn();
    assert.equal(workers.cuts.length, 2, 'there is room for one only');
    workers.finish();
    await turn();
    assert.deepEqual(workers.cuts[2], names(20, 8));
  });

  test('a smaller batch ahead of time where the runs take long', async () => {
    const { workers, ask } = benchWith({ batchSizeMax: 64, pendingMax: 64 });
    workers.room = 1;
    names(8).forEach((name) => ask(name));
    await turn();
    workers.running[0]!.slab.ranUs = SLOW_BATCH_US + 1;
    workers.finish();
    names(6, 8).forEach((name) => ask(name));
    await turn();
    ask('r14');
    await turn();
    assert.deepEqual(workers.cuts.slice(1), [names(6, 8)], '1 of 7 is less than a quarter');
    ask('r15');
    await turn();
    assert.deepEqual(workers.cuts.slice(2), [names(2, 14)]);
  });

  test('a full batch ahead of time, whatever else is pending', async () => {
    const { workers, ask } = benchWith({ batchSizeMax: 2 });
    workers.room = 1;
    names(7).forEach((name) => ask(name));
    await turn();
    assert.deepEqual(workers.cuts, [names(2), names(2, 2)]);
  });

  test('no batch while every worker is busy, and everything that gathered meanwhile when one is free', async () => {
    const { workers, ask } = benchWith();
    ask('first');
    await turn();
    for (const name of names(3)) {
      ask(name);
      await turn();
    }
    assert.deepEqual(workers.cuts, [['first']]);
    workers.finish();
    await turn();
    assert.deepEqual(workers.cuts, [['first'], names(3)]);
  });

  test('at most batchSizeMax requests, in the order in which they came, over all free workers', async () => {
    const { workers, ask } = benchWith({ workers: 2 });
    names(11).forEach((name) => ask(name));
    await turn();
    assert.deepEqual(workers.cuts, [names(4), names(4, 4)]);
    workers.finish(1);
    await turn();
    assert.deepEqual(workers.cuts[2], names(3, 8));
  });

  test('at most slabBytes of request bytes, and a larger request alone in memory of its own', async () => {
    const { workers, ask } = benchWith({ workers: 9 });
    const large = 'L'.repeat(5_000);
    const asked = ['a'.repeat(3_000), 'b'.repeat(1_000), 'c'.repeat(200), large, 'd'].map((body) => ask(body));
    await turn();
    assert.deepEqual(workers.running.map(({ isSingle }) => isSingle), [false, false, true]);
    assert.deepEqual(workers.cuts.map((cut) => cut.map((body) => body[0])), [['a', 'b'], ['c', 'd'], ['L']]);
    while (workers.running.length > 0) workers.finish();
    await turn();
    for (const { body, answers } of asked) assert.deepEqual(answers, [{ status: 200, body: `1:${body}` }]);
  });

  test('answers that overflow the slab arrive all the same', async () => {
    const { workers, ask } = benchWith();
    // Two bytes of each answer come before the body, so the last one does not fit.
    const asked = ['a', 'b', 'c', 'd'].map((fill) => ask(fill.repeat(1_024)));
    await turn();
    workers.finish();
    await turn();
    for (const { body, answers } of asked) assert.deepEqual(answers, [{ status: 200, body: `1:${body}` }]);
  });

  test('the generation at the cut and not at the arrival', async () => {
    const { batcher, workers, ask } = benchWith();
    const first = ask('first');
    await turn();
    const queued = ask('queued');
    await turn();
    workers.generation = 2;
    batcher.wake();
    workers.finish();
    await turn();
    workers.finish();
    await turn();
    assert.equal(first.answers[0]?.body, '1:first');
    assert.equal(queued.answers[0]?.body, '2:queued');
  });

  test('after wake when a worker became free without an answer', async () => {
    const { batcher, workers, ask } = benchWith({ workers: 0 });
    ask('patient');
    await turn();
    assert.deepEqual(workers.cuts, []);
    workers.free = 1;
    await turn();
    assert.deepEqual(workers.cuts, [], 'nobody told the batcher yet');
    batcher.wake();
    await turn();
    assert.deepEqual(workers.cuts, [['patient']]);
  });

  test('nothing that everybody has given up', async () => {
    const { workers, ask } = benchWith();
    const { ticket } = ask('given up');
    ticket.cancel();
    await turn();
    assert.deepEqual(workers.cuts, []);
  });
});

describe('Batcher with batchDelayUs', () => {
  test('keeps the open batch for company until its first request has waited so long, and no longer', async () => {
    const { workers, clock, ask } = benchWith({ batchDelayUs: 5_000 });
    ask('a');
    await turn();
    clock.nowUs += 3_000;
    ask('b');
    await turn();
    assert.deepEqual(workers.cuts, []);
    clock.nowUs += 2_000;
    await until('the batch is cut', () => workers.cuts.length > 0);
    assert.deepEqual(workers.cuts, [['a', 'b']]);
  });

  test('does not hold back a full batch', async () => {
    const { workers, ask } = benchWith({ batchDelayUs: 1_000_000 });
    ask('r0');
    await turn();
    names(3, 1).forEach((name) => ask(name));
    await turn();
    assert.deepEqual(workers.cuts, [names(4)]);
  });

  test('does not hold back what waited for a worker longer than that', async () => {
    const { workers, clock, ask } = benchWith({ batchDelayUs: 1_000_000, batchSizeMax: 2 });
    ask('a');
    ask('b');
    await turn();
    ask('c');
    clock.nowUs += 1_000_001;
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual(workers.cuts, [['a', 'b'], ['c']]);
  });

  test('keeps company only for the open batch while full ones go at once', async () => {
    const { workers, clock, ask } = benchWith({ batchDelayUs: 20_000, workers: 9 });
    names(5).forEach((name) => ask(name));
    await turn();
    assert.deepEqual(workers.cuts, [names(4)]);
    clock.nowUs += 20_000;
    await until('the rest is cut', () => workers.cuts.length === 2);
    assert.deepEqual(workers.cuts[1], ['r4']);
  });
});

describe('Batcher limits', () => {
  test('refuses with QUEUE_FULL at pendingMax, counts it, and accepts again when an answer has gone out', async () => {
    const { batcher, workers, ask } = benchWith({ workers: 0, pendingMax: 6 });
    names(6).forEach((name) => ask(name));
    assert.throws(
      () => ask('too much'), { code: 'QUEUE_FULL', status: 429, message: /6 are pending; at most 6/ });
    assert.deepEqual([batcher.pending, batcher.counts.accepted, batcher.counts.refusedQueueFull], [6, 6, 1]);
    workers.free = 1;
    batcher.wake();
    await turn();
    workers.finish();
    await turn();
    ask('fits again');
  });

  test('requests that come and are given up behind one that waits for a worker take no memory for good', async () => {
    const { batcher, workers, ask } = benchWith({ workers: 0, pendingMax: 8 });
    const patient = ask('p'.repeat(2_100));
    for (let round = 0; round < 20; round += 1) {
      const asked = Array.from({ length: 6 }, () => ask('x'.repeat(2_100)));
      asked.push(ask('y'.repeat(9_000)));
      for (const { ticket } of asked) ticket.cancel();
      await turn();
    }
    assert.deepEqual([batcher.pending, batcher.counts.cancelled, patient.answers.length], [1, 20 * 7, 0]);
    workers.free = 9;
    batcher.wake();
    await turn();
    assert.deepEqual(workers.cuts, [[patient.body]]);
  });

  test('after a slow batch the next one is cut before its answers go out, after a quick one behind them', async () => {
    for (const [tookUs, seen] of [[SLOW_BATCH_US + 1, 2], [SLOW_BATCH_US, 1]] as const) {
      const { batcher, workers, clock, ask } = benchWith();
      const cutsAtAnswer: number[] = [];
      batcher.submit(EntryKind.predictJson, Buffer.from('first'), {
        answer: () => void cutsAtAnswer.push(workers.cuts.length),
      }, clock.nowUs);
      await turn();
      const second = ask('second');
      await turn();
      assert.equal(workers.cuts.length, 1);
      clock.nowUs += tookUs;
      workers.finish();
      await turn();
      assert.deepEqual(cutsAtAnswer, [seen]);
      workers.finish();
      await turn();
      assert.equal(second.answers.length, 1);
      await batcher.drain();
    }
  });
});
