// Waits for the answers of an engine that takes no more requests. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batcher } from '../batch/batcher.ts';
import type { Front } from '../api/serving-api.ts';

/** A kept-alive connection may carry one more request after the drain: it gets 503 and a farewell, not a reset. */
const LINGER_MS = 200;

export interface Drained {
  /** Requests that were answered since the drain began. */
  readonly answered: number;
  /** Requests that have no answer after the limit. */
  readonly left: number;
}

/** Resolves when every accepted request of the queues is answered, or after `limitMs`. */
export async function drainQueues(queues: readonly Batcher[], limitMs: number): Promise<Drained> {
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const answeredNow = (): number => sum(queues.map(({ counts }) => counts.answered));
  const before = answeredNow();
  const limit = new AbortController();
  await Promise.race([
    Promise.all(queues.map((queue) => queue.drain())),
    sleep(limitMs, undefined, { signal: limit.signal }).catch(() => undefined),
  ]);
  limit.abort();
  return { answered: answeredNow() - before, left: sum(queues.map(({ pending }) => pending)) };
}

/** Closes a front whose intake has stopped. */
export async function closeFront(front: Front): Promise<void> {
  await sleep(LINGER_MS);
  front.close();
}
