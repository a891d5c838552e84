// Ends a child process that takes more memory than it may. Main thread; Linux, elsewhere there is no such limit.
// Its memory is looked at, not limited by the system: an address space limit would not even let Node start, and a
// refused allocation would make some models fail in ways that hide why.
import { anonymousBytesOf, hostMemoryBytes } from '../../base/process-memory.ts';

/** A page fault takes longer than copying its page: in this time a process cannot grow by more than some 100 MiB. */
const LOOK_MS = 20;
/** Share of the host's or the container's memory that a trial may take when nobody says. */
const SHARE = 1 / 2;
const BYTES_MIN = 512 * 1024 ** 2;

/** Half of what there is, at least 512 MiB. */
export function defaultMemoryBytes(): number {
  return Math.max(BYTES_MIN, Math.floor(hostMemoryBytes() * SHARE));
}

/** Calls `onOver` with the anonymous bytes as soon as they are above `limitBytes`; returns what stops the watch. */
export function watchMemory(pid: number, limitBytes: number, onOver: (bytes: number) => void): () => void {
  const timer = setInterval(() => {
    const bytes = anonymousBytesOf(pid);
    if (bytes <= limitBytes) return;
    clearInterval(timer);
    onOver(bytes);
  }, LOOK_MS);
  return () => clearInterval(timer);
}
