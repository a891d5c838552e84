// What sendRows does with a rate, slow answers and an end that comes early; clock and answers are the test's.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RowAnswer, WAITING_MAX, sendRows } from '../../../src/cli/send/sender.ts';
import type { Run, Sent } from '../../../src/cli/send/sender.ts';

const by = (version: string): RowAnswer => ({ status: 200, version, code: null });
const BUSY: RowAnswer = { status: 429, version: null, code: 'QUEUE_FULL' };

interface Try {
  readonly rate: number;
  readonly count: number;
  readonly answer: (index: number) => RowAnswer;
  /** How long an answer takes, in ms of the test's clock. */
  readonly tookMs?: (index: number) => number;
  readonly stopAt?: number;
}

/** Sends on a clock that only pauses move; tells when each request was sent, too. */
async function send(given: Try): Promise<{ sent: Sent; told: Run[]; sentMs: number[]; waitingMost: number }> {
  let nowMs = 0;
  let waiting = 0;
  let waitingMost = 0;
  const open: { dueMs: number; answer: () => void }[] = [];
  const stop = new AbortController();
  const [told, sentMs]: [Run[], number[]] = [[], []];
  const moveTo = (ms: number): void => {
    nowMs = Math.max(nowMs, ms);
    for (const one of open.filter(({ dueMs }) => dueMs <= nowMs)) {
      open.splice(open.indexOf(one), 1);
      one.answer();
    }
  };
  const sending = sendRows({
    rate: given.rate, count: given.count, signal: stop.signal, nowMs: () => nowMs,
    pause: async (ms) => {
      moveTo(nowMs + ms);
      await Promise.resolve();
    },
    ask: async (index) => {
      sentMs.push(nowMs);
      waitingMost = Math.max(waitingMost, (waiting += 1));
      if (index + 1 === given.stopAt) stop.abort();
      const tookMs = given.tookMs?.(index) ?? 0;
      if (tookMs > 0) await new Promise<void>((answer) => open.push({ dueMs: nowMs + tookMs, answer }));
      waiting -= 1;
      return given.answer(index);
    },
    onRun: (run) => void told.push({ ...run }),
    onSent: () => undefined,
  });
  // Whoever waits for answers without a pause has the clock go on to the next one.
  const ticking = setInterval(() => {
    const next = Math.min(...open.map(({ dueMs }) => dueMs));
    if (Number.isFinite(next)) moveTo(next);
  }, 1);
  const sent = await sending;
  clearInterval(ticking);
  return { sent, told, sentMs, waitingMost };
}

describe('sendRows', () => {
  test('sends at its rate, and tells of each run of equal answers when it is over', async () => {
    const answer = (index: number): RowAnswer => (index < 3 ? by('2') : index < 5 ? BUSY : by('1'));
    const { sent, told, sentMs } = await send({ rate: 20, count: 6, answer });
    assert.deepEqual(sentMs, [0, 50, 100, 150, 200, 250]);
    assert.deepEqual(told, [{ ...by('2'), count: 3 }, { ...BUSY, count: 2 }, { ...by('1'), count: 1 }]);
    assert.deepEqual([sent.sent, sent.answered, sent.runs], [6, 4, told]);
  });

  test('never has more requests waiting than its bound, and catches up on none of them in a burst', async () => {
    const { sent, sentMs, waitingMost } = await send({
      rate: 1_000, count: WAITING_MAX + 20, answer: () => by('1'), tookMs: (index) => (index < WAITING_MAX ? 500 : 0),
    });
    assert.equal(waitingMost, WAITING_MAX);
    assert.equal(sent.answered, WAITING_MAX + 20);
    const late = sentMs.slice(WAITING_MAX);
    assert.ok(late[0]! >= 500, String(late[0]));
    assert.ok(late.every((ms, index) => index === 0 || ms - late[index - 1]! >= 1), late.join(' '));
  });

  test('ends when it is told to, waits for what is outstanding, and has no times without an answer', async () => {
    const ended = await send({ rate: 10, count: Infinity, answer: () => by('1'), tookMs: () => 5_000, stopAt: 4 });
    assert.deepEqual([ended.sent.sent, ended.sent.answered], [4, 4]);
    assert.ok(ended.sent.p95Ms! > 4_900 && ended.sent.p95Ms! < 5_400, String(ended.sent.p95Ms));
    const lost = await send({ rate: 10, count: 2, answer: () => ({ status: 0, version: null, code: 'ECONNREFUSED' }) });
    assert.deepEqual([lost.sent.answered, lost.sent.medianMs, lost.sent.p95Ms], [0, null, null]);
  });
});
