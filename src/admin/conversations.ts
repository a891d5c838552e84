// Which connections of the admin socket have a verb under way, so that its end waits for those and for no others: one
// that says nothing, or half a request, could keep an engine that is told to stop alive. Main thread.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** What is carried out at the end gets so long to be answered, and its client to read that. */
const LAST_ANSWERS_MS = 2_000;

export class Conversations {
  readonly #open = new Set<Socket>();
  readonly #answering = new Set<Socket>();
  #isEnding = false;

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  /** A whole request has come in and is carried out. */
  begin(socket: Socket): void {
    this.#answering.add(socket);
  }

  /** Its answer has left, or its client has. */
  end(socket: Socket): void {
    this.#answering.delete(socket);
    if (this.#isEnding) socket.destroy();
  }

  /** Cuts what nothing is carried out for, now and from now on. */
  endAll(): void {
    this.#isEnding = true;
    for (const socket of this.#open) if (!this.#answering.has(socket)) socket.destroy();
    if (this.#open.size === 0) return;
    const cut = (): void => this.#open.forEach((socket) => socket.destroy());
    setTimeout(cut, LAST_ANSWERS_MS).unref();
  }
}
