// Ends a child process that takes more memory than it may. Main thread; Linux, elsewhere there is no such limit.
// Resident memory is looked at, not limited by the system: an address space limit would not even let Node start, and a
// refused allocation would make some models fail in ways that hide why.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** A page fault takes longer than copying its page: in this time a process cannot grow by more than some 100 MiB. */
const LOOK_MS = 20;
const KIB = 1_024;
/** Share of the host's or the container's memory that a trial may take when nobody says. */
const SHARE = 1 / 2;
const BYTES_MIN = 512 * KIB ** 2;

/** Half of what there is, at least 512 MiB. */
export function defaultMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.max(BYTES_MIN, Math.floor(bytes * SHARE));
}

/** Calls `onOver` with the resident bytes as soon as they are above `limitBytes`; returns what stops the watch. */
export function watchMemory(pid: number, limitBytes: number, onOver: (bytes: number) => void): () => void {
  const timer = setInterval(() => {
    const bytes = residentBytes(pid);
    if (bytes <= limitBytes) return;
    clearInterval(timer);
    onOver(bytes);
  }, LOOK_MS);
  return () => clearInterval(timer);
}

function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return (kibibytes('VmRSS') + kibibytes('VmSwap')) * KIB;
  } catch {
    // It has just ended, or there is no such file on this system.
    return 0;
  }
}
