// What a process has of memory that belongs to nobody else: anonymous pages, in memory or swapped out. Mapped files are
// left out: the kernel lets them go when it needs them, and counts one file again for each mapping. Linux; elsewhere
// there is only the resident size. Any thread.
import { readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

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

interface ContainerMemory {
  readonly limitBytes: number;
  /** Of all its processes; null where it does not say. */
  readonly anonymousBytes: number | null;
}

/** Where the kernel tells what the control group has: version 2, or 1; in a namespace of its own at the root. */
const GROUP_FILES: readonly (readonly [line: RegExp, root: string, field: RegExp])[] = [
  [/^0::(.*)$/m, '/sys/fs/cgroup', /^anon (\d+)$/m],
  [/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m, '/sys/fs/cgroup/memory', /^total_rss (\d+)$/m],
];
interface GroupFile {
  readonly path: string;
  readonly field: RegExp;
}
let groupFile: GroupFile | null = null;

/** What this process's control group may have and has; null when nothing limits it below what the host has. */
export function containerMemory(): ContainerMemory | null {
  const limitBytes = process.constrainedMemory();
  if (limitBytes <= 0 || limitBytes >= totalmem()) return null;
  groupFile ??= findGroupFile();
  return { limitBytes, anonymousBytes: groupFile && groupBytes(groupFile.path, groupFile.field) };
}

function findGroupFile(): GroupFile | null {
  for (const [line, root, field] of GROUP_FILES) {
    const own = line.exec(readIfThere('/proc/self/cgroup'))?.[1];
    if (own === undefined) continue;
    for (const path of [`${root}${own}/memory.stat`, `${root}/memory.stat`]) {
      if (groupBytes(path, field) !== null) return { path, field };
    }
  }
  return null;
}

function groupBytes(path: string, field: RegExp): number | null {
  const bytes = field.exec(readIfThere(path))?.[1];
  return bytes === undefined ? null : Number(bytes);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
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

/** When the host runs out of memory, the kernel shall choose this process before any that serves. */
export function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not on this system.
  }
}

/**
 * Bytes from which on glibc's allocator gives a block pages of its own. By itself it raises that with each large block
 * that is freed: weights that were released then lie in the heap, which does not shrink below what stands above them.
 * With a fixed size they go back to the system. From 128 KiB on large runs pay for new pages again and again, from
 * 32 MiB on nothing is saved: bench/results/memory.json. It is read when a process begins, so it is for whoever starts
 * one; the unit file and the container say the same, and a program that embeds the engine has to be started with it.
 */
const OWN_PAGES_BYTES = 1_048_576;
const OWN_PAGES_NAME = 'MALLOC_MMAP_THRESHOLD_';

/** For the environment of a process that loads models; what the operator has set stands. */
export const mallocEnvironment = (): Readonly<Record<string, string>> =>
  ({ [OWN_PAGES_NAME]: process.env[OWN_PAGES_NAME] ?? String(OWN_PAGES_BYTES) });

let collect: (() => void) | null = null;

/**
 * Clears away what this thread does not need any more; takes some milliseconds. Nothing else does it in time: an idle
 * thread allocates nothing that would start the collector, and large buffers weigh next to nothing on the heap, so that
 * a hundred loads in a row would leave a hundred megabytes behind, and a hundred large bodies a gigabyte.
 */
export function collectGarbage(): void {
  if (collect === null) {
    // The function is there for contexts that begin after the flag was set.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
