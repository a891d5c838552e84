// The connections of many clients to one engine: kept HTTP connections, and a handful of WebSockets for each path.
import { Agent } from 'node:http';
import { WebSocketClient } from '../support/websocket-client.ts';
import { post } from './wire.ts';
import type { Posted } from './wire.ts';

const CONNECTIONS = 24;
const SOCKETS_PER_PATH = 6;

/** What came back under an id. */
interface Came<T> {
  readonly id: number;
  readonly reply: T;
}

export class Lines {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #sockets = new Map<string, WebSocketClient[]>();

  constructor(port: number) {
    this.#port = port;
  }

  post(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<Posted> {
    return post(this.#port, path, body, this.#agent, headers);
  }

  /** Sends all frames at once, spread over some sockets, and returns what came back for each, in their order. */
  async exchange<T>(
    protocol: string, path: string, frames: readonly (string | Uint8Array)[],
    next: (client: WebSocketClient) => Promise<Came<T>>,
  ): Promise<T[]> {
    const clients = await this.#socketsOf(protocol, path);
    const replies: T[] = [];
    await Promise.all(clients.map(async (client, at) => {
      const own = frames.filter((_, id) => id % clients.length === at);
      if (own.length > 0) client.send(...own);
      for (let come = 0; come < own.length; come += 1) {
        const { id, reply } = await next(client);
        replies[id] = reply;
      }
    }));
    return replies;
  }

  async #socketsOf(protocols: string, path: string): Promise<WebSocketClient[]> {
    const key = `${protocols} ${path}`;
    const open = this.#sockets.get(key) ?? await Promise.all(
      Array.from({ length: SOCKETS_PER_PATH }, () => WebSocketClient.connect(this.#port, { protocols, path })));
    this.#sockets.set(key, open);
    return open;
  }

  close(): void {
    this.#agent.destroy();
    for (const client of [...this.#sockets.values()].flat()) client.destroy();
  }
}
