// When large work was refused for want of memory, lets go what the process holds and does not need: idle large slabs,
// what waits for the collector, and what sessions keep of their largest runs. Main thread.
// Limit: once in three seconds, because sessions that are opened anew answer nobody meanwhile.
import { collectGarbage } from '../../base/process-memory.ts';
import type { Deployment } from '../../rollout/deployment/deployment.ts';
import type { MemoryBudget } from '../../shared-memory/memory-budget.ts';

const LOOK_MS = 500;
const PAUSE_MS = 3_000;
/** So long nothing was refused before it is told again. */
const QUIET_MS = 60_000;

interface MemoryWatchPorts {
  /** Null when nothing limits the process. */
  readonly budget: MemoryBudget | null;
  readonly deployments: () => Iterable<Deployment>;
  /** Lets idle memory of the queues go. */
  readonly trim: () => void;
  /** Called with what an operator should know, once for a time in which memory is short. */
  readonly tell: (what: string, reason: string) => void;
}

export class MemoryWatch {
  readonly #ports: MemoryWatchPorts;
  #timer: NodeJS.Timeout | undefined;
  #refusals = 0;
  #actedMs = -Infinity;

  constructor(ports: MemoryWatchPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { budget } = this.#ports;
    if (budget !== null) this.#timer ??= setInterval(() => this.#look(budget), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(budget: MemoryBudget): void {
    const { refusals, limitBytes } = budget;
    const nowMs = performance.now();
    if (refusals === this.#refusals || nowMs - this.#actedMs < PAUSE_MS) return;
    const { deployments, trim, tell } = this.#ports;
    if (this.#actedMs === -Infinity || nowMs - this.#actedMs > QUIET_MS) {
      tell('large requests are refused', `the process may have ${limitBytes} bytes of memory (--memory-max)`);
    }
    this.#refusals = refusals;
    this.#actedMs = nowMs;
    trim();
    collectGarbage();
    for (const deployment of deployments()) deployment.giveMemoryBack();
  }
}
