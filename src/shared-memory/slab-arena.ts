// Allocates slabs: a fixed number in one piece of shared memory that workers know from their start, or one by itself.
import { Slab, slabTotalBytes } from './slab.ts';
import type { SlabSize } from './slab.ts';

/** A fixed number of equal slabs in one SharedArrayBuffer; allocated by the main thread, viewed by workers. */
export interface SlabArena {
  readonly memory: SharedArrayBuffer;
  readonly slabs: readonly Slab[];
}

/** Allocates and formats `count` slabs; untouched pages cost no memory. */
export function createSlabArena(count: number, size: SlabSize): SlabArena {
  const memory = new SharedArrayBuffer(count * slabTotalBytes(size));
  const slabs = viewSlabArena(memory, count);
  for (const slab of slabs) slab.format(size);
  return { memory, slabs };
}

/** The same slabs seen from another thread. */
export function viewSlabArena(memory: SharedArrayBuffer, count: number): Slab[] {
  return Array.from({ length: count }, (_, index) => new Slab(memory, index, memory.byteLength / count));
}

/** One slab in memory of its own. */
export function createSlab(size: SlabSize): Slab {
  return new Slab(new SharedArrayBuffer(slabTotalBytes(size))).format(size);
}
