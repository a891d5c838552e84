// Slabs: pieces of shared memory that carry one batch from the main thread to a worker and its answers back.
// A slab has one owner at a time. The main thread owns it until the order that names it is posted, the worker until
// that order is done; the mailbox that carries the order orders the memory too, so nothing here needs Atomics but the
// number of runs, which the main thread reads all the while.
//
//   arena   [ slab 0 | slab 1 | … ]            every slab has the same size and layout, 64-byte aligned
//   slab    [ header 64 B | entry 0 64 B | … entry max-1 | request bytes | answer bytes ]
//
//   header  0 entryCount i32 · 4 generation u32 · 8 deploymentId i32 · 12 requestUsed i32 · 16 answerUsed i32
//           20 entriesMax i32 · 24 requestCapacity i32 · 28 answerCapacity i32 · 32 cutUs f64 · 40 track i32
//           48 ranUs f64 · 56 runs i32 · 60…63 reserved
//   entry   0 kind i32 · 4 status i32 · 8 requestOffset i32 · 12 requestBytes i32 · 16 answerOffset i32
//           20 answerBytes i32 · 24 rows i32 · 28 outcome i32 · 32 receivedUs f64 · 40 deadlineUs f64
//           48 headerBytes i32 · 52 source u32 · 56 answerHeaderBytes i32 · 60…63 reserved
//           (kind says how request and answer are encoded: see protocols/protocol.ts; offsets count from the slab's
//           start; nothing of a request is written again when it is answered, so that another version can be asked the
//           same from the same slab)

import { UNKNOWN_SOURCE } from './source-ids.ts';

/** Of the header, where the batch itself is described. */
export const SLAB_HEADER_BYTES = 64;
const ENTRY_BYTES = 64;
const ALIGNMENT_BYTES = 64;

// Indices into the Int32 view, relative to the header or the entry.
const H_ENTRY_COUNT = 0;
const H_GENERATION = 1;
const H_DEPLOYMENT = 2;
const H_REQUEST_USED = 3;
const H_ANSWER_USED = 4;
const H_ENTRIES_MAX = 5;
const H_REQUEST_CAPACITY = 6;
const H_ANSWER_CAPACITY = 7;
const H_CUT_US_F64 = 4;
const H_RAN_US_F64 = 6;
const H_TRACK = 10;
const H_RUNS = 14;
/** Where the number of runs lies, from the slab's start. */
export const RUNS_OFFSET = H_RUNS * 4;
const E_KIND = 0;
const E_STATUS = 1;
const E_REQUEST_OFFSET = 2;
const E_REQUEST_BYTES = 3;
const E_ANSWER_OFFSET = 4;
const E_ANSWER_BYTES = 5;
const E_ROWS = 6;
const E_OUTCOME = 7;
const E_RECEIVED_US_F64 = 4;
const E_DEADLINE_US_F64 = 5;
const E_HEADER_BYTES = 12;
const E_SOURCE = 13;
const E_ANSWER_HEADER_BYTES = 14;

/** Values of an entry's status before the worker has written an HTTP status there. */
export const EntryStatus = { pending: 0, cancelled: -1 } as const;

/**
 * In what standing a version answers a batch: stamped into the slab when the batch is cut and carried on by every
 * sample, so that numbers of a version on probation and of a proven one are never mixed up.
 */
export const Track = {
  /** The active version, its probation over. */
  stable: 0,
  /** The active version on probation. */
  canary: 1,
  /** A version that is not active and answers because the request named it. */
  named: 2,
  /** The standby, for what a version on probation failed. */
  shield: 3,
} as const;
export type Track = (typeof Track)[keyof typeof Track];

/** The names of the tracks, by number. */
export const TRACK_NAMES = ['stable', 'canary', 'named', 'shield'] as const;

/** The index of a slab that is part of no arena. */
export const OWN_MEMORY = -1;

/** The generation of a batch that is judged for nobody. */
export const NO_GENERATION = 0;

/** An answer of this length did not fit the slab: its bytes come with the task's result. */
export const ANSWER_OVERFLOWED = -1;

export interface SlabSize {
  readonly entriesMax: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;

/** Bytes of shared memory that one slab of this size takes. */
export function slabTotalBytes(size: SlabSize): number {
  return SLAB_HEADER_BYTES + size.entriesMax * ENTRY_BYTES + aligned(size.requestBytes) + aligned(size.answerBytes);
}

if (SLAB_HEADER_BYTES % 8 !== 0 || ENTRY_BYTES % 8 !== 0 || (E_ANSWER_HEADER_BYTES + 1) * 4 > ENTRY_BYTES) {
  throw new Error('check the slab layout: a field crosses its record; this is a bug');
}

/** A view of one slab; cheap to keep, never copied between threads (each thread makes its own). */
export class Slab {
  /** Its number in the arena that the workers know, or OWN_MEMORY: then its memory travels with each batch. */
  readonly index: number;
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  /** The same bytes, four at a time: an offset that is a multiple of four divides into an index of these. */
  readonly words: Int32Array;
  /** It carries a large request, which is run apart from the others; known to the thread that cut the batch only. */
  isLarge = false;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(memory: SharedArrayBuffer, index = OWN_MEMORY, totalBytes = memory.byteLength) {
    const start = Math.max(0, index) * totalBytes;
    this.index = index;
    this.memory = memory;
    this.bytes = new Uint8Array(memory, start, totalBytes);
    this.words = new Int32Array(memory, start, totalBytes / 4);
    this.#words = this.words;
    this.#doubles = new Float64Array(memory, start, totalBytes / 8);
  }

  /** Writes the capacities; called once by the thread that allocates the memory. */
  format(size: SlabSize): this {
    this.#words[H_ENTRIES_MAX] = size.entriesMax;
    this.#words[H_REQUEST_CAPACITY] = aligned(size.requestBytes);
    this.#words[H_ANSWER_CAPACITY] = aligned(size.answerBytes);
    return this.clear();
  }

  /** Forgets all entries. */
  clear(): this {
    this.#words[H_ENTRY_COUNT] = 0;
    this.#words[H_REQUEST_USED] = 0;
    this.#words[H_ANSWER_USED] = 0;
    return this;
  }

  get entryCount(): number {
    return this.#words[H_ENTRY_COUNT]!;
  }
  get entriesMax(): number {
    return this.#words[H_ENTRIES_MAX]!;
  }
  /** Request bytes that still fit, if an entry is free. */
  get requestBytesFree(): number {
    return this.#words[H_REQUEST_CAPACITY]! - this.#words[H_REQUEST_USED]!;
  }
  /** Up to the end of the last request: all that a batch is made of. */
  get usedBytes(): number {
    return this.#requestStart() + this.#words[H_REQUEST_USED]!;
  }
  get generation(): number {
    return this.#words[H_GENERATION]! >>> 0;
  }
  get deploymentId(): number {
    return this.#words[H_DEPLOYMENT]!;
  }
  get cutUs(): number {
    return this.#doubles[H_CUT_US_F64]!;
  }
  /** How long the worker had the batch, written by it at the end. */
  get ranUs(): number {
    return this.#doubles[H_RAN_US_F64]!;
  }
  set ranUs(us: number) {
    this.#doubles[H_RAN_US_F64] = us;
  }

  /**
   * Session runs that its worker has begun, and one for the beginning of the batch; 0 while it lies ready at a worker
   * that runs another one.
   */
  get runs(): number {
    return Atomics.load(this.#words, H_RUNS);
  }
  beginRun(): void {
    Atomics.add(this.#words, H_RUNS, 1);
  }

  get track(): Track {
    return this.#words[H_TRACK]! as Track;
  }

  /** Stamps the batch when it is cut: from here on it belongs to one generation of one deployment. */
  stamp(generation: number, deploymentId: number, cutUs: number, track: Track = Track.stable): void {
    this.#words[H_TRACK] = track;
    this.#words[H_RUNS] = 0;
    this.#words[H_GENERATION] = generation | 0;
    this.#words[H_DEPLOYMENT] = deploymentId;
    this.#doubles[H_CUT_US_F64] = cutUs;
  }

  /**
   * Copies one request in and returns its entry number, or -1 when it does not fit.
   * `headerBytes` is the length of a leading JSON part for binary kinds, else 0; times are monotonic microseconds;
   * `source` is who asks, as in shared-memory/source-ids.ts.
   */
  append(
    kind: number, body: Uint8Array, receivedUs: number, deadlineUs: number, headerBytes = 0, source = UNKNOWN_SOURCE,
  ): number {
    const entry = this.#words[H_ENTRY_COUNT]!;
    if (entry >= this.#words[H_ENTRIES_MAX]! || body.length > this.requestBytesFree) return -1;
    const offset = this.#requestStart() + this.#words[H_REQUEST_USED]!;
    this.bytes.set(body, offset);
    const at = this.#entry(entry);
    this.#words[at + E_KIND] = kind;
    this.#words[at + E_STATUS] = EntryStatus.pending;
    this.#words[at + E_REQUEST_OFFSET] = offset;
    this.#words[at + E_REQUEST_BYTES] = body.length;
    this.#words[at + E_ANSWER_BYTES] = 0;
    this.#words[at + E_ROWS] = 0;
    this.#words[at + E_OUTCOME] = 0;
    this.#words[at + E_HEADER_BYTES] = headerBytes;
    this.#words[at + E_SOURCE] = source | 0;
    this.#words[at + E_ANSWER_HEADER_BYTES] = 0;
    this.#doubles[at / 2 + E_RECEIVED_US_F64] = receivedUs;
    this.#doubles[at / 2 + E_DEADLINE_US_F64] = deadlineUs;
    this.#words[H_REQUEST_USED] = this.#words[H_REQUEST_USED]! + ((body.length + 7) & ~7);
    this.#words[H_ENTRY_COUNT] = entry + 1;
    return entry;
  }

  kind(entry: number): number {
    return this.#words[this.#entry(entry) + E_KIND]!;
  }
  status(entry: number): number {
    return this.#words[this.#entry(entry) + E_STATUS]!;
  }
  setStatus(entry: number, status: number): void {
    this.#words[this.#entry(entry) + E_STATUS] = status;
  }
  /** The request bytes, in place. */
  request(entry: number): Uint8Array {
    const at = this.#entry(entry);
    const offset = this.#words[at + E_REQUEST_OFFSET]!;
    return new Uint8Array(this.memory, this.bytes.byteOffset + offset, this.#words[at + E_REQUEST_BYTES]);
  }
  /** Where the request bytes begin, from the slab's start: a multiple of eight. */
  requestOffset(entry: number): number {
    return this.#words[this.#entry(entry) + E_REQUEST_OFFSET]!;
  }
  requestBytes(entry: number): number {
    return this.#words[this.#entry(entry) + E_REQUEST_BYTES]!;
  }
  headerBytes(entry: number): number {
    return this.#words[this.#entry(entry) + E_HEADER_BYTES]!;
  }
  /** Who asked, or NOT_ASKED. */
  source(entry: number): number {
    return this.#words[this.#entry(entry) + E_SOURCE]! >>> 0;
  }
  answerHeaderBytes(entry: number): number {
    return this.#words[this.#entry(entry) + E_ANSWER_HEADER_BYTES]!;
  }
  setAnswerHeaderBytes(entry: number, headerBytes: number): void {
    this.#words[this.#entry(entry) + E_ANSWER_HEADER_BYTES] = headerBytes;
  }
  receivedUs(entry: number): number {
    return this.#doubles[this.#entry(entry) / 2 + E_RECEIVED_US_F64]!;
  }
  deadlineUs(entry: number): number {
    return this.#doubles[this.#entry(entry) / 2 + E_DEADLINE_US_F64]!;
  }
  rows(entry: number): number {
    return this.#words[this.#entry(entry) + E_ROWS]!;
  }
  setRows(entry: number, rows: number): void {
    this.#words[this.#entry(entry) + E_ROWS] = rows;
  }
  outcome(entry: number): number {
    return this.#words[this.#entry(entry) + E_OUTCOME]!;
  }
  setOutcome(entry: number, outcome: number): void {
    this.#words[this.#entry(entry) + E_OUTCOME] = outcome;
  }

  /**
   * Copies an answer in and sets the entry's HTTP status. Returns false when the answer area is full; the entry is
   * then marked ANSWER_OVERFLOWED and the caller hands the bytes over with the task's result.
   */
  setAnswer(entry: number, status: number, answer: Uint8Array): boolean {
    const offset = this.placeAnswer(entry, status, answer.length);
    if (offset >= 0) this.bytes.set(answer, offset);
    return offset >= 0;
  }
  /**
   * The same for an answer that is written in place: returns its offset from the slab's start, a multiple of eight, or
   * -1 when the area is full.
   */
  placeAnswer(entry: number, status: number, bytes: number): number {
    const at = this.#entry(entry);
    const used = this.#words[H_ANSWER_USED]!;
    this.#words[at + E_STATUS] = status;
    if (bytes > this.#words[H_ANSWER_CAPACITY]! - used) {
      this.#words[at + E_ANSWER_BYTES] = ANSWER_OVERFLOWED;
      return -1;
    }
    const offset = this.#requestStart() + this.#words[H_REQUEST_CAPACITY]! + used;
    this.#words[at + E_ANSWER_OFFSET] = offset;
    this.#words[at + E_ANSWER_BYTES] = bytes;
    this.#words[H_ANSWER_USED] = used + ((bytes + 7) & ~7);
    return offset;
  }
  /** The answer bytes in place, or undefined when they overflowed. */
  answer(entry: number): Uint8Array | undefined {
    const at = this.#entry(entry);
    const length = this.#words[at + E_ANSWER_BYTES]!;
    if (length === ANSWER_OVERFLOWED) return undefined;
    const offset = this.#words[at + E_ANSWER_OFFSET]!;
    // Made directly: subarray() looks its constructor up first, and this runs for every answer.
    return new Uint8Array(this.memory, this.bytes.byteOffset + offset, length);
  }

  /** The entry's whole record: with a copy of it an answer can be put back after another run. */
  record(entry: number): Uint8Array {
    return new Uint8Array(this.memory, this.bytes.byteOffset + SLAB_HEADER_BYTES + entry * ENTRY_BYTES, ENTRY_BYTES);
  }

  #entry(entry: number): number {
    return (SLAB_HEADER_BYTES + entry * ENTRY_BYTES) / 4;
  }
  #requestStart(): number {
    return SLAB_HEADER_BYTES + this.#words[H_ENTRIES_MAX]! * ENTRY_BYTES;
  }
}
