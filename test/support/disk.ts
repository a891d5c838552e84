// Disks that fail: a limit on the files of one process, which needs no rights, and a small file system of its own,
// which needs the right to mount. And a name behind which there is no file.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary.ts';

const runs = (command: string, args: readonly string[]): boolean => spawnSync(command, args).status === 0;

/** Why a test cannot run here, or false. */
export const withoutPrlimit = runs('prlimit', ['--version']) ? false : 'prlimit (util-linux) is not installed here';

/** From now on every write of `pid` to a file beyond its first `bytes` fails, until `allowWrites`. */
export function refuseWrites(pid: number, bytes = 0): void {
  if (!runs('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`])) throw new Error(`limit the files of ${pid}`);
}

export function allowWrites(pid: number): void {
  if (!runs('prlimit', [`--pid=${pid}`, '--fsize=unlimited:unlimited'])) throw new Error(`free the files of ${pid}`);
}

/** From now on `pid` may open so many more files than it has open now, until `freeOpenFiles`. */
export function limitOpenFiles(pid: number, spare: number): void {
  setOpenFiles(pid, readdirSync(`/proc/${pid}/fd`).length + spare);
}

export function freeOpenFiles(pid: number): void {
  const [, hard] = /^Max open files +\d+ +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  setOpenFiles(pid, Number(hard));
}

function setOpenFiles(pid: number, files: number): void {
  if (!runs('prlimit', [`--pid=${pid}`, `--nofile=${files}:`])) throw new Error(`limit the open files of ${pid}`);
}

/** The path of a named pipe that nobody writes to: opening it for reading waits for good. */
export function namedPipe(): string {
  const path = join(temporaryDirectory(), 'pipe');
  if (!runs('mkfifo', [path])) throw new Error(`make the named pipe ${path}`);
  return path;
}

/** A file system in memory; `unmount` it at the end. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Null where this user may not mount. */
  static mount(mebibytes: number): SmallDisk | null {
    const path = join(temporaryDirectory(), 'disk');
    mkdirSync(path);
    return runs('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]) ? new SmallDisk(path) : null;
  }

  /** Possible only while no file on it is open for writing. */
  remount(mode: 'ro' | 'rw'): void {
    if (!runs('mount', ['-o', `remount,${mode}`, this.path])) throw new Error(`remount ${this.path} ${mode}`);
  }

  unmount(): void {
    runs('umount', ['-l', this.path]);
  }
}
