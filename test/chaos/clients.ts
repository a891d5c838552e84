// Clients that never stop asking, and the ledger of what became of every request: answered rightly, refused with a
// reason, cut while the server was being killed, or one of the things that must never happen.
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, isRight } from './model.ts';
import type { Answer } from './model.ts';

/** A client waits so long after a refused connection. */
const RECONNECT_MS = 10;
/** A request without any outcome after this is lost. */
const LOST_MS = 60_000;
const REFUSALS = [429, 503, 504];
const CUT_CODES = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'];
const OFFENCES_KEPT_MAX = 20;

export interface Counts {
  sent: number;
  answered: number;
  refused: number;
  /** The connection ended while the server was down or being killed. */
  cut: number;
  /** Never: no outcome, or a cut while the server was up. */
  lost: number;
  /** Never: HTTP 200 with another answer than the named version's. */
  wrong: number;
}

export class Clients {
  readonly counts: Counts = { sent: 0, answered: 0, refused: 0, cut: 0, lost: 0, wrong: 0 };
  readonly answersByVersion = new Map<string, number>();
  /** What must never happen, in words. */
  readonly offences: string[] = [];
  readonly #port: number;
  readonly #isDownSince: (sentMs: number) => boolean;
  readonly #agent: Agent;
  readonly #running: Promise<void>[];
  #stopping = false;

  /** `isDownSince` tells whether the server was down at any time since `sentMs` (performance.now()). */
  constructor(port: number, count: number, isDownSince: (sentMs: number) => boolean) {
    this.#port = port;
    this.#isDownSince = isDownSince;
    this.#agent = new Agent({ keepAlive: true, maxSockets: count });
    this.#running = Array.from({ length: count }, (_, client) => this.#client(client));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  /** Requests that have exactly one outcome. */
  get settled(): number {
    const { answered, refused, cut, lost, wrong } = this.counts;
    return answered + refused + cut + lost + wrong;
  }

  async #client(client: number): Promise<void> {
    for (let first = client; !this.#stopping; first = (first + 1) % 1_000) {
      this.counts.sent += 1;
      const sentMs = performance.now();
      try {
        const { status, text } = await this.#ask(first);
        this.#note(first, status, text);
        // A refusal costs next to nothing: without a pause clients would only measure that.
        if (status !== 200) await sleep(RECONNECT_MS);
      } catch (error) {
        const { code = '', message } = error as NodeJS.ErrnoException;
        if (CUT_CODES.includes(code) && this.#isDownSince(sentMs)) this.counts.cut += 1;
        else this.#offence('lost', `request ${first}: ${code} ${message} while the server was up`);
        await sleep(RECONNECT_MS);
      }
    }
  }

  #note(first: number, status: number, text: string): void {
    if (status !== 200) {
      if (REFUSALS.includes(status)) this.counts.refused += 1;
      else this.#offence('wrong', `request ${first}: ${status} ${text}`);
      return;
    }
    const answer = JSON.parse(text) as Answer;
    if (!isRight(first, answer)) {
      this.#offence('wrong', `request ${first}: ${text}`);
      return;
    }
    this.counts.answered += 1;
    const version = String(answer.model_version);
    this.answersByVersion.set(version, (this.answersByVersion.get(version) ?? 0) + 1);
  }

  #offence(kind: 'lost' | 'wrong', text: string): void {
    this.counts[kind] += 1;
    if (this.offences.length < OFFENCES_KEPT_MAX) this.offences.push(`${kind}: ${text}`);
  }

  #ask(first: number): Promise<{ status: number; text: string }> {
    const body = bodyOf(first);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = httpRequest({
        host: '127.0.0.1', port: this.#port, path: '/predict', method: 'POST', headers, agent: this.#agent,
        timeout: LOST_MS,
      });
      sent.on('timeout', () => sent.destroy(new Error('no outcome')));
      sent.on('error', reject);
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.end(body);
    });
  }
}
