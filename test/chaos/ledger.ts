// The ledger of all clients: what became of every request. Answered rightly, refused with a reason, cut while the
// server was being killed, or one of the things that must never happen.
import { isRight } from './model.ts';
import type { Answer } from './model.ts';

const OFFENCES_KEPT_MAX = 20;
const CUT_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'];

export interface Counts {
  sent: number;
  answered: number;
  refused: number;
  /** The connection ended while the server was down or being killed. */
  cut: number;
  /** Never: no outcome, or a cut while the server was up. */
  lost: number;
  /** Never: an answer that is not the named version's, or a second one. */
  wrong: number;
}

export class Ledger {
  readonly counts: Counts = { sent: 0, answered: 0, refused: 0, cut: 0, lost: 0, wrong: 0 };
  readonly answersByVersion = new Map<string, number>();
  /** What must never happen, in words. */
  readonly offences: string[] = [];
  readonly #isDownSince: (sentMs: number) => boolean;

  /** `isDownSince` tells whether the server was down at any time since `sentMs` (performance.now()). */
  constructor(isDownSince: (sentMs: number) => boolean) {
    this.#isDownSince = isDownSince;
  }

  answer(first: number, answer: Answer): void {
    if (!isRight(first, answer)) {
      this.offence('wrong', `request ${first}: ${JSON.stringify(answer)}`);
      return;
    }
    this.counts.answered += 1;
    const version = String(answer.model_version);
    this.answersByVersion.set(version, (this.answersByVersion.get(version) ?? 0) + 1);
  }

  refusal(): void {
    this.counts.refused += 1;
  }

  /** The connection ended before the answer. */
  end(first: number, sentMs: number, error: NodeJS.ErrnoException): void {
    const { code = '', message } = error;
    if (CUT_CODES.includes(code) && this.#isDownSince(sentMs)) this.counts.cut += 1;
    else this.offence('lost', `request ${first}: ${code} ${message} while the server was up`);
  }

  offence(kind: 'lost' | 'wrong', text: string): void {
    this.counts[kind] += 1;
    if (this.offences.length < OFFENCES_KEPT_MAX) this.offences.push(`${kind}: ${text}`);
  }
}
