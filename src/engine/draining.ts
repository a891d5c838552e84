// Waits for the answers of an engine that takes no more requests. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batcher } from '../batch/batcher.ts';

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
