// Latency quantiles of about the last minute, for people; no check decides on them. Monitor thread. Six histograms of
// ten seconds each take turns, so the view covers the last 50 to 60 s. Memory is fixed: 14 KB a slice at two digits,
// and 48 KB of counts. A quantile is the top of its bucket: never too low, at most 0.79 % too high.
import { build, type Histogram } from 'hdr-histogram-js';

const SLICES = 6;
const SLICE_US = 10_000_000;
/** The largest latency that a sample can hold; higher ones are recorded as this. */
const LATENCY_US_MAX = 0x7fffffff;
/** Latencies below this are counted by the microsecond first: a histogram's bucket takes two logarithms to find. */
const COUNTED_US = 8_192;

interface LatencyQuantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export class LatencyView {
  readonly #slices: readonly Histogram[];
  readonly #sum: Histogram;
  /** Number of the ten seconds that are being recorded, counted from the clock's origin; null before the first. */
  #slot: number | null = null;
  /** Not in the slice yet; which of the counts are not 0, and how many are. */
  readonly #counts = new Uint32Array(COUNTED_US);
  readonly #counted = new Uint16Array(COUNTED_US);
  #countedSize = 0;

  constructor(digits: 2 | 3 = 2) {
    this.#slices = Array.from({ length: SLICES }, () => newHistogram(digits));
    this.#sum = newHistogram(digits);
  }

  /** Moves the view on to `nowUs`, forgetting what is older than a minute; times that go back change nothing. */
  advance(nowUs: number): void {
    const slot = Math.floor(nowUs / SLICE_US);
    if (this.#slot === null) this.#slot = slot;
    const passed = Math.min(SLICES, slot - this.#slot);
    if (passed > 0) this.#settle();
    for (let step = 0; step < passed; step += 1) this.#slices[(slot - step) % SLICES]!.reset();
    if (passed > 0) this.#slot = slot;
  }

  /** Records one latency at the time of the last `advance`. */
  record(latencyUs: number): void {
    const clamped = latencyUs > 0 ? Math.min(LATENCY_US_MAX, Math.trunc(latencyUs)) : 0;
    if (clamped >= COUNTED_US) {
      this.#slice.recordValue(clamped);
      return;
    }
    if (this.#counts[clamped] === 0) this.#counted[this.#countedSize++] = clamped;
    this.#counts[clamped]! += 1;
  }

  get #slice(): Histogram {
    return this.#slices[(this.#slot ?? 0) % SLICES]!;
  }

  #settle(): void {
    const slice = this.#slice;
    for (let index = 0; index < this.#countedSize; index += 1) {
      const latencyUs = this.#counted[index]!;
      slice.recordValueWithCount(latencyUs, this.#counts[latencyUs]!);
      this.#counts[latencyUs] = 0;
    }
    this.#countedSize = 0;
  }

  /** Returns the quantiles in ms, or null when the last minute has no samples. */
  quantilesMs(): LatencyQuantiles | null {
    this.#settle();
    this.#sum.reset();
    for (const slice of this.#slices) if (slice.totalCount > 0) this.#sum.add(slice);
    if (this.#sum.totalCount === 0) return null;
    const quantileMs = (percent: number): number => this.#sum.getValueAtPercentile(percent) / 1_000;
    return { p50: quantileMs(50), p95: quantileMs(95), p99: quantileMs(99) };
  }
}

function newHistogram(digits: 2 | 3): Histogram {
  return build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: digits,
    useWebAssembly: false,
  });
}
