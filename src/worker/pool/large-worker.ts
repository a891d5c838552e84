// The worker that a deployment of one worker gets for large requests: a second thread with the same session, which
// leaves the processor to whoever else wants it, so that the other requests wait for none of its rows. It is started
// when the first of them comes, and let go when none has come for a while. Engine main thread.
// Invariant: a large request waits while the thread is brought up; where it cannot be, for want of memory or because
// the load fails, the deployment's one worker runs it in turn with the others, and after a while it is tried again.
import type { Slab } from '../../shared-memory/slab.ts';
import type { BatchResult } from '../messages.ts';
import type { InferencePool } from './pool.ts';
import type { PlaceUser } from './scheduler.ts';

/** So long it stays without work; what it costs is memory. */
const IDLE_MS = 60_000;
/** So long after a start that failed the next one is tried. */
const RETRY_MS = 30_000;

interface LargeWorkerPorts {
  /** Starts it; rejects when there is no room for it. */
  readonly start: () => Promise<InferencePool>;
  /** It can take a batch now, or it is known that it will not come. */
  readonly onChange: () => void;
  readonly idleMs?: number;
  readonly retryMs?: number;
}

type State =
  | { readonly kind: 'none' | 'refused' }
  | { readonly kind: 'starting' | 'leaving'; readonly over: Promise<void> }
  | { readonly kind: 'ready'; readonly pool: InferencePool };

export class LargeWorker {
  readonly #ports: LargeWorkerPorts;
  #state: State = { kind: 'none' };
  readonly #running = new Set<Slab>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(ports: LargeWorkerPorts) {
    this.#ports = ports;
  }

  /** Whether it cannot be had: then its work is the other worker's. */
  get isRefused(): boolean {
    return this.#state.kind === 'refused';
  }

  /** Whether it runs this batch. */
  runs(slab: Slab): boolean {
    return this.#running.has(slab);
  }

  /** Whether it may be given a batch now; the first who asks has it started. */
  hasPlace(user: 'queue' | 'shielded' | 'named'): boolean {
    if (this.#state.kind === 'none' && !this.#isClosed) this.#start();
    return this.#state.kind === 'ready' && this.#state.pool.scheduler.hasPlace(user);
  }

  /** Runs one batch, or returns null when it is not there: for batches that wait for nobody. */
  run(slab: Slab, user: PlaceUser): Promise<BatchResult> | null {
    if (this.#state.kind !== 'ready') return null;
    clearTimeout(this.#timer);
    this.#running.add(slab);
    return this.#state.pool.scheduler.run(slab, user).finally(() => {
      this.#running.delete(slab);
      if (this.#running.size === 0) this.#letGoAfter(this.#ports.idleMs ?? IDLE_MS);
    });
  }

  /** Nothing may be running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#state.kind === 'starting') await this.#state.over;
    if (this.#state.kind === 'ready') this.#leave(this.#state.pool);
    if (this.#state.kind === 'leaving') await this.#state.over;
  }

  #start(): void {
    const over = this.#ports.start().then((pool) => {
      this.#state = { kind: 'ready', pool };
    }, () => {
      this.#state = { kind: 'refused' };
      this.#timer = setTimeout(() => (this.#state = { kind: 'none' }), this.#ports.retryMs ?? RETRY_MS).unref();
    }).finally(() => this.#ports.onChange());
    this.#state = { kind: 'starting', over };
  }

  #letGoAfter(idleMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#state.kind === 'ready' && this.#running.size === 0) this.#leave(this.#state.pool);
    }, idleMs).unref();
  }

  // Its ring is written by the next one only when it has left.
  #leave(pool: InferencePool): void {
    const over = pool.close().catch(() => undefined).then(() => {
      this.#state = { kind: 'none' };
      this.#ports.onChange();
    });
    this.#state = { kind: 'leaving', over };
  }
}
