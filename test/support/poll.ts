// Waiting for a condition in tests, instead of sleeping.
import { setTimeout as sleep } from 'node:timers/promises';

/** Returns when `condition` holds; throws, naming `what`, when it does not within the deadline. */
export async function until(what: string, condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`wait until ${what}: it did not come within ${deadlineMs} ms`);
    await sleep(2);
  }
}

/** The same for a condition that has to be asked for. */
export async function untilResolved(
  what: string, condition: () => Promise<boolean>, deadlineMs = 30_000,
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`wait until ${what}: it did not come within ${deadlineMs} ms`);
    await sleep(20);
  }
}
