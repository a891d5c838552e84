// Where a queue's slabs come from. Main thread. Either one arena that the workers know from their start, so that a
// batch is named by its number; or slabs with memory of their own, which travels with each batch: for queues that come
// and go while the workers stay.
import { createSlabArena, createSlab } from '../shared-memory/slab-arena.ts';
import type { Slab, SlabSize } from '../shared-memory/slab.ts';
import type { SlabArena } from '../shared-memory/slab-arena.ts';

export interface SlabSupply {
  /** A slab that nobody uses, or undefined when all are taken. */
  take(): Slab | undefined;
  /** Takes a slab back; one that is not from here is left to the garbage collector. */
  give(slab: Slab): void;
  /** The slab's own memory, or null when it is part of an arena. */
  memoryOf(slab: Slab): SharedArrayBuffer | null;
}

export class ArenaSlabs implements SlabSupply {
  readonly arena: SlabArena;
  readonly #free: Slab[];

  constructor(count: number, size: SlabSize) {
    this.arena = createSlabArena(count, size);
    this.#free = [...this.arena.slabs].reverse();
  }

  take(): Slab | undefined {
    return this.#free.pop();
  }

  give(slab: Slab): void {
    if (this.arena.slabs[slab.index] === slab) this.#free.push(slab);
  }

  memoryOf(): null {
    return null;
  }
}

export class SeparateSlabs implements SlabSupply {
  readonly #countMax: number;
  readonly #size: SlabSize;
  readonly #memories = new Map<Slab, SharedArrayBuffer>();
  readonly #free: Slab[] = [];

  constructor(countMax: number, size: SlabSize) {
    this.#countMax = countMax;
    this.#size = size;
  }

  take(): Slab | undefined {
    const slab = this.#free.pop();
    if (slab !== undefined || this.#memories.size >= this.#countMax) return slab;
    const made = createSlab(this.#size);
    this.#memories.set(made.slab, made.memory);
    return made.slab;
  }

  give(slab: Slab): void {
    if (this.#memories.has(slab)) this.#free.push(slab);
  }

  memoryOf(slab: Slab): SharedArrayBuffer | null {
    return this.#memories.get(slab) ?? null;
  }
}
