// Answers the requests of a queue whose deadline has passed, and says which of them a version has to answer for.
// Pure but for the answers themselves; the batcher calls it on the main thread.
import type { Batch, Expired } from './batch.ts';

/** Share of the deadline that a run must have lasted before deadlines that pass in it are its version's fault. */
const HELD_SHARE = 1 / 2;

/** So many requests were failed by the version that runs `batch`. */
interface Blame {
  readonly batch: Batch;
  readonly requests: number;
}

/**
 * Expires what is late at `nowUs` in running batches (oldest first) and in queued ones; `makeError` is told the time
 * in us that the request had.
 *
 * Who ran out of the model's own deadline (and not of a shorter patience of the client) in a long run, or in the queue
 * while no run came to an end in all that time, was failed by the version that holds the workers. A queue that is only
 * long is nobody's fault: there runs are short, and the newest was cut later than the request came in.
 */
export function expireBatches(
  running: readonly Batch[], queued: readonly Batch[], nowUs: number, deadlineUs: number,
  makeError: (allowedUs: number) => unknown,
): Blame[] {
  const blames: Blame[] = [];
  const blame = (batch: Batch, expired: readonly Expired[]): void => {
    const requests = expired.filter(({ allowedUs }) => allowedUs >= deadlineUs).length;
    if (requests > 0) blames.push({ batch, requests });
  };
  for (const batch of running) {
    const expired = batch.expire(nowUs, makeError);
    if (nowUs - batch.slab.cutUs >= deadlineUs * HELD_SHARE) blame(batch, expired);
  }
  const newest = running.at(-1);
  for (const batch of queued) {
    const expired = batch.expire(nowUs, makeError);
    if (newest !== undefined) blame(newest, expired.filter(({ receivedUs }) => newest.slab.cutUs <= receivedUs));
  }
  return blames;
}
