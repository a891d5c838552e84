// Every accepted request gets exactly one outcome, whatever becomes of its batch.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorBody, isLastgoodError, lastgoodError } from '../../src/base/errors.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { NOT_ASKED } from '../../src/shared-memory/source-ids.ts';
import { until } from '../support/poll.ts';
import { benchWith, codeOf, turn } from './workers.ts';

describe('Batcher', () => {
  test('who is drawn is asked who it is, once, and its entry carries the answer; the others were not asked', async () => {
    const drawn: (readonly [source: number, requests: number])[] = [];
    const { batcher, workers, clock } = benchWith({ onSource: (...one) => void drawn.push(one) });
    const ask = (source: number): unknown => batcher.submit(
      EntryKind.predictJson, Buffer.from('{}'), { source: () => source, answer: () => undefined }, clock.nowUs);
    ask(0xfffffff1);
    ask(7);
    ask(8);
    clock.nowUs += 10_000;
    ask(9);
    await turn();
    assert.deepEqual([0, 1, 2, 3].map((entry) => workers.running[0]!.slab.source(entry)),
      [0xfffffff1, NOT_ASKED, NOT_ASKED, 9]);
    assert.deepEqual(drawn, [[0xfffffff1, 1], [9, 3]]);
    workers.finish();
    await turn();
  });

  test('a ticket cancelled before the cut is neither run nor answered', async () => {
    const { batcher, workers, ask } = benchWith();
    const gone = ask('gone');
    const stays = ask('stays');
    gone.ticket.cancel();
    gone.ticket.cancel();
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual([gone.answers, stays.answers], [[], [{ status: 200, body: '1:stays' }]]);
    assert.deepEqual([batcher.pending, batcher.counts.answered, batcher.counts.cancelled], [0, 1, 1]);
  });

  test('a ticket cancelled after the cut is not answered, and the slab of a running worker is not written to', async () => {
    const { batcher, workers, ask } = benchWith();
    const { ticket, answers } = ask('gone');
    await turn();
    const status = workers.running[0]!.slab.status(0);
    ticket.cancel();
    assert.equal(workers.running[0]!.slab.status(0), status);
    assert.equal(batcher.pending, 0);
    workers.finish();
    await turn();
    assert.deepEqual(answers, []);
    ticket.cancel();
    assert.equal(batcher.counts.cancelled, 1);
  });

  test('a request given up before the cut is not run, the others of its batch are', async () => {
    const { workers, ask } = benchWith();
    const [stays, gone] = ['stays', 'gone'].map((body) => ask(body));
    gone!.ticket.cancel();
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual([workers.cuts, workers.ran], [[['stays', 'gone']], ['stays']]);
    assert.deepEqual([stays!.answers.length, gone!.answers.length], [1, 0]);
  });

  test('a batch that no worker had begun is cut again, first and for the generation of then', async () => {
    const { batcher, workers, ask } = benchWith({ batchSizeMax: 2 });
    workers.room = 1;
    const asked = ['a', 'b', 'c', 'd', 'e'].map((body) => ask(body));
    await turn();
    assert.deepEqual(workers.cuts, [['a', 'b'], ['c', 'd']]);
    asked[2]!.ticket.cancel();
    workers.generation = 2;
    workers.recall(1);
    await turn();
    workers.finish();
    workers.finish();
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual(asked.map(({ answers }) => answers.map(({ body }) => body)),
      [['1:a'], ['1:b'], [], ['2:d'], ['2:e']]);
    assert.deepEqual([batcher.pending, batcher.counts.answered, batcher.counts.batches], [0, 4, 3]);
    await batcher.drain();
  });

  test('a batch that is given back after all its clients have left is let go', async () => {
    const { batcher, workers, ask } = benchWith({ batchSizeMax: 1 });
    workers.room = 1;
    const [stays, gone] = ['stays', 'gone'].map((body) => ask(body));
    await turn();
    gone!.ticket.cancel();
    workers.recall(1);
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual([stays!.answers.length, gone!.answers.length, workers.cuts.length], [1, 0, 2]);
    await batcher.drain();
  });

  test('a cancel after the answer, or out of the answer itself, changes nothing', async () => {
    const { batcher, workers } = benchWith();
    let calls = 0;
    const ticket = batcher.submit(EntryKind.predictJson, Buffer.from('x'), {
      answer: () => {
        calls += 1;
        ticket.cancel();
      },
    }, 0);
    await turn();
    workers.finish();
    await turn();
    ticket.cancel();
    assert.deepEqual([calls, batcher.pending, batcher.counts.answered, batcher.counts.cancelled], [1, 0, 1, 0]);
  });

  test('answers go out as the batches end, in whatever order that is', async () => {
    const { workers, ask } = benchWith({ workers: 2, batchSizeMax: 1 });
    const [slow, fast] = ['slow', 'fast'].map((body) => ask(body));
    await turn();
    workers.finish(1);
    await turn();
    assert.deepEqual([slow!.answers.length, fast!.answers[0]?.body], [0, '1:fast']);
    workers.finish();
    await turn();
    assert.equal(slow!.answers[0]?.body, '1:slow');
  });

  test('a deadline that passes in the queue answers 504 once, and the request is not run later', async () => {
    const { batcher, workers, clock, ask } = benchWith({ workers: 0 });
    const late = ask('late');
    clock.nowUs += 999_999;
    const young = ask('young');
    clock.nowUs += 1;
    await until('the deadline is noticed', () => late.answers.length > 0);
    assert.equal(late.answers[0]?.status, 504);
    assert.equal(codeOf(late.answers[0]), 'DEADLINE_EXCEEDED');
    workers.free = 1;
    batcher.wake();
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual(young.answers, [{ status: 200, body: '1:young' }]);
    assert.equal(late.answers.length, 1);
    assert.deepEqual([batcher.counts.expired, batcher.pending], [1, 0]);
  });

  test('deadlines that pass together in several queued batches are all answered at the same look', async () => {
    const { clock, ask } = benchWith({ workers: 0, batchSizeMax: 1 });
    const asked = ['a', 'b', 'c', 'd', 'e'].map((body) => ask(body));
    clock.nowUs += 1_000_000;
    await until('the deadline is noticed', () => asked[0]!.answers.length > 0);
    assert.deepEqual(asked.map(({ answers }) => answers.map(({ status }) => status)), asked.map(() => [504]));
  });

  test('a deadline that passes in the run answers 504 once, and the late answer is dropped', async () => {
    const { batcher, workers, clock, ask } = benchWith();
    const { answers, ticket } = ask('late');
    await turn();
    clock.nowUs += 1_000_000;
    await until('the deadline is noticed', () => answers.length > 0);
    workers.finish();
    await turn();
    ticket.cancel();
    assert.deepEqual(answers.map(({ status }) => status), [504]);
    assert.deepEqual([batcher.counts.answered, batcher.counts.cancelled, batcher.pending], [1, 0, 0]);
  });

  test('requests whose deadline passes in a run that does not end are reported, and those that waited for it', async () => {
    const { workers, unanswered, clock, ask } = benchWith({ batchSizeMax: 2 });
    workers.generation = 7;
    const asked = ['run', 'run'].map((body) => ask(body));
    await turn();
    clock.nowUs += 1_000;
    asked.push(...['behind', 'behind', 'behind'].map((body) => ask(body)));
    clock.nowUs += 1_000_000;
    await until('the deadline is noticed', () => asked.every(({ answers }) => answers.length > 0));
    assert.ok(unanswered.every(({ generation, why }) => generation === 7 && why === 'deadline'));
    assert.equal(unanswered.reduce((sum, { requests }) => sum + requests, 0), 5);
  });

  test('requests that expire because the queue is long, or by a timeout of their own, are nobody\'s fault', async () => {
    const { workers, unanswered, clock, ask } = benchWith({ batchSizeMax: 1 });
    ask('first');
    await turn();
    clock.nowUs += 10;
    const late = ['expires in its short run', 'expires in the queue'].map((body) => ask(body));
    clock.nowUs += 600_000;
    workers.finish();
    await turn();
    const impatient = ask('impatient', undefined, 399_000);
    clock.nowUs += 400_000;
    await until('all are noticed', () => [...late, impatient].every(({ answers }) => answers.length > 0));
    assert.deepEqual([...late, impatient].map(({ answers }) => answers[0]?.status), [504, 504, 504]);
    assert.deepEqual(unanswered, []);
  });

  test('a dispatch that throws answers everybody in the batch and takes the next batch when it works again', async () => {
    const { batcher, workers, ask } = benchWith();
    workers.refusal = lastgoodError('NO_ACTIVE_VERSION', { model: 'm' });
    const refused = ['a', 'b', 'c', 'd', 'e'].map((body) => ask(body));
    await turn();
    for (const { answers } of refused) {
      assert.deepEqual(answers.map(({ status }) => status), [503]);
      assert.equal(codeOf(answers[0]), 'NO_ACTIVE_VERSION');
    }
    workers.refusal = null;
    const next = ask('next');
    await turn();
    workers.finish();
    await turn();
    assert.deepEqual([next.answers[0]?.status, batcher.pending], [200, 0]);
  });

  test('a lost batch answers everybody with its reason, reports how many there were, and the queue goes on', async () => {
    const { batcher, workers, unanswered, ask } = benchWith();
    const asked = ['a', 'b', 'c'].map((body) => ask(body));
    await turn();
    const next = ask('next');
    asked[1]!.ticket.cancel();
    const reason = lastgoodError('MODEL_FAILED', { model: 'm', version: '1', reason: 'its worker ended' });
    workers.lose(reason);
    await turn();
    assert.deepEqual(asked.map(({ answers }) => answers.map(codeOf)), [['MODEL_FAILED'], [], ['MODEL_FAILED']]);
    assert.deepEqual(asked[0]!.answers, [{ status: 500, body: JSON.stringify(errorBody(reason).body) }]);
    assert.deepEqual(unanswered, [{ generation: 1, requests: 2, why: 'lost' }]);
    workers.finish();
    await turn();
    assert.deepEqual([next.answers[0]?.status, batcher.pending], [200, 0]);
  });

  test('an entry that its worker left without an answer gets an error, not silence', async () => {
    const { batcher, workers, unanswered, ask } = benchWith();
    const asked = ['a', 'b'].map((body) => ask(body));
    await turn();
    workers.running[0]!.slab.setAnswer(1, 200, Buffer.from('done'));
    workers.forget();
    await turn();
    assert.deepEqual(asked.map(({ answers }) => answers.map(({ status }) => status)), [[500], [200]]);
    assert.equal(codeOf(asked[0]!.answers[0]), 'INTERNAL');
    assert.deepEqual([unanswered, batcher.pending], [[], 0]);
  });

  test('a refused frame of the JSON WebSocket carries the id of its frame', async () => {
    const { workers, ask } = benchWith();
    workers.refusal = lastgoodError('NO_ACTIVE_VERSION', { model: 'm' });
    const { answers } = ask('{"id":"x7","features":[1]}', EntryKind.socketJson);
    await turn();
    assert.equal((JSON.parse(answers[0]!.body) as { id: unknown }).id, 'x7');
    assert.equal(codeOf(answers[0]), 'NO_ACTIVE_VERSION');
  });

  test('drain refuses what comes next and resolves when the last answer has gone out', async () => {
    const { batcher, workers, ask } = benchWith({ batchSizeMax: 1 });
    const [running, queued] = ['running', 'queued'].map((body) => ask(body));
    await turn();
    let isDrained = false;
    const drained = batcher.drain().then(() => (isDrained = true));
    assert.throws(() => ask('late'), (error) => isLastgoodError(error) && error.code === 'DRAINING');
    workers.finish();
    await turn();
    assert.deepEqual([running!.answers.length, isDrained], [1, false]);
    workers.finish();
    await drained;
    assert.equal(queued!.answers[0]?.body, '1:queued');
    assert.deepEqual([batcher.pending, batcher.counts.refusedDraining], [0, 1]);
    await batcher.drain();
  });

  test('drain waits for a running batch that nobody wants any more, because its worker still uses the slab', async () => {
    const { batcher, workers, ask } = benchWith();
    const { ticket } = ask('gone');
    await turn();
    let isDrained = false;
    const drained = batcher.drain().then(() => (isDrained = true));
    ticket.cancel();
    await turn();
    assert.equal(isDrained, false);
    workers.finish();
    await drained;
  });
});
