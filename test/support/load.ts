// A crowd of clients that keeps requests in flight and writes down what became of every one of them.
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { http } from './http.ts';
import { WebSocketClient } from './websocket-client.ts';

export interface Answered {
  readonly status: number;
  readonly version: string;
  /** The answer has a number that is none. */
  readonly hasNull?: boolean;
  /** Both on the clock of performance.now(). */
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** What all crowds write down. */
export interface Ledger {
  readonly answers: readonly Answered[];
  readonly failures: readonly unknown[];
  readonly sent: number;
}

export class Crowd implements Ledger {
  readonly answers: Answered[] = [];
  readonly failures: unknown[] = [];
  sent = 0;
  readonly #agent: Agent;
  readonly #clients: Promise<void>[];
  #stopping = false;

  /**
   * Starts `clients` closed-loop clients that post `bodies` to `path` in turn over kept-alive connections, with `ca`
   * over TLS. The clients share the bodies out, so that none is asked again before all of them were.
   */
  constructor(port: number, path: string, bodies: readonly string[], clients: number, ca?: string) {
    const options = { keepAlive: true, maxSockets: clients };
    this.#agent = ca === undefined ? new Agent(options) : new TlsAgent({ ...options, ca });
    this.#clients = Array.from({ length: clients }, () => this.#client(port, path, bodies));
  }

  async #client(port: number, path: string, bodies: readonly string[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    while (!this.#stopping) {
      const body = bodies[this.sent % bodies.length]!;
      const sentMs = performance.now();
      this.sent += 1;
      try {
        const { status, json } = await http(port, path, { body, headers, agent: this.#agent });
        const version = typeof json['model_version'] === 'string' ? json['model_version'] : '';
        const hasNull = [json['prediction']].flat().includes(null);
        this.answers.push({ status, version, hasNull, sentMs, answeredMs: performance.now() });
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

/** The same over WebSockets, with many frames in flight on each of them. */
export class SocketCrowd implements Ledger {
  readonly answers: Answered[] = [];
  readonly failures: unknown[] = [];
  sent = 0;
  #sockets: WebSocketClient[] = [];
  #clients: Promise<void>[] = [];
  #stopping = false;

  /** Opens `sockets` connections and keeps `framesInFlight` frames of `rows` under way on each. */
  async start(
    port: number, rows: readonly (readonly number[])[], sockets: number, framesInFlight: number,
  ): Promise<void> {
    const connected = Array.from({ length: sockets }, () => WebSocketClient.connect(port));
    this.#sockets = await Promise.all(connected);
    this.#clients = this.#sockets.map((socket) => this.#client(socket, rows, framesInFlight));
  }

  async #client(socket: WebSocketClient, rows: readonly (readonly number[])[], framesInFlight: number): Promise<void> {
    const sentMs = new Map<number, number>();
    let id = 0;
    const send = (): void => {
      id += 1;
      this.sent += 1;
      sentMs.set(id, performance.now());
      socket.send(JSON.stringify({ id, features: rows[id % rows.length] }));
    };
    for (let frame = 0; frame < framesInFlight; frame += 1) send();
    while (sentMs.size > 0) {
      const frame = (await socket.nextJson()) as { id: number; model_version?: string; error?: string };
      const since = sentMs.get(frame.id);
      if (since === undefined || !sentMs.delete(frame.id)) {
        this.failures.push(new Error(`frame ${frame.id} was answered twice, or never sent`));
        return;
      }
      const status = frame.error === undefined ? 200 : 500;
      const version = frame.model_version ?? '';
      this.answers.push({ status, version, sentMs: since, answeredMs: performance.now() });
      if (!this.#stopping) send();
    }
  }

  /** Waits for the answers that are missing and closes the connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    for (const socket of this.#sockets) socket.destroy();
  }
}
