// Row rings: recent rows as a model was asked and as it answered them. One producer (a worker) writes rows of any size,
// any number of readers look at them, nobody waits. A slow reader is lapped: it counts what it lost and goes on.
//
//   ring    [ control 192 B | entry 0 64 B | entry 1 | … | data ]     entries and units of data are powers of two
//   control 0 intent i32 (rows begun) · 4 dataIntent i32 (units begun) · 64 tail i32 (rows published)
//           68 skipped i32 (rows too large for the ring)
//           128 pause i32 (µs between two rows at most, set by the owner; 0: nobody wants any)
//   entry   0 generation u32 · 4 outcome i32 · 8 row i32 (within its request) · 12 latencyUs i32 · 16 input i32 (hash)
//           20 dataAt i32 (unit) · 24 outputs i32 (numbers) · 28 inputBytes i32 · 32 atUs f64 · 40 source u32
//           44…63 reserved
//   data    units of 8 B, as a ring of their own: the row's output numbers as f64, then its input bytes, padded
//
// Order. Producer: intent, dataIntent (Atomics) -> data, entry (plain) -> tail (Atomics). Reader: tail -> entry, data
// (Atomics.load per word, so that none moves past the check) -> intent, dataIntent again: a row that either has come
// round to is discarded. Counters are Int32 and wrap; differences are taken with `| 0`.

const CONTROL_BYTES = 192;
const ENTRY_BYTES = 64;
const UNIT_BYTES = 8;
const CONTROL_WORDS = CONTROL_BYTES / 4;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const INTENT = 0;
const DATA_INTENT = 1;
const TAIL = 16;
const SKIPPED = 17;
const PAUSE = 32;

const W_GENERATION = 0;
const W_OUTCOME = 1;
const W_ROW = 2;
const W_LATENCY_US = 3;
const W_INPUT = 4;
const W_DATA_AT = 5;
const W_OUTPUTS = 6;
const W_INPUT_BYTES = 7;
const W_SOURCE = 10;
const F64_AT_US = 4;

/** A row may fill this part of the data at most, so that a ring holds several of any size. */
const ROW_PART = 1 / 8;
/** More units than this and the wrapping counters could not tell a lap. */
const UNITS_MAX = 2 ** 28;

/** How large a ring is. */
export interface RowRingSize {
  /** Rows that it holds at most; a power of two. */
  readonly rows: number;
  /** Bytes of outputs and inputs that it holds at most; a power of two. */
  readonly dataBytes: number;
}

/** What is told of a row beside its numbers. */
export interface RowAbout {
  readonly generation: number;
  /** As in the request's sample: see Outcome. */
  readonly outcome: number;
  /** Its place in its request, from 0. */
  readonly row: number;
  readonly latencyUs: number;
  /** Hash of the input; 0 when it is not known. */
  readonly input: number;
  /** Monotonic microseconds at which the answer was ready. */
  readonly atUs: number;
  /** Who asked, as in shared-memory/source-ids.ts. */
  readonly source: number;
}

/** A row as a reader gets it; the arrays are the reader's and valid during the visit. */
export interface RingRow extends RowAbout {
  /** The numbers of the output that predictions are read from. */
  readonly outputs: Float64Array;
  /** The inputs as row-inputs.ts wrote them; empty when they are not kept. */
  readonly inputs: Uint8Array;
}

const isPowerOfTwo = (value: number): boolean =>
  Number.isInteger(value) && value > 1 && Number.isInteger(Math.log2(value));

/** The smallest power of two that is not below `value`. */
export const powerOfTwoFrom = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, value)));

/** Bytes of one ring. */
export function rowRingBytes({ rows, dataBytes }: RowRingSize): number {
  if (!isPowerOfTwo(rows) || !isPowerOfTwo(dataBytes) || dataBytes > UNITS_MAX * UNIT_BYTES) {
    throw new Error(`size a row ring: ${rows} rows and ${dataBytes} bytes of data; wanted powers of two`);
  }
  return CONTROL_BYTES + rows * ENTRY_BYTES + Math.max(UNIT_BYTES, dataBytes);
}

/** Where ring number `ring` begins when several lie one after another. */
export const rowRingOffset = (ring: number, size: RowRingSize): number => ring * rowRingBytes(size);

/** Makes a ring empty again, and unwanted; nobody may be writing or reading it. */
export function clearRowRing(memory: SharedArrayBuffer, byteOffset: number): void {
  new Int32Array(memory, byteOffset, CONTROL_WORDS).fill(0);
}

/** Tells the producer of a ring how long it may pause between two rows, in µs; 0: no rows are wanted. Any thread. */
export function setRowPause(memory: SharedArrayBuffer, byteOffset: number, pauseUs: number): void {
  Atomics.store(new Int32Array(memory, byteOffset, CONTROL_WORDS), PAUSE, pauseUs);
}

/** The views of one ring. */
class RingViews {
  readonly words: Int32Array;
  readonly entryDoubles: Float64Array;
  readonly dataWords: Int32Array;
  readonly dataDoubles: Float64Array;
  readonly dataBytes: Uint8Array;
  readonly units: number;

  constructor(memory: SharedArrayBuffer, byteOffset: number, size: RowRingSize) {
    const dataAt = byteOffset + CONTROL_BYTES + size.rows * ENTRY_BYTES;
    this.units = size.dataBytes / UNIT_BYTES;
    this.words = new Int32Array(memory, byteOffset, (CONTROL_BYTES + size.rows * ENTRY_BYTES) / 4);
    this.entryDoubles = new Float64Array(memory, byteOffset, (CONTROL_BYTES + size.rows * ENTRY_BYTES) / 8);
    this.dataWords = new Int32Array(memory, dataAt, this.units * 2);
    this.dataDoubles = new Float64Array(memory, dataAt, this.units);
    this.dataBytes = new Uint8Array(memory, dataAt, size.dataBytes);
  }
}

/** The producing end. Exactly one thread writes to a ring. */
export class RowWriter {
  readonly #views: RingViews;
  readonly #rows: number;
  readonly #unitsMax: number;
  #next: number;
  #nextUnit: number;

  constructor(memory: SharedArrayBuffer, byteOffset: number, size: RowRingSize) {
    rowRingBytes(size);
    this.#views = new RingViews(memory, byteOffset, size);
    this.#rows = size.rows;
    this.#unitsMax = Math.max(1, Math.floor(this.#views.units * ROW_PART));
    // A restarted worker goes on where its predecessor published; what that one announced it may have overwritten.
    this.#next = Atomics.load(this.#views.words, TAIL);
    this.#nextUnit = Atomics.load(this.#views.words, DATA_INTENT);
  }

  /** The longest pause between two rows, in µs; 0 while nobody wants any. */
  get pauseUs(): number {
    return Atomics.load(this.#views.words, PAUSE);
  }

  /**
   * Writes one row and makes it visible. Returns false, and counts it, when it is too large for the ring. `outputs` is
   * read from `offset` on, `length` numbers.
   */
  write(about: RowAbout, outputs: ArrayLike<number>, offset: number, length: number, inputs: Uint8Array): boolean {
    const { words, entryDoubles, dataDoubles, dataBytes, units } = this.#views;
    const wanted = length + Math.ceil(inputs.length / UNIT_BYTES);
    if (wanted > this.#unitsMax) {
      Atomics.add(words, SKIPPED, 1);
      return false;
    }
    const from = this.#nextUnit;
    this.#nextUnit = (from + wanted) | 0;
    Atomics.store(words, INTENT, (this.#next + 1) | 0);
    Atomics.store(words, DATA_INTENT, this.#nextUnit);
    const mask = units - 1;
    for (let index = 0; index < length; index += 1) dataDoubles[(from + index) & mask] = outputs[offset + index]!;
    copyInto(dataBytes, ((from + length) & mask) * UNIT_BYTES, inputs);
    const at = CONTROL_WORDS + (this.#next & (this.#rows - 1)) * ENTRY_WORDS;
    words[at + W_GENERATION] = about.generation | 0;
    words[at + W_OUTCOME] = about.outcome;
    words[at + W_ROW] = about.row;
    words[at + W_LATENCY_US] = about.latencyUs > 0 ? Math.min(0x7fffffff, Math.trunc(about.latencyUs)) : 0;
    words[at + W_INPUT] = about.input | 0;
    words[at + W_DATA_AT] = from;
    words[at + W_OUTPUTS] = length;
    words[at + W_INPUT_BYTES] = inputs.length;
    words[at + W_SOURCE] = about.source | 0;
    entryDoubles[at / 2 + F64_AT_US] = about.atUs;
    this.#next = (this.#next + 1) | 0;
    Atomics.store(words, TAIL, this.#next);
    return true;
  }
}

// Copies to a byte ring, round its end.
function copyInto(ring: Uint8Array, at: number, bytes: Uint8Array): void {
  const first = Math.min(bytes.length, ring.length - at);
  if (first === bytes.length) {
    ring.set(bytes, at);
    return;
  }
  ring.set(bytes.subarray(0, first), at);
  ring.set(bytes.subarray(first), 0);
}

/** A reading end with a cursor of its own; it starts at the oldest row that is there. */
export class RowReader {
  readonly #views: RingViews;
  readonly #rows: number;
  readonly #entry = new Int32Array(ENTRY_WORDS);
  readonly #entryDoubles = new Float64Array(this.#entry.buffer);
  #copy = new Int32Array(128);
  #cursor = 0;
  #lapped = 0;

  constructor(memory: SharedArrayBuffer, byteOffset: number, size: RowRingSize) {
    rowRingBytes(size);
    this.#views = new RingViews(memory, byteOffset, size);
    this.#rows = size.rows;
    this.rewind();
  }

  /** Whether anybody wants rows now; while nobody does, none come. */
  get isWanted(): boolean {
    return Atomics.load(this.#views.words, PAUSE) !== 0;
  }
  /** Rows that were overwritten before they were read. */
  get lapped(): number {
    return this.#lapped;
  }
  /** Rows that the producer could not write because they are too large. */
  get skipped(): number {
    return Atomics.load(this.#views.words, SKIPPED);
  }

  /** Goes back to the oldest row that may still be whole, so that the next drain reads all of them. */
  rewind(): this {
    const tail = Atomics.load(this.#views.words, TAIL);
    // A ring that was never full has nothing below its first row.
    this.#cursor = tail >= 0 && tail < this.#rows ? 0 : (tail - this.#rows) | 0;
    return this;
  }

  /** Hands every unread row to `visit`, oldest first, at most `limit`, and returns how many. */
  drain(visit: (row: RingRow) => void, limit = this.#rows): number {
    const tail = Atomics.load(this.#views.words, TAIL);
    let visited = 0;
    while (visited < limit && ((tail - this.#cursor) | 0) > 0) {
      const oldest = (Atomics.load(this.#views.words, INTENT) - this.#rows) | 0;
      const lost = (oldest - this.#cursor) | 0;
      if (lost > 0) {
        this.#lapped += lost;
        this.#cursor = oldest;
        continue;
      }
      const row = this.#read();
      this.#cursor = (this.#cursor + 1) | 0;
      if (row === null) {
        this.#lapped += 1;
        continue;
      }
      visit(row);
      visited += 1;
    }
    return visited;
  }

  #read(): RingRow | null {
    const { words, dataWords, units } = this.#views;
    const entry = this.#entry;
    const at = CONTROL_WORDS + (this.#cursor & (this.#rows - 1)) * ENTRY_WORDS;
    for (let word = 0; word < ENTRY_WORDS; word += 1) entry[word] = Atomics.load(words, at + word);
    if (!this.#isWhole(entry[W_DATA_AT]!)) return null;
    const outputs = entry[W_OUTPUTS]!;
    const inputBytes = entry[W_INPUT_BYTES]!;
    const wanted = (outputs + Math.ceil(inputBytes / UNIT_BYTES)) * 2;
    if (this.#copy.length < wanted) this.#copy = new Int32Array(powerOfTwoFrom(wanted));
    const from = entry[W_DATA_AT]! * 2;
    const mask = units * 2 - 1;
    for (let word = 0; word < wanted; word += 1) this.#copy[word] = Atomics.load(dataWords, (from + word) & mask);
    if (!this.#isWhole(entry[W_DATA_AT]!)) return null;
    return {
      generation: entry[W_GENERATION]! >>> 0, outcome: entry[W_OUTCOME]!, row: entry[W_ROW]!,
      latencyUs: entry[W_LATENCY_US]!, input: entry[W_INPUT]!, atUs: this.#entryDoubles[F64_AT_US]!,
      source: entry[W_SOURCE]! >>> 0,
      outputs: new Float64Array(this.#copy.buffer, 0, outputs),
      inputs: new Uint8Array(this.#copy.buffer, outputs * UNIT_BYTES, inputBytes),
    };
  }

  // Neither the entry nor the data of the row under the cursor has been come round to.
  #isWhole(dataAt: number): boolean {
    const { words, units } = this.#views;
    return ((Atomics.load(words, INTENT) - this.#cursor) | 0) <= this.#rows &&
      ((Atomics.load(words, DATA_INTENT) - dataAt) | 0) <= units;
  }
}
