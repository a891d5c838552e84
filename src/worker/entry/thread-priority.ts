// Lets a worker thread step back behind the other threads of its process: one that runs what others must not wait for.
// Its work is preempted by whoever else wants the core, also in the middle of a run of the session, which nothing else
// can interrupt. On Linux every thread has a priority of its own, which the threads that it starts later take over.
// Worker thread.
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/**
 * What such a thread runs is waited for too, so it keeps about a quarter of a core that somebody else wants: the weight
 * of a thread is divided by 1.25 for each step.
 */
const THREAD_NICENESS = 5;
/** Names the calling thread, as `PROCESS/task/THREAD`. */
const OWN_THREAD = '/proc/thread-self';

/** The calling thread; it stays as it is where it has no number of its own, which it has on Linux only. */
export function stepBackThread(): void {
  try {
    const thread = Number(readlinkSync(OWN_THREAD).split('/').at(-1));
    // From the priority of the process: a thread that does this again is no further back.
    setPriority(thread, Math.min(constants.priority.PRIORITY_LOW, getPriority(process.pid) + THREAD_NICENESS));
  } catch {
    // It is of use without that.
  }
}
