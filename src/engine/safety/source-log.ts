// Who asked one model in the last minutes, and whom its active version failed: counts by source in slots of ten
// seconds. Main thread. Requests are drawn, each draw standing for those before it; failures are counted all, and asked
// for their source up to a limit a second, beyond which nobody knows. Fixed memory.
import { sourceText, UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { RequestIds } from '../../batch/options.ts';
import type { SourceFacts, SourceTally } from '../../judge/verdict/sources.ts';
import type { JudgeOptions } from '../../options/options.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import { NO_GENERATION } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';

const SLOT_US = 10e6;
const SLOTS = 31;
/** Whole slots, and the one under way. */
const WINDOWS = [2, 7, SLOTS];
/** Sources of one slot that are told apart; what further ones do is nobody's. */
const SOURCES_PER_SLOT_MAX = 256;
const SHARES_TOLD = 5;
const ASKED_PER_SECOND_MAX = 1_000;
const SECOND_US = 1e6;

type Judge = Pick<JudgeOptions, 'errorRateLimit' | 'chance' | 'samplesMin' | 'checks'>;

interface Slot {
  readonly slot: number;
  readonly tallies: Map<number, SourceTally>;
}

const none = (): SourceTally => ({ requests: 0, failed: 0, nonFinite: 0 });

export class SourceLog {
  readonly #slots: Slot[] = [];
  readonly #limits: SourceFacts['limits'];
  readonly #monotonicUs: () => number;
  #generation = NO_GENERATION;
  #second = -1;
  #asked = 0;

  constructor(judge: Judge, monotonicUs: () => number) {
    const { errorRateLimit: failed, chance, samplesMin, checks } = judge;
    this.#limits = { failed, nonFinite: checks.non_finite.limit, chance, samplesMin };
    this.#monotonicUs = monotonicUs;
  }

  /** From now on `generation` answers: what was asked of an earlier one says nothing of it. */
  begin(generation: number): void {
    this.#slots.length = 0;
    this.#generation = generation;
  }

  requested(source: number, requests: number): void {
    this.#tally(source, this.#monotonicUs()).requests += requests;
  }

  /** Counts an entry that was failed, or answered with no number; those of other generations are left out. */
  failed(slab: Slab, entry: number, ids: RequestIds): void {
    if (slab.generation !== this.#generation) return;
    const nowUs = this.#monotonicUs();
    const what = slab.outcome(entry) === Outcome.nonFinite ? 'nonFinite' : 'failed';
    const second = Math.floor(nowUs / SECOND_US);
    if (second !== this.#second) {
      this.#second = second;
      this.#asked = 0;
    }
    this.#asked += 1;
    const source = this.#asked > ASKED_PER_SECOND_MAX ? UNKNOWN_SOURCE : ids.sourceOf(entry);
    this.#tally(source, nowUs)[what] += 1;
  }

  /** Counts requests that nobody can be asked about any more. */
  lost({ generation }: Slab, requests: number): void {
    if (generation === this.#generation) this.#tally(UNKNOWN_SOURCE, this.#monotonicUs()).failed += requests;
  }

  /** How many are known now. */
  get known(): number {
    return [...this.#since(this.#monotonicUs(), SLOTS).keys()].filter((source) => source !== UNKNOWN_SOURCE).length;
  }

  /** Plain data; null while nobody is known. */
  view(): SourceFacts | null {
    const nowUs = this.#monotonicUs();
    const totals = this.#since(nowUs, SLOTS);
    if ([...totals.keys()].every((source) => source === UNKNOWN_SOURCE)) return null;
    const bad = ({ failed, nonFinite }: SourceTally): number => failed + nonFinite;
    const [heaviest] = [...totals].filter(([source, tally]) => source !== UNKNOWN_SOURCE && bad(tally) > 0)
      .sort(([, a], [, b]) => bad(b) - bad(a))[0] ?? [null];
    return {
      heaviest: heaviest === null ? null : sourceText(heaviest),
      windows: WINDOWS.map((slots) => {
        const within = this.#since(nowUs, slots);
        return {
          windowMs: (slots - 1) * SLOT_US / 1e3, all: sumOf(within.values()),
          heaviest: heaviest === null ? none() : { ...within.get(heaviest) ?? none() },
        };
      }),
      shares: [...totals].sort(([, a], [, b]) => b.requests - a.requests).slice(0, SHARES_TOLD)
        .map(([source, tally]) => ({ source: sourceText(source), ...tally })),
      limits: this.#limits,
    };
  }

  #since(nowUs: number, slots: number): Map<number, SourceTally> {
    const first = Math.floor(nowUs / SLOT_US) - slots;
    const sums = new Map<number, SourceTally>();
    for (const { slot, tallies } of this.#slots) {
      if (slot <= first) continue;
      for (const [source, tally] of tallies) sums.set(source, sumOf([sums.get(source) ?? none(), tally]));
    }
    return sums;
  }

  #tally(source: number, nowUs: number): SourceTally {
    const slot = Math.floor(nowUs / SLOT_US);
    let newest = this.#slots.at(-1);
    if (newest === undefined || newest.slot < slot) {
      newest = { slot, tallies: new Map() };
      this.#slots.push(newest);
      if (this.#slots.length > SLOTS) this.#slots.shift();
    }
    const { tallies } = newest;
    const isRoom = tallies.has(source) || tallies.size < SOURCES_PER_SLOT_MAX;
    const key = isRoom ? source : UNKNOWN_SOURCE;
    let tally = tallies.get(key);
    if (tally === undefined) {
      tally = none();
      tallies.set(key, tally);
    }
    return tally;
  }
}

function sumOf(tallies: Iterable<SourceTally>): SourceTally {
  const sum = none();
  for (const { requests, failed, nonFinite } of tallies) {
    sum.requests += requests;
    sum.failed += failed;
    sum.nonFinite += nonFinite;
  }
  return sum;
}
