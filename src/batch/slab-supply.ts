// Where a queue's slabs come from. Main thread. Either one arena that the workers know from their start, so that a
// batch is named by its number; or slabs with memory of their own, which travels with each batch: for queues that come
// and go while the workers stay.
import { createSlab, createSlabArena } from '../shared-memory/slab-arena.ts';
import type { Slab, SlabSize } from '../shared-memory/slab.ts';
import type { SlabArena } from '../shared-memory/slab-arena.ts';

export interface SlabSupply {
  /** What workers know from their start; empty where slabs travel. */
  readonly arena: SlabArena;
  /** A slab that nobody uses, or undefined when all are taken. */
  take(): Slab | undefined;
  /** Takes a slab back; one that is not from here is left to the garbage collector. */
  give(slab: Slab): void;
}

/** The arena is made when somebody asks for it first: of a hundred queues of a start, most wait for their turn. */
export class ArenaSlabs implements SlabSupply {
  readonly #count: number;
  readonly #size: SlabSize;
  #arena: SlabArena | null = null;
  #free: Slab[] = [];

  constructor(count: number, size: SlabSize) {
    this.#count = count;
    this.#size = size;
  }

  get arena(): SlabArena {
    return this.#arena ?? this.#make();
  }

  take(): Slab | undefined {
    if (this.#arena === null) this.#make();
    return this.#free.pop();
  }

  give(slab: Slab): void {
    if (this.arena.slabs[slab.index] === slab) this.#free.push(slab);
  }

  #make(): SlabArena {
    this.#arena = createSlabArena(this.#count, this.#size);
    this.#free = [...this.#arena.slabs].reverse();
    return this.#arena;
  }
}

export class SeparateSlabs implements SlabSupply {
  readonly #countMax: number;
  readonly #size: SlabSize;
  readonly #made = new Set<Slab>();
  readonly #free: Slab[] = [];

  constructor(countMax: number, size: SlabSize) {
    this.#countMax = countMax;
    this.#size = size;
  }

  get arena(): SlabArena {
    return createSlabArena(0, this.#size);
  }

  take(): Slab | undefined {
    const slab = this.#free.pop();
    if (slab !== undefined || this.#made.size >= this.#countMax) return slab;
    const made = createSlab(this.#size);
    this.#made.add(made);
    return made;
  }

  give(slab: Slab): void {
    if (this.#made.has(slab)) this.#free.push(slab);
  }
}

/**
 * Slabs for one request each, which is longer than the others hold or is run apart from other requests. They are used
 * again, in sizes of powers of two: what is let go stays in memory until a garbage collection, which nothing hurries,
 * so it is let go only when it is idle.
 */
export class LargeSlabs {
  readonly #bytesMax: number;
  readonly #answerBytesMin: number;
  readonly #made = new Set<Slab>();
  readonly #free: Slab[] = [];
  #bytes = 0;

  /** All of them together have at most `bytesMax` bytes; each has room for an answer as long as its request. */
  constructor(bytesMax: number, answerBytesMin: number) {
    this.#bytesMax = bytesMax;
    this.#answerBytesMin = answerBytesMin;
  }

  /** Bytes of all that were made and not let go. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A slab for a request of this length, or undefined when the limit is reached. */
  take(requestBytes: number, isLarge = false): Slab | undefined {
    const slab = this.#take(requestBytes);
    if (slab !== undefined) slab.isLarge = isLarge;
    return slab;
  }

  #take(requestBytes: number): Slab | undefined {
    const index = this.#free.findIndex((slab) => slab.requestBytesFree >= requestBytes);
    if (index >= 0) return this.#free.splice(index, 1)[0];
    const sizeBytes = 2 ** Math.ceil(Math.log2(requestBytes));
    const totalBytes = sizeBytes + Math.max(sizeBytes, this.#answerBytesMin);
    if (this.#bytes + totalBytes > this.#bytesMax) this.trim();
    if (this.#bytes + totalBytes > this.#bytesMax && this.#bytes > 0) return undefined;
    const answerBytes = Math.max(sizeBytes, this.#answerBytesMin);
    const slab = createSlab({ entriesMax: 1, requestBytes: sizeBytes, answerBytes });
    this.#made.add(slab);
    this.#bytes += slab.memory.byteLength;
    return slab;
  }

  give(slab: Slab): void {
    if (this.#made.has(slab)) this.#free.push(slab.clear());
  }

  /** Lets go what nobody uses. */
  trim(): void {
    for (const slab of this.#free) {
      this.#bytes -= slab.memory.byteLength;
      this.#made.delete(slab);
    }
    this.#free.length = 0;
  }
}
