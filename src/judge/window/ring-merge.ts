// Reads several sample rings as one stream in the order of the samples' times, so that "the last 200 requests" is the
// same whichever worker answered them. Monitor thread. Each ring is copied out in small chunks; a sample that was
// copied is safe from lapping and waits here, also between drains.
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { emptySample, sampleRingOffset, SampleReader } from '../../shared-memory/sample-ring.ts';

/** Samples copied out of a ring at a time. */
const CHUNK_SAMPLES = 32;

/** One ring with the samples that were copied out of it and not yet taken. */
class RingCursor {
  /** Of the deployment that writes the ring; null when that may be any. */
  readonly version: string | null;
  readonly #reader: SampleReader;
  readonly #chunk: readonly Sample[] = Array.from({ length: CHUNK_SAMPLES }, emptySample);
  #next = 0;
  #filled = 0;

  constructor(reader: SampleReader, version: string | null) {
    this.version = version;
    this.#reader = reader;
  }

  get lapped(): number {
    return this.#reader.lapped;
  }

  /** The oldest sample not taken, or null when the ring has none. */
  peek(): Sample | null {
    if (this.#next === this.#filled) this.#refill();
    return this.#next < this.#filled ? this.#chunk[this.#next]! : null;
  }

  take(): void {
    this.#next += 1;
  }

  #refill(): void {
    this.#next = 0;
    this.#filled = this.#reader.read(this.#chunk);
  }
}

/** The rings of one deployment. */
export class RingGroup {
  readonly cursors: readonly RingCursor[];
  /** More samples than this cannot wait: all rings full and all chunks too. */
  readonly samplesMax: number;

  constructor(memory: SharedArrayBuffer, rings: number, capacity: number, version: string | null) {
    this.cursors = Array.from({ length: rings }, (_, ring) =>
      new RingCursor(new SampleReader(memory, sampleRingOffset(ring, capacity), capacity), version));
    this.samplesMax = rings * (capacity + CHUNK_SAMPLES);
  }

  /** Samples lost to lapping so far. */
  get lapped(): number {
    return this.cursors.reduce((sum, cursor) => sum + cursor.lapped, 0);
  }
}

/** Told of each sample, and whose version wrote it if that is known. */
type SampleVisitor = (sample: Readonly<Sample>, version: string | null) => void;

/**
 * Hands the waiting samples of all groups to `visit` in order of time and returns how many. Stops at what the rings can
 * hold, so that producers who never pause cannot keep the caller here.
 */
export function drainInOrder(groups: Iterable<RingGroup>, visit: SampleVisitor): number {
  const cursors: RingCursor[] = [];
  let limit = 0;
  for (const group of groups) {
    cursors.push(...group.cursors);
    limit += group.samplesMax;
  }
  let visited = 0;
  while (visited < limit) {
    let from: RingCursor | null = null;
    let oldest: Sample | null = null;
    for (const cursor of cursors) {
      const sample = cursor.peek();
      if (sample === null || (oldest !== null && sample.atUs >= oldest.atUs)) continue;
      from = cursor;
      oldest = sample;
    }
    if (from === null || oldest === null) break;
    visit(oldest, from.version);
    from.take();
    visited += 1;
  }
  return visited;
}
