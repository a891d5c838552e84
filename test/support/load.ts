// A crowd of clients that keeps requests in flight and writes down what became of every one of them.
import { Agent } from 'node:http';
import { http } from './http.ts';

export interface Answered {
  readonly status: number;
  readonly version: string;
  /** Both on the clock of performance.now(). */
  readonly sentMs: number;
  readonly answeredMs: number;
}

export class Crowd {
  readonly answers: Answered[] = [];
  readonly failures: unknown[] = [];
  sent = 0;
  readonly #agent: Agent;
  readonly #clients: Promise<void>[];
  #stopping = false;

  /** Starts `clients` closed-loop clients that post `bodies` to `path` in turn over kept-alive connections. */
  constructor(port: number, path: string, bodies: readonly string[], clients: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients });
    this.#clients = Array.from({ length: clients }, (_, first) => this.#client(port, path, bodies, first));
  }

  async #client(port: number, path: string, bodies: readonly string[], first: number): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    for (let index = first; !this.#stopping; index += 1) {
      const body = bodies[index % bodies.length]!;
      const sentMs = performance.now();
      this.sent += 1;
      try {
        const { status, json } = await http(port, path, { body, headers, agent: this.#agent });
        const version = typeof json['model_version'] === 'string' ? json['model_version'] : '';
        this.answers.push({ status, version, sentMs, answeredMs: performance.now() });
      } catch (error) {
        this.failures.push(error);
        return;
      }
    }
  }

  countOf(version: string): number {
    return this.answers.filter((answer) => answer.version === version).length;
  }

  /** Lets every client get its last answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }
}
