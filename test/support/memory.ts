// A limit of memory that the kernel keeps by killing: a control group of its own, version 1 or 2, which needs the right
// to make one.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

export class MemoryGroup {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Null where this user may not make one. */
  static make(bytes: number): MemoryGroup | null {
    const isV1 = existsSync(join(V1, 'memory.limit_in_bytes'));
    const path = join(isV1 ? V1 : V2, `lastgood-test-${process.pid}`);
    try {
      mkdirSync(path);
    } catch {
      return null;
    }
    const group = new MemoryGroup(path);
    try {
      writeFileSync(join(path, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
      const swap = join(path, isV1 ? 'memory.swappiness' : 'memory.swap.max');
      if (existsSync(swap)) writeFileSync(swap, '0');
      return group;
    } catch {
      group.remove();
      return null;
    }
  }

  /** What a command is started with that is to be in the group from its first page on. */
  get launcher(): readonly string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.#path, 'cgroup.procs')];
  }

  /** How often the kernel has killed in it. */
  kills(): number {
    const file = ['memory.oom_control', 'memory.events'].map((name) => join(this.#path, name)).find(existsSync);
    return file === undefined ? 0 : Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
  }

  /** What the process takes from now on counts, and what its later children take. */
  add(pid: number): void {
    writeFileSync(join(this.#path, 'cgroup.procs'), String(pid));
  }

  /** Call it when its processes have ended. */
  remove(): void {
    rmdirSync(this.#path);
  }
}
