// What the kernel says of a process: CPU time of all its threads, resident memory. Linux only.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

let ticksPerSecond = 0;

function clockTicks(): number {
  if (ticksPerSecond === 0) ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ticksPerSecond;
}

/** CPU seconds, user and system, of all threads since the process began. */
export function cpuSecondsOf(pid: number): number {
  // The name in brackets may hold anything, so fields are counted from behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicks();
}

/** Resident memory in MiB. */
export function residentMib(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) / 1024;
}

/** Runs `work` with all threads of this process on these CPUs, as taskset writes them; null for all of them. */
export async function onCpus<T>(cpus: string | null, work: () => Promise<T>): Promise<T> {
  if (cpus === null) return work();
  const move = (to: string): string => execFileSync('taskset', ['-a', '-c', '-p', to, String(process.pid)]).toString();
  const all = `0-${availableParallelism() - 1}`;
  move(cpus);
  try {
    return await work();
  } finally {
    move(all);
  }
}
