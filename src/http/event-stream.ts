// An answer without an end: Server-Sent Events to one client. Main thread. A client that reads slowly loses messages
// and costs no memory: while the connection takes nothing, only the newest message waits, and that one is shared with
// all other clients. The driver ends a connection that has read nothing for its idle time, because nothing is written
// then.
import type { HttpResponse } from './driver.ts';

export class EventStream {
  readonly #response: HttpResponse;
  /** Takes the next message; false from a write that was not taken whole until the client has read it. */
  #isWritable = true;
  #newest: Uint8Array | null = null;
  #isOver = false;
  /** Called once, when the client is gone or the stream was ended. */
  onEnd: () => void = () => undefined;

  /** Status and headers are written, in a cork that is still open; nothing else may use the response from now on. */
  constructor(response: HttpResponse) {
    this.#response = response;
    response.onWritable(() => {
      this.#isWritable = true;
      const waiting = this.#newest;
      this.#newest = null;
      if (waiting !== null) this.send(waiting);
      return true;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a whole message, or keeps it as the newest until the client has read what was sent before. */
  send(message: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#isWritable) {
      this.#newest = message;
      return;
    }
    this.#response.cork(() => (this.#isWritable = this.#response.write(message)));
  }

  /** Sends a message that says nothing new; not worth waiting for. */
  sendIfFree(message: Uint8Array): void {
    if (this.#isWritable) this.send(message);
  }

  end(): void {
    if (this.#isOver) return;
    this.aborted();
    this.#response.cork(() => this.#response.end('', true));
  }

  /** The connection is gone. */
  aborted(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#newest = null;
    this.onEnd();
  }
}
