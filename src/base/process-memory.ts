// What a process has of memory that belongs to nobody else: anonymous pages, in memory or swapped out. Mapped files are
// left out: the kernel lets them go when it needs them, and counts one file again for each mapping. Linux; elsewhere
// there is only the resident size. Any thread.
import { readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';

const KIB = 1_024;
/** Sets the highest resident size back to what it is now; see proc_pid_clear_refs(5). */
const CLEAR_PEAK = '5';

/** A line of /proc/PID/status in bytes; null where there is no such file or line. */
function statusBytes(pid: number | 'self', names: readonly string[]): number[] | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return names.map((name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? NaN) * KIB);
  } catch {
    return null;
  }
}

/** Anonymous bytes of another process; 0 when it has just ended, or where the system does not say. */
export function anonymousBytesOf(pid: number): number {
  const [anonymous = NaN, swapped = NaN] = statusBytes(pid, ['RssAnon', 'VmSwap']) ?? [];
  return (anonymous || 0) + (swapped || 0);
}

/** Anonymous bytes of this process. */
export function anonymousBytes(): number {
  const [anonymous = NaN, swapped = NaN] = statusBytes('self', ['RssAnon', 'VmSwap']) ?? [];
  return Number.isNaN(anonymous) ? process.memoryUsage.rss() : anonymous + (swapped || 0);
}

/** What the host has, or the container. */
export function hostMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Begins a measurement of `peakBytes`. */
export function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', CLEAR_PEAK);
  } catch {
    // Where that is not allowed the peak is what there is afterwards.
  }
}

/** The most anonymous bytes that this process had since `resetPeak`, as far as the system tells. */
export function peakBytes(): number {
  const [peak = NaN, file = NaN] = statusBytes('self', ['VmHWM', 'RssFile']) ?? [];
  const now = anonymousBytes();
  return Number.isNaN(peak) || Number.isNaN(file) ? now : Math.max(now, peak - file);
}
