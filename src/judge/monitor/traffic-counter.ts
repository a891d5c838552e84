// Counts what each version answers, second by second, into the shared memory of shared-memory/traffic.ts. Monitor
// thread; time is an argument. A second is closed by a sample of a later one, or when time has passed it; a sample
// that comes later counts in the second that is open. A latency is told by the top of its bucket: at most 6.25 % too
// high. Bound: as many versions as there are series; others have no timeline.
import { Outcome, type Sample, SampleKind, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import { TRAFFIC_COUNTS, type TrafficRecord, TrafficSeries } from '../../shared-memory/traffic.ts';
import { Track } from '../../shared-memory/slab.ts';

/** Buckets to an octave, and octaves up to the largest latency that a sample can hold. */
const PARTS = 16;
const PART_BITS = 4;
const BUCKETS = PARTS * (32 - PART_BITS);
const TEN = 10;
/** A version that answered within this many seconds keeps its series. */
const QUIET_SECONDS = 60;
const US_PER_SECOND = 1e6;
const QUANTILES = [0.5, 0.95, 0.99] as const;

const OUTCOME_COUNT: Readonly<Record<Outcome, number>> = {
  [Outcome.ok]: countOf('ok'), [Outcome.clientFault]: countOf('clientFaults'),
  [Outcome.modelFailure]: countOf('failed'), [Outcome.deadline]: countOf('failed'),
  [Outcome.nonFinite]: countOf('nonFinite'), [Outcome.expired]: countOf('expired'),
  [Outcome.nonFiniteInput]: countOf('setAside'),
};

const SHIELDED = countOf('shielded');

function countOf(name: (typeof TRAFFIC_COUNTS)[number]): number {
  return TRAFFIC_COUNTS.indexOf(name);
}

/** Of durations below 16 µs each has a bucket of its own; above, sixteen to an octave. */
function bucketOf(us: number): number {
  if (us < PARTS) return us;
  const octave = 31 - Math.clz32(us) - PART_BITS;
  return PARTS * octave + (us >>> octave);
}

function topOf(bucket: number): number {
  if (bucket < PARTS) return bucket;
  const octave = Math.floor(bucket / PARTS) - 1;
  return ((bucket - PARTS * octave + 1) * 2 ** octave) - 1;
}

class Latencies {
  readonly #buckets = new Uint32Array(BUCKETS);
  #total = 0;

  add(us: number): void {
    this.#buckets[bucketOf(us)]! += 1;
    this.#total += 1;
  }

  addAll(other: Latencies): void {
    if (other.#total === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) this.#buckets[bucket]! += other.#buckets[bucket]!;
    this.#total += other.#total;
  }

  clear(): void {
    if (this.#total > 0) this.#buckets.fill(0);
    this.#total = 0;
  }

  quantilesUs(): number[] {
    if (this.#total === 0) return QUANTILES.map(() => 0);
    let [seen, bucket] = [0, -1];
    return QUANTILES.map((share) => {
      const wanted = Math.ceil(share * this.#total);
      while (seen < wanted) seen += this.#buckets[++bucket]!;
      return topOf(bucket);
    });
  }
}

/** One version: the second that is open, and the ten seconds around it. */
class OpenSecond {
  readonly counts = new Float64Array(TRAFFIC_COUNTS.length);
  readonly latencies = new Latencies();
  readonly ofTen = new Latencies();
  second: number;
  isEmpty = true;

  constructor(second: number) {
    this.second = second;
  }
}

/** A version with a series, and what is open of it. */
interface Entry {
  readonly index: number;
  readonly now: OpenSecond;
}

export class TrafficCounter {
  readonly #series: TrafficSeries;
  readonly #open = new Map<string, Entry>();
  // Nearly all samples belong to the version of the one before; null when what is open has changed since.
  #last: { readonly model: string; readonly version: string; readonly entry: Entry } | null = null;
  /** Without a series: asked again when the next second begins. */
  readonly #refused = new Set<string>();
  /** What to add to the monotonic clock to have microseconds since 1970. */
  #wallOffsetUs = 0;
  #nowSecond = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#series = new TrafficSeries(memory);
  }

  /** Says what time it is, and closes the seconds that are over. */
  advance(nowUs: number, wallMs: number): void {
    this.#wallOffsetUs = wallMs * 1_000 - nowUs;
    const second = Math.floor(wallMs / 1_000);
    if (second === this.#nowSecond) return;
    this.#nowSecond = second;
    this.#last = null;
    this.#refused.clear();
    for (const [key, { index, now }] of this.#open) {
      if (now.second < second) this.#close(index, now, second);
      // A clock that was put back begins anew from where it stands.
      else if (now.second > second) now.second = second;
      if (now.isEmpty && this.#isForgotten(index, now)) this.#open.delete(key);
    }
  }

  /** Counts one sample of a version; further rows of a request are part of what its first sample says. */
  add(model: string, version: string, sample: Readonly<Sample>): void {
    if (sample.kind !== SampleKind.request || version === '') return;
    const second = Math.floor((sample.atUs + this.#wallOffsetUs) / US_PER_SECOND);
    const entry = this.#entryOf(model, version, second);
    if (entry === null) return;
    const { index, now } = entry;
    if (second > now.second) this.#close(index, now, second);
    now.counts[sample.track === Track.shield ? SHIELDED : OUTCOME_COUNT[sample.outcome]]! += 1;
    if (speaksOfVersion(sample.outcome)) now.latencies.add(Math.max(0, sample.latencyUs));
    now.isEmpty = false;
  }

  /** Closes what is open: nothing comes any more. Ten seconds that are not over are put down as far as they are. */
  end(): void {
    for (const { index, now } of this.#open.values()) this.#close(index, now, now.second + TEN);
    this.#open.clear();
    this.#last = null;
  }

  #entryOf(model: string, version: string, second: number): Entry | null {
    const last = this.#last;
    if (last !== null && last.version === version && last.model === model) return last.entry;
    const entry = this.#find(model, version, second);
    this.#last = entry && { model, version, entry };
    return entry;
  }

  #find(model: string, version: string, second: number): Entry | null {
    const key = `${model}\n${version}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#refused.has(key)) return null;
    const index = this.#series.claim({ model, version }, this.#nowSecond - QUIET_SECONDS);
    if (index === null) {
      this.#refused.add(key);
      return null;
    }
    // The series of whoever had it before is not written any more.
    for (const [other, { index: itsIndex }] of this.#open) if (itsIndex === index) this.#open.delete(other);
    const entry = { index, now: new OpenSecond(second) };
    this.#open.set(key, entry);
    return entry;
  }

  #isForgotten(index: number, { second }: OpenSecond): boolean {
    const own = this.#series.names().find((one) => one.index === index);
    return own === undefined || own.newest < second - QUIET_SECONDS;
  }

  // Puts the open second down and begins `next`; with the last one of ten, these too.
  #close(index: number, now: OpenSecond, next: number): void {
    const tenStart = now.second - now.second % TEN;
    if (!now.isEmpty) {
      this.#series.write(index, recordOf(now.second, now.counts, now.latencies), 1);
      now.ofTen.addAll(now.latencies);
      now.counts.fill(0);
      now.latencies.clear();
      now.isEmpty = true;
    }
    if (next - next % TEN !== tenStart) this.#closeTen(index, now, tenStart);
    now.second = next;
  }

  // The counts are those of its seconds, also of those that a monitor before this one wrote down.
  #closeTen(index: number, now: OpenSecond, tenStart: number): void {
    const seconds = this.#series.read(index, tenStart, tenStart + TEN, 1);
    if (seconds.length === 0) return;
    const counts = new Float64Array(TRAFFIC_COUNTS.length);
    for (const record of seconds) record.counts.forEach((count, at) => (counts[at]! += count));
    this.#series.write(index, recordOf(tenStart, counts, now.ofTen), TEN);
    now.ofTen.clear();
  }
}

function recordOf(second: number, counts: Float64Array, latencies: Latencies): TrafficRecord {
  return { second, counts: [...counts], quantilesUs: latencies.quantilesUs() };
}
