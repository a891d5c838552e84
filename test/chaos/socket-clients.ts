// WebSocket clients with several frames in flight each; a frame has exactly one answer, matched by its id.
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketClient } from '../support/websocket-client.ts';
import type { Ledger } from './ledger.ts';
import type { Answer } from './model.ts';

const FRAMES_IN_FLIGHT = 4;
const RECONNECT_MS = 20;
const THINK_MS = 4;
const REFUSALS = [
  'QUEUE_FULL', 'SOCKET_BUSY', 'DRAINING', 'DEADLINE_EXCEEDED', 'RUN_HUNG', 'NO_ACTIVE_VERSION', 'MODEL_STARTING',
];

interface Frame extends Answer {
  readonly id?: number;
  readonly code?: string;
}

export class SocketClients {
  readonly #port: number;
  readonly #ledger: Ledger;
  readonly #running: Promise<void>[];
  #stopping = false;

  constructor(port: number, count: number, ledger: Ledger) {
    this.#port = port;
    this.#ledger = ledger;
    this.#running = Array.from({ length: count }, () => this.#client());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
  }

  async #client(): Promise<void> {
    let next = 0;
    while (!this.#stopping) {
      const socket = await WebSocketClient.connect(this.#port).catch(() => null);
      if (socket?.status === 101) next = await this.#converse(socket, next);
      socket?.destroy();
      await sleep(RECONNECT_MS);
    }
  }

  // Until the connection ends; everything that is in flight then was cut.
  async #converse(socket: WebSocketClient, from: number): Promise<number> {
    const inFlight = new Map<number, number>();
    let id = from;
    const send = (): void => {
      id += 1;
      this.#ledger.counts.sent += 1;
      inFlight.set(id, performance.now());
      socket.send(JSON.stringify({ id, features: [id % 1_000, 2, 3] }));
    };
    for (let frame = 0; frame < FRAMES_IN_FLIGHT; frame += 1) send();
    const ended = socket.closed.then(() => null);
    while (inFlight.size > 0) {
      const frame = await Promise.race([socket.nextJson() as Promise<Frame>, ended]).catch((error: unknown) => error);
      if (frame === null || frame instanceof Error) {
        const how = frame ?? Object.assign(new Error('the connection ended'), { code: 'ECONNRESET' });
        for (const [cut, sentMs] of inFlight) this.#ledger.end(cut, sentMs, how);
        return id;
      }
      this.#take(frame as Frame, inFlight);
      await sleep(THINK_MS);
      if (!this.#stopping) send();
    }
    return id;
  }

  #take(frame: Frame, inFlight: Map<number, number>): void {
    const id = frame.id ?? -1;
    if (!inFlight.delete(id)) this.#ledger.offence('wrong', `frame ${id} was answered twice or never sent`);
    else if (frame.code === undefined) this.#ledger.answer(id % 1_000, frame);
    else if (REFUSALS.includes(frame.code)) this.#ledger.refusal();
    else this.#ledger.offence('wrong', `frame ${id}: ${JSON.stringify(frame)}`);
  }
}
