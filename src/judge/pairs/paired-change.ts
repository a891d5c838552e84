// What one failing check asks of pairs: how far the new version's answer to a question lies beyond the twin's in the
// check's own measure, counted by its size from the alarm on. Pure. Counting begins with the alarm, and what is counted
// is fixed by then: so the counts are of no pair that raised the alarm, and the test on them holds at every look.
import { UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import { InputSlots } from './input-slots.ts';
import type { PairedAnswer } from './pair-counts.ts';
import type { ChangeFacts, TwinLevelFacts } from './pair-schema.ts';
import { SourcesSeen, SourceVotes } from './source-votes.ts';

/** One version's answer to a question as the events of checks read it. */
export interface AnswerView extends PairedAnswer {
  /** Of the class scores, as in a PredictionSummary. */
  readonly entropy: number;
  /** Hash of the whole answer: equal answers are told by it. */
  readonly hash: number;
  /** Of a vector or a sequence on a fixed direction (0…7); NaN where there is none. */
  readonly projection: (direction: number) => number;
}

/** What a check looks at in a pair. */
export interface PairEvent {
  /** From this mean on, beyond the change that is expected, the version itself changed: half of the check's limit. */
  readonly margin: number;
  /** What the new version's answer did beyond the twin's, in [-1, 1]; null when the pair says nothing. */
  readonly change: (fresh: AnswerView, twin: AnswerView) => number | null;
}

/** Both answers to one question. */
export interface AnsweredPair {
  /** Hash of the input; 0 when it is not known. */
  readonly input: number;
  readonly atUs: number;
  /** Who asked, as in source-ids.ts; nobody knows by default. */
  readonly source?: number;
  readonly fresh: AnswerView;
  readonly twin: AnswerView;
}

/** Counts how the twin itself answers. */
interface TwinCounter {
  add(input: number, twin: AnswerView): void;
  facts(): TwinLevelFacts;
}

export class PairedChange {
  readonly #event: PairEvent;
  readonly #expected: number;
  readonly #slots = new InputSlots();
  readonly #votes: SourceVotes;
  readonly #twin: TwinCounter | null;

  /**
   * `expected`: the mean change that was announced, or seen on validation inputs. `seen`: who asks of late.
   */
  constructor(
    event: PairEvent, expected = 0, { seen = new SourcesSeen(), twin = null }: {
      readonly seen?: SourcesSeen; readonly twin?: TwinCounter | null;
    } = {},
  ) {
    this.#event = event;
    this.#expected = expected;
    this.#votes = new SourceVotes(seen);
    this.#twin = twin;
  }

  add({ input, atUs, source = UNKNOWN_SOURCE, fresh, twin }: AnsweredPair): void {
    if (!this.#slots.isNew(input, atUs)) return;
    const change = this.#event.change(fresh, twin);
    if (change === null) return;
    this.#twin?.add(input, twin);
    this.#votes.add(source, atUs, change);
  }

  facts(): ChangeFacts {
    return {
      margin: this.#event.margin, expected: this.#expected, ...this.#votes.facts(),
      ...(this.#twin !== null && { twin: this.#twin.facts() }),
    };
  }
}
