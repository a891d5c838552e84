// HTTP clients that never stop asking over kept-alive connections, and write down what became of every request.
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { bodyOf } from './model.ts';
import type { Answer } from './model.ts';

/** A client waits so long after a refused connection. */
const RECONNECT_MS = 10;
/** And so long after each answer: chaos is no benchmark, and the faults want some of the processor too. */
const THINK_MS = 4;
/** A request without any outcome after this is lost. */
const LOST_MS = 60_000;
const REFUSALS = [429, 503, 504];

export class Clients {
  readonly #port: number;
  readonly #ledger: Ledger;
  readonly #agent: Agent;
  readonly #running: Promise<void>[];
  #stopping = false;

  constructor(port: number, count: number, ledger: Ledger) {
    this.#port = port;
    this.#ledger = ledger;
    this.#agent = new Agent({ keepAlive: true, maxSockets: count });
    this.#running = Array.from({ length: count }, (_, client) => this.#client(client));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  async #client(client: number): Promise<void> {
    for (let first = client; !this.#stopping; first = (first + 1) % 1_000) {
      this.#ledger.counts.sent += 1;
      const sentMs = performance.now();
      try {
        const { status, text } = await this.#ask(first);
        if (status === 200) this.#ledger.answer(first, JSON.parse(text) as Answer);
        else if (REFUSALS.includes(status)) this.#ledger.refusal();
        else this.#ledger.offence('wrong', `request ${first}: ${status} ${text}`);
        await sleep(status === 200 ? THINK_MS : RECONNECT_MS);
      } catch (error) {
        this.#ledger.end(first, sentMs, error as NodeJS.ErrnoException);
        await sleep(RECONNECT_MS);
      }
    }
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
