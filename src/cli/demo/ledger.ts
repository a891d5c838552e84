// The demo's books: every answer, and which version was active when. Pure; times are microseconds of the host's
// monotonic clock. Invariant: answers are kept in the order in which they came.
import type { SeenAnswer } from './messages.ts';

const P95 = 0.95;

/** From when to when a version was active; Infinity while it still is. */
interface ActiveSpan {
  readonly version: string;
  /** The version that answers for it what it fails, while it is on probation; null for none. */
  readonly standby: string | null;
  readonly fromUs: number;
  readonly toUs: number;
}

/** What one version answered: with 200, and with each other status. */
export interface VersionCounts {
  readonly ok: number;
  readonly failed: Readonly<Record<string, number>>;
}
/** By version; answers that name no version are under the empty string. */
export type Counts = Readonly<Record<string, VersionCounts>>;

export class Ledger {
  readonly #answers: SeenAnswer[] = [];
  readonly #spans: ActiveSpan[] = [];

  add(answers: readonly SeenAnswer[]): void {
    for (const answer of answers) this.#answers.push(answer);
  }

  /** From now on `version` answers, or `standby` in its stead, and no other. */
  activate(version: string, atUs: number, standby: string | null = null): void {
    const last = this.#spans.at(-1);
    if (last !== undefined) this.#spans[this.#spans.length - 1] = { ...last, toUs: atUs };
    this.#spans.push({ version, standby, fromUs: atUs, toUs: Infinity });
  }

  get answered(): number {
    return this.#answers.length;
  }
  /** When the newest answer came; 0 before the first. */
  get newestUs(): number {
    return this.#answers.at(-1)?.answeredUs ?? 0;
  }

  /** Counts the answers that came from `fromUs` on and before `toUs`. */
  counts(fromUs = 0, toUs = Infinity): Counts {
    const counts: Record<string, { ok: number; failed: Record<string, number> }> = {};
    for (const { version, status } of this.#between(fromUs, toUs)) {
      const entry = (counts[version] ??= { ok: 0, failed: {} });
      if (status === 200) entry.ok += 1;
      else entry.failed[status] = (entry.failed[status] ?? 0) + 1;
    }
    return counts;
  }

  /** The 95th percentile of what clients waited for answers that came since `fromUs`, in ms; null without any. */
  p95Ms(fromUs: number): number | null {
    const waitedUs = this.#between(fromUs, Infinity).map(({ sentUs, answeredUs }) => answeredUs - sentUs);
    const value = waitedUs.sort((a, b) => a - b)[Math.floor(P95 * waitedUs.length)];
    return value === undefined ? null : value / 1_000;
  }

  /** The root mean square of how far a version's predictions were off; null when it gave none. */
  typicalDeviation(version: string): number | null {
    let squares = 0;
    let predictions = 0;
    for (const answer of this.#answers) {
      if (answer.version !== version || answer.deviation === null) continue;
      squares += answer.deviation ** 2;
      predictions += 1;
    }
    return predictions === 0 ? null : Math.sqrt(squares / predictions);
  }

  /** The answers of a version that neither was active nor stood by at any moment while their request was pending. */
  misplaced(): SeenAnswer[] {
    return this.#answers.filter(({ version, sentUs, answeredUs }) =>
      version !== '' &&
      !this.#spans.some((span) => [span.version, span.standby].includes(version) &&
        span.fromUs <= answeredUs && span.toUs >= sentUs));
  }

  // Looked for from the end, where nearly every question is about.
  #between(fromUs: number, toUs: number): SeenAnswer[] {
    let first = this.#answers.length;
    while (first > 0 && this.#answers[first - 1]!.answeredUs >= fromUs) first -= 1;
    return this.#answers.slice(first).filter(({ answeredUs }) => answeredUs < toUs);
  }
}

/** The number of answers in `counts`. */
export function totalOf(counts: VersionCounts): number {
  return counts.ok + failedOf(counts);
}

/** The number of answers in `counts` that were errors. */
export function failedOf({ failed }: VersionCounts): number {
  return Object.values(failed).reduce((sum, count) => sum + count, 0);
}
