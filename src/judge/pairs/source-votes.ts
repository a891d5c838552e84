// Who asked the questions of pairs, and what each one's show. Pure; time is an argument; fixed memory. Whoever asks
// often must not speak for all: where several ask, a source has one vote in a slot of time, the mean of what its
// questions showed, and what the source of most events says is kept apart, so that a verdict can be had without it.
// Where nobody can be told from anybody, or one alone asks, each question is a vote.
import { sourceText, UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { ChangeFacts } from './pair-schema.ts';

const SLOT_US = 1e6;
/** Sources whose votes are kept apart; of more of them those with the fewest votes are not. */
const SOURCES_MAX = 32;
/** One that has not asked for so long is gone. */
const SEEN_US = 600e6;
/** Levels are counted in steps of this: what is lost by rounding is far below any margin. */
const STEP = 1 / 64;

/** The sources that ask of late, whatever generation answers them. */
export class SourcesSeen {
  readonly #seenUs = new Map<number, number>();

  note(source: number, nowUs: number): void {
    this.#seenUs.delete(source);
    this.#seenUs.set(source, nowUs);
    // The one that asked longest ago stands first.
    for (const [one, seenUs] of this.#seenUs) {
      if (this.#seenUs.size <= SOURCES_MAX && nowUs - seenUs <= SEEN_US) break;
      this.#seenUs.delete(one);
    }
  }

  get count(): number {
    return this.#seenUs.size;
  }

  /** Whether anybody at all can be told from the others. */
  get isAnyKnown(): boolean {
    return this.count > (this.#seenUs.has(UNKNOWN_SOURCE) ? 1 : 0);
  }
}

type Counts = Map<number, number>;

const countIn = (counts: Counts, step: number): unknown => counts.set(step, (counts.get(step) ?? 0) + 1);
const votesOf = (counts: Counts): number => [...counts.values()].reduce((sum, votes) => sum + votes, 0);
/** What speaks against the version. */
const eventsOf = (counts: Counts): number =>
  [...counts].reduce((sum, [step, votes]) => sum + Math.max(0, step) * votes, 0);
const levelsOf = (counts: Counts): ChangeFacts['levels'] =>
  [...counts].sort(([a], [b]) => a - b).map(([step, pairs]) => ({ level: step * STEP, pairs }));

export class SourceVotes {
  readonly #seen: SourcesSeen;
  readonly #all: Counts = new Map();
  readonly #bySource = new Map<number, Counts>();
  /** What a source's questions of the slot under way have shown so far. */
  readonly #open = new Map<number, { slot: number; sum: number; questions: number }>();

  constructor(seen: SourcesSeen) {
    this.#seen = seen;
  }

  /** Counts what a question showed, in [-1, 1]; `source` has been noted as seen. */
  add(source: number, atUs: number, level: number): void {
    const slot = Math.floor(atUs / SLOT_US);
    for (const [one, open] of this.#open) if (open.slot < slot) this.#close(one, open);
    if (source === UNKNOWN_SOURCE || this.#seen.count < 2) {
      this.#vote(source, level);
      return;
    }
    const open = this.#open.get(source) ?? { slot, sum: 0, questions: 0 };
    open.sum += level;
    open.questions += 1;
    this.#open.set(source, open);
  }

  facts(): Pick<ChangeFacts, 'levels' | 'sources'> {
    const [heaviest] = this.#seen.isAnyKnown
      ? [...this.#bySource].sort(([, a], [, b]) => eventsOf(b) - eventsOf(a) || votesOf(b) - votesOf(a)) : [];
    return {
      levels: levelsOf(this.#all),
      sources: {
        seen: this.#seen.count,
        heaviest: heaviest === undefined
          ? null : { source: sourceText(heaviest[0]), levels: levelsOf(heaviest[1]) },
      },
    };
  }

  #close(source: number, { sum, questions }: { readonly sum: number; readonly questions: number }): void {
    this.#open.delete(source);
    this.#vote(source, sum / questions);
  }

  #vote(source: number, level: number): void {
    const step = Math.round(level / STEP);
    countIn(this.#all, step);
    let counts = this.#bySource.get(source);
    if (counts === undefined) {
      counts = new Map();
      this.#bySource.set(source, counts);
      if (this.#bySource.size > SOURCES_MAX) this.#forgetLightest(source);
    }
    countIn(counts, step);
  }

  // What it said stays counted among all.
  #forgetLightest(kept: number): void {
    const others = [...this.#bySource].filter(([source]) => source !== kept);
    this.#bySource.delete(others.reduce((least, one) => (votesOf(one[1]) < votesOf(least[1]) ? one : least))[0]);
  }
}
