// How many answers were sent, by protocol and HTTP status: one number goes up for each of them. Main thread. These
// counts are exact, also when samples are switched off or lost.
import { ERRORS } from '../base/error-table.ts';
import { EntryKind, PROTOCOLS } from '../protocols/protocol.ts';

const STATUSES = [...new Set([200, ...Object.values(ERRORS).map(({ status }) => status)])].sort((a, b) => a - b);
/** Where the statuses go that the table of errors does not have. */
const OTHER = STATUSES.length;
const SLOTS = OTHER + 1;
const STATUS_MAX = 599;

const SLOT_OF = new Uint8Array(STATUS_MAX + 1).fill(OTHER);
STATUSES.forEach((status, slot) => (SLOT_OF[status] = slot));

const KINDS = Math.max(...Object.values(EntryKind)) + 1;

interface AnswerCount {
  readonly protocol: string;
  /** The HTTP status, or `other`. */
  readonly code: string;
  readonly count: number;
}

export class AnswerCounts {
  readonly #counts = new Float64Array(KINDS * SLOTS);

  add(kind: number, status: number): void {
    this.#counts[kind * SLOTS + (SLOT_OF[status] ?? OTHER)]! += 1;
  }

  /** All counts above 0, and those of the statuses in `shown` also while they are 0. */
  *all(shown: readonly number[]): Generator<AnswerCount> {
    for (const kind of Object.values(EntryKind)) {
      for (let slot = 0; slot < SLOTS; slot += 1) {
        const count = this.#counts[kind * SLOTS + slot]!;
        if (count === 0 && !shown.includes(STATUSES[slot]!)) continue;
        yield { protocol: PROTOCOLS[kind].name, code: String(STATUSES[slot] ?? 'other'), count };
      }
    }
  }

  /** Answers with this status, over all protocols. */
  of(status: number): number {
    let sum = 0;
    for (let at = SLOT_OF[status] ?? OTHER; at < this.#counts.length; at += SLOTS) sum += this.#counts[at]!;
    return sum;
  }
}
