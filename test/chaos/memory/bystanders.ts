// Clients of a model that nobody attacks: a question now and then over kept-alive connections, and over new ones.
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { housingBodies } from '../../support/housing.ts';

const FAILURES_KEPT_MAX = 40;
const CLOSED = /^(ECONNRESET|EPIPE) on a new connection$/;
const NO_ANSWER_MS = 60_000;

export interface BystanderCounts {
  /** There are more connections now than the server takes. */
  isCrowded: boolean;
  sent: number;
  answered: number;
  /** New connections that were closed because there were as many as there may be. */
  closedInCrowd: number;
  slowestMs: number;
  /** By status and error code, or by how the connection ended. */
  readonly others: Record<string, number>;
  /** What the first of them were, in words. */
  readonly told: string[];
}

/** Asks once in `everyMs`, over one connection that is kept alive or over a new one each time. */
export class Bystander {
  readonly #port: number;
  readonly #agent: Agent;
  readonly #counts: BystanderCounts;
  readonly #running: Promise<void>;
  #isStopped = false;
  #lastMs = performance.now();

  constructor(port: number, everyMs: number, keepAlive: boolean, counts: BystanderCounts) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive, maxSockets: 1 });
    this.#counts = counts;
    this.#running = this.#ask(everyMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    this.#agent.destroy();
  }

  async #ask(everyMs: number): Promise<void> {
    for (let at = 0; !this.#isStopped; at += 1) {
      const sentMs = performance.now();
      this.#counts.sent += 1;
      const outcome = await this.#once(housingBodies[at % housingBodies.length] ?? '');
      const tookMs = Math.round(performance.now() - sentMs);
      this.#counts.slowestMs = Math.max(this.#counts.slowestMs, tookMs);
      if (outcome === '200') this.#counts.answered += 1;
      else if (this.#counts.isCrowded && CLOSED.test(outcome)) this.#counts.closedInCrowd += 1;
      else this.#note(outcome, `${outcome} after ${tookMs} ms, ${Math.round(sentMs - this.#lastMs)} ms after the last`);
      this.#lastMs = performance.now();
      await sleep(everyMs);
    }
  }

  #note(outcome: string, text: string): void {
    const { others, told } = this.#counts;
    others[outcome] = (others[outcome] ?? 0) + 1;
    if (told.length < FAILURES_KEPT_MAX) told.push(`${new Date().toISOString()} ${text}`);
  }

  #once(body: string): Promise<string> {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve) => {
      const sent = httpRequest({
        host: '127.0.0.1', port: this.#port, path: '/models/housing/predict', method: 'POST', headers,
        agent: this.#agent,
      });
      sent.setTimeout(NO_ANSWER_MS, () => sent.destroy(new Error('no answer')));
      sent.on('error', ({ code, message }: NodeJS.ErrnoException) =>
        resolve(`${code ?? message} on a ${sent.reusedSocket ? 'kept' : 'new'} connection`));
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('error', ({ message }) => resolve(`answer: ${message}`));
        response.on('end', () => resolve(response.statusCode === 200
          ? '200' : `${response.statusCode} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ''}`));
      });
      sent.end(body);
    });
  }
}
