// Sample rings: one producer (a worker, or the main thread) writes fixed-size records, one consumer (the monitor)
// reads them, nobody waits. A slow reader is lapped: it counts what it lost and goes on with the newest records.
//
//   ring    [ control 128 B | record 0 64 B | record 1 | … ]         capacity is a power of two
//   control 0 intent i32 (records begun) · 64 tail i32 (records published); a cache line each
//   record  0 generation u32 · 4 kindAndOutcome i32 (kind << 8 | outcome) · 8 rows i32 · 12 batchRows i32
//           16 latencyUs i32 · 20 queueUs i32 · 24 runUs i32 · 28 classIndex i32 (-1: none)
//           32 atUs f64 · 40 value f64 · 48 entropy f32, or projection when there is a direction · 52 hash i32
//           (an outcome of nonFiniteInput tells a NaN that was answered to a NaN from one of the version's own)
//           56 input i32 · 60 marks i32 (direction + 1 << 16 | isRunFirst << 8 | track)
//
// Order. Producer: intent (Atomics) -> records (plain) -> tail (Atomics). Consumer: tail -> records (plain, a chunk at
// a time) -> intent again: a record that intent has come round to is discarded. Plain accesses stay on their side: an
// atomic store and the atomic load after it are never swapped, nothing plain moves down past such a store, and nothing
// moves up past such a load; so intent is read back before records are written, and something is stored before it is
// checked.
// Counters are Int32 and wrap; differences are taken with `| 0`.

import { UNKNOWN_SOURCE } from './source-ids.ts';
import type { Track } from './slab.ts';

const CONTROL_BYTES = 128;
export const RECORD_BYTES = 64;
const RECORD_WORDS = RECORD_BYTES / 4;
const INTENT = 0;
const TAIL = 16;
const CONTROL_WORDS = CONTROL_BYTES / 4;
/** Records that the consumer copies at a time. */
const CHUNK_RECORDS = 32;

const W_GENERATION = 0;
const W_KIND_OUTCOME = 1;
const W_ROWS = 2;
const W_BATCH_ROWS = 3;
const W_LATENCY_US = 4;
const W_QUEUE_US = 5;
const W_RUN_US = 6;
const W_CLASS_INDEX = 7;
const W_HASH = 13;
const W_INPUT = 14;
const W_MARKS = 15;
const F32_ENTROPY_OR_PROJECTION = 12;
const F64_AT_US = 4;
const F64_VALUE = 5;

const INT32_MAX = 0x7fffffff;

/** What became of an entry. Only modelFailure and deadline speak against a model; nonFinite is counted on its own. */
export const Outcome = {
  ok: 0,
  /** The request was wrong (4xx); never counted against a model. */
  clientFault: 1,
  /** The run failed, or its worker died. */
  modelFailure: 2,
  /** The model answered with NaN or an infinity. */
  nonFinite: 3,
  /** The model's deadline passed while the version held the worker. */
  deadline: 4,
  /** The request's time was over before its run began; a long queue counts against no version. */
  expired: 5,
  /** The same where the model was asked about NaN, an infinity or too large a number; never counted against it. */
  nonFiniteInput: 6,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Tells whether a request with this outcome speaks of the version, for or against it. */
export const speaksOfVersion = (outcome: Outcome): boolean =>
  outcome !== Outcome.clientFault && outcome !== Outcome.expired && outcome !== Outcome.nonFiniteInput;

/** Tells whether a request with this outcome got the model's answer, whatever it was. */
export const isAnswered = (outcome: Outcome): boolean =>
  outcome === Outcome.ok || outcome === Outcome.nonFinite || outcome === Outcome.nonFiniteInput;

/** A request record carries timings and the first row's prediction; a row record only one more row's prediction. */
export const SampleKind = { request: 0, row: 1 } as const;
export type SampleKind = (typeof SampleKind)[keyof typeof SampleKind];

/** One sample; the producer fills and re-uses one object, so nothing is allocated per request. */
export interface Sample {
  generation: number;
  kind: SampleKind;
  outcome: Outcome;
  /** Rows of the request. */
  rows: number;
  /** Rows of the run it was part of. */
  batchRows: number;
  latencyUs: number;
  queueUs: number;
  runUs: number;
  /** Index of the best class, or -1 for an output that has none. */
  classIndex: number;
  /** Monotonic microseconds at which the answer was ready. */
  atUs: number;
  /** The scalar prediction, or the best class's score; NaN when there is none. */
  value: number;
  /** Normalised entropy of class scores in 0…1; NaN when there is none. */
  entropy: number;
  /** Which fixed direction a vector was projected on (0…7), or -1 for an output that is none. */
  direction: number;
  /** The projection of a vector's unit vector on it; NaN when there is none. A sample has this or an entropy. */
  projection: number;
  /** Hash of the row's whole answer, for finding constant outputs. */
  hash: number;
  /** Hash of the row that was asked about, for telling repeated questions from many; 0 when it is not known. */
  input: number;
  /** In what standing the version answered. */
  track: Track;
  /** The one sample of its run that the run itself is counted by. */
  isRunFirst: boolean;
  /** Who asked, as in source-ids.ts. It goes with rows that are kept; a ring of samples does not carry it. */
  source: number;
}

/** An all-zero sample to fill. */
export function emptySample(): Sample {
  return {
    generation: 0, kind: SampleKind.request, outcome: Outcome.ok, rows: 0, batchRows: 0, latencyUs: 0, queueUs: 0,
    runUs: 0, classIndex: -1, atUs: 0, value: NaN, entropy: NaN, hash: 0, input: 0,
    track: 0, isRunFirst: false, direction: -1, projection: NaN,
    source: UNKNOWN_SOURCE,
  };
}

/** Bytes of a ring of `capacity` records (a power of two). */
export function sampleRingBytes(capacity: number): number {
  if (!Number.isInteger(capacity) || capacity < 2 || (capacity & (capacity - 1)) !== 0) {
    throw new Error(`size a sample ring: capacity is ${capacity}; wanted a power of two`);
  }
  return CONTROL_BYTES + capacity * RECORD_BYTES;
}

/** Makes a ring empty again; nobody may be writing or reading it. */
export function clearSampleRing(memory: SharedArrayBuffer, byteOffset: number): void {
  new Int32Array(memory, byteOffset, CONTROL_WORDS).fill(0);
}

const clampUs = (us: number): number => (us > 0 ? Math.min(INT32_MAX, Math.trunc(us)) : 0);

/** The producing end. Exactly one thread writes to a ring. */
export class SampleWriter {
  readonly #words: Int32Array;
  readonly #singles: Float32Array;
  readonly #doubles: Float64Array;
  readonly #mask: number;
  #next: number;
  #begun: number;
  #intent: number;

  constructor(memory: SharedArrayBuffer, byteOffset: number, capacity: number) {
    const bytes = sampleRingBytes(capacity);
    this.#words = new Int32Array(memory, byteOffset, bytes / 4);
    this.#singles = new Float32Array(memory, byteOffset, bytes / 4);
    this.#doubles = new Float64Array(memory, byteOffset, bytes / 8);
    this.#mask = capacity - 1;
    // A restarted worker goes on where its predecessor published; a record begun but not published is overwritten.
    this.#next = Atomics.load(this.#words, TAIL);
    this.#begun = this.#next;
    // What the predecessor announced it may have begun to overwrite, so the intent never goes back.
    this.#intent = Atomics.load(this.#words, INTENT);
  }

  /** Announces that the next `count` records will be overwritten; must come before their `write`. */
  begin(count: number): void {
    this.#begun = (this.#next + count) | 0;
    if (((this.#begun - this.#intent) | 0) <= 0) return;
    this.#intent = this.#begun;
    Atomics.store(this.#words, INTENT, this.#begun);
    Atomics.load(this.#words, INTENT);
  }

  /** Writes one announced record; not visible before `publish`. */
  write(sample: Readonly<Sample>): void {
    const announced = (this.#begun - this.#next) | 0;
    if (announced <= 0) throw new Error('write a sample: begin() announced fewer; this is a bug');
    const at = CONTROL_WORDS + (this.#next & this.#mask) * RECORD_WORDS;
    this.#words[at + W_GENERATION] = sample.generation | 0;
    this.#words[at + W_KIND_OUTCOME] = (sample.kind << 8) | sample.outcome;
    this.#words[at + W_ROWS] = sample.rows;
    this.#words[at + W_BATCH_ROWS] = sample.batchRows;
    this.#words[at + W_LATENCY_US] = clampUs(sample.latencyUs);
    this.#words[at + W_QUEUE_US] = clampUs(sample.queueUs);
    this.#words[at + W_RUN_US] = clampUs(sample.runUs);
    this.#words[at + W_CLASS_INDEX] = sample.classIndex;
    this.#words[at + W_HASH] = sample.hash | 0;
    this.#words[at + W_INPUT] = sample.input | 0;
    const isVector = sample.direction >= 0;
    this.#words[at + W_MARKS] = ((sample.direction + 1) << 16) | (Number(sample.isRunFirst) << 8) | sample.track;
    this.#singles[at + F32_ENTROPY_OR_PROJECTION] = isVector ? sample.projection : sample.entropy;
    this.#doubles[at / 2 + F64_AT_US] = sample.atUs;
    this.#doubles[at / 2 + F64_VALUE] = sample.value;
    this.#next = (this.#next + 1) | 0;
  }

  /** Makes all written records visible to the reader. */
  publish(): void {
    Atomics.store(this.#words, TAIL, this.#next);
  }
}

/** The consuming end. Exactly one thread reads a ring; it owns its cursor. */
export class SampleReader {
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #copy = new Int32Array(CHUNK_RECORDS * RECORD_WORDS);
  readonly #copySingles = new Float32Array(this.#copy.buffer);
  readonly #copyDoubles = new Float64Array(this.#copy.buffer);
  readonly #fence = new Int32Array(1);
  readonly #sample = emptySample();
  #cursor = 0;
  #lapped = 0;
  /** The copied records, from here up to the end, are whole. */
  #firstWhole = 0;

  constructor(memory: SharedArrayBuffer, byteOffset: number, capacity: number) {
    this.#words = new Int32Array(memory, byteOffset, sampleRingBytes(capacity) / 4);
    this.#capacity = capacity;
  }

  /** Records that were overwritten before they were read, since the start. */
  get lapped(): number {
    return this.#lapped;
  }

  /**
   * Hands every unread sample to `visit`, at most `limit` of them, and returns how many. The object is re-used: copy
   * what must outlive the call.
   */
  drain(visit: (sample: Readonly<Sample>) => void, limit = this.#capacity): number {
    return this.#eachCopied(limit, (index) => visit(this.#decode(index, this.#sample)));
  }

  /** Fills `into` with unread samples, oldest first, and returns how many there are. */
  read(into: readonly Sample[]): number {
    return this.#eachCopied(into.length, (index, number) => this.#decode(index, into[number]!));
  }

  // Copies at most `limit` records and calls `take` for each whole one, with its place in the copy and its number.
  #eachCopied(limit: number, take: (index: number, number: number) => void): number {
    const tail = Atomics.load(this.#words, TAIL);
    let taken = 0;
    while (taken < limit) {
      const copied = this.#copyChunk(tail, limit - taken);
      if (copied === 0) break;
      for (let index = this.#firstWhole; index < copied; index += 1) take(index, taken++);
    }
    return taken;
  }

  // Copies the next records, at most `most`, and tells how many; those before `#firstWhole` were overwritten meanwhile.
  #copyChunk(tail: number, most: number): number {
    const words = this.#words;
    this.#skip((Atomics.load(words, INTENT) - this.#capacity - this.#cursor) | 0);
    const count = Math.min((tail - this.#cursor) | 0, most, CHUNK_RECORDS);
    if (count <= 0) return 0;
    const copy = this.#copy;
    for (let index = 0; index < count; index += 1) {
      const from = CONTROL_WORDS + ((this.#cursor + index) & (this.#capacity - 1)) * RECORD_WORDS;
      const to = index * RECORD_WORDS;
      for (let word = 0; word < RECORD_WORDS; word += 1) copy[to + word] = words[from + word]!;
    }
    Atomics.store(this.#fence, 0, 0);
    const lost = (Atomics.load(words, INTENT) - this.#capacity - this.#cursor) | 0;
    this.#firstWhole = Math.min(count, Math.max(0, lost));
    this.#lapped += this.#firstWhole;
    this.#cursor = (this.#cursor + count) | 0;
    return count;
  }

  // The producer owns everything from intent - capacity downwards: those records are gone or being overwritten.
  #skip(lost: number): void {
    if (lost <= 0) return;
    this.#lapped += lost;
    this.#cursor = (this.#cursor + lost) | 0;
  }

  #decode(index: number, sample: Sample): Sample {
    const from = this.#copy;
    const at = index * RECORD_WORDS;
    const kindAndOutcome = from[at + W_KIND_OUTCOME]!;
    const marks = from[at + W_MARKS]!;
    sample.generation = from[at + W_GENERATION]! >>> 0;
    sample.kind = ((kindAndOutcome >> 8) & 0xff) as SampleKind;
    sample.outcome = (kindAndOutcome & 0xff) as Outcome;
    sample.rows = from[at + W_ROWS]!;
    sample.batchRows = from[at + W_BATCH_ROWS]!;
    sample.latencyUs = from[at + W_LATENCY_US]!;
    sample.queueUs = from[at + W_QUEUE_US]!;
    sample.runUs = from[at + W_RUN_US]!;
    sample.classIndex = from[at + W_CLASS_INDEX]!;
    sample.hash = from[at + W_HASH]!;
    sample.input = from[at + W_INPUT]!;
    sample.track = (marks & 0xff) as Track;
    sample.isRunFirst = (marks & 0xff00) !== 0;
    sample.direction = (marks >> 16) - 1;
    const single = this.#copySingles[at + F32_ENTROPY_OR_PROJECTION]!;
    sample.entropy = sample.direction < 0 ? single : NaN;
    sample.projection = sample.direction < 0 ? NaN : single;
    sample.atUs = this.#copyDoubles[at / 2 + F64_AT_US]!;
    sample.value = this.#copyDoubles[at / 2 + F64_VALUE]!;
    return sample;
  }
}

/** Views of several rings that lie one after another in one memory: one per producer. */
export function sampleRingOffset(ring: number, capacity: number): number {
  return ring * sampleRingBytes(capacity);
}
