// Thousands of submits, cancels, answers, deaths, refusals and deadlines in orders that nobody wrote down.
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { isLastgoodError, lastgoodError } from '../../src/base/errors.ts';
import { randomOf } from '../shared-memory/seeded.ts';
import { benchWith, turn } from './workers.ts';
import type { Asked, Bench } from './workers.ts';

const SWEEP_MS = 100;

interface Expected {
  readonly asked: Asked;
  isCancelled: boolean;
}

/** How many requests of a slab each are accepted while no worker is free: the slabs that are free now. */
async function freeSlabs({ ask }: Bench): Promise<number> {
  const held: Asked[] = [];
  try {
    for (;;) held.push(ask('s'.repeat(2_100)));
  } catch (error) {
    assert.ok(isLastgoodError(error) && error.code === 'QUEUE_FULL');
  }
  for (const { ticket } of held) ticket.cancel();
  await turn();
  return held.length;
}

async function runSchedule(seed: number, batchDelayUs: number): Promise<void> {
  const random = randomOf(seed);
  const bench = benchWith({ workers: 3, pendingMax: 64, deadlineMs: 200, batchDelayUs });
  const { batcher, workers, clock, ask } = bench;
  const all: Expected[] = [];
  const pick = (below: number): number => Math.floor(random() * below);
  const actions: (() => void)[] = [
    ...Array.from({ length: 5 }, () => () => {
      const bytes = random() < 0.03 ? 5_000 : pick(1_500);
      try {
        all.push({ asked: ask(`${all.length}.${'x'.repeat(bytes)}`), isCancelled: false });
      } catch (error) {
        assert.ok(isLastgoodError(error) && error.code === 'QUEUE_FULL', String(error));
      }
    }),
    () => {
      const one = all[all.length - 1 - pick(Math.min(all.length, 40))];
      if (one === undefined) return;
      one.isCancelled ||= one.asked.answers.length === 0;
      one.asked.ticket.cancel();
    },
    ...Array.from({ length: 2 }, () => () => {
      if (workers.running.length > 0) workers.finish(pick(workers.running.length));
    }),
    () => {
      if (workers.running.length === 0 || random() < 0.8) return;
      if (random() < 0.5) workers.forget(pick(workers.running.length));
      else workers.lose(new Error('died'), pick(workers.running.length));
    },
    () => (workers.generation += 1),
    () => (workers.refusal = random() < 0.1 ? lastgoodError('NO_ACTIVE_VERSION', { model: 'm' }) : null),
    () => {
      clock.nowUs += pick(90_000);
      mock.timers.tick(SWEEP_MS);
    },
  ];
  for (let step = 0; step < 4_000; step += 1) {
    actions[pick(actions.length)]!();
    if (random() < 0.4) await turn();
    assert.ok(batcher.pending <= 64);
  }
  workers.refusal = null;
  const settle = async (): Promise<void> => {
    do {
      while (workers.running.length > 0) workers.finish(pick(workers.running.length));
      clock.nowUs += batchDelayUs;
      mock.timers.tick(SWEEP_MS);
      batcher.wake();
      await turn();
    } while (workers.running.length > 0 || batcher.pending > 0);
  };
  await settle();
  for (const { asked, isCancelled } of all) {
    assert.equal(asked.answers.length, isCancelled ? 0 : 1, `seed ${seed}: ${asked.body.slice(0, 12)}`);
    const answer = asked.answers[0];
    if (answer?.status === 200) assert.equal(answer.body.slice(answer.body.indexOf(':') + 1), asked.body);
  }
  const { accepted, answered, cancelled, expired } = batcher.counts;
  assert.deepEqual([batcher.pending, accepted, answered + cancelled], [0, all.length, all.length]);
  assert.ok(answered > 2 * expired && expired > 0 && cancelled > 0, JSON.stringify(batcher.counts));
  workers.free = 0;
  assert.equal(await freeSlabs(bench), batcher.arena.slabs.length, `seed ${seed}: a slab leaked`);
  await batcher.drain();
}

describe('Batcher', () => {
  test('gives every request exactly one outcome in any order of events, and every slab comes back', async () => {
    mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    try {
      for (let seed = 1; seed <= 8; seed += 1) await runSchedule(seed, seed % 2 === 0 ? 0 : 2_000);
    } finally {
      mock.timers.reset();
    }
  });
});
