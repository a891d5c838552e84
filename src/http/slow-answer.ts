// A large answer on its way to one client: what the connection does not take at once is copied and handed over as the
// client reads, so that it is known how much of it is unread. (Given to the driver whole it would lie there uncounted.)
// Main thread.
import type { HttpResponse } from './driver.ts';
import type { UnreadBudget, UnreadHolder } from './unread-budget.ts';

export class SlowAnswer implements UnreadHolder {
  readonly #response: HttpResponse;
  readonly #unread: UnreadBudget;
  #rest = new Uint8Array(0);
  /** Place of the rest's first byte in the body. */
  #restStart = 0;
  #totalBytes = 0;

  constructor(response: HttpResponse, unread: UnreadBudget) {
    this.#response = response;
    this.#unread = unread;
  }

  /** Sends what the connection takes, after the headers and in the same cork; returns whether that was all. */
  send(body: Uint8Array): boolean {
    const response = this.#response;
    this.#totalBytes = body.length;
    const [, isDone] = response.tryEnd(body, body.length);
    if (isDone) return true;
    this.#restStart = response.getWriteOffset();
    this.#rest = body.slice(this.#restStart);
    response.onWritable((writtenBytes) => this.#sendMore(writtenBytes));
    this.#unread.set(this, this.#rest.length);
    return false;
  }

  /** The connection is gone. */
  aborted(): void {
    this.#rest = new Uint8Array(0);
    this.#unread.set(this, 0);
  }

  giveUp(): void {
    this.#response.close();
  }

  #sendMore(writtenBytes: number): boolean {
    const from = Math.max(0, writtenBytes - this.#restStart);
    const [ok, isDone] = this.#response.tryEnd(this.#rest.subarray(from), this.#totalBytes);
    if (isDone) this.aborted();
    else this.#unread.set(this, this.#restStart + this.#rest.length - this.#response.getWriteOffset());
    return ok;
  }
}
