// Lets the timeline outlive the process: once a minute what was counted of each version, in steps of ten seconds, goes
// into the registry, and at a start it is read back. Main thread; the monitor alone counts into the memory, but before
// that has started. Bound: a block a minute of at most SERIES_MAX × 7 records, kept for a day; a minute in which none
// was asked writes none. A disk that refuses a block loses nothing: the next minute stores both.
import type { Clock } from '../base/clock.ts';
import { changedSettings, type SettingsPrint } from '../options/settings-print.ts';
import type { Registry } from '../registry/registry.ts';
import { ALL_TRAFFIC, type TrafficBlock, trafficKey, type TrafficMark } from '../registry/store/keys.ts';
import type { RegistryStore } from '../registry/store/store.ts';
import { TRAFFIC_COUNTS, type TrafficRecord, TrafficSeries, trafficMemory } from '../shared-memory/traffic.ts';

const STORE_MS = 60_000;
const KEPT_SECONDS = 86_400;
const STEP = 10;
/** A day of them; a clock that was put back leaves some that no age ends. */
const BLOCKS_MAX = KEPT_SECONDS / (STORE_MS / 1_000);
const MARKS_MAX = 64;
/** Changed settings that are named at a start. */
const SETTINGS_NAMED_MAX = 4;
/** The stamp, the counts and three latencies. */
const RECORD_WORDS = 1 + TRAFFIC_COUNTS.length + 3;

interface TrafficStoreOptions {
  readonly store: RegistryStore;
  readonly registry: Pick<Registry, 'commit' | 'models'>;
  readonly clock: Clock;
  /** False for an engine on a directory that another one owns: it reads what is there and writes nothing. */
  readonly mayWrite: boolean;
}

export class TrafficStore {
  readonly memory = trafficMemory();
  readonly series = new TrafficSeries(this.memory);
  readonly #options: TrafficStoreOptions;
  #marks: TrafficMark[] = [];
  /** Marks before this one are stored. */
  #storedMarks = 0;
  /** Records that begin before this second are stored. */
  #storedUntil = 0;
  /** The keys of the blocks that are stored, the oldest first. */
  #blocks: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TrafficStoreOptions) {
    this.#options = options;
  }

  /** What happened to the engine as a whole, the oldest first. */
  get marks(): readonly TrafficMark[] {
    return this.#marks;
  }

  /** Notes that the engine started, and which settings are others than at the start before; after `restore`. */
  markStart(settings: SettingsPrint): void {
    const before = this.#marks.findLast((one) => one.settings !== undefined)?.settings;
    const changed = before === undefined ? [] : changedSettings(before, settings);
    const names = changed.slice(0, SETTINGS_NAMED_MAX).join(', ');
    const more = changed.length > SETTINGS_NAMED_MAX ? ` and ${changed.length - SETTINGS_NAMED_MAX} more` : '';
    const other = `the engine started with other settings: ${names}${more}`;
    const text = changed.length === 0 ? 'the engine started' : other;
    this.#push({ kind: changed.length === 0 ? 'start' : 'configuration', text, settings });
  }

  /** Notes that something happened now. */
  mark(kind: 'monitor' | 'certificate', text: string): void {
    this.#push({ kind, text });
  }

  #push(mark: Omit<TrafficMark, 'atMs'>): void {
    this.#marks.push({ atMs: this.#options.clock.wallMs(), ...mark });
    const beyond = Math.max(0, this.#marks.length - MARKS_MAX);
    this.#marks.splice(0, beyond);
    this.#storedMarks = Math.max(0, this.#storedMarks - beyond);
  }

  /** Reads back the last day; before the monitor starts. */
  restore(): void {
    const { store, clock, registry } = this.#options;
    const now = this.#nowSecond();
    const known = new Set(registry.models().map(({ model }) => model));
    const [keys, blocks] = store.read(() => [store.lastParts(ALL_TRAFFIC), store.list(ALL_TRAFFIC)] as const);
    this.#blocks = keys.filter((key): key is number => typeof key === 'number');
    for (const { series, marks } of blocks) {
      for (const { model, version, records } of series) {
        if (known.has(model)) this.#fill(model, version, records, now);
      }
      this.#marks.push(...marks.filter(({ atMs }) => atMs > clock.wallMs() - KEPT_SECONDS * 1_000));
    }
    this.#marks = this.#marks.slice(-MARKS_MAX);
    this.#storedMarks = this.#marks.length;
    this.#storedUntil = now - now % STEP;
  }

  #fill(model: string, version: string, records: Uint8Array, now: number): void {
    const read = recordsOf(records).filter(({ second }) => second > now - KEPT_SECONDS && second <= now);
    if (read.length === 0) return;
    const index = this.series.claim({ model, version }, now);
    if (index !== null) for (const record of read) this.series.write(index, record, STEP);
  }

  start(): void {
    if (!this.#options.mayWrite) return;
    this.#timer = setInterval(() => void this.flush(), STORE_MS).unref();
  }

  /** Stores what has come in since the last time; resolves also when the disk does not take it. */
  flush(): Promise<void> {
    const now = this.#nowSecond();
    return this.#flush(now, now - now % STEP);
  }

  async #flush(now: number, until: number): Promise<void> {
    const { store, registry, mayWrite } = this.#options;
    // A clock that was put back begins anew from where it stands.
    this.#storedUntil = Math.min(this.#storedUntil, until);
    const block = this.#blockOf(until);
    // What happened to the engine is only worth a write beside traffic.
    if (!mayWrite || block.series.length === 0) return;
    const expired = expiredOf(this.#blocks, now);
    const marks = this.#marks.length;
    try {
      await registry.commit(() => store.transaction(() => {
        store.put(trafficKey(now), block);
        for (const key of expired) store.delete(trafficKey(key));
      }));
    } catch {
      // Whoever serves from a disk that refuses writes is told of that elsewhere.
      return;
    }
    this.#storedUntil = until;
    this.#storedMarks = marks;
    this.#blocks = [...this.#blocks.filter((key) => !expired.includes(key) && key !== now), now];
  }

  /** The monitor has ended: what it put down last is stored too. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const now = this.#nowSecond();
    // With the ten seconds that are not over.
    await this.#flush(now, now + 1);
  }

  #blockOf(until: number): TrafficBlock {
    const from = Math.max(this.#storedUntil, until - KEPT_SECONDS);
    const series = this.series.names().flatMap(({ model, version, index, newest }) => {
      if (newest < from) return [];
      const records = this.series.read(index, from, until, STEP);
      return records.length === 0 ? [] : [{ model, version, records: bytesOf(records) }];
    });
    return { series, marks: this.#marks.slice(this.#storedMarks) };
  }

  #nowSecond(): number {
    return Math.floor(this.#options.clock.wallMs() / 1_000);
  }
}

/** Those that are older than a day, and what is beyond a day's number, the farthest from now first: see BLOCKS_MAX. */
function expiredOf(blocks: readonly number[], now: number): number[] {
  const old = blocks.filter((key) => key < now - KEPT_SECONDS);
  const far = blocks.filter((key) => key >= now - KEPT_SECONDS)
    .sort((a, b) => Math.abs(a - now) - Math.abs(b - now)).slice(BLOCKS_MAX - 1);
  return [...old, ...far];
}

function bytesOf(records: readonly TrafficRecord[]): Uint8Array {
  const words = new Uint32Array(records.length * RECORD_WORDS);
  records.forEach(({ second, counts, quantilesUs }, at) =>
    words.set([second, ...counts, ...quantilesUs], at * RECORD_WORDS));
  return new Uint8Array(words.buffer);
}

function recordsOf(bytes: Uint8Array): TrafficRecord[] {
  // Copied, because what the registry hands over may begin anywhere.
  const words = new Uint32Array(bytes.slice().buffer);
  const counted = TRAFFIC_COUNTS.length;
  return Array.from({ length: Math.floor(words.length / RECORD_WORDS) }, (_, at) => {
    const [second = 0, ...rest] = words.subarray(at * RECORD_WORDS, (at + 1) * RECORD_WORDS);
    return { second, counts: rest.slice(0, counted), quantilesUs: rest.slice(counted) };
  });
}
