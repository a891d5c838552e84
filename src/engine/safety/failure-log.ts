// Remembers of the newest generation what it failed with and which requests that hit. Main thread, for bad answers
// only: they are counted all, and read at most READ_PER_SECOND of them, so that a version that fails everything costs
// little. Fixed memory: a few kinds of errors, a few requests.
import type { LossReason, RequestIds } from '../../batch/options.ts';
import { ERRORS_NAMED, REQUESTS_NAMED } from '../../judge/verdict/circumstances.ts';
import type { Failures } from '../../judge/verdict/circumstances.ts';
import { KeptRequests } from '../../rollout/attribution/asked-again.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import { NO_GENERATION } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { protocolOf } from '../../protocols/protocol.ts';

const READ_PER_SECOND = 50;
const SECOND_US = 1e6;
/** Larger bodies are not searched for the id in them, larger errors not read. */
const BYTES_READ_MAX = 16 * 1024;
const ID_CHARACTERS_MAX = 128;
const TEXT_CHARACTERS_MAX = 300;
const KINDS_MAX = 32;
const OTHER = { code: 'OTHER', text: 'errors of further kinds' };

type Bad = Omit<Failures['requests'][number], 'agoMs'> & { readonly atUs: number };

export class FailureLog {
  readonly #keepsInputs: boolean;
  #generation = NO_GENERATION;
  #failed = 0;
  #nonFinite = 0;
  #read = 0;
  readonly #errors = new Map<string, { readonly code: string; readonly text: string; count: number }>();
  #first: Bad[] = [];
  #newest: Bad[] = [];
  readonly #kept = { failed: new KeptRequests(), nonFinite: new KeptRequests() };
  #second = -1;
  #readNow = 0;

  /** `keepsInputs`: whether the newest requests are kept as well, to be asked of another version. */
  constructor(keepsInputs = true) {
    this.#keepsInputs = keepsInputs;
  }

  /** The newest bad requests of `generation`, oldest first. */
  kept(generation: number, what: 'failed' | 'nonFinite'): ReturnType<KeptRequests['view']> {
    return generation === this.#generation ? this.#kept[what].view() : [];
  }

  /**
   * Takes in a bad answer of the batch's generation; those of earlier ones and of none are left out, and those to
   * inputs that are not finite.
   */
  note(slab: Slab, entry: number, answer: Uint8Array, ids: RequestIds, nowUs: number): void {
    if (!this.#isCurrent(slab.generation) || slab.outcome(entry) === Outcome.nonFiniteInput) return;
    const what = slab.outcome(entry) === Outcome.nonFinite ? 'nonFinite' as const : 'failed' as const;
    if (what === 'failed') this.#failed += 1;
    else this.#nonFinite += 1;
    if (!this.#mayRead(nowUs)) return;
    if (this.#keepsInputs) this.#kept[what].add(slab, entry);
    if (what === 'failed') this.#readError(slab, entry, answer);
    const id = (ids.requestIdOf(entry) || idInside(slab, entry)).slice(0, ID_CHARACTERS_MAX);
    if (id !== '') this.#keep({ id, what, atUs: nowUs });
  }

  /** Counts requests that the version left without an answer. */
  noteUnanswered({ generation }: Slab, requests: number, why: LossReason): void {
    if (!this.#isCurrent(generation)) return;
    this.#failed += requests;
    this.#read += requests;
    if (this.#keepsInputs) this.#kept.failed.addUnanswered(requests);
    if (why === 'lost') this.#count('MODEL_FAILED', 'its worker was lost', requests);
    else this.#count('DEADLINE_EXCEEDED', 'no answer came in time', requests);
  }

  #isCurrent(generation: number): boolean {
    if (generation === NO_GENERATION || generation < this.#generation) return false;
    if (generation > this.#generation) {
      this.#generation = generation;
      this.#failed = this.#nonFinite = this.#read = 0;
      this.#errors.clear();
      this.#kept.failed.clear();
      this.#kept.nonFinite.clear();
      this.#first = [];
      this.#newest = [];
    }
    return true;
  }

  #mayRead(nowUs: number): boolean {
    const second = Math.floor(nowUs / SECOND_US);
    if (second !== this.#second) {
      this.#second = second;
      this.#readNow = 0;
    }
    this.#readNow += 1;
    return this.#readNow <= READ_PER_SECOND;
  }

  #readError(slab: Slab, entry: number, answer: Uint8Array): void {
    this.#read += 1;
    const { code, text } = errorOf(slab, entry, answer);
    this.#count(code, text, 1);
  }

  #count(code: string, text: string, requests: number): void {
    const key = `${code} ${text}`;
    const known = this.#errors.get(key);
    if (known !== undefined) known.count += requests;
    else if (this.#errors.size < KINDS_MAX || code === OTHER.code) {
      this.#errors.set(key, { code, text, count: requests });
    } else this.#count(OTHER.code, OTHER.text, requests);
  }

  #keep(bad: Bad): void {
    const half = REQUESTS_NAMED / 2;
    if (this.#first.length < half) {
      this.#first.push(bad);
      return;
    }
    this.#newest.push(bad);
    if (this.#newest.length > half) this.#newest.shift();
  }

  /** Plain data about `generation`, with times as distances; null when nothing is known of it. */
  view(generation: number, nowUs: number): Failures | null {
    if (generation !== this.#generation || this.#failed + this.#nonFinite === 0) return null;
    const errors = [...this.#errors.values()].sort((a, b) => b.count - a.count).slice(0, ERRORS_NAMED);
    return {
      failed: this.#failed, nonFinite: this.#nonFinite, read: this.#read,
      errors: errors.map((one) => ({ ...one })),
      requests: [...this.#first, ...this.#newest].map(({ id, what, atUs }) =>
        ({ id, what, agoMs: Math.max(0, Math.round((nowUs - atUs) / 1_000)) })),
    };
  }
}

// The error as it is written for the entry's kind: JSON, behind the head of a binary frame.
function errorOf(slab: Slab, entry: number, answer: Uint8Array): { readonly code: string; readonly text: string } {
  try {
    if (answer.length > BYTES_READ_MAX) throw new RangeError('too long to be read');
    const text = Buffer.from(answer.slice(protocolOf(slab, entry).refusalHeadBytes)).toString();
    const { error, code } = JSON.parse(text.slice(text.indexOf('{'))) as { error?: unknown; code?: unknown };
    const told = typeof error === 'string' ? error : text;
    return { code: typeof code === 'string' ? code : 'UNKNOWN', text: kindOf(told) };
  } catch {
    return { code: 'UNKNOWN', text: 'an error that could not be read' };
  }
}

// Errors that differ in their numbers only are of one kind.
const kindOf = (error: string): string => error.slice(0, TEXT_CHARACTERS_MAX).replace(/-?\d+(\.\d+)?/g, 'N');

// The id that stands in the request itself, where its protocol has one.
function idInside(slab: Slab, entry: number): string {
  const body = slab.request(entry);
  if (body.length > BYTES_READ_MAX) return '';
  const id = protocolOf(slab, entry).idIn(body, slab.headerBytes(entry));
  return id === null ? '' : String(JSON.parse(id));
}
