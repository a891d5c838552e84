// Traffic: what each version answered, second by second, for the timeline that people look at. One writer (the monitor)
// and any number of readers (the main thread); it lies in memory that outlives the monitor thread.
//
//   memory   [ series 0 | series 1 | … ]                        SERIES_MAX of them, whoever answers
//   series   [ head 320 B | 3,600 records of a second | 8,640 records of ten seconds ]        44 B a record
//   head     0 turn i32 (odd while the series is handed to another version) · 4 nameBytes i32 (0: nobody's)
//            8 newest u32 (the newest second that was closed) · 16 "model\nversion" in UTF-8, at most 304 B
//   record   0 stamp u32 (its second since 1970, of ten seconds the first one; 0 for none) · 4 ok · 8 clientFaults
//            12 failed · 16 nonFinite · 20 expired · 24 setAside (not finite, to inputs that are not)
//            28 shielded (answered in the stead of a version on probation) · 32 p50 µs · 36 p95 µs · 40 p99 µs
//
// A record lies at its stamp modulo the length of its ring, so nothing is ever moved, and what is older than an hour (a
// day) is overwritten. Order: the writer clears the stamp, writes the rest, and stores the stamp last; a reader takes a
// record whose stamp is the same before and after. Bound: 540 KB a series, of which the system gives a page when it is
// first written; all of them together TRAFFIC_BYTES.

/** Versions that have a timeline at a time; one that is quiet gives way to one that answers. */
export const SERIES_MAX = 64;
const SECONDS = 3_600;
const TENS = 8_640;
const RECORD_WORDS = 11;
const HEAD_WORDS = 80;
const NAME_AT = 16;
const NAME_BYTES_MAX = HEAD_WORDS * 4 - NAME_AT;
const SERIES_WORDS = HEAD_WORDS + (SECONDS + TENS) * RECORD_WORDS;
/** All that it can ever take: 35 MB. */
const TRAFFIC_BYTES = SERIES_MAX * SERIES_WORDS * 4;

const H_TURN = 0;
const H_NAME_BYTES = 1;
const H_NEWEST = 2;
const R_STAMP = 0;
const R_COUNTS = 1;
const R_QUANTILES = 8;

/** Whose traffic a series is. */
interface TrafficName {
  readonly model: string;
  readonly version: string;
}

/** Requests by what became of them, in the order in which they are stored. */
export const TRAFFIC_COUNTS =
  ['ok', 'clientFaults', 'failed', 'nonFinite', 'expired', 'setAside', 'shielded'] as const;

/** Seconds of a record. */
type TrafficStep = 1 | 10;

/** One record: seven counts and three latencies in µs. */
export interface TrafficRecord {
  /** Seconds since 1970, of its first second. */
  readonly second: number;
  /** By TRAFFIC_COUNTS. */
  readonly counts: readonly number[];
  /** p50, p95 and p99 of the requests that speak of the version, in µs; 0 when there was none. */
  readonly quantilesUs: readonly number[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Memory for all series, all of them nobody's. */
export function trafficMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(TRAFFIC_BYTES);
}

const offsetOf = (second: number, step: TrafficStep): number => HEAD_WORDS + RECORD_WORDS *
  (step === 1 ? second % SECONDS : SECONDS + Math.floor(second / 10) % TENS);

/** One series as the writer and the readers see it. */
class Series {
  readonly words: Uint32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer, index: number) {
    this.words = new Uint32Array(memory, index * SERIES_WORDS * 4, SERIES_WORDS);
    this.#bytes = new Uint8Array(memory, index * SERIES_WORDS * 4, SERIES_WORDS * 4);
  }

  /** Null while it is nobody's, or changes hands. */
  get name(): TrafficName | null {
    const turn = Atomics.load(this.words, H_TURN);
    const length = Atomics.load(this.words, H_NAME_BYTES);
    if (turn % 2 === 1 || length === 0 || length > NAME_BYTES_MAX) return null;
    // A decoder refuses shared memory.
    const [model = '', version = ''] = decoder.decode(this.#bytes.slice(NAME_AT, NAME_AT + length)).split('\n');
    return Atomics.load(this.words, H_TURN) === turn ? { model, version } : null;
  }

  get newest(): number {
    return Atomics.load(this.words, H_NEWEST);
  }

  /** Hands the series to another version: readers find it empty, and then the other's. */
  give({ model, version }: TrafficName): void {
    const { words } = this;
    Atomics.add(words, H_TURN, 1);
    const text = encoder.encode(`${model}\n${version}`);
    const hadOwner = words[H_NAME_BYTES] !== 0;
    // Of fresh memory nothing is touched that is not needed.
    if (hadOwner) words.fill(0, H_NEWEST);
    this.#bytes.set(text.subarray(0, NAME_BYTES_MAX), NAME_AT);
    Atomics.store(words, H_NAME_BYTES, Math.min(NAME_BYTES_MAX, text.length));
    Atomics.add(words, H_TURN, 1);
  }

  /** The record that begins at `second`; null when nothing is known of that time. */
  read(second: number, step: TrafficStep): TrafficRecord | null {
    const { words } = this;
    const at = offsetOf(second, step);
    if (Atomics.load(words, at + R_STAMP) !== second) return null;
    const counts = TRAFFIC_COUNTS.map((_, index) => Atomics.load(words, at + R_COUNTS + index));
    const quantilesUs = [0, 1, 2].map((index) => Atomics.load(words, at + R_QUANTILES + index));
    return Atomics.load(words, at + R_STAMP) === second ? { second, counts, quantilesUs } : null;
  }

  /** Puts a record down; one of the same time is added to, its latencies the larger ones: a thread began anew in it. */
  write({ second, counts, quantilesUs }: TrafficRecord, step: TrafficStep): void {
    const { words } = this;
    const at = offsetOf(second, step);
    const isSame = words[at + R_STAMP] === second;
    Atomics.store(words, at + R_STAMP, 0);
    counts.forEach((count, index) => {
      Atomics.store(words, at + R_COUNTS + index, count + (isSame ? words[at + R_COUNTS + index]! : 0));
    });
    quantilesUs.forEach((us, index) => {
      Atomics.store(words, at + R_QUANTILES + index, Math.max(us, isSame ? words[at + R_QUANTILES + index]! : 0));
    });
    Atomics.store(words, at + R_STAMP, second);
    if (second > this.newest) Atomics.store(words, H_NEWEST, second);
  }
}

/** All series of one memory. The one writer gives and writes; everybody else finds and reads. */
export class TrafficSeries {
  readonly #series: readonly Series[];

  constructor(memory: SharedArrayBuffer) {
    this.#series = Array.from({ length: SERIES_MAX }, (_, index) => new Series(memory, index));
  }

  /** The versions that have a series, each with its place and the newest second that is known of it. */
  names(): (TrafficName & { readonly index: number; readonly newest: number })[] {
    return this.#series.flatMap((series, index) => {
      const { name } = series;
      return name === null ? [] : [{ ...name, index, newest: series.newest }];
    });
  }

  /**
   * The place of a version, given to it now if it has none: a free one, or that of whoever has been quiet for longest,
   * before `quietBefore`. Null when all of them answer. The writer alone may call it.
   */
  claim(name: TrafficName, quietBefore: number): number | null {
    const taken = this.names();
    const own = taken.find(({ model, version }) => model === name.model && version === name.version);
    if (own !== undefined) return own.index;
    const free = this.#series.findIndex((series) => series.words[H_NAME_BYTES] === 0);
    const [quietest] = taken.sort((a, b) => a.newest - b.newest);
    const index = free >= 0 ? free : quietest !== undefined && quietest.newest < quietBefore ? quietest.index : null;
    if (index !== null) this.#series[index]!.give(name);
    return index;
  }

  /** The writer alone may call it. */
  write(index: number, record: TrafficRecord, step: TrafficStep): void {
    this.#series[index]!.write(record, step);
  }

  /** Records that begin from `from` on and before `to`, the oldest first; both in seconds since 1970. */
  read(index: number, from: number, to: number, step: TrafficStep): TrafficRecord[] {
    const found: TrafficRecord[] = [];
    for (let second = Math.ceil(from / step) * step; second < to; second += step) {
      const record = this.#series[index]!.read(second, step);
      if (record !== null) found.push(record);
    }
    return found;
  }
}
