// What the recorder is told beside the monitor's commands, and what the version before answered to rows that wait to be
// written. Recorder thread. A row of a generation whose version before is being asked waits a moment for that answer,
// and is written without it when none has come: so no line is written twice, and lines stay in the order of time.
import type { MonitorCommand } from '../judge/types/messages.ts';
import type { RowAbout } from '../shared-memory/row-ring.ts';
import type { KnownChange, RepeatedRequests, TwinText } from './line-text.ts';

/** The version before is asked from now on, or has answered some rows. */
interface TwinAnswered {
  readonly kind: 'twin';
  readonly model: string;
  readonly generation: number;
  readonly answers: readonly (TwinText & { readonly row: RowKey })[];
}
/** What is known beforehand of a generation, told before it is watched. */
interface ChangeKnown extends KnownChange {
  readonly kind: 'known';
  readonly model: string;
  readonly generation: number;
}
interface RequestsRepeated extends RepeatedRequests {
  readonly kind: 'repeated';
  readonly model: string;
  readonly generation: number;
}
export type RecorderCommand = MonitorCommand | TwinAnswered | ChangeKnown | RequestsRepeated;

/** What tells a row from all others of its generation; rows that are alike in all of it are the same question. */
type RowKey = Pick<RowAbout, 'atUs' | 'row' | 'input' | 'latencyUs'>;

/** Answers that wait for their rows. */
const ANSWERS_MAX = 16_384;

export class TwinAnswers {
  readonly #answers = new Map<string, TwinText>();
  #first = 0;
  /** The generation whose rows wait, because its twin is asked; 0 for none. */
  generation = 0;

  /** Takes in answers; those of an earlier generation come too late. */
  add({ generation, answers }: TwinAnswered): void {
    if (generation < this.#first) return;
    if (generation !== this.generation) this.#answers.clear();
    this.generation = generation;
    for (const { row, ...answer } of answers) {
      if (this.#answers.size >= ANSWERS_MAX) this.#answers.delete(this.#answers.keys().next().value!);
      this.#answers.set(keyOf(row), answer);
    }
  }

  /** Another generation begins: its rows wait once its twin is asked. */
  begin(generation: number): void {
    this.#first = generation;
    this.generation = 0;
    this.#answers.clear();
  }

  /** The answer to a row, once. */
  take(row: RowKey): TwinText | null {
    const key = keyOf(row);
    const answer = this.#answers.get(key);
    if (answer === undefined) return null;
    this.#answers.delete(key);
    return answer;
  }
}

const keyOf = ({ atUs, row, input, latencyUs }: RowKey): string => `${atUs} ${row} ${input} ${latencyUs}`;
